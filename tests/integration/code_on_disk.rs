//! What a restart finds of compiled code on disk, and what it makes of code that somebody
//! has touched.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::harness::{API, CREDENTIALS_EXCHANGE, Client, TestServer, guest};

/// Files of compiled code, in an order that doesn't change.
fn code_files(data: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(data.join("code")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// A server with two Actions, each with a claim of its own.
async fn server_with_two_actions() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let job = server
        .client("job")
        .may_call(API, &["read:reports"])
        .metadata("department", "engineering")
        .create()
        .await;
    server
        .bind(
            CREDENTIALS_EXCHANGE,
            [guest("both-triggers"), guest("department")],
        )
        .await;
    assert_claims(&server, &job).await;
    (server, job)
}

async fn assert_claims(server: &TestServer, job: &Client) {
    let token = server.exchange(job).send().await.expect_token();
    let claims = token.claims();
    assert_eq!(claims["https://example.com/trigger"], CREDENTIALS_EXCHANGE);
    assert_eq!(claims["https://example.com/department"], "engineering");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_runs_actions_without_compiling_them_and_only_the_server_reads_their_code() {
    let (server, job) = server_with_two_actions().await;

    let server = server
        .restart_with(|config| config.program = PathBuf::from("/bin/false"))
        .await;

    assert_claims(&server, &job).await;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&server.folder().join("code")), 0o700);
    let files = code_files(server.folder());
    assert_eq!(files.len(), 2);
    for file in files {
        assert_eq!(mode(&file), 0o600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_was_changed_cut_off_or_put_in_anothers_place_is_compiled_anew() {
    let (server, job) = server_with_two_actions().await;
    let kept: Vec<_> = code_files(server.folder())
        .into_iter()
        .map(|file| (fs::read(&file).unwrap(), file))
        .collect();
    let [(first, first_file), (second, second_file)] = kept.as_slice() else {
        panic!("two Actions have two files");
    };
    let mut changed = first.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let half = first[..middle].to_vec();
    let mut server = server;

    for (what, of_first, of_second) in [
        ("a changed byte", &changed, second),
        ("a cut", &half, second),
        ("exchanged files", second, first),
        ("empty files", &Vec::new(), &Vec::new()),
    ] {
        server = server
            .restart_with(|_| {
                fs::write(first_file, of_first).unwrap();
                fs::write(second_file, of_second).unwrap();
            })
            .await;

        assert_claims(&server, &job).await;
        assert_ne!(&fs::read(first_file).unwrap(), of_first, "{what}");
    }
    // What was written in their place is good.
    let server = server
        .restart_with(|config| config.program = PathBuf::from("/bin/false"))
        .await;
    assert_claims(&server, &job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_of_another_engine_is_not_looked_at_and_missing_code_is_compiled_anew() {
    let (server, job) = server_with_two_actions().await;
    let files = code_files(server.folder());
    let renamed: Vec<_> = files
        .iter()
        .map(|file| file.with_extension("0123456789abcdef"))
        .collect();

    let server = server
        .restart_with(|_| {
            for (file, renamed) in files.iter().zip(&renamed) {
                fs::rename(file, renamed).unwrap();
            }
        })
        .await;

    assert_claims(&server, &job).await;
    assert!(files.iter().all(|file| file.exists()));
    assert!(renamed.iter().all(|file| file.exists()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_for_code_that_can_not_be_made_stops_nobody() {
    let (server, job) = server_with_two_actions().await;
    let code = server.folder().join("code");

    let server = server
        .restart_with(|_| {
            fs::remove_dir_all(&code).unwrap();
            fs::write(&code, "a file is in its place").unwrap();
        })
        .await;

    assert_claims(&server, &job).await;
    assert_eq!(fs::read_to_string(&code).unwrap(), "a file is in its place");
}
