//! The functions of the contract that are more than a read, as a native test
//! answers them; one module per interface, with its name.

use serde_json::Value;

use super::{Denial, Host};
use crate::Refusal;

pub(crate) mod event {
    use super::*;

    pub(crate) fn get_json(host: &Host, pointer: &str) -> Option<String> {
        host.state().event.pointer(pointer).map(Value::to_string)
    }
}

pub(crate) mod event_authentication {
    use super::*;

    pub(crate) fn methods_json(host: &Host) -> String {
        event::get_json(host, "/authentication/methods").unwrap_or_else(|| "[]".to_owned())
    }
}

pub(crate) mod event_request {
    use super::*;

    pub(crate) fn received_at_ms(host: &Host) -> u64 {
        host.state().now_ms
    }
}

pub(crate) mod event_user {
    use super::*;

    /// What the contract has an accessor of its own for.
    const WITH_AN_ACCESSOR: [&str; 17] = [
        "app_metadata",
        "created_at",
        "email",
        "email_verified",
        "family_name",
        "given_name",
        "identities",
        "last_password_reset",
        "name",
        "nickname",
        "phone_number",
        "phone_verified",
        "picture",
        "updated_at",
        "user_id",
        "user_metadata",
        "username",
    ];

    pub(crate) fn attribute_json(host: &Host, name: &str) -> Option<String> {
        if WITH_AN_ACCESSOR.contains(&name) {
            return None;
        }
        host.json_entry("/user", name)
    }

    pub(crate) fn attribute_names(host: &Host) -> Vec<String> {
        let mut names = host.keys("/user");
        names.retain(|name| !WITH_AN_ACCESSOR.contains(&name.as_str()));
        names
    }

    pub(crate) fn identities_json(host: &Host) -> String {
        event::get_json(host, "/user/identities").unwrap_or_else(|| "[]".to_owned())
    }
}

pub(crate) mod secrets {
    use super::*;

    pub(crate) fn get(host: &Host, name: &str) -> Option<String> {
        host.state().secrets.get(name).cloned()
    }
}

pub(crate) mod post_login_access {
    use super::*;

    pub(crate) fn deny(host: &Host, reason: &str) {
        let denial = Denial {
            code: "access_denied".to_owned(),
            reason: Some(reason.to_owned()),
        };
        host.state_mut().recorded.denial.get_or_insert(denial);
    }
}

pub(crate) mod credentials_exchange_access {
    use super::*;
    use crate::api::DenialCode;

    pub(crate) fn deny(host: &Host, code: DenialCode, reason: Option<&str>) {
        let denial = Denial {
            code: code.as_str().to_owned(),
            reason: reason.map(str::to_owned),
        };
        host.state_mut().recorded.denial.get_or_insert(denial);
    }
}

pub(crate) mod access_token {
    use super::*;

    pub(crate) fn set_custom_claim(host: &Host, name: &str, json: &str) -> Result<(), Refusal> {
        let value = admitted(host, name, json)?;
        let mut state = host.state_mut();
        state
            .recorded
            .access_token_claims
            .insert(name.to_owned(), value.clone());
        state.put(&["accessToken", "customClaims"], name, value);
        Ok(())
    }

    pub(crate) fn add_scope(host: &Host, scope: &str) -> Result<(), Refusal> {
        transaction::add_target_scope(host, scope)
    }

    pub(crate) fn remove_scope(host: &Host, scope: &str) -> Result<(), Refusal> {
        transaction::remove_target_scope(host, scope)
    }
}

pub(crate) mod id_token {
    use super::*;

    pub(crate) fn set_custom_claim(host: &Host, name: &str, json: &str) -> Result<(), Refusal> {
        let value = admitted(host, name, json)?;
        host.state_mut()
            .recorded
            .id_token_claims
            .insert(name.to_owned(), value);
        Ok(())
    }
}

pub(crate) mod user {
    use super::*;

    pub(crate) fn set_app_metadata(host: &Host, key: &str, json: &str) -> Result<(), Refusal> {
        let value = parsed(host, key, json)?;
        host.state_mut()
            .recorded
            .app_metadata
            .insert(key.to_owned(), value);
        Ok(())
    }

    pub(crate) fn set_user_metadata(host: &Host, key: &str, json: &str) -> Result<(), Refusal> {
        let value = parsed(host, key, json)?;
        host.state_mut()
            .recorded
            .user_metadata
            .insert(key.to_owned(), value);
        Ok(())
    }
}

pub(crate) mod transaction {
    use super::*;

