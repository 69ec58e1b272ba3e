//! Commands: what an Action asks for.

use std::collections::HashSet;

use claimsmith_claims::{VALUE_DEPTH_MAX, refused_claim};
use claimsmith_model::{Command, Denial, DenialCode, LogLevel, Refusal, TokenKind, Trigger};
use serde_json::Value;

use super::{contract, depth::check_depth, metadata};
use crate::{cache, sandbox::Sandbox};

/// The contract's answer to a command: nothing when it is done, or why not.
///
/// Not a `result`: in Python and JavaScript its error is thrown, and an author who
/// ignores a refusal must not have a failing Action.
type Answer = wasmtime::Result<Option<contract::refusals::Refusal>>;

/// The longest reason of a denial, in characters.
const REASON_CHARACTERS_MAX: usize = 1_024;
/// The longest scope, in characters; as in the reference product.
const SCOPE_CHARACTERS_MAX: usize = 280;
/// The most scopes of a token; as in the reference product.
const SCOPES_MAX: usize = 1_000;

fn to_wit(refusal: Refusal) -> contract::refusals::Refusal {
    let Refusal {
        code,
        message,
        remedy,
    } = refusal;
    contract::refusals::Refusal {
        code,
        message,
        remedy,
    }
}

fn cut(reason: &str) -> String {
    reason.chars().take(REASON_CHARACTERS_MAX).collect()
}

impl Sandbox {
    fn set_claim(&mut self, token: TokenKind, name: &str, value_json: &str) -> Answer {
        self.count_command(&[name, value_json])?;
        if token == TokenKind::IdToken && !self.is_login() {
            let refusal = not_in_this_trigger("an ID token", Trigger::CredentialsExchange);
            return Ok(Some(to_wit(self.refuse_claim(token, name, refusal))));
        }
        // The policy has the contract's limit, and names first what is wrong with a name.
        let levels_max = self.limits().json_depth_max;
        if levels_max < VALUE_DEPTH_MAX
            && let Err(refusal) = check_depth(value_json, levels_max)
        {
            return Ok(Some(to_wit(self.refuse_claim(token, name, refusal))));
        }
        let action = std::sync::Arc::clone(&self.invocation.action);
        match self.ledger_mut(token).offer_json(&action, name, value_json) {
            Ok(_) => Ok(None),
            Err(refusal) => Ok(Some(to_wit(self.refuse_claim(token, name, refusal)))),
        }
    }

    fn refuse_claim(&mut self, token: TokenKind, name: &str, refusal: Refusal) -> Refusal {
        let refused = refused_claim(token, &self.invocation.action, name, refusal.clone());
        if !self.refused_claims.contains(&refused) && self.has_room_for_refusal() {
            self.refused_claims.push(refused);
        }
        refusal
    }

    /// Refuses a command that isn't a claim, in the contract's form.
    pub(super) fn refused(&mut self, command: &str, refusal: Refusal) -> Answer {
        Ok(Some(to_wit(self.refuse(command, refusal))))
    }

    fn deny(&mut self, code: DenialCode, reason: &str) {
        if self.denial.is_none() {
            self.denial = Some(Denial {
                code,
                reason: cut(reason),
            });
        }
    }

    /// Changes the token's scopes, of a login or of an exchange as `trigger` says:
    /// all of it or nothing.
    fn change_scopes(
        &mut self,
        command: &'static str,
        trigger: Trigger,
        scopes: &[String],
        change: impl FnOnce(&mut Vec<String>),
    ) -> Answer {
        if scopes.len() > SCOPES_MAX {
            self.count_command(&[])?;
            return self.refused(command, too_many_scopes());
        }
        let texts: Vec<&str> = scopes.iter().map(String::as_str).collect();
        self.count_command(&texts)?;
        let refusal = if self.invocation.trigger == trigger {
            let granted: HashSet<&str> = self
                .invocation
                .grant_scopes
                .iter()
                .map(String::as_str)
                .collect();
            texts
                .iter()
                .find_map(|scope| check_scope(trigger, &granted, scope))
        } else {
            Some(not_in_this_trigger("this command", self.invocation.trigger))
        };
        if let Some(refusal) = refusal {
            return self.refused(command, refusal);
        }
        let mut target = self.event().transaction.target_scopes.clone();
        change(&mut target);
        if target.len() > SCOPES_MAX {
            return self.refused(command, too_many_scopes());
        }
        if target != self.event().transaction.target_scopes {
            self.event_mut().transaction.target_scopes = target;
        }
        Ok(None)
    }
}

fn too_many_scopes() -> Refusal {
    Refusal {
        code: "too_many_scopes".to_owned(),
        message: format!("a token has at most {SCOPES_MAX} scopes"),
        remedy: "remove scopes, or use permissions or a claim instead".to_owned(),
    }
}

