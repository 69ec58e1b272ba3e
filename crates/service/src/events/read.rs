//! Reading a tenant's log.

use claimsmith_model::{LogClass, LogType, UserId};
use claimsmith_storage::{LogEntry, LogOrder, LogPart};

use super::entries::{LogId, TenantLogEntry, parts};
use crate::{
    ServiceError,
    management::TenantAdmin,
    search::{Expression, InvalidExpression, Searched},
};

/// How many things in the log one search looks at.
const SEARCHED_MAX: usize = 10_000;
/// How many are read at a time.
const CHUNK: usize = 500;

const NO_ENTRY: ServiceError = ServiceError::not_found("The log event does not exist.");

/// Which entries to list.
#[derive(Debug, Clone)]
pub struct LogSearch {
    /// Those that pass it only.
    pub expression: Expression,
    /// The oldest first, in place of the newest.
    pub oldest_first: bool,
    /// How many to leave out from the start.
    pub skip: usize,
    /// How many at most.
    pub take: usize,
    /// Whether to count all.
    pub with_total: bool,
}

/// A part of what a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// The entries.
    pub entries: Vec<TenantLogEntry>,
    /// How many there are among those that were looked at; counted only when asked for.
    pub total: usize,
}

/// The entries that a search finds among the newest (or oldest) 10,000 things that were
/// logged.
///
/// # Errors
/// When the log can't be read.
pub async fn list(admin: &TenantAdmin, search: &LogSearch) -> Result<LogPage, ServiceError> {
    let mut order = if search.oldest_first {
        LogOrder::OldestAfter(0)
    } else {
        LogOrder::NewestBefore(u64::MAX)
    };
    let classes = classes_of(&search.expression);
    let end = search.skip.saturating_add(search.take);
    let mut page = LogPage {
        entries: Vec::with_capacity(search.take),
        total: 0,
    };
    let mut searched = 0;
    while searched < SEARCHED_MAX && (search.with_total || page.total < end) {
        let take = CHUNK.min(SEARCHED_MAX - searched);
        let chunk = read(admin, order, &classes, take).await?;
        searched += chunk.len();
        let Some(last) = chunk.last() else {
            break;
        };
        order = match order {
            LogOrder::NewestBefore(_) => LogOrder::NewestBefore(last.position),
            LogOrder::OldestAfter(_) => LogOrder::OldestAfter(last.position),
        };
        for entry in chunk {
            let mut parts = parts(entry);
            if !search.oldest_first {
                parts.reverse();
            }
            parts.retain(|part| search.expression.accepts(part));
            for part in parts {
                if (search.skip..end).contains(&page.total) {
                    page.entries.push(part);
                }
                page.total += 1;
            }
        }
    }
    Ok(page)
}

/// The entries after one, the oldest first, or from the beginning: nothing is missed by who
/// asks again with the last one.
///
/// # Errors
/// When the log can't be read.
pub async fn list_after(
    admin: &TenantAdmin,
    after: Option<LogId>,
    take: usize,
) -> Result<Vec<TenantLogEntry>, ServiceError> {
    let after = after.unwrap_or(LogId {
        position: 0,
        part: u64::MAX,
    });
    // What the identifier is a part of may have further parts.
    let order = LogOrder::OldestAfter(after.position.saturating_sub(1));
    let entries = read(admin, order, &LogClass::ALL, take + 1).await?;
    let parts = entries.into_iter().flat_map(parts);
    Ok(parts
        .filter(|part| part.log_id > after)
        .take(take)
        .collect())
}

/// The entry that was taken last, or one before all.
pub(super) async fn newest(admin: &TenantAdmin) -> Result<LogId, ServiceError> {
    let entries = read(admin, LogOrder::NewestBefore(u64::MAX), &LogClass::ALL, 1).await?;
    Ok(LogId {
        position: entries.first().map_or(0, |entry| entry.position),
        part: u64::MAX,
    })
}

/// One entry.
///
/// # Errors
/// `NotFound`, also when it was kept and is gone by age or size.
pub async fn get(admin: &TenantAdmin, id: LogId) -> Result<TenantLogEntry, ServiceError> {
    let order = LogOrder::NewestBefore(id.position.saturating_add(1));
    let entries = read(admin, order, &LogClass::ALL, 1).await?;
    let mut parts = entries.into_iter().flat_map(parts);
    parts.find(|part| part.log_id == id).ok_or(NO_ENTRY)
}

async fn read(
    admin: &TenantAdmin,
    order: LogOrder,
    classes: &[LogClass],
    take: usize,
) -> Result<Vec<LogEntry>, ServiceError> {
    let part = LogPart {
        order,
        classes: classes.to_vec(),
        take,
    };
    let log = &admin.environment().executions;
    Ok(log.entries(&admin.tenant().tenant.id, &part).await?)
}

/// The classes in which the expression can find something: one that asks for what admins
/// changed need not look at every token.
fn classes_of(expression: &Expression) -> Vec<LogClass> {
    let is_change = |text: &str| text == LogType::AdminChanged.code();
    match expression.required("type") {
        Some(text) if is_change(text) => vec![LogClass::Changes],
        Some(_) => vec![LogClass::Executions, LogClass::Requests],
        None => LogClass::ALL.to_vec(),
    }
}

impl Searched for TenantLogEntry {
    const FIELDS: &'static [&'static str] = &[
        "type",
        "client_id",
        "client_name",
        "user_id",
        "user_name",
        "connection",
        "organization_id",
        "audience",
        "ip",
        "hostname",
        "description",
        "log_id",
    ];

    fn has(&self, field: &str, is_it: &dyn Fn(&str) -> bool) -> bool {
        let origin = &self.event.origin;
        let optional = |text: &Option<String>| text.as_deref().is_some_and(is_it);
        match field {
            "type" => is_it(self.event.log_type.code()),
            "client_id" => self
                .event
                .client_id
                .as_ref()
                .is_some_and(|id| is_it(id.as_str())),
            "client_name" => is_it(&origin.client_name),
            "user_id" => self
                .event
                .user_id
                .as_ref()
                .is_some_and(|id| is_it(id.as_str())),
            "user_name" => optional(&origin.user_name),
            "connection" => optional(&origin.connection),
            "organization_id" => optional(&origin.organization_id),
            "audience" => optional(&origin.audience),
            "ip" => is_it(&origin.ip),
            "hostname" => optional(&origin.hostname),
            "description" => is_it(&self.event.description),
            "log_id" => is_it(&self.log_id.to_string()),
            _ => false,
        }
    }
}

/// Reads what a search of the log asks for.
///
/// # Errors
/// Why it is no expression.
pub fn expression(text: &str) -> Result<Expression, InvalidExpression> {
    Expression::parse::<TenantLogEntry>(text)
}

/// The expression that finds a user's entries.
#[must_use]
pub fn of_user(user_id: &UserId) -> Expression {
    Expression::exactly("user_id", user_id.as_str())
}
