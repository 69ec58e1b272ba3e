//! The event's accessors: each reads one field of the event and nothing else.

use std::collections::BTreeMap;

use claimsmith_model::{EventUser, JsonObject, TokenKind};
use serde_json::{Value, json};

use super::contract;
use crate::sandbox::Sandbox;

type Answer<T> = wasmtime::Result<T>;

/// JSON text of one entry of an open map.
fn entry(map: &JsonObject, key: &str) -> Option<String> {
    map.get(key).map(Value::to_string)
}

fn sorted_keys(map: &JsonObject) -> Vec<String> {
    let mut keys: Vec<String> = map.keys().cloned().collect();
    keys.sort_unstable();
    keys
}

fn keys(map: &BTreeMap<String, String>) -> Vec<String> {
    map.keys().cloned().collect()
}

impl Sandbox {
    fn user<T>(&self, field: impl FnOnce(&EventUser) -> T) -> Option<T> {
        self.event().user.as_ref().map(field)
    }

    /// The event in the form that JavaScript authors know, with what is the
    /// access token's so far.
    fn event_as_json(&mut self) -> &Value {
        if self.event_json.is_none() {
            let mut event = serde_json::to_value(self.event()).unwrap_or(Value::Null);
            if let Some(object) = event.as_object_mut() {
                object.insert("configuration".to_owned(), json!({}));
            }
            self.event_json = Some(event);
        }
        if !self.is_login() {
            let ledger = &self.invocation.access_token;
            let claims: JsonObject = ledger
                .names()
                .filter_map(|name| Some((name.to_owned(), ledger.get(name)?.clone())))
                .collect();
            let scope = self.event().transaction.target_scopes.clone();
            if let Some(Value::Object(event)) = &mut self.event_json {
                event.insert(
                    "accessToken".to_owned(),
                    json!({ "customClaims": claims, "scope": scope }),
                );
            }
        }
        self.event_json.as_ref().unwrap_or(&Value::Null)
    }
}

impl contract::refusals::Host for Sandbox {}

impl contract::event::Host for Sandbox {
    fn get_json(&mut self, pointer: String) -> Answer<Option<String>> {
        Ok(self.event_as_json().pointer(&pointer).map(Value::to_string))
    }
}

impl contract::event_tenant::Host for Sandbox {
    fn id(&mut self) -> Answer<String> {
        Ok(self.event().tenant.id.clone())
    }
}

impl contract::event_client::Host for Sandbox {
    fn client_id(&mut self) -> Answer<String> {
        Ok(self.event().client.client_id.clone())
    }

    fn name(&mut self) -> Answer<String> {
        Ok(self.event().client.name.clone())
    }

    fn metadata(&mut self, key: String) -> Answer<Option<String>> {
        Ok(self.event().client.metadata.get(&key).cloned())
    }

    fn metadata_keys(&mut self) -> Answer<Vec<String>> {
        Ok(keys(&self.event().client.metadata))
    }
}

impl contract::event_user::Host for Sandbox {
    fn user_id(&mut self) -> Answer<String> {
        Ok(self.user(|user| user.user_id.clone()).unwrap_or_default())
    }

    fn email(&mut self) -> Answer<Option<String>> {
        Ok(self.user(|user| user.email.clone()).flatten())
    }

    fn email_verified(&mut self) -> Answer<bool> {
        Ok(self.user(|user| user.email_verified).unwrap_or(false))
    }

    fn username(&mut self) -> Answer<Option<String>> {
        Ok(self.user(|user| user.username.clone()).flatten())
    }

    fn phone_number(&mut self) -> Answer<Option<String>> {
        Ok(self.user(|user| user.phone_number.clone()).flatten())
    }

    fn phone_verified(&mut self) -> Answer<Option<bool>> {
        Ok(self.user(|user| user.phone_verified).flatten())
    }

    fn name(&mut self) -> Answer<Option<String>> {
        Ok(self.user(|user| user.name.clone()).flatten())
    }

    fn nickname(&mut self) -> Answer<Option<String>> {
        Ok(self.user(|user| user.nickname.clone()).flatten())
    }

    fn given_name(&mut self) -> Answer<Option<String>> {
        Ok(self.user(|user| user.given_name.clone()).flatten())
    }

    fn family_name(&mut self) -> Answer<Option<String>> {
        Ok(self.user(|user| user.family_name.clone()).flatten())
    }

    fn picture(&mut self) -> Answer<Option<String>> {
        Ok(self.user(|user| user.picture.clone()).flatten())
    }

    fn created_at(&mut self) -> Answer<String> {
        Ok(self
            .user(|user| user.created_at.to_string())
            .unwrap_or_default())
    }

