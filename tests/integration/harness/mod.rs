//! A server to test, and words to say what is wanted of it.

pub(crate) mod actions;
pub(crate) mod browser;
pub(crate) mod clients;
pub(crate) mod command_line;
pub(crate) mod disk;
pub(crate) mod http;
pub(crate) mod process;
mod reply;
pub(crate) mod scrape;
pub(crate) mod service;
mod tenant;
mod things;
mod token_request;
pub(crate) mod user_service;
pub(crate) mod verify;

use std::{fs, net::SocketAddr, ops::Deref, path::Path};

use claimsmith_model::{Limit, LimitSettings, Secret, ServerLimits};
use claimsmith_server::{OutgoingConfig, RunningServer, ServeConfig, TlsOptions};
use claimsmith_storage::MasterKey;
use claimsmith_storage_sled::SledStorage;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use actions::{CREDENTIALS_EXCHANGE, POST_LOGIN, guest, scripted};
pub(crate) use reply::Reply;
pub(crate) use tenant::Tenant;
pub(crate) use things::{Client, PASSWORD, User};

/// The API that tests ask tokens for, where it doesn't matter which. Its tokens are
/// signed with ES256, whose keys are made in no time.
pub(crate) const API: &str = "https://api.example.com/";

/// A server with its data in a temporary folder. It reads as its first tenant.
#[derive(Debug)]
pub(crate) struct TestServer {
    running: RunningServer,
    folder: TempDir,
    dev: Tenant,
}

impl Deref for TestServer {
    type Target = Tenant;

    fn deref(&self) -> &Tenant {
        &self.dev
    }
}

impl TestServer {
    /// Starts a server on an empty folder. Its first tenant has the API [`API`] with
    /// the scopes `read:reports` and `write:reports`.
    pub(crate) async fn start() -> Self {
        let server = Self::start_empty().await;
        server.api(API).create().await;
        server
    }

    /// Starts a server on an empty folder, and adds nothing to what that makes.
    pub(crate) async fn start_empty() -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), |_| ()).await
    }

    /// The same as [`Self::start_empty`], with a configuration changed by `configure`.
    pub(crate) async fn start_with(configure: impl FnOnce(&mut ServeConfig)) -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), configure).await
    }

    /// Starts a server as [`start`](Self::start) does, with these limits.
    pub(crate) async fn start_within(limits: ServerLimits) -> Self {
        let server = Self::start_with(|config| config.limits = limits).await;
        server.api(API).create().await;
        server
    }

    async fn start_on(folder: TempDir, configure: impl FnOnce(&mut ServeConfig)) -> Self {
        let mut config = config(folder.path());
        configure(&mut config);
        let running = claimsmith_server::start(config).await.unwrap();
        let dev = Tenant::of_bootstrap(running.address, &bootstrap(folder.path()));
        Self {
            running,
            folder,
            dev,
        }
    }

    /// Stops the server and answers its data.
    pub(crate) async fn stop(self) -> TempDir {
        self.running.stop().await.unwrap();
        self.folder
    }

    /// Starts a server on a folder with data.
    pub(crate) async fn start_on_data(folder: TempDir) -> Self {
        Self::start_on(folder, |_| ()).await
    }

    /// Stops the server and starts another one on the same data.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// Stops the server and starts another one on the same data, with these limits.
    pub(crate) async fn restart_within(self, limits: ServerLimits) -> Self {
        self.restart_with(|config| config.limits = limits).await
    }

    /// Stops the server, and starts another one on what `change` leaves of the data and
    /// says of the configuration.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut ServeConfig)) -> Self {
        self.running.stop().await.unwrap();
        Self::start_on(self.folder, change).await
    }

    /// Stops the server, lets `change` change what is stored, and starts another one.
    pub(crate) async fn restart_after(self, change: impl AsyncFnOnce(SledStorage)) -> Self {
        self.running.stop().await.unwrap();
        let key = MasterKey::parse(master_key('5').expose()).unwrap();
        let storage = SledStorage::open(self.folder.path(), &key).await.unwrap();
        change(storage).await;
        Self::start_on(self.folder, |_| ()).await
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Where the data is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the first start wrote for the operator.
    pub(crate) fn bootstrap(&self) -> Value {
        bootstrap(self.folder.path())
    }

    /// The operator's token.
    pub(crate) fn platform_token(&self) -> String {
        let bootstrap = self.bootstrap();
        bootstrap["platform_token"].as_str().unwrap().to_owned()
    }

    /// Where the metrics have an address of their own, that one.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.running.metrics_address
    }

    /// Asks the platform API, with the operator's token.
    pub(crate) async fn platform(&self, method: &str, path: &str, body: Value) -> http::Answer {
        let token = self.platform_token();
        let path = format!("/platform/v1/{path}");
        self.dev.ask(method, &path, Some(&token), body).await
    }

    /// Creates a tenant at a public URL.
    pub(crate) async fn create_tenant(&self, id: &str, public_url: &str) -> Tenant {
        let body = serde_json::json!({"id": id, "public_url": public_url});
        let answer = self.platform("POST", "tenants", body).await.expect(201);
        Tenant::of_bootstrap(self.running.address, &answer)
    }
}

/// The configuration of a server on this folder and a free port. The public URL is
/// fixed, so that tokens outlive a restart on another port.
pub(crate) fn config(folder: &Path) -> ServeConfig {
    ServeConfig {
        data_dir: folder.to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        metrics_listen: None,
        shutdown_delay: std::time::Duration::ZERO,
        tls: TlsOptions::default(),
        trusted_proxies: Vec::new(),
        public_url: Some("http://localhost/".to_owned()),
        master_key: Some(master_key('5')),
        master_key_file: None,
        reserved_domains: Vec::new(),
        outgoing: OutgoingConfig::default(),
        program: env!("CARGO_BIN_EXE_claimsmith-under-test").into(),
        limits: ServerLimits::default(),
    }
}

/// Values of limits.
pub(crate) fn limits<const N: usize>(values: [(Limit, u64); N]) -> LimitSettings {
    let mut settings = LimitSettings::default();
    for (limit, value) in values {
        settings.set(limit, value).unwrap();
    }
    settings
}

/// A server's limits with these values in place of the usual ones.
pub(crate) fn server_limits<const N: usize>(values: [(Limit, u64); N]) -> ServerLimits {
    ServerLimits::new(limits(values), LimitSettings::default()).unwrap()
}

/// A master key made of one hexadecimal digit.
pub(crate) fn master_key(digit: char) -> Secret {
    Secret::new(digit.to_string().repeat(64))
}

pub(crate) fn bootstrap(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("bootstrap.json")).unwrap()).unwrap()
}
