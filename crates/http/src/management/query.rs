//! Queries: every parameter known and bounded, the others refused by name.

use std::{fmt, str::FromStr};

use claimsmith_oauth::parse_query;
use claimsmith_service::admin::Page;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::{error::ApiError, operation::inline_schema};

/// The last page that can be asked for: far more than there is, and no overflow.
const PAGE_MAX: usize = 1_000_000;
/// The reference product's limit and defaults.
const PER_PAGE_MAX: usize = 100;
const PER_PAGE_CLASSIC: usize = 50;
const PER_PAGE_ACTIONS: usize = 20;

/// What a handler wants of the query.
pub(crate) trait FromQuery: Send + Sized + 'static {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError>;
}

/// The parameters that have not been read yet.
#[derive(Debug)]
pub(crate) struct Parameters {
    unread: Map<String, Value>,
    /// What was asked for, when it is to be described.
    described: Option<Vec<Parameter>>,
}

/// A parameter that is read.
#[derive(Debug)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the OpenAPI document is made in a test")
)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) is_required: bool,
    /// Its JSON Schema.
    pub(crate) schema: Value,
}

impl Parameters {
    /// Reads a query as `Q`.
    pub(crate) fn read<Q: FromQuery>(query: Option<&str>) -> Result<Q, ApiError> {
        let parameters = parse_query(query.unwrap_or_default());
        let mut parameters = Self {
            unread: parameters.map_err(|error| invalid(&error.to_string()))?,
            described: None,
        };
        let read = Q::from_query(&mut parameters)?;
        if parameters.unread.is_empty() {
            return Ok(read);
        }
        let names: Vec<_> = parameters
            .unread
            .keys()
            .take(10)
            .map(|name| name.chars().take(100).collect())
            .collect();
        let names: Vec<String> = names;
        Err(invalid(&format!(
            "'Additional properties not allowed: {}'",
            names.join(", ")
        )))
    }

    /// What `Q` reads of a query: it is asked to read one in which nothing is, and what
    /// it asks for is noted.
    pub(crate) fn describe<Q: FromQuery>() -> Vec<Parameter> {
        let mut parameters = Self {
            unread: Map::new(),
            described: Some(Vec::new()),
        };
        let _ = Q::from_query(&mut parameters);
        parameters.described.unwrap_or_default()
    }

    fn note(&mut self, name: &str, is_required: bool, schema: impl FnOnce() -> Value) {
        if let Some(described) = &mut self.described
            && described.iter().all(|earlier| earlier.name != name)
        {
            described.push(Parameter {
                name: name.to_owned(),
                is_required,
                schema: schema(),
            });
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        match self.unread.shift_remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// A text; `None` when it is absent.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.note(name, false, || json!({ "type": "string" }));
        self.take(name)
    }

    /// What a text stands for that must be there. To be read last: without it nothing
    /// else is read.
    pub(crate) fn required<T: FromStr<Err: fmt::Display> + JsonSchema>(
        &mut self,
        name: &str,
    ) -> Result<T, ApiError> {
        self.note(name, true, inline_schema::<T>);
        let missing = || wrong(name, &format!("Missing required property: {name}"));
        self.take_parsed(name)?.ok_or_else(missing)
    }

    /// `true` or `false`; `None` when it is absent.
    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        self.note(name, false, || json!({ "type": "boolean" }));
        self.take(name)
            .map(|text| match text.as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(wrong(name, "Expected type boolean")),
            })
            .transpose()
    }

    /// What a text stands for; `None` when it is absent.
    pub(crate) fn parsed<T: FromStr<Err: fmt::Display> + JsonSchema>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, ApiError> {
        self.note(name, false, inline_schema::<T>);
        self.take_parsed(name)
    }

    fn take_parsed<T: FromStr<Err: fmt::Display>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, ApiError> {
        let text = self.take(name);
        text.map(|text| {
            text.parse()
                .map_err(|error: T::Err| wrong(name, &error.to_string()))
        })
        .transpose()
    }

    /// One of the texts, which stands for what is beside it; `None` when it is absent.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ApiError> {
        let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        self.note(name, false, || json!({ "type": "string", "enum": names() }));
        let text = self.take(name);
        text.map(|text| {
            let found = choices.iter().find(|(choice, _)| *choice == text);
            found.map(|(_, meaning)| *meaning).ok_or_else(|| {
                let names = names().join(", ");
                wrong(name, &format!("No enum match; there are {names}"))
            })
        })
        .transpose()
    }

    /// A number within bounds; `None` when it is absent.
    pub(crate) fn number(
        &mut self,
        name: &str,
        min: usize,
        max: usize,
    ) -> Result<Option<usize>, ApiError> {
        self.note(
            name,
            false,
            || json!({ "type": "integer", "minimum": min, "maximum": max }),
        );
        let number: Option<usize> = self.take_parsed(name)?;
        match number {
            Some(number) if !(min..=max).contains(&number) => Err(wrong(
                name,
                &format!("Value is out of range: it must be {min} to {max}"),
            )),
            _ => Ok(number),
        }
    }

    /// The error about a parameter that was read.
    #[expect(clippy::unused_self, reason = "as the other methods are called")]
    pub(crate) fn wrong(&self, name: &str, what: &str) -> ApiError {
        wrong(name, what)
    }

    fn page(&mut self, per_page: usize) -> Result<(usize, usize), ApiError> {
        let page = self.number("page", 0, PAGE_MAX)?.unwrap_or(0);
        Ok((
            page,
            self.number("per_page", 1, PER_PAGE_MAX)?
                .unwrap_or(per_page),
        ))
    }
}