    fn updated_at(&mut self) -> Answer<String> {
        Ok(self
            .user(|user| user.updated_at.to_string())
            .unwrap_or_default())
    }

    fn last_password_reset(&mut self) -> Answer<Option<String>> {
        Ok(self
            .user(|user| user.last_password_reset.map(|at| at.to_string()))
            .flatten())
    }

    fn app_metadata_json(&mut self, key: String) -> Answer<Option<String>> {
        Ok(self.user(|user| entry(&user.app_metadata, &key)).flatten())
    }

    fn app_metadata_keys(&mut self) -> Answer<Vec<String>> {
        Ok(self
            .user(|user| sorted_keys(&user.app_metadata))
            .unwrap_or_default())
    }

    fn user_metadata_json(&mut self, key: String) -> Answer<Option<String>> {
        Ok(self.user(|user| entry(&user.user_metadata, &key)).flatten())
    }

    fn user_metadata_keys(&mut self) -> Answer<Vec<String>> {
        Ok(self
            .user(|user| sorted_keys(&user.user_metadata))
            .unwrap_or_default())
    }

    fn attribute_json(&mut self, name: String) -> Answer<Option<String>> {
        Ok(self.user(|user| entry(&user.attributes, &name)).flatten())
    }

    fn attribute_names(&mut self) -> Answer<Vec<String>> {
        Ok(self
            .user(|user| sorted_keys(&user.attributes))
            .unwrap_or_default())
    }

    fn identities_json(&mut self) -> Answer<String> {
        let identities = self
            .user(|user| serde_json::to_string(&user.identities).ok())
            .flatten();
        Ok(identities.unwrap_or_else(|| "[]".to_owned()))
    }
}

impl contract::event_request::Host for Sandbox {
    fn ip(&mut self) -> Answer<String> {
        Ok(self.event().request.ip.clone())
    }

    fn method(&mut self) -> Answer<String> {
        Ok(self.event().request.method.clone())
    }

    fn hostname(&mut self) -> Answer<Option<String>> {
        Ok(self.event().request.hostname.clone())
    }

    fn user_agent(&mut self) -> Answer<Option<String>> {
        Ok(self.event().request.user_agent.clone())
    }

    fn language(&mut self) -> Answer<Option<String>> {
        Ok(self.event().request.language.clone())
    }

    fn body_json(&mut self, key: String) -> Answer<Option<String>> {
        Ok(entry(&self.event().request.body, &key))
    }

    fn query_json(&mut self, key: String) -> Answer<Option<String>> {
        Ok(entry(&self.event().request.query, &key))
    }

    fn geoip_json(&mut self, field: String) -> Answer<Option<String>> {
        Ok(entry(&self.event().request.geoip, &field))
    }

    fn received_at_ms(&mut self) -> Answer<u64> {
        Ok(self.now_ms())
    }
}

impl contract::event_organization::Host for Sandbox {
    fn id(&mut self) -> Answer<Option<String>> {
        Ok(self
            .event()
            .organization
            .as_ref()
            .map(|organization| organization.id.clone()))
    }

    fn name(&mut self) -> Answer<Option<String>> {
        Ok(self
            .event()
            .organization
            .as_ref()
            .map(|organization| organization.name.clone()))
    }

    fn display_name(&mut self) -> Answer<Option<String>> {
        Ok(self
            .event()
            .organization
            .as_ref()
            .map(|organization| organization.display_name.clone()))
    }

    fn metadata(&mut self, key: String) -> Answer<Option<String>> {
        let organization = self.event().organization.as_ref();
        Ok(organization.and_then(|organization| organization.metadata.get(&key).cloned()))
    }

    fn metadata_keys(&mut self) -> Answer<Vec<String>> {
        let organization = self.event().organization.as_ref();
        Ok(organization
            .map(|organization| keys(&organization.metadata))
            .unwrap_or_default())
    }
}

impl contract::event_resource_server::Host for Sandbox {
    fn identifier(&mut self) -> Answer<Option<String>> {
        Ok(self
            .event()
            .resource_server
            .as_ref()
            .map(|api| api.identifier.clone()))
    }
}

impl contract::event_authorization::Host for Sandbox {
    fn roles(&mut self) -> Answer<Vec<String>> {
        let authorization = self.event().authorization.as_ref();
        Ok(authorization
            .map(|authorization| authorization.roles.clone())
            .unwrap_or_default())
    }

    fn permissions(&mut self) -> Answer<Vec<String>> {
        let authorization = self.event().authorization.as_ref();
        Ok(authorization
            .map(|authorization| authorization.permissions.clone())
            .unwrap_or_default())
    }
}

