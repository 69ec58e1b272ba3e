//! Backups of a server that goes on serving, and data folders made from them.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    CREDENTIALS_EXCHANGE, Client, POST_LOGIN, TestServer, User, command_line::claimsmith, guest,
    master_key, process::ServerProcess, scripted,
};

/// An API that gives refresh tokens.
const OFFLINE_API: &str = "https://offline.example.com/";
/// Everything of a tenant that the Management API shows.
const EVERYTHING: [&str; 12] = [
    "clients",
    "client-grants",
    "resource-servers",
    "users",
    // Without those that are made meanwhile.
    "roles?name_filter=reader",
    "organizations",
    "connections",
    "actions/actions",
    "actions/triggers/post-login/bindings",
    "actions/triggers/credentials-exchange/bindings",
    "tenants/settings",
    "keys/signing",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_server_restores_everything_that_was_stored_before_it() {
    // One admin asks as often as it can.
    let busy_admin = ["--limit", "admin_requests_per_s=100000"];
    let server = ServerProcess::start(&busy_admin).await;
    let world = World::fill(&server).await;
    let before = world.shown(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let bootstrap = server.folder().join("bootstrap.json");

    let is_over = AtomicBool::new(false);
    let write = async |who: usize| {
        let mut written = 0;
        while !is_over.load(Ordering::Relaxed) {
            let role = json!({"name": format!("meanwhile {who} {written}")});
            server.manage("POST", "roles", role).await.expect(200);
            written += 1;
        }
    };
    let url = server.url();
    let mut command = claimsmith();
    command.args(["backup", "--url", &url, "--to"]).arg(&file);
    command.arg("--platform-token-file").arg(bootstrap);
    let back_up = async {
        let backed_up = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = backed_up.await.unwrap();
        is_over.store(true, Ordering::Relaxed);
        output
    };
    let (output, (), ()) = tokio::join!(back_up, write(0), write(1));
    said(&output, 0, "sealed with the server's master key");

    let data = tempfile::tempdir().unwrap();
    let key = server.folder().join("master.key");
    let restored = restore(&file, data.path(), Some(&key));
    said(&restored, 0, "restored 2 tenant(s)");
    let [limit, busy] = busy_admin;
    let arguments = ["--master-key-file", key.to_str().unwrap(), limit, busy];
    let restored = server.start_beside(data, &arguments);
    assert_eq!(world.shown(&restored).await, before);
    world.works(&restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_folder_is_made_while_no_server_has_it() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let data = server.folder().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let (key, backups) = (folder.path().join("key"), folder.path().join("backups"));
    fs::write(&key, master_key('5').expose()).unwrap();
    fs::create_dir(&backups).unwrap();
    let file = backups.join("backup");
    let back_up = || {
        let mut command = claimsmith();
        command.args(["backup", "--data-dir"]).arg(&data);
        command.arg("--master-key-file").arg(&key);
        command.arg("--to").arg(&file).output().unwrap()
    };

    said(&back_up(), 2, "a server runs on");
    assert_eq!(fs::read_dir(&backups).unwrap().count(), 0);

    let folder_of_server = server.stop().await;
    said(&back_up(), 0, "backed up");
    said(&back_up(), 2, "is there already");
    let copy = tempfile::tempdir().unwrap();
    // The key may wait in the folder.
    fs::copy(&key, copy.path().join("master.key")).unwrap();
    said(
        &restore(&file, copy.path(), None),
        0,
        "restored 1 tenant(s)",
    );
    fs::copy(
        folder_of_server.path().join("bootstrap.json"),
        copy.path().join("bootstrap.json"),
    )
    .unwrap();
    let restored = TestServer::start_on_data(copy).await;
    restored.exchange(&job).send().await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_comes_over_tls_from_a_server_whose_certificate_is_trusted() {
    let server = TestServer::start_with(|config| config.tls.dev = true).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let url = format!("https://localhost:{}", server.address().port());
    let data = server.folder().to_owned();
    let back_up = |ca: bool| {
        let mut command = claimsmith();
        command.args(["backup", "--url", &url, "--to"]).arg(&file);
        let token = data.join("bootstrap.json");
        command.arg("--platform-token-file").arg(token);
        if ca {
            command.arg("--ca").arg(data.join("tls/ca.pem"));
        }
        command.output().unwrap()
    };

    said(&back_up(false), 2, "no certificate that is trusted");
    assert!(!file.exists());
    said(&back_up(true), 0, "backed up");
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_backup_of_this_key_is_refused_and_nothing_is_written() {
    let (folder, file, key) = small_backup().await;
    let whole = fs::read(&file).unwrap();
    let data = folder.path().join("data");
    let other_key = folder.path().join("other.key");
    fs::write(&other_key, "ab".repeat(32)).unwrap();
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let newer = String::from_utf8_lossy(&whole[..20]).replace("backup 1", "backup 2");
    let newer = [newer.as_bytes(), &whole[20..]].concat();

    for (what, bytes, key, error) in [
        // The last of the last value: the end takes 73 bytes.
        ("a byte", changed(whole.len() - 74), &key, "it is damaged"),
        (
            "the digest",
            changed(whole.len() - 40),
            &key,
            "it is damaged",
        ),
        ("the tag", changed(whole.len() - 1), &key, "it is damaged"),
        (
            "half",
            whole[..whole.len() / 2].to_vec(),
            &key,
            "ends in the middle",
        ),
        (
            "no end",
            whole[..whole.len() - 73].to_vec(),
            &key,
            "ends in the middle",
        ),
        (
            "more",
            [whole.as_slice(), b"\n"].concat(),
            &key,
            "it is damaged",
        ),
        ("another format", newer, &key, "it has the format 2"),
        (
            "a text",
            b"hello".to_vec(),
            &key,
            "no backup of this server",
        ),
        (
            "another key",
            whole.clone(),
            &other_key,
            "needs the master key with the id",
        ),
    ] {
        fs::write(&file, bytes).unwrap();
        let refused = restore(&file, &data, Some(key));
        said(&refused, 2, error);
        assert!(!data.exists(), "{what}");
    }

    fs::write(&file, &whole).unwrap();
    said(
        &restore(&file, &data, None),
        2,
        "give it by --master-key-file",
    );
    fs::create_dir(&data).unwrap();
    fs::write(data.join("notes.txt"), "mine").unwrap();
    said(
        &restore(&file, &data, Some(&key)),
        2,
        "isn't empty, there is notes.txt",
    );
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
    fs::remove_file(data.join("notes.txt")).unwrap();
    said(&restore(&file, &data, Some(&key)), 0, "restored");
    said(
        &restore(&file, &data, Some(&key)),
        2,
        "isn't empty, there is tenants",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_needs_the_platform_token_and_holds_no_secret_in_clear() {
    let server = TestServer::start().await;
    let token = server.management_token().await;
    for token in [None, Some(token.as_str()), Some("wrong")] {
        let refused = server.ask("POST", "/platform/v1/backup", token, Value::Null);
        refused.await.expect(401);
    }

    let token = server.bootstrap()["platform_token"].clone();
    let path = "/platform/v1/backup";
    let backup = server.ask("POST", path, token.as_str(), Value::Null).await;

    assert_eq!(backup.status, 200);
    assert_eq!(backup.header("content-type"), "application/octet-stream");
    assert_eq!(backup.header("cache-control"), "no-store");
    assert!(backup.bytes.starts_with(b"claimsmith backup 1\n"));
    let hidden = [server.admin.secret.as_str(), "https://api.example.com/"];
    for text in hidden {
        assert!(!backup.text.contains(text), "{text}");
    }
}

/// What a server has, and how its parts work.
struct World {
    job: Client,
    app: Client,
    user: User,
    refresh_token: String,
}

impl World {
    async fn fill(server: &ServerProcess) -> Self {
        server.create_tenant("acme", "https://acme.example/").await;
        let api = server.api(OFFLINE_API).with("allow_offline_access", true);
        api.create().await;
        let app = server
            .client("app")
            .grant_types(&["password", "refresh_token"]);
        let app = app.create().await;
        let job = server.job().await;
        let user = server.user("ada@example.com").create().await;
        server.role("reader", &[]).await;
        server.bind(POST_LOGIN, [guest("role")]).await;
        let says = json!([["access_token", "https://example.com/said", "hello"]]);
        let says = scripted("says", says);
        server.bind(CREDENTIALS_EXCHANGE, [says]).await;
        let login = server.login(&app, &user).audience(OFFLINE_API);
        let reply = login.scope("offline_access").send().await.expect_token();
        let refresh_token = reply.body["refresh_token"].as_str().unwrap().to_owned();
        Self {
            job,
            app,
            user,
            refresh_token,
        }
    }

    /// All that the Management API shows.
    async fn shown(&self, server: &ServerProcess) -> Value {
        let mut shown = serde_json::Map::new();
        for path in EVERYTHING {
            let answer = server.manage("GET", path, Value::Null).await.expect(200);
            shown.insert(path.to_owned(), answer);
        }
        let token = server.platform_token();
        let path = "/platform/v1/tenants";
        let tenants = server.ask("GET", path, Some(&token), Value::Null).await;
        shown.insert(path.to_owned(), tenants.expect(200));
        Value::Object(shown)
    }

    /// Whether Actions run, passwords are known, and tokens of before are good.
    async fn works(&self, server: &ServerProcess) {
        let reply = server.exchange(&self.job).send().await.expect_token();
        assert_eq!(reply.claims()["https://example.com/said"], "hello");
        server
            .login(&self.app, &self.user)
            .send()
            .await
            .expect_token();
        let request = server
            .token_request()
            .client(&self.app)
            .with("grant_type", "refresh_token")
            .with("refresh_token", self.refresh_token.as_str());
        request.send().await.expect_token();
    }
}

/// A backup of a server with little in it, and the server's key.
async fn small_backup() -> (TempDir, std::path::PathBuf, std::path::PathBuf) {
    let server = TestServer::start().await;
    let folder_of_server = server.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (folder.path().join("backup"), folder.path().join("key"));
    fs::write(&key, master_key('5').expose()).unwrap();
    let mut command = claimsmith();
    command
        .args(["backup", "--data-dir"])
        .arg(folder_of_server.path());
    command.arg("--master-key-file").arg(&key);
    said(
        &command.arg("--to").arg(&file).output().unwrap(),
        0,
        "backed up",
    );
    (folder, file, key)
}

fn restore(file: &Path, data: &Path, key: Option<&Path>) -> Output {
    let mut command: Command = claimsmith();
    command.args(["restore", "--from"]).arg(file);
    command.arg("--data-dir").arg(data);
    if let Some(key) = key {
        command.arg("--master-key-file").arg(key);
    }
    command.output().unwrap()
}

/// Asserts how a command ended and what it said.
#[track_caller]
fn said(output: &Output, code: i32, text: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(text), "{said}");
}