/// No parameters at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoQuery;

impl FromQuery for NoQuery {
    fn from_query(_: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

/// `page` and `per_page`, as the family of Actions has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActionsPage {
    pub(crate) page: usize,
    pub(crate) per_page: usize,
}

impl FromQuery for ActionsPage {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let (page, per_page) = parameters.page(PER_PAGE_ACTIONS)?;
        Ok(Self { page, per_page })
    }
}

/// `page`, `per_page` and `include_totals`, or `from` and `take`, as all other lists have
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassicPage {
    pub(crate) start: usize,
    pub(crate) per_page: usize,
    pub(crate) form: ListForm,
}

/// How the answer tells of the part of the list that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListForm {
    /// Not at all.
    Bare,
    /// By `start`, `limit` and `total`.
    Totals,
    /// By where the next part begins.
    Checkpoint,
}

impl ClassicPage {
    /// The part of the list that is asked for.
    pub(crate) fn part(self) -> Page {
        Page {
            skip: self.start,
            take: self.per_page,
        }
    }
}

impl FromQuery for ClassicPage {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        // The reference product's tools ask for totals, too, when they take parts.
        let include_totals = parameters.flag("include_totals")?.unwrap_or(false);
        let from = parameters.number("from", 0, PAGE_MAX * PER_PAGE_MAX)?;
        let take = parameters.number("take", 1, PER_PAGE_MAX)?;
        if from.is_some() || take.is_some() {
            return Ok(Self {
                start: from.unwrap_or(0),
                per_page: take.unwrap_or(PER_PAGE_CLASSIC),
                form: ListForm::Checkpoint,
            });
        }
        let (page, per_page) = parameters.page(PER_PAGE_CLASSIC)?;
        Ok(Self {
            start: page * per_page,
            per_page,
            form: if include_totals {
                ListForm::Totals
            } else {
                ListForm::Bare
            },
        })
    }
}

/// `from` and `take`: a part that always says where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CheckpointPage(pub(crate) ClassicPage);

impl FromQuery for CheckpointPage {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let page = ClassicPage::from_query(parameters)?;
        Ok(Self(ClassicPage {
            form: ListForm::Checkpoint,
            ..page
        }))
    }
}

fn wrong(name: &str, what: &str) -> ApiError {
    invalid(&format!("'{what}' on property {name}"))
}

fn invalid(what: &str) -> ApiError {
    ApiError::bad_request(
        "invalid_query_string",
        format!("Query validation error: {what}."),
    )
}