fn check_scope(trigger: Trigger, granted: &HashSet<&str>, scope: &str) -> Option<Refusal> {
    let is_scope_character = |c: char| {
        // RFC 6749 section 3.3: %x21 / %x23-5B / %x5D-7E.
        c.is_ascii_graphic() && c != '"' && c != '\\'
    };
    if scope.is_empty()
        || scope.len() > SCOPE_CHARACTERS_MAX
        || !scope.chars().all(is_scope_character)
    {
        return Some(Refusal {
            code: "invalid_scope".to_owned(),
            message: format!(
                "a scope has 1 to {SCOPE_CHARACTERS_MAX} visible ASCII characters without \
                     quotation marks and backslashes (RFC 6749 section 3.3)"
            ),
            remedy: "give one scope for each call, such as read:reports".to_owned(),
        });
    }
    if trigger == Trigger::CredentialsExchange && !granted.contains(scope) {
        return Some(Refusal {
            code: "scope_not_granted".to_owned(),
            message: format!("the client's grant for this API does not hold `{scope}`"),
            remedy: "add the scope to the client grant, or leave it out".to_owned(),
        });
    }
    None
}

/// Refuses what only the other trigger has.
pub(super) fn not_in_this_trigger(what: &str, trigger: Trigger) -> Refusal {
    let (other, remedy) = match trigger {
        Trigger::PostLogin => (
            Trigger::CredentialsExchange,
            "use access-token.add-scope and remove-scope here",
        ),
        Trigger::CredentialsExchange => (
            Trigger::PostLogin,
            "there is no user and no ID token here: use the access token",
        ),
    };
    Refusal {
        code: "not_in_this_trigger".to_owned(),
        message: format!("{what} exists at {other} only; this is {trigger}"),
        remedy: remedy.to_owned(),
    }
}

impl contract::post_login_access::Host for Sandbox {
    fn deny(&mut self, reason: String) -> wasmtime::Result<()> {
        self.count_command(&[&reason])?;
        // In the other trigger a denial must deny all the same.
        let code = if self.is_login() {
            DenialCode::AccessDenied
        } else {
            DenialCode::InvalidRequest
        };
        self.deny(code, &reason);
        Ok(())
    }
}

impl contract::credentials_exchange_access::Host for Sandbox {
    fn deny(
        &mut self,
        code: contract::credentials_exchange_access::DenialCode,
        reason: Option<String>,
    ) -> wasmtime::Result<()> {
        use contract::credentials_exchange_access::DenialCode as Wit;
        let reason = reason.unwrap_or_default();
        self.count_command(&[&reason])?;
        let code = match code {
            _ if self.is_login() => DenialCode::AccessDenied,
            Wit::InvalidScope => DenialCode::InvalidScope,
            Wit::InvalidRequest => DenialCode::InvalidRequest,
            Wit::ServerError => DenialCode::ServerError,
        };
        self.deny(code, &reason);
        Ok(())
    }
}

impl contract::access_token::Host for Sandbox {
    fn set_custom_claim(&mut self, name: String, value_json: String) -> Answer {
        self.set_claim(TokenKind::AccessToken, &name, &value_json)
    }

    fn add_scope(&mut self, scope: String) -> Answer {
        let scopes = [scope];
        let command = "access-token.add-scope";
        self.change_scopes(command, Trigger::PostLogin, &scopes, |target| {
            add(target, &scopes);
        })
    }

    fn remove_scope(&mut self, scope: String) -> Answer {
        let scopes = [scope];
        let command = "access-token.remove-scope";
        self.change_scopes(command, Trigger::PostLogin, &scopes, |target| {
            target.retain(|present| !scopes.contains(present));
        })
    }
}

/// Adds the scopes that are not there yet, in order.
fn add(target: &mut Vec<String>, scopes: &[String]) {
    let mut present: HashSet<String> = target.iter().cloned().collect();
    for scope in scopes {
        if present.insert(scope.clone()) {
            target.push(scope.clone());
        }
    }
}

impl contract::id_token::Host for Sandbox {
    fn set_custom_claim(&mut self, name: String, value_json: String) -> Answer {
        self.set_claim(TokenKind::IdToken, &name, &value_json)
    }
}

impl contract::user::Host for Sandbox {
    fn set_app_metadata(&mut self, key: String, value_json: String) -> Answer {
        self.count_command(&[&key, &value_json])?;
        let present = self.event().user.as_ref().map(|user| &user.app_metadata);
        let set_before = self.commands.iter().filter_map(|command| match command {
            Command::SetAppMetadata { key, value } => Some((key.as_str(), value)),
            _ => None,
        });
        let checked = check_depth(&value_json, self.limits().json_depth_max).and_then(|()| {
            metadata::user_entry(self.is_login(), present, set_before, &key, &value_json)
        });
        match checked {
            Ok(value) => {
                self.commands.push(Command::SetAppMetadata { key, value });
                Ok(None)
            }
            Err(refusal) => self.refused("user.set-app-metadata", refusal),
        }
    }

