//! Carries out the script in its secret `SCRIPT`; `README.md` lists the commands.

use std::time::Duration;

use actions_sdk::{
    Result,
    api::{Cache, Expiry},
    credentials_exchange,
    http::{self, Request, Response},
    log, post_login,
};
use serde_json::{Value, json};

#[actions_sdk::post_login]
fn at_login(event: &post_login::Event, api: &mut post_login::Api) -> Result<()> {
    run(&mut Login { event, api })
}

#[actions_sdk::credentials_exchange]
fn at_exchange(
    event: &credentials_exchange::Event,
    api: &mut credentials_exchange::Api,
) -> Result<()> {
    run(&mut Exchange { event, api })
}

/// What the two triggers have in common.
trait Stage {
    fn secret(&self, name: &str) -> Option<String>;
    fn event(&self, pointer: &str) -> Option<Value>;
    fn set_access_token_claim(&mut self, name: &str, value: &Value);
    fn cache(&mut self) -> Cache<'_>;

    /// Carries out a command that isn't the same at both triggers. Answers whether
    /// this trigger has it.
    fn carry_out(&mut self, command: &[&str], value: &Value) -> bool;
}

fn run(stage: &mut impl Stage) -> Result<()> {
    let script = stage
        .secret("SCRIPT")
        .ok_or("the Action has no secret SCRIPT")?;
    let script: Vec<Vec<Value>> = serde_json::from_str(&script)?;
    for command in &script {
        let texts: Vec<&str> = command
            .iter()
            .map(|value| value.as_str().unwrap_or(""))
            .collect();
        let value = command.last().unwrap_or(&Value::Null);
        match texts.as_slice() {
            ["access_token", name, _] => stage.set_access_token_claim(name, value),
            ["echo", pointer, name] => {
                let part = stage.event(pointer).unwrap_or_default();
                stage.set_access_token_claim(name, &part);
            }
            ["echo_secret", secret, name] => {
                let secret = stage.secret(secret).into();
                stage.set_access_token_claim(name, &secret);
            }
            ["cache", key, value] => {
                let expiry = Expiry::after(Duration::from_secs(60));
                stage.cache().set(key, value, expiry);
            }
            ["echo_cache", key, name] => {
                let cached = stage.cache().get(key).map(|entry| entry.value).into();
                stage.set_access_token_claim(name, &cached);
            }
            ["http", method, url, name] => {
                let seen = seen(request(method, url).send());
                stage.set_access_token_claim(name, &seen);
            }
            ["http_sends", method, url, length, name] => {
                let body = vec![b'x'; length.parse()?];
                let seen = seen(request(method, url).body(body).send());
                stage.set_access_token_claim(name, &seen);
            }
            ["http_header", header, value, url, name] => {
                let seen = seen(Request::get(*url).header(*header, *value).send());
                stage.set_access_token_claim(name, &seen);
            }
            ["log", "debug", message] => log::debug(message),
            ["log", "info", message] => log::info(message),
            ["log", "warn", message] => log::warn(message),
            ["log", "error", message] => log::error(message),
            ["log_many", _, message] => {
                for _ in 0..command.get(1).and_then(Value::as_u64).unwrap_or_default() {
                    log::info(message);
                }
            }
            ["fail", message] => return Err((*message).into()),
            ["panic", message] => panic!("{message}"),
            ["loop"] => loop {
                std::hint::spin_loop();
            },
            other if stage.carry_out(other, value) => {}
            other => return Err(format!("no such command at this trigger: {other:?}").into()),
        }
    }
    Ok(())
}

fn request(method: &str, url: &str) -> Request {
    match method {
        "POST" => Request::post(url),
        "HEAD" => Request::head(url),
        _ => Request::get(url),
    }
}

/// What a call came to: the answer's beginning, or the kind of the error.
fn seen(result: std::result::Result<Response, http::Error>) -> Value {
    match result {
        Ok(response) => {
            let body = String::from_utf8_lossy(response.bytes());
            json!({
                "status": response.status(),
                "location": response.header("Location"),
                "length": body.len(),
                "body": body.chars().take(200).collect::<String>(),
            })
        }
        Err(error) => json!({"error": format!("{:?}", error.kind())}),
    }
}

struct Login<'a> {
    event: &'a post_login::Event,
    api: &'a mut post_login::Api,
}

impl Stage for Login<'_> {
    fn secret(&self, name: &str) -> Option<String> {
        self.event.secrets().get(name)
    }

    fn event(&self, pointer: &str) -> Option<Value> {
        self.event.get(pointer)
    }

    fn set_access_token_claim(&mut self, name: &str, value: &Value) {
        self.api.access_token().set_custom_claim(name, value);
    }

    fn cache(&mut self) -> Cache<'_> {
        self.api.cache()
    }

    fn carry_out(&mut self, command: &[&str], value: &Value) -> bool {
        match command {
            ["id_token", name, _] => self.api.id_token().set_custom_claim(name, value),
            ["deny", reason] => self.api.access().deny(reason),
            ["app_metadata", key, _] => self.api.user().set_app_metadata(key, value),
            ["user_metadata", key, _] => self.api.user().set_user_metadata(key, value),
            ["transaction_metadata", key, _] => self.api.transaction().set_metadata(key, value),
            ["add_scope", scope] => self.api.access_token().add_scope(scope),
            ["remove_scope", scope] => self.api.access_token().remove_scope(scope),
            _ => return false,
        }
        true
    }
}

struct Exchange<'a> {
    event: &'a credentials_exchange::Event,
    api: &'a mut credentials_exchange::Api,
}

impl Stage for Exchange<'_> {
    fn secret(&self, name: &str) -> Option<String> {
        self.event.secrets().get(name)
    }

    fn event(&self, pointer: &str) -> Option<Value> {
        self.event.get(pointer)
    }

    fn set_access_token_claim(&mut self, name: &str, value: &Value) {
        self.api.access_token().set_custom_claim(name, value);
    }

    fn cache(&mut self) -> Cache<'_> {
        self.api.cache()
    }

    fn carry_out(&mut self, command: &[&str], value: &Value) -> bool {
        use credentials_exchange::DenialCode::{InvalidRequest, InvalidScope, ServerError};
        match command {
            ["deny", "invalid_scope", reason] => self.api.access().deny(InvalidScope, reason),
            ["deny", "invalid_request", reason] => self.api.access().deny(InvalidRequest, reason),
            ["deny", "server_error", reason] => self.api.access().deny(ServerError, reason),
            ["transaction_metadata", key, _] => self.api.transaction().set_metadata(key, value),
            ["add_scope", scope] => self.api.transaction().add_target_scope(scope),
            ["remove_scope", scope] => self.api.transaction().remove_target_scope(scope),
            _ => return false,
        }
        true
    }
}
