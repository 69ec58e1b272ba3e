//! Starting, stopping, and what an operator can get wrong.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use claimsmith_server::ServeConfig;
use serde_json::Value;

use crate::harness::{TestServer, command_line::claimsmith, config, http, master_key};

/// Why a server doesn't start with this configuration.
async fn refusal(config: ServeConfig) -> String {
    format!("{:#}", claimsmith_server::start(config).await.unwrap_err())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_a_tenant_and_tells_its_operator_alone_how_to_reach_it() {
    let server = TestServer::start_empty().await;

    let bootstrap = server.bootstrap();
    assert_eq!(bootstrap["tenant"], "dev");
    assert_eq!(bootstrap["issuer"], "http://localhost/");
    assert_eq!(
        bootstrap["management"]["audience"],
        "http://localhost/api/v2/"
    );
    let mode = fs::metadata(server.folder().join("bootstrap.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    server.get("/healthz").await.expect(200);
    server
        .manage("GET", "clients", Value::Null)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_master_key_starts_nothing_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let running = claimsmith_server::start(config(folder.path()))
        .await
        .unwrap();
    running.stop().await.unwrap();

    let wrong = ServeConfig {
        master_key: Some(master_key('6')),
        ..config(folder.path())
    };
    let message = refusal(wrong).await;
    assert!(message.contains("master key"), "{message}");
    assert!(message.contains("nothing was changed"), "{message}");

    let not_a_key = ServeConfig {
        master_key: Some(claimsmith_model::Secret::new("hunter2")),
        ..config(folder.path())
    };
    let message = refusal(not_a_key).await;
    assert!(!message.contains("hunter2"), "{message}");

    let running = claimsmith_server::start(config(folder.path()))
        .await
        .unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_serves_one_server_at_a_time() {
    let server = TestServer::start().await;
    let job = server.job().await;

    let message = refusal(config(server.folder())).await;

    assert!(message.contains("in use"), "{message}");
    assert!(message.contains("--data-dir"), "{message}");
    server.exchange(&job).send().await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_can_not_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    fs::write(&file, "not a folder").unwrap();

    let message = refusal(config(&file.join("data"))).await;

    assert!(message.contains("a-file/data"), "{message}");
    assert!(message.contains("--data-dir"), "{message}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "not a folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_and_the_data_stays_untouched() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");

    let message = refusal(ServeConfig {
        listen: address,
        ..config(&data)
    })
    .await;

    assert!(message.contains(&address.to_string()), "{message}");
    assert!(message.contains("--listen"), "{message}");
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_url_that_can_be_no_issuer_is_refused_and_a_right_one_works_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let with = |url: &str| ServeConfig {
        public_url: Some(url.to_owned()),
        ..config(folder.path())
    };

    for wrong in ["localhost", "ftp://localhost/", "http://localhost/path"] {
        let message = refusal(with(wrong)).await;
        assert!(message.contains(wrong), "{message}");
    }

    let running = claimsmith_server::start(with("https://login.example.com"))
        .await
        .unwrap();
    running.stop().await.unwrap();
    let bootstrap = fs::read_to_string(folder.path().join("bootstrap.json")).unwrap();
    assert!(
        bootstrap.contains("https://login.example.com/api/v2/"),
        "{bootstrap}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_serves_until_sigterm_and_leaves_its_data_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = claimsmith()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
    let address = log
        .find_map(|line| {
            let line = line.unwrap();
            let (_, address) = line.split_once("serving address=")?;
            Some(address.trim().parse().unwrap())
        })
        .unwrap();
    let headers = ::http::HeaderMap::new;
    let answer = http::send(
        address,
        "localhost",
        ::http::Method::GET,
        "/healthz",
        headers(),
        "",
    );
    answer.await.expect(200);

    let kill = Command::new("kill")
        .args(["-TERM", &server.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    // Read to its end, so that the program is never kept from writing.
    let rest: Vec<_> = log.map(Result::unwrap).collect();
    let status = server.wait().unwrap();

    assert!(status.success(), "{status}: {rest:?}");
    // The key that the first start made is found again, and the data with it.
    assert!(folder.path().join("master.key").exists());
    let again = ServeConfig {
        master_key: None,
        ..config(folder.path())
    };
    claimsmith_server::start(again)
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
}

#[test]
fn help_names_every_setting_of_serve_and_its_variable() {
    let output = claimsmith().args(["serve", "--help"]).output().unwrap();

    let text = String::from_utf8(output.stdout).unwrap();
    for setting in [
        "--data-dir",
        "CLAIMSMITH_DATA_DIR",
        "--listen",
        "CLAIMSMITH_LISTEN",
        "--public-url",
        "CLAIMSMITH_PUBLIC_URL",
        "--metrics-listen",
        "CLAIMSMITH_METRICS_LISTEN",
        "--shutdown-delay",
        "CLAIMSMITH_SHUTDOWN_DELAY",
        "--log",
        "CLAIMSMITH_LOG",
        "--log-format",
        "CLAIMSMITH_LOG_FORMAT",
        "--master-key-file",
        "CLAIMSMITH_MASTER_KEY",
        "--limit",
        "CLAIMSMITH_LIMITS",
        "--limit-max",
        "CLAIMSMITH_LIMITS_MAX",
    ] {
        assert!(text.contains(setting), "{setting}\n{text}");
    }
}
