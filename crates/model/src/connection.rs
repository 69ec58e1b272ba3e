//! Connections: where users come from.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    ActionSecret, AllowedHosts, ClientId, ConnectionId, DatabaseScript, LimitSettings, ModuleInfo,
    Timestamp,
};

/// A source of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The identifier, `con_…`.
    pub id: ConnectionId,
    /// The unique name. It never changes: users carry it.
    pub name: String,
    /// The name for people.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The kind; `auth0` is a database.
    pub strategy: String,
    /// The texts that a request may give as `realm` to mean this connection; its name
    /// when there are none.
    #[serde(default)]
    pub realms: Vec<String>,
    /// Whether it is offered to everybody as the tenant's own way to log in.
    #[serde(default)]
    pub is_domain_connection: bool,
    /// The clients whose users it may log in. One that was stored before there was a list
    /// is for all.
    #[serde(default = "EnabledClients::all")]
    pub enabled_clients: EnabledClients,
    /// Open metadata, read by Actions.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// The scripts that know its users; none when the users are in the server's own
    /// database.
    #[serde(default)]
    pub custom_database: Option<CustomDatabase>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The clients that may use a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnabledClients {
    /// Every one that there is or will be.
    All,
    /// These. A client that was deleted means nothing any more.
    Only(BTreeSet<ClientId>),
}

/// A database of users of the tenant's own, reached by scripts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CustomDatabase {
    /// Whether the scripts are in force. Otherwise the users are in the server's own
    /// database, and what is here waits.
    pub is_enabled: bool,
    /// The scripts that were uploaded.
    #[serde(default)]
    pub scripts: BTreeMap<DatabaseScript, StoredScript>,
    /// The secrets that they can read.
    #[serde(default)]
    pub configuration: Vec<ActionSecret>,
    /// The hosts that they may call over HTTP.
    #[serde(default)]
    pub allowed_hosts: AllowedHosts,
    /// What they ask for of the limits of an execution.
    #[serde(default)]
    pub limits: LimitSettings,
}

/// A script's module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredScript {
    /// What it is.
    pub module: ModuleInfo,
    /// When it was uploaded.
    pub uploaded_at: Timestamp,
}

impl Connection {
    /// Whether a request's `realm` means this connection.
    #[must_use]
    pub fn has_realm(&self, realm: &str) -> bool {
        if self.realms.is_empty() {
            return self.name == realm;
        }
        self.realms.iter().any(|own| own == realm)
    }

    /// The scripts that know its users, when they are in force.
    #[must_use]
    pub fn scripts_in_force(&self) -> Option<&CustomDatabase> {
        self.custom_database
            .as_ref()
            .filter(|database| database.is_enabled)
    }
}

impl EnabledClients {
    const fn all() -> Self {
        Self::All
    }

    /// Whether the client may use the connection.
    #[must_use]
    pub fn includes(&self, client: &ClientId) -> bool {
        match self {
            Self::All => true,
            Self::Only(clients) => clients.contains(client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_was_stored_before_is_for_all_clients_and_has_no_scripts() {
        let stored = r#"{"id": "con_1", "name": "Users", "strategy": "auth0", "metadata": {},
            "created_at": "2026-01-01T00:00:00.000Z"}"#;

        let connection: Connection = serde_json::from_str(stored).unwrap();

        assert_eq!(connection.enabled_clients, EnabledClients::All);
        assert!(connection.has_realm("Users") && !connection.has_realm("users"));
        assert_eq!(connection.scripts_in_force(), None);
    }

    #[test]
    fn a_connection_is_stored_and_read_as_it_is() {
        let script = StoredScript {
            module: ModuleInfo {
                sha256: "ab".to_owned(),
                size_bytes: 2,
                triggers: Vec::new(),
                scripts: vec![DatabaseScript::Login],
                imports: Vec::new(),
                contract_version: "0.1.0".to_owned(),
                sdk: None,
            },
            uploaded_at: Timestamp::default(),
        };
        let connection = Connection {
            id: "con_1".parse().unwrap(),
            name: "Users".to_owned(),
            display_name: None,
            strategy: "auth0".to_owned(),
            realms: vec!["people".to_owned()],
            is_domain_connection: false,
            enabled_clients: EnabledClients::Only(["client".parse().unwrap()].into()),
            metadata: BTreeMap::new(),
            custom_database: Some(CustomDatabase {
                is_enabled: true,
                scripts: [(DatabaseScript::Login, script)].into(),
                ..CustomDatabase::default()
            }),
            created_at: Timestamp::default(),
        };

        let stored = serde_json::to_string(&connection).unwrap();

        assert_eq!(
            serde_json::from_str::<Connection>(&stored).unwrap(),
            connection
        );
        assert!(connection.has_realm("people") && !connection.has_realm("Users"));
        assert!(
            connection
                .enabled_clients
                .includes(&"client".parse().unwrap())
        );
        assert!(
            !connection
                .enabled_clients
                .includes(&"other".parse().unwrap())
        );
    }
}
