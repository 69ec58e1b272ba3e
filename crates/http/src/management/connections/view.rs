//! A connection as callers see it.

use std::{collections::BTreeMap, slice};

use claimsmith_model::{
    AllowedHosts, Connection, ConnectionId, CustomDatabase, EnabledClients, LimitSettings,
    Timestamp,
};
use claimsmith_service::admin::connections::ALL_CLIENTS;
use schemars::JsonSchema;
use serde::Serialize;

/// The reference product's shape. What is shown can be sent back as it is.
#[derive(JsonSchema, Serialize)]
pub(in crate::management) struct ConnectionView<'a> {
    id: &'a ConnectionId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    strategy: &'a str,
    options: OptionsView<'a>,
    realms: &'a [String],
    is_domain_connection: bool,
    enabled_clients: Vec<&'a str>,
    metadata: &'a BTreeMap<String, String>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ConnectionOptions")]
#[serde(untagged)]
enum OptionsView<'a> {
    /// Of a connection without a custom database.
    OwnDatabase {
        #[serde(rename = "enabledDatabaseCustomization")]
        is_customized: bool,
    },
    CustomDatabase(DatabaseView<'a>),
}

#[derive(JsonSchema, Serialize)]
struct DatabaseView<'a> {
    #[serde(rename = "enabledDatabaseCustomization")]
    is_enabled: bool,
    import_mode: bool,
    /// Names only: the values are never shown.
    configuration: BTreeMap<&'a str, SecretView>,
    allowed_hosts: &'a AllowedHosts,
    limits: &'a LimitSettings,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ConfigurationSecret")]
struct SecretView {
    updated_at: Timestamp,
}

impl<'a> ConnectionView<'a> {
    pub(in crate::management) fn of(connection: &'a Connection) -> Self {
        Self {
            id: &connection.id,
            name: &connection.name,
            display_name: connection.display_name.as_deref(),
            strategy: &connection.strategy,
            options: match &connection.custom_database {
                Some(database) => OptionsView::CustomDatabase(DatabaseView::of(database)),
                None => OptionsView::OwnDatabase {
                    is_customized: false,
                },
            },
            realms: if connection.realms.is_empty() {
                slice::from_ref(&connection.name)
            } else {
                &connection.realms
            },
            is_domain_connection: connection.is_domain_connection,
            enabled_clients: match &connection.enabled_clients {
                EnabledClients::All => vec![ALL_CLIENTS],
                EnabledClients::Only(clients) => {
                    clients.iter().map(|client| client.as_str()).collect()
                }
            },
            metadata: &connection.metadata,
        }
    }
}

impl<'a> DatabaseView<'a> {
    fn of(database: &'a CustomDatabase) -> Self {
        let configuration = database.configuration.iter().map(|secret| {
            let view = SecretView {
                updated_at: secret.updated_at,
            };
            (secret.name.as_str(), view)
        });
        Self {
            is_enabled: database.is_enabled,
            import_mode: false,
            configuration: configuration.collect(),
            allowed_hosts: &database.allowed_hosts,
            limits: &database.limits,
        }
    }
}
