//! Other people's OAuth clients, each run by a program of `tests/clients`.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use claimsmith_model::ServerLimits;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{API, Client, PASSWORD, TestServer, User, actions::module_file};

/// How long a program may take. On a busy machine a browser alone takes seconds, and
/// thousands of requests minutes.
const PATIENCE: Duration = Duration::from_secs(500);

/// Where clients want their users back. Nothing listens there: the programs see that they
/// are sent there, and don't go.
pub(crate) const CALLBACK: &str = "http://localhost:9/callback";

/// Where clients want their users after a logout.
pub(crate) const AFTER_LOGOUT: &str = "http://localhost:9/logged-out";

/// A server whose issuer is its own address, with what every client needs: the API
/// [`API`], whose tokens follow RFC 9068, and a user.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) server: TestServer,
    pub(crate) ada: User,
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = TestServer::start_with(|config| config.public_url = None).await;
        let api = server.api(API).with("allow_offline_access", true);
        let api = api.with("token_dialect", "rfc9068_profile");
        api.create().await;
        let user = server.user("ada@example.com").with("name", "Ada Lovelace");
        let ada = user.create().await;
        Self { server, ada }
    }

    /// What a program is told: where the server is, and who asks.
    pub(crate) fn given<const N: usize>(&self, clients: [(&str, &Client); N]) -> Value {
        let mut given = json!({
            "issuer": self.server.issuer,
            "audience": API,
            "callback": CALLBACK,
            "after_logout": AFTER_LOGOUT,
            "user": {"email": self.ada.email, "password": PASSWORD},
        });
        for (name, client) in clients {
            given[name] = json!({"id": client.id, "secret": client.secret});
        }
        given
    }
}

/// A server that speaks TLS with a certificate below its own authority, for tools that take
/// nothing else. They fill it themselves.
#[derive(Debug)]
pub(crate) struct TlsWorld {
    pub(crate) server: TestServer,
    /// Where a program may write.
    folder: TempDir,
}

impl TlsWorld {
    pub(crate) async fn start() -> Self {
        Self::start_within(ServerLimits::default()).await
    }

    pub(crate) async fn start_within(limits: ServerLimits) -> Self {
        let server = TestServer::start_with(|config| {
            config.public_url = None;
            config.tls.dev = true;
            config.limits = limits;
        });
        Self {
            server: server.await,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// What a program is told: where the server is, whom to trust, who asks, and the files
    /// of modules.
    pub(crate) fn given(&self) -> Value {
        let bootstrap = self.server.bootstrap();
        let management = &bootstrap["management"];
        let issuer = &self.server.issuer;
        let domain = issuer.strip_prefix("https://").unwrap();
        json!({
            "domain": domain.strip_suffix('/').unwrap(),
            "client_id": management["client_id"],
            "client_secret": management["client_secret"],
            "ca": self.server.folder().join("tls/ca.pem"),
            "audience": API,
            "folder": self.folder.path(),
            "modules": {
                "department": module_file("department"),
                "both": module_file("both-triggers"),
                "role": module_file("role"),
            },
        })
    }
}

/// What a program reported, step by step.
#[derive(Debug)]
pub(crate) struct Report(Vec<Value>);

impl Report {
    /// What came of a step.
    #[track_caller]
    pub(crate) fn step(&self, name: &str) -> &Value {
        let mut steps = self.0.iter();
        let found = steps.find(|step| step["step"] == name);
        found.unwrap_or_else(|| panic!("no step {name} in {:#?}", self.0))
    }
}

/// Runs a program of `tests/clients` and answers what it reported. It must end well.
pub(crate) async fn run(program: &str, given: &Value) -> Report {
    // Node.js looks for packages beside the program: where both are is made here.
    let folder = tempfile::tempdir().unwrap();
    copy_files(&sources(), folder.path());
    copy_files(&sources().join("spa"), &folder.path().join("spa"));
    symlink(
        installed("npm/node_modules"),
        folder.path().join("node_modules"),
    )
    .unwrap();
    let interpreter = match Path::new(program).extension().and_then(|it| it.to_str()) {
        Some("js") => PathBuf::from("node"),
        Some("py") => installed("python/bin/python"),
        _ => panic!("{program} is in no language that has clients here"),
    };
    let mut command = Command::new(interpreter);
    if let Some(ca) = given["ca"].as_str() {
        command.env("NODE_EXTRA_CA_CERTS", ca);
        command.env("SSL_CERT_FILE", ca);
    }
    let running = command
        .arg(folder.path().join(program))
        .arg(given.to_string())
        .current_dir(folder.path())
        .env_remove("NODE_ENV")
        .env_remove("NODE_OPTIONS")
        .env("NO_PROXY", "localhost,127.0.0.1")
        // The library wants https; tests run over http on this machine.
        .env("AUTHLIB_INSECURE_TRANSPORT", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running).await;
    let output = output.unwrap_or_else(|_| panic!("{program} did not end within {PATIENCE:?}"));
    let output = output.unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{program}: {}\n{stdout}{stderr}",
        output.status
    );
    let lines = stdout.lines();
    Report(
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{program}: {line}")))
            .collect(),
    )
}

/// Copies the files of a folder, without those in folders of it.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The browser, for the clients that run in one.
pub(crate) fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join("chromium"));
    places.find(|place| place.is_file()).unwrap_or_else(|| {
        panic!("there is no chromium; install it with `cargo xtask test --only clients`")
    })
}

fn sources() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// Something that was installed before the tests run.
fn installed(path: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let place = tests.with_file_name("target").join("clients").join(path);
    assert!(
        place.exists(),
        "{} is not there; install the clients with `cargo xtask test --only clients`",
        place.display()
    );
    place
}
