//! Actions that tests deploy.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

pub(crate) const POST_LOGIN: &str = "post-login";
pub(crate) const CREDENTIALS_EXCHANGE: &str = "credentials-exchange";

/// An Action to deploy and bind.
#[derive(Debug, Clone)]
pub(crate) struct ActionFixture {
    pub(crate) name: String,
    pub(crate) module: Vec<u8>,
    pub(crate) secrets: Vec<Value>,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) on_error: Option<&'static str>,
}

/// An Action from the module of `example-actions/<folder>` or `tests/guests/<folder>`.
pub(crate) fn guest(folder: &str) -> ActionFixture {
    ActionFixture {
        name: folder.to_owned(),
        module: module(folder),
        secrets: Vec::new(),
        allowed_hosts: Vec::new(),
        on_error: None,
    }
}

/// An Action that carries out the commands of `tests/guests/scripted/README.md`.
pub(crate) fn scripted(name: &str, script: Value) -> ActionFixture {
    ActionFixture {
        name: name.to_owned(),
        ..guest("scripted")
    }
    .secret("SCRIPT", &script.to_string())
}

impl ActionFixture {
    pub(crate) fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push(json!({"name": name, "value": value}));
        self
    }

    /// The hosts that it may call over HTTP.
    pub(crate) fn allowed_hosts<T: Into<String>>(
        mut self,
        hosts: impl IntoIterator<Item = T>,
    ) -> Self {
        self.allowed_hosts.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// What its binding says of a failure; `deny` unless this is called.
    pub(crate) fn on_error(mut self, on_error: &'static str) -> Self {
        self.on_error = Some(on_error);
        self
    }
}

/// The file of a guest's module, which is built before the tests run.
pub(crate) fn module_file(folder: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
    root.join(folder).with_extension("wasm")
}

/// A guest's module.
pub(crate) fn module(folder: &str) -> Vec<u8> {
    let file = module_file(folder);
    fs::read(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; build the guests with `cargo xtask guests`",
            file.display()
        )
    })
}