    fn set_user_metadata(&mut self, key: String, value_json: String) -> Answer {
        self.count_command(&[&key, &value_json])?;
        let present = self.event().user.as_ref().map(|user| &user.user_metadata);
        let set_before = self.commands.iter().filter_map(|command| match command {
            Command::SetUserMetadata { key, value } => Some((key.as_str(), value)),
            _ => None,
        });
        let checked = check_depth(&value_json, self.limits().json_depth_max).and_then(|()| {
            metadata::user_entry(self.is_login(), present, set_before, &key, &value_json)
        });
        match checked {
            Ok(value) => {
                self.commands.push(Command::SetUserMetadata { key, value });
                Ok(None)
            }
            Err(refusal) => self.refused("user.set-user-metadata", refusal),
        }
    }
}

impl contract::transaction::Host for Sandbox {
    fn set_metadata(&mut self, key: String, value_json: String) -> Answer {
        self.count_command(&[&key, &value_json])?;
        let present = &self.event().transaction.metadata;
        match metadata::transaction_entry(present, &key, &value_json) {
            Ok(value) => {
                let metadata = &mut self.event_mut().transaction.metadata;
                if value == Value::Null {
                    metadata.shift_remove(&key);
                } else {
                    metadata.insert(key, value);
                }
                Ok(None)
            }
            Err(refusal) => self.refused("transaction.set-metadata", refusal),
        }
    }

    fn add_target_scope(&mut self, scope: String) -> Answer {
        let scopes = [scope];
        let command = "transaction.add-target-scope";
        self.change_scopes(command, Trigger::CredentialsExchange, &scopes, |target| {
            add(target, &scopes);
        })
    }

    fn remove_target_scope(&mut self, scope: String) -> Answer {
        let scopes = [scope];
        let command = "transaction.remove-target-scope";
        self.change_scopes(command, Trigger::CredentialsExchange, &scopes, |target| {
            target.retain(|present| !scopes.contains(present));
        })
    }

    fn set_target_scopes(&mut self, scopes: Vec<String>) -> Answer {
        let command = "transaction.set-target-scopes";
        self.change_scopes(command, Trigger::CredentialsExchange, &scopes, |target| {
            target.clear();
            add(target, &scopes);
        })
    }
}

impl Sandbox {
    /// What this Action itself did to a cache entry, if anything.
    fn own_cache_write(&self, key: &str) -> Option<Option<cache::Entry>> {
        self.commands
            .iter()
            .rev()
            .find_map(|command| match command {
                Command::CacheSet {
                    key: set,
                    value,
                    expires_at_ms,
                } if set == key => Some(Some(cache::Entry {
                    value: value.clone(),
                    expires_at_ms: *expires_at_ms,
                })),
                Command::CacheDelete { key: deleted } if deleted == key => Some(None),
                _ => None,
            })
    }
}

impl contract::cache::Host for Sandbox {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<contract::cache::Entry>> {
        let entry = match self.own_cache_write(&key) {
            Some(own) => own,
            None => self.invocation.cache.get(&key, self.now_ms()),
        };
        Ok(entry.map(
            |cache::Entry {
                 value,
                 expires_at_ms,
             }| contract::cache::Entry {
                value,
                expires_at_ms,
            },
        ))
    }

    fn set(
        &mut self,
        key: String,
        value: String,
        ttl_ms: Option<u64>,
        expires_at_ms: Option<u64>,
    ) -> Answer {
        self.count_command(&[&key, &value])?;
        match cache::check_set(&key, &value, ttl_ms, expires_at_ms, self.now_ms()) {
            Ok(expires_at_ms) => {
                self.commands.push(Command::CacheSet {
                    key,
                    value,
                    expires_at_ms,
                });
                Ok(None)
            }
            Err(refusal) => self.refused("cache.set", refusal),
        }
    }

    fn delete(&mut self, key: String) -> Answer {
        self.count_command(&[&key])?;
        if contract::cache::Host::get(self, key.clone())?.is_none() {
            return self.refused(
                "cache.delete",
                Refusal {
                    code: "no_such_key".to_owned(),
                    message: "the cache has no entry under that key".to_owned(),
                    remedy: "nothing needs to be done if the entry was to be gone".to_owned(),
                },
            );
        }
        self.commands.push(Command::CacheDelete { key });
        Ok(None)
    }
}

impl contract::secrets::Host for Sandbox {
    fn get(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let secret = self
            .invocation
            .secrets
            .iter()
            .find(|secret| secret.name == name);
        Ok(secret.map(|secret| secret.value.expose().to_owned()))
    }
}

impl contract::log::Host for Sandbox {
    fn write(&mut self, level: contract::log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            contract::log::Level::Debug => LogLevel::Debug,
            contract::log::Level::Info => LogLevel::Info,
            contract::log::Level::Warn => LogLevel::Warn,
            contract::log::Level::Error => LogLevel::Error,
        };
        self.log.line(level, &message);
        Ok(())
    }
}