impl contract::event_authentication::Host for Sandbox {
    fn methods_json(&mut self) -> Answer<String> {
        let authentication = self.event().authentication.as_ref();
        let methods = authentication.and_then(|by| serde_json::to_string(&by.methods).ok());
        Ok(methods.unwrap_or_else(|| "[]".to_owned()))
    }
}

impl contract::event_connection::Host for Sandbox {
    fn id(&mut self) -> Answer<String> {
        Ok(self
            .event()
            .connection
            .as_ref()
            .map(|c| c.id.clone())
            .unwrap_or_default())
    }

    fn name(&mut self) -> Answer<String> {
        Ok(self
            .event()
            .connection
            .as_ref()
            .map(|c| c.name.clone())
            .unwrap_or_default())
    }

    fn strategy(&mut self) -> Answer<String> {
        Ok(self
            .event()
            .connection
            .as_ref()
            .map(|c| c.strategy.clone())
            .unwrap_or_default())
    }

    fn metadata(&mut self, key: String) -> Answer<Option<String>> {
        let connection = self.event().connection.as_ref();
        Ok(connection.and_then(|connection| connection.metadata.get(&key).cloned()))
    }

    fn metadata_keys(&mut self) -> Answer<Vec<String>> {
        let connection = self.event().connection.as_ref();
        Ok(connection
            .map(|connection| keys(&connection.metadata))
            .unwrap_or_default())
    }
}

impl contract::event_transaction::Host for Sandbox {
    fn protocol(&mut self) -> Answer<Option<String>> {
        Ok(self.event().transaction.protocol.clone())
    }

    fn requested_scopes(&mut self) -> Answer<Vec<String>> {
        Ok(self.event().transaction.requested_scopes.clone())
    }

    fn target_scopes(&mut self) -> Answer<Vec<String>> {
        Ok(self.event().transaction.target_scopes.clone())
    }

    fn metadata_json(&mut self, key: String) -> Answer<Option<String>> {
        Ok(entry(&self.event().transaction.metadata, &key))
    }

    fn metadata_keys(&mut self) -> Answer<Vec<String>> {
        Ok(sorted_keys(&self.event().transaction.metadata))
    }

    fn correlation_id(&mut self) -> Answer<Option<String>> {
        Ok(self.event().transaction.correlation_id.clone())
    }
}

impl contract::event_refresh_token::Host for Sandbox {
    fn id(&mut self) -> Answer<Option<String>> {
        Ok(self
            .event()
            .refresh_token
            .as_ref()
            .map(|token| token.id.clone()))
    }

    fn created_at(&mut self) -> Answer<Option<String>> {
        Ok(self
            .event()
            .refresh_token
            .as_ref()
            .map(|token| token.created_at.to_string()))
    }

    fn expires_at(&mut self) -> Answer<Option<String>> {
        let token = self.event().refresh_token.as_ref();
        Ok(token
            .and_then(|token| token.expires_at)
            .map(|at| at.to_string()))
    }

    fn idle_expires_at(&mut self) -> Answer<Option<String>> {
        let token = self.event().refresh_token.as_ref();
        Ok(token
            .and_then(|token| token.idle_expires_at)
            .map(|at| at.to_string()))
    }

    fn last_exchanged_at(&mut self) -> Answer<Option<String>> {
        let token = self.event().refresh_token.as_ref();
        Ok(token
            .and_then(|token| token.last_exchanged_at)
            .map(|at| at.to_string()))
    }

    fn rotating(&mut self) -> Answer<Option<bool>> {
        Ok(self
            .event()
            .refresh_token
            .as_ref()
            .and_then(|token| token.rotating))
    }
}

impl contract::event_stats::Host for Sandbox {
    fn logins_count(&mut self) -> Answer<u64> {
        Ok(self
            .event()
            .stats
            .as_ref()
            .map(|stats| stats.logins_count)
            .unwrap_or_default())
    }
}

impl contract::event_access_token::Host for Sandbox {
    fn custom_claim_json(&mut self, name: String) -> Answer<Option<String>> {
        Ok(self
            .ledger_mut(TokenKind::AccessToken)
            .get(&name)
            .map(Value::to_string))
    }

    fn custom_claim_names(&mut self) -> Answer<Vec<String>> {
        Ok(self
            .invocation
            .access_token
            .names()
            .map(str::to_owned)
            .collect())
    }

    fn scope(&mut self) -> Answer<Vec<String>> {
        Ok(self.event().transaction.target_scopes.clone())
    }
}