    pub(crate) fn set_metadata(host: &Host, key: &str, json: &str) -> Result<(), Refusal> {
        let value = parsed(host, key, json)?;
        let mut state = host.state_mut();
        if value.is_array() || value.is_object() {
            return Err(state.refuse(Refusal::new(
                "invalid_value",
                format!("The transaction's metadata `{key}` was given a list or an object."),
                "Give it text, a number or a boolean.",
            )));
        }
        state
            .recorded
            .transaction_metadata
            .insert(key.to_owned(), value.clone());
        state.put(&["transaction", "metadata"], key, value);
        Ok(())
    }

    pub(crate) fn add_target_scope(host: &Host, scope: &str) -> Result<(), Refusal> {
        check_scope(host, scope)?;
        let mut state = host.state_mut();
        let mut scopes = state.recorded.scopes.clone();
        if !scopes.iter().any(|has| has == scope) {
            scopes.push(scope.to_owned());
        }
        state.set_scopes(scopes);
        Ok(())
    }

    pub(crate) fn remove_target_scope(host: &Host, scope: &str) -> Result<(), Refusal> {
        check_scope(host, scope)?;
        let mut state = host.state_mut();
        let mut scopes = state.recorded.scopes.clone();
        scopes.retain(|has| has != scope);
        state.set_scopes(scopes);
        Ok(())
    }

    pub(crate) fn set_target_scopes(host: &Host, scopes: &[String]) -> Result<(), Refusal> {
        for scope in scopes {
            check_scope(host, scope)?;
        }
        host.state_mut().set_scopes(scopes.to_vec());
        Ok(())
    }

    /// A scope-token of RFC 6749 section 3.3, of at most 280 characters.
    fn check_scope(host: &Host, scope: &str) -> Result<(), Refusal> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if (1..=280).contains(&scope.len()) && scope.bytes().all(allowed) {
            return Ok(());
        }
        Err(host.state_mut().refuse(Refusal::new(
            "invalid_scope",
            format!("`{scope}` is not a scope."),
            "Write 1 to 280 characters without white space, `\"` and `\\`.",
        )))
    }
}

pub(crate) mod cache {
    use super::*;
    use crate::api::CacheEntry;

    const DEFAULT_TTL_MS: u64 = 15 * 60 * 1000;
    const TTL_MS_MAX: u64 = 24 * 60 * 60 * 1000;

    pub(crate) fn get(host: &Host, key: &str) -> Option<CacheEntry> {
        let state = host.state();
        state
            .cache
            .get(key)
            .filter(|entry| entry.expires_at_ms > state.now_ms)
            .cloned()
    }

    pub(crate) fn set(
        host: &Host,
        key: &str,
        value: &str,
        ttl_ms: Option<u64>,
        expires_at_ms: Option<u64>,
    ) -> Result<(), Refusal> {
        let mut state = host.state_mut();
        let now_ms = state.now_ms;
        let by_ttl = ttl_ms.map(|ttl_ms| now_ms.saturating_add(ttl_ms));
        let ends_at_ms = by_ttl
            .into_iter()
            .chain(expires_at_ms)
            .min()
            .unwrap_or(now_ms + DEFAULT_TTL_MS)
            .min(now_ms + TTL_MS_MAX);
        if ends_at_ms <= now_ms {
            return Err(state.refuse(Refusal::new(
                "already_expired",
                format!("The cache entry `{key}` would end before it began."),
                "Give it a time in the future, in milliseconds.",
            )));
        }
        let entry = CacheEntry {
            value: value.to_owned(),
            expires_at_ms: ends_at_ms,
        };
        state.cache.insert(key.to_owned(), entry);
        state
            .recorded
            .cache
            .insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    pub(crate) fn delete(host: &Host, key: &str) -> Result<(), Refusal> {
        let mut state = host.state_mut();
        if state.cache.remove(key).is_none() {
            return Err(state.refuse(Refusal::new(
                "no_such_key",
                format!("The cache has no entry `{key}`."),
                "Nothing needs to be done.",
            )));
        }
        state.recorded.cache.remove(key);
        Ok(())
    }
}

/// The value of a claim, unless the test wants the claim refused.
fn admitted(host: &Host, name: &str, json: &str) -> Result<Value, Refusal> {
    let mut state = host.state_mut();
    if let Some(refusal) = state.refused_claims.get(name).cloned() {
        return Err(state.refuse(refusal));
    }
    drop(state);
    parsed(host, name, json)
}

fn parsed(host: &Host, name: &str, json: &str) -> Result<Value, Refusal> {
    serde_json::from_str(json).map_err(|error| {
        host.state_mut().refuse(Refusal::new(
            "invalid_value",
            format!("The value of `{name}` is not JSON: {error}."),
            "Give it one JSON value.",
        ))
    })
}
