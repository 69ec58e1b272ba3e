//! What was acknowledged survives `kill -9`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use claimsmith_model::Tenant;
use claimsmith_storage::{
    MasterKey, Storage,
    contract::{fill_tenant, tenant},
};
use claimsmith_storage_sled::SledStorage;

const CHILD_FOLDER: &str = "CLAIMSMITH_TEST_CHILD_FOLDER";
const CHILD_ROUND: &str = "CLAIMSMITH_TEST_CHILD_ROUND";
const ACKNOWLEDGED: &str = "acknowledged ";
const ROUNDS: usize = 5;
const WRITERS: usize = 4;

/// A tenant of 30 KB: some hundred of them fill a file of the write-ahead log.
fn large_tenant(name: &str) -> Tenant {
    let mut large = tenant(name);
    large.settings.friendly_name = Some(name.repeat(3_000));
    large
}

fn master() -> MasterKey {
    MasterKey::parse(&"ab".repeat(32)).unwrap()
}

/// The test runs itself as the child that is killed.
#[test]
fn acknowledged_writes_survive_being_killed() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    if let Ok(folder) = env::var(CHILD_FOLDER) {
        let round = env::var(CHILD_ROUND).unwrap();
        return runtime.block_on(write_until_killed(Path::new(&folder), &round));
    }

    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "acknowledged_writes_survive_being_killed",
                "--nocapture",
            ])
            .env(CHILD_FOLDER, dir.path())
            .env(CHILD_ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Killed after another number of writes each time, always in the midst of some.
        let enough = 40 + 57 * round;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut of_round = 0;
        for line in lines {
            if let Some((_, id)) = line.unwrap().split_once(ACKNOWLEDGED) {
                acknowledged.push(id.to_owned());
                of_round += 1;
            }
            if of_round == enough {
                child.kill().unwrap();
            }
        }
        assert!(!child.wait().unwrap().success());
        assert!(of_round >= enough, "round {round}: {of_round}");

        runtime.block_on(all_are_there(dir.path(), &acknowledged, round));
    }
}

async fn write_until_killed(folder: &Path, round: &str) {
    let storage = SledStorage::open(folder, &master()).await.unwrap();
    fill_tenant(&storage, &format!("round-{round}")).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let storage = storage.clone();
        let round = round.to_owned();
        writers.spawn(async move {
            for number in 0.. {
                let name = format!("r{round}-w{writer}-{number}");
                storage.create_tenant(&large_tenant(&name)).await.unwrap();
                println!("{ACKNOWLEDGED}{name}");
            }
        });
    }
    writers.join_all().await;
}

async fn all_are_there(folder: &Path, acknowledged: &[String], round: usize) {
    let storage = SledStorage::open(folder, &master()).await.unwrap();
    let found = storage.tenants().await.unwrap();
    for name in acknowledged {
        assert!(
            found.contains(&large_tenant(name)),
            "{name} was acknowledged and is gone"
        );
        // Its domain came with it: a change is stored whole.
        let mut thief = tenant("thief");
        thief.domains = tenant(name).domains;
        assert!(
            storage.create_tenant(&thief).await.is_err(),
            "the domain of {name} is free"
        );
    }
    for earlier in 0..=round {
        let store = storage.tenant(&format!("round-{earlier}").parse().unwrap());
        let version = store
            .action_version(&"version-1".parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        assert!(
            store
                .module(&version.module.sha256)
                .await
                .unwrap()
                .is_some()
        );
        assert!(
            store
                .user_by_login("Users", "ann@example.com")
                .await
                .unwrap()
                .is_some()
        );
    }
}
