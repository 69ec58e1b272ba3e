//! Finding users.

use std::{borrow::Cow, cmp::Ordering};

use claimsmith_model::{RoleId, User};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{Page, roles, users};
use crate::{
    ServiceError,
    management::TenantAdmin,
    search::{Expression, InvalidExpression, Searched},
};

/// How many users one search looks at, in the order of their identifiers.
const SEARCHED_MAX: usize = 10_000;

/// Which users to list.
#[derive(Debug, Clone, Default)]
pub struct UserSearch {
    /// Those that pass it only.
    pub expression: Expression,
    /// Those of the connection with this name only.
    pub connection: Option<String>,
    /// In which order; by their identifiers unless it is given.
    pub sort: Option<UserSort>,
}

/// An order of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserSort {
    field: SortField,
    is_descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SortField {
    CreatedAt,
    Email,
    LastLogin,
    LoginsCount,
    Name,
    UpdatedAt,
    UserId,
    Username,
}

/// A text that is no order of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be a field and its direction, such as created_at:1 or email:-1; the fields are \
     created_at, email, last_login, logins_count, name, updated_at, user_id, username"
)]
pub struct InvalidSort;

impl JsonSchema for UserSort {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "UserSort".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "pattern": "^[a-z_]+:-?1$", "description": InvalidSort.to_string(),
        })
    }
}

impl std::str::FromStr for UserSort {
    type Err = InvalidSort;

    fn from_str(text: &str) -> Result<Self, InvalidSort> {
        let (field, direction) = text.split_once(':').ok_or(InvalidSort)?;
        Ok(Self {
            field: match field {
                "created_at" => SortField::CreatedAt,
                "email" => SortField::Email,
                "last_login" => SortField::LastLogin,
                "logins_count" => SortField::LoginsCount,
                "name" => SortField::Name,
                "updated_at" => SortField::UpdatedAt,
                "user_id" => SortField::UserId,
                "username" => SortField::Username,
                _ => return Err(InvalidSort),
            },
            is_descending: match direction {
                "1" => false,
                "-1" => true,
                _ => return Err(InvalidSort),
            },
        })
    }
}

/// Reads what a search of users asks for.
///
/// # Errors
/// Why it is no expression.
pub fn expression(text: &str) -> Result<Expression, InvalidExpression> {
    Expression::parse::<User>(text)
}

/// The users that a search finds among the first 10,000, and how many they are. Without
/// anything to search for it is the list of all.
///
/// # Errors
/// When they can't be read.
pub async fn list(
    admin: &TenantAdmin,
    search: &UserSearch,
    page: Page,
) -> Result<(Vec<User>, usize), ServiceError> {
    if search.expression == Expression::default()
        && search.connection.is_none()
        && search.sort.is_none()
    {
        return users::list_all(admin, page).await;
    }
    let mut found = candidates(admin, &search.expression).await?;
    found.retain(|user| {
        let connection = search.connection.as_ref();
        connection.is_none_or(|connection| user.connection == *connection)
            && search.expression.accepts(user)
    });
    if let Some(sort) = search.sort {
        found.sort_by(|a, b| sort.compare(a, b));
    }
    Ok(page.of(found))
}

/// The users with an email address, whatever its case: of each connection at most one.
///
/// # Errors
/// When they can't be read.
pub async fn by_email(admin: &TenantAdmin, email: &str) -> Result<Vec<User>, ServiceError> {
    let mut found = Vec::new();
    for connection in admin.store().connections().await? {
        let user = admin.store().user_by_login(&connection.name, email).await?;
        let has_it = |user: &User| {
            let own = user.email.as_deref().unwrap_or_default();
            own.to_lowercase() == email.to_lowercase()
        };
        found.extend(user.filter(has_it));
    }
    found.sort_by(|a, b| a.user_id.cmp(&b.user_id));
    Ok(found)
}

