//! `/api/v2/logs`: a tenant's log, in pages, from where one has read to, and as it grows.

mod stream;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ClientId, JsonObject, Timestamp, UserId};
use claimsmith_service::{
    Expression,
    events::{self, InvalidLogId, LogId, LogPage, LogSearch, TenantLogEntry},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    ApiError, At,
    access::{Admin, ReadLogs, ReadLogsUsers, Routes, get},
    field_filter::{FieldFilter, Filtered},
    listing, operation as answers,
    query::{ClassicPage, FromQuery, ListForm, Parameters},
};

/// How far paging reaches; further on one goes by `from`.
const PAGED_MAX: usize = 1_000;
/// How many entries `take` gives unless told otherwise, and at most.
const TAKE: usize = 50;
const TAKE_MAX: usize = 100;

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/logs",
            get(
                list,
                "Search the log, or go on from an entry",
                answers::page::<Filtered<LogView>>("logs"),
            ),
        )
        .at(
            "/logs/stream",
            get(
                stream::get,
                "Follow the log as it grows",
                answers::events::<LogView>(),
            ),
        )
        .at(
            "/logs/{id}",
            get(one, "Get an entry of the log", answers::ok::<LogView>()),
        )
        .at(
            "/users/{id}/logs",
            get(
                of_user,
                "List what the log says of a user",
                answers::page::<Filtered<LogView>>("logs"),
            ),
        )
}

/// An entry as callers see it: the members of the reference product that are known here.
#[derive(JsonSchema, Serialize)]
struct LogView<'a> {
    log_id: String,
    _id: String,
    date: Timestamp,
    #[serde(rename = "type")]
    log_type: &'static str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a ClientId>,
    #[serde(skip_serializing_if = "str::is_empty")]
    client_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    ip: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'a str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    details: &'a JsonObject,
}

impl<'a> LogView<'a> {
    fn of(TenantLogEntry { log_id, event }: &'a TenantLogEntry) -> Self {
        let origin = &event.origin;
        Self {
            log_id: log_id.to_string(),
            _id: log_id.to_string(),
            date: event.at,
            log_type: event.log_type.code(),
            description: &event.description,
            connection: origin.connection.as_deref(),
            client_id: event.client_id.as_ref(),
            client_name: &origin.client_name,
            user_id: event.user_id.as_ref(),
            user_name: origin.user_name.as_deref(),
            organization_id: origin.organization_id.as_deref(),
            ip: &origin.ip,
            hostname: origin.hostname.as_deref(),
            user_agent: origin.user_agent.as_deref(),
            audience: origin.audience.as_deref(),
            scope: origin.scope.join(" "),
            details: &event.details,
        }
    }
}

/// What is asked for: a page of a search, or what came after an entry.
enum LogsQuery {
    Search(Paged),
    After {
        from: Option<LogId>,
        take: usize,
        /// Whether the answer is an object that holds the list.
        is_wrapped: bool,
    },
}

/// A page of a search.
struct Paged {
    page: ClassicPage,
    search: LogSearch,
    fields: FieldFilter,
}

impl FromQuery for LogsQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let from = parameters.parsed("from")?;
        let take = parameters.number("take", 1, TAKE_MAX)?;
        if from.is_some() || take.is_some() {
            // The reference product's libraries send the first page along, which says
            // nothing then.
            parameters.number("page", 0, 0)?;
            parameters.number("per_page", 1, TAKE_MAX)?;
            return Ok(Self::After {
                from,
                take: take.unwrap_or(TAKE),
                is_wrapped: parameters.flag("include_totals")?.unwrap_or(false),
            });
        }
        let expression = match parameters.text("q")? {
            Some(text) => events::expression(&text)
                .map_err(|error| parameters.wrong("q", &error.to_string()))?,
            None => Expression::default(),
        };
        Paged::read(parameters, expression).map(Self::Search)
    }
}

impl Paged {
    fn read(parameters: &mut Parameters, expression: Expression) -> Result<Self, ApiError> {
        let page = ClassicPage::in_pages(parameters)?;
        if page.start + page.per_page > PAGED_MAX {
            return Err(ApiError::bad_request(
                "invalid_paging",
                format!(
                    "You can only page through the first {PAGED_MAX} records; go on with from and \
                     take."
                ),
            ));
        }
        let oldest_first = parameters.one_of("sort", &[("date:-1", false), ("date:1", true)])?;
        Ok(Self {
            search: LogSearch {
                expression,
                oldest_first: oldest_first.unwrap_or(false),
                skip: page.start,
                take: page.per_page,
                with_total: page.form != ListForm::Bare,
            },
            page,
            fields: FieldFilter::from_query(parameters)?,
        })
    }

    fn show(&self, found: &LogPage) -> Result<Response, ApiError> {
        let views = found.entries.iter().map(LogView::of);
        let views = self.fields.apply_to_all(views)?;
        listing::in_form("logs", &self.page, &views, found.total, None)
    }
}

async fn list(admin: Admin<ReadLogs, LogsQuery>) -> Result<Response, ApiError> {
    match &admin.query {
        LogsQuery::Search(paged) => paged.show(&events::list(&admin, &paged.search).await?),
        LogsQuery::After {
            from,
            take,
            is_wrapped,
        } => {
            let entries = events::list_after(&admin, *from, *take).await?;
            let views: Vec<_> = entries.iter().map(LogView::of).collect();
            if *is_wrapped {
                return Ok(Json(json!({ "logs": views })).into_response());
            }
            Ok(Json(views).into_response())
        }
    }
}

async fn one(admin: Admin<ReadLogs>, At(id): At<String>) -> Result<Response, ApiError> {
    let id = id.parse().map_err(|error: InvalidLogId| {
        let message = format!("Path validation error: '{error}' on property id.");
        ApiError::bad_request("invalid_uri", message)
    })?;
    let entry = events::get(&admin, id).await?;
    Ok(Json(LogView::of(&entry)).into_response())
}

/// A page of everything in the log.
struct OfUserQuery(Paged);

impl FromQuery for OfUserQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Paged::read(parameters, Expression::default()).map(Self)
    }
}

async fn of_user(
    admin: Admin<ReadLogsUsers, OfUserQuery>,
    At(id): At<UserId>,
) -> Result<Response, ApiError> {
    let OfUserQuery(paged) = &admin.query;
    let search = LogSearch {
        expression: events::of_user(&id),
        ..paged.search.clone()
    };
    paged.show(&events::list(&admin, &search).await?)
}
