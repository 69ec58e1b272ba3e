//! What happened in a tenant, as its log tells it.

use serde::{Deserialize, Serialize};

use crate::{ClientId, Event, JsonObject, Timestamp, UserId};

/// The longest text of an event, in characters.
const TEXT_CHARS_MAX: usize = 1_024;

/// Which entries share a budget of bytes and age: what is written most must not push
/// out what is needed longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LogClass {
    /// Execution records, of which every token makes one.
    Executions,
    /// Logins and token requests that ran no trigger. Anybody can cause them.
    Requests,
    /// What admins changed.
    Changes,
}

impl LogClass {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::Executions, Self::Requests, Self::Changes];
}

/// Makes the enum of types, the list of all, and what is to be said of each.
macro_rules! log_types {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $description:literal;)*) => {
        /// The type of an entry of a tenant's log.
        ///
        /// To add one, add a row: the name that the code has for it, the code that the
        /// reference product has, and what an entry says that has no text of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum LogType {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl LogType {
            /// All types.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The type's name on the wire.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What an entry says that has no text of its own.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$name => $description,)*
                }
            }
        }
    };
}

log_types! {
    /// A user logged in.
    LoginSucceeded = "s", "A user logged in";
    /// A login came to nothing.
    LoginFailed = "f", "A login failed";
    /// A login came with a wrong password.
    WrongPassword = "fp", "A login failed: the password is wrong";
    /// A login came for somebody whom there is not.
    UnknownUser = "fu", "A login failed: there is no such user";
    /// A session ended.
    LogoutSucceeded = "slo", "A user logged out";
    /// A logout was refused, or went nowhere.
    LogoutFailed = "flo", "A logout failed";
    /// A password was exchanged.
    PasswordExchangeSucceeded = "sepft", "A password was exchanged for tokens";
    /// A password was not exchanged.
    PasswordExchangeFailed = "fepft", "A password was not exchanged";
    /// A client got a token for itself.
    ClientCredentialsSucceeded = "seccft", "A client got an access token for itself";
    /// A client got no token for itself.
    ClientCredentialsFailed = "feccft", "A client got no access token for itself";
    /// A refresh token was exchanged.
    RefreshSucceeded = "sertft", "A refresh token was exchanged for tokens";
    /// A refresh token was not exchanged.
    RefreshFailed = "fertft", "A refresh token was not exchanged";
    /// An authorization code was exchanged.
    CodeExchangeSucceeded = "seacft", "An authorization code was exchanged for tokens";
    /// An authorization code was not exchanged.
    CodeExchangeFailed = "feacft", "An authorization code was not exchanged";
    /// An admin changed something.
    AdminChanged = "sapi", "An admin changed something";
    /// An Action failed.
    ActionFailed = "actions_execution_failed", "An Action failed";
    /// Claims that Actions set are not in the token; ours.
    ClaimsRefused = "claims_refused", "Claims that Actions set are not in the token";
}

impl LogType {
    /// Whose budget an event of the type takes. Those that are told by execution records
    /// take none.
    #[must_use]
    pub const fn class(self) -> LogClass {
        match self {
            Self::AdminChanged => LogClass::Changes,
            _ => LogClass::Requests,
        }
    }
}

/// Something that happened in a tenant, other than the run of a trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantEvent {
    /// What it was.
    #[serde(rename = "type")]
    pub log_type: LogType,
    /// When.
    pub at: Timestamp,
    /// What is to be said of it.
    pub description: String,
    /// The client that asked, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// The user whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Who asked, from where, and for what.
    #[serde(default)]
    pub origin: RequestOrigin,
    /// What only this type has to say.
    #[serde(default, skip_serializing_if = "JsonObject::is_empty")]
    pub details: JsonObject,
}

/// Who asked for something, from where, and for what, as the log shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestOrigin {
    /// The caller's address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ip: String,
    /// The `User-Agent` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The host asked for, without port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The client's name at the time.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_name: String,
    /// The user's address or name at the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The connection's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The organization's identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The API that a token was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The token's scopes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
}

impl RequestOrigin {
    /// What an event says, moved out of it: a record is made for every token.
    #[must_use]
    pub fn of_event(event: Event) -> Self {
        let user = event.user;
        Self {
            ip: event.request.ip,
            user_agent: event.request.user_agent,
            hostname: event.request.hostname,
            client_name: event.client.name,
            user_name: user.and_then(|user| user.email.or(user.username).or(user.name)),
            connection: event.connection.map(|connection| connection.name),
            organization_id: event.organization.map(|organization| organization.id),
            audience: event.resource_server.map(|api| api.identifier),
            scope: event.transaction.target_scopes,
        }
    }

    /// The same with every text as [`log_text`] leaves it.
    #[must_use]
    pub fn as_log_text(self) -> Self {
        let optional = |text: Option<String>| text.map(|text| log_text(&text));
        Self {
            ip: log_text(&self.ip),
            user_agent: optional(self.user_agent),
            hostname: optional(self.hostname),
            client_name: log_text(&self.client_name),
            user_name: optional(self.user_name),
            connection: optional(self.connection),
            organization_id: optional(self.organization_id),
            audience: optional(self.audience),
            scope: self.scope.iter().map(|scope| log_text(scope)).collect(),
        }
    }
}

/// A text as a log may show it: cut at 1,024 characters, and without characters that end a
/// line, move a cursor or turn the direction of writing, in whatever it is printed to.
#[must_use]
pub fn log_text(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}'
                | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .take(TEXT_CHARS_MAX)
        .map(|c| if is_harmful(c) { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_the_log_is_one_bounded_line() {
        assert_eq!(log_text("Ada Lovelace"), "Ada Lovelace");
        assert_eq!(
            log_text("a\r\n{\"type\":\"s\"}"),
            "a\u{fffd}\u{fffd}{\"type\":\"s\"}"
        );
        assert_eq!(log_text("\u{1b}[2J\u{202e}x"), "\u{fffd}[2J\u{fffd}x");
        assert_eq!(
            log_text(&"é".repeat(TEXT_CHARS_MAX)).chars().count(),
            TEXT_CHARS_MAX
        );
        assert_eq!(
            log_text(&"é".repeat(TEXT_CHARS_MAX + 1)).chars().count(),
            TEXT_CHARS_MAX
        );
    }

    #[test]
    fn every_type_has_a_code_of_its_own() {
        let mut codes: Vec<_> = LogType::ALL.iter().map(|it| it.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), LogType::ALL.len());
    }
}
