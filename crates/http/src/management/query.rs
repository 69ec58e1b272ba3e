//! Queries: every parameter known and bounded, the others refused by name.

use std::{fmt, str::FromStr};

use claimsmith_oauth::parse_query_pairs;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{error::ApiError, operation::inline_schema};

/// The last page that can be asked for: far more than there is, and no overflow.
const PAGE_MAX: usize = 1_000_000;
/// The reference product's limit and defaults.
const PER_PAGE_MAX: usize = 100;
const PER_PAGE_CLASSIC: usize = 50;
const PER_PAGE_ACTIONS: usize = 20;
/// How many unknown parameters an error names, and how much of each name.
const NAMED_MAX: usize = 10;
const NAME_CHARS_MAX: usize = 100;
/// The longest place in a list that is given back, sealed and in base64: a permission's
/// has an identifier and a scope, each of the greatest length.
const CHECKPOINT_CHARS_MAX: usize = 4 * 1024;

/// What a handler wants of the query.
pub(crate) trait FromQuery: Send + Sized + 'static {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError>;
}

/// The parameters that have not been read yet.
#[derive(Debug)]
pub(crate) struct Parameters {
    unread: Vec<(String, String)>,
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
        let pairs = parse_query_pairs(query.unwrap_or_default());
        let mut parameters = Self {
            unread: pairs.map_err(|error| invalid(&format!("'{error}'")))?,
            described: None,
        };
        let read = Q::from_query(&mut parameters)?;
        if parameters.unread.is_empty() {
            return Ok(read);
        }
        let unread = parameters.unread.iter().take(NAMED_MAX);
        let names: Vec<String> = unread.map(|(name, _)| plain(name)).collect();
        Err(invalid(&format!(
            "'Additional properties not allowed: {}'",
            names.join(", ")
        )))
    }

    /// What `Q` reads of a query: it is asked to read one in which nothing is, and what
    /// it asks for is noted.
    pub(crate) fn describe<Q: FromQuery>() -> Vec<Parameter> {
        let mut parameters = Self {
            unread: Vec::new(),
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

    /// All values of a parameter, in their order; an empty one is as good as none.
    fn take_all(&mut self, name: &str) -> Vec<String> {
        let of_name = |(own, _): &mut (String, String)| own == name;
        let values = self.unread.extract_if(.., of_name).map(|(_, value)| value);
        values.filter(|value| !value.is_empty()).collect()
    }

    fn take(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let came = self.unread.iter().filter(|(own, _)| own == name).count();
        if came > 1 {
            return Err(wrong(name, "It came more than once; send it once"));
        }
        Ok(self.take_all(name).pop())
    }

    /// A text; `None` when it is absent.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        self.note(name, false, || json!({ "type": "string" }));
        self.take(name)
    }

    /// Texts that are divided by commas, or come as several parameters, or both; at most
    /// `max`.
    pub(crate) fn texts(&mut self, name: &str, max: usize) -> Result<Vec<String>, ApiError> {
        self.note(name, false, || json!({ "type": "string" }));
        let values = self.take_all(name);
        let texts = values.iter().flat_map(|value| value.split(','));
        let texts = texts.map(str::trim).filter(|text| !text.is_empty());
        let texts: Vec<String> = texts.map(str::to_owned).collect();
        if texts.len() > max {
            return Err(wrong(name, &format!("There are more than {max}")));
        }
        Ok(texts)
    }

    /// Values that come as several parameters; at most `max`. A comma in one is a part of
    /// it.
    pub(crate) fn repeated(&mut self, name: &str, max: usize) -> Result<Vec<String>, ApiError> {
        self.note(
            name,
            false,
            || json!({ "type": "array", "items": { "type": "string" }, "maxItems": max }),
        );
        let values = self.take_all(name);
        if values.len() > max {
            return Err(wrong(name, &format!("It came more than {max} times")));
        }
        Ok(values)
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
        self.take(name)?
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
        let text = self.take(name)?;
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
        let text = self.take(name)?;
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
        let Some(text) = self.take(name)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
            Err(_) if !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                let what = format!("Expected type integer: it must be {min} to {max}");
                Err(wrong(name, &what))
            }
            _ => {
                let what = format!("Value is out of range: it must be {min} to {max}");
                Err(wrong(name, &what))
            }
        }
    }

    /// The error about a parameter that was read.
    #[expect(clippy::unused_self, reason = "as the other methods are called")]
    pub(crate) fn wrong(&self, name: &str, what: &str) -> ApiError {
        wrong(name, what)
    }

    /// Where the part before said that the next one begins.
    fn checkpoint(&mut self) -> Result<Option<String>, ApiError> {
        self.note(
            "from",
            false,
            || json!({ "type": "string", "maxLength": CHECKPOINT_CHARS_MAX }),
        );
        let from = self.take("from")?;
        match &from {
            Some(from) if from.len() > CHECKPOINT_CHARS_MAX => {
                let what = format!("It has more than {CHECKPOINT_CHARS_MAX} characters");
                Err(wrong("from", &what))
            }
            _ => Ok(from),
        }
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClassicPage {
    /// How many are left out from the start.
    pub(crate) start: usize,
    pub(crate) per_page: usize,
    pub(crate) form: ListForm,
}

/// How the answer tells of the part of the list that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListForm {
    /// Not at all.
    Bare,
    /// By `start`, `limit` and `total`.
    Totals,
    /// By where the next part begins, as this part's beginning was told by the one before.
    Checkpoint { from: Option<String> },
}

impl ClassicPage {
    /// `page`, `per_page` and `include_totals` alone.
    pub(crate) fn in_pages(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let include_totals = parameters.flag("include_totals")?.unwrap_or(false);
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

    /// Whether the list is read part by part.
    pub(crate) fn is_in_parts(&self) -> bool {
        matches!(self.form, ListForm::Checkpoint { .. })
    }
}

impl FromQuery for ClassicPage {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let from = parameters.checkpoint()?;
        let take = parameters.number("take", 1, PER_PAGE_MAX)?;
        if from.is_none() && take.is_none() {
            return Self::in_pages(parameters);
        }
        // The reference product's tools ask for totals, too, when they take parts.
        parameters.flag("include_totals")?;
        Ok(Self {
            start: 0,
            per_page: take.unwrap_or(PER_PAGE_CLASSIC),
            form: ListForm::Checkpoint { from },
        })
    }
}

/// `from` and `take`: a part that always says where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckpointPage(pub(crate) ClassicPage);

impl FromQuery for CheckpointPage {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let from = parameters.checkpoint()?;
        let take = parameters.number("take", 1, PER_PAGE_MAX)?;
        parameters.flag("include_totals")?;
        // Some of the tools send the first page along, which says nothing then.
        parameters.number("page", 0, 0)?;
        let per_page = parameters.number("per_page", 1, PER_PAGE_MAX)?;
        Ok(Self(ClassicPage {
            start: 0,
            per_page: take.or(per_page).unwrap_or(PER_PAGE_CLASSIC),
            form: ListForm::Checkpoint { from },
        }))
    }
}

/// A text for a message: no longer than can be read, on one line.
pub(super) fn plain(text: &str) -> String {
    let readable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(NAME_CHARS_MAX).map(readable).collect()
}

pub(super) fn wrong(name: &str, what: &str) -> ApiError {
    invalid(&format!("'{what}' on property {name}"))
}

fn invalid(what: &str) -> ApiError {
    ApiError::bad_request(
        "invalid_query_string",
        format!("Query validation error: {what}."),
    )
}