/// The users who have a role outside organizations, among the first 10,000, and how many
/// they are.
///
/// # Errors
/// `NotFound` when there is no such role.
pub async fn with_role(
    admin: &TenantAdmin,
    role: &RoleId,
    page: Page,
) -> Result<(Vec<User>, usize), ServiceError> {
    roles::get(admin, role).await?;
    let mut found = candidates(admin, &Expression::default()).await?;
    found.retain(|user| user.roles.contains(role));
    Ok(page.of(found))
}

/// The users who could pass: those with the address, or the identifier, that they must have
/// are found whichever their number; else the first ones are looked at.
async fn candidates(
    admin: &TenantAdmin,
    expression: &Expression,
) -> Result<Vec<User>, ServiceError> {
    if let Some(email) = expression.required("email") {
        return by_email(admin, email).await;
    }
    if let Some(Ok(id)) = expression.required("user_id").map(str::parse) {
        return Ok(admin.store().user(&id).await?.into_iter().collect());
    }
    let first = Page::at(0, SEARCHED_MAX);
    Ok(admin.store().users(first).await?.0)
}

impl UserSort {
    fn compare(self, a: &User, b: &User) -> Ordering {
        let lower = |text: &Option<String>| text.as_deref().map(str::to_lowercase);
        let ascending = match self.field {
            SortField::CreatedAt => a.created_at.cmp(&b.created_at),
            SortField::Email => lower(&a.email).cmp(&lower(&b.email)),
            SortField::LastLogin => a.last_login.cmp(&b.last_login),
            SortField::LoginsCount => a.logins_count.cmp(&b.logins_count),
            SortField::Name => lower(&a.name).cmp(&lower(&b.name)),
            SortField::UpdatedAt => a.updated_at.cmp(&b.updated_at),
            SortField::UserId => a.user_id.cmp(&b.user_id),
            SortField::Username => lower(&a.username).cmp(&lower(&b.username)),
        };
        if self.is_descending {
            ascending.reverse()
        } else {
            ascending
        }
    }
}

impl Searched for User {
    const FIELDS: &'static [&'static str] = &[
        "user_id",
        "email",
        "email_verified",
        "username",
        "name",
        "nickname",
        "given_name",
        "family_name",
        "phone_number",
        "blocked",
        "logins_count",
        "identities.connection",
        "app_metadata.",
        "user_metadata.",
    ];

    fn has(&self, field: &str, is_it: &dyn Fn(&str) -> bool) -> bool {
        let optional = |text: &Option<String>| text.as_deref().is_some_and(is_it);
        match field {
            "user_id" => is_it(self.user_id.as_str()),
            "email" => optional(&self.email),
            "email_verified" => is_it(truth(self.email_verified)),
            "username" => optional(&self.username),
            "name" => optional(&self.name),
            "nickname" => optional(&self.nickname),
            "given_name" => optional(&self.given_name),
            "family_name" => optional(&self.family_name),
            "phone_number" => optional(&self.phone_number),
            "blocked" => is_it(truth(self.blocked)),
            "logins_count" => is_it(&self.logins_count.to_string()),
            "identities.connection" => {
                let mut identities = self.identities.iter();
                identities.any(|identity| is_it(&identity.connection))
            }
            _ => {
                let (metadata, path) = match field.split_once('.') {
                    Some(("app_metadata", path)) => (&self.app_metadata, path),
                    Some(("user_metadata", path)) => (&self.user_metadata, path),
                    _ => return false,
                };
                let mut names = path.split('.');
                let first = names.next().and_then(|name| metadata.get(name));
                let value =
                    first.and_then(|first| names.try_fold(first, |value, name| value.get(name)));
                value.is_some_and(|value| holds(value, is_it))
            }
        }
    }
}

/// Whether a value, or one of a list, passes.
fn holds(value: &Value, is_it: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_it(text),
        Value::Bool(flag) => is_it(truth(*flag)),
        Value::Number(number) => is_it(&number.to_string()),
        Value::Array(list) => list.iter().any(|value| holds(value, is_it)),
        Value::Null | Value::Object(_) => false,
    }
}

const fn truth(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}
