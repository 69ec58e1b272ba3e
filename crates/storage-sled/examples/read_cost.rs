//! Prints what a read and a durable write cost, and the memory that it takes.
//!
//! `cargo run --release -p claimsmith-storage-sled --example read_cost`

#![expect(clippy::print_stdout, reason = "an example that prints")]

use std::{error::Error, fs, time::Instant};

use claimsmith_model::{JsonObject, User, UserId};
use claimsmith_model::{LimitSettings, Tenant, TenantId, TenantSettings, Timestamp};
use claimsmith_storage::{MasterKey, Storage};
use claimsmith_storage_sled::SledStorage;

const USERS: usize = 20_000;
const WRITERS: usize = 64;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let master = MasterKey::parse(&"ab".repeat(32))?;
    let storage = SledStorage::open(dir.path(), &master).await?;
    println!("open: {} KiB resident", resident_kib());
    let id: TenantId = "dev".parse()?;
    let created_at = Timestamp::from_millis(0);
    let issuer = "http://localhost/".to_owned();
    let settings = TenantSettings::default();
    let tenant = Tenant {
        id: id.clone(),
        issuer,
        domains: vec![],
        settings,
        limits: LimitSettings::default(),
        created_at,
    };
    storage.create_tenant(&tenant).await?;
    let store = storage.tenant(&id);

    let began = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = storage.tenant(&id);
        writers.spawn(async move {
            for number in (writer..USERS).step_by(WRITERS) {
                store.create_user(&user(number)).await?;
            }
            Ok::<_, claimsmith_storage::StorageError>(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    let per_second = USERS as f64 / began.elapsed().as_secs_f64();
    println!(
        "{WRITERS} writers: {per_second:.0} durable users/s, {} KiB",
        resident_kib()
    );

    let began = Instant::now();
    for number in 0..USERS {
        store.user(&user_id(number * 7_919 % USERS)).await?;
    }
    let each = began.elapsed() / u32::try_from(USERS)?;
    println!("user, any of {USERS}: {each:?} each");
    let began = Instant::now();
    for number in 0..USERS {
        store.user(&user_id(number % 100)).await?;
    }
    println!(
        "user, one of 100: {:?} each",
        began.elapsed() / u32::try_from(USERS)?
    );
    let began = Instant::now();
    for _ in 0..USERS {
        store.configuration_stamp().await?;
    }
    println!("stamp: {:?} each", began.elapsed() / u32::try_from(USERS)?);
    let began = Instant::now();
    let none = JsonObject::new();
    for number in 0..1_000 {
        store
            .record_login(&user_id(number), 0, &none, &none, "192.0.2.1", created_at)
            .await?;
    }
    println!(
        "login, one after another: {:?} each",
        began.elapsed() / 1_000
    );
    println!("end: {} KiB resident", resident_kib());
    Ok(())
}

fn user_id(number: usize) -> UserId {
    #[expect(clippy::expect_used, reason = "a hexadecimal number is an identifier")]
    format!("auth0|{number:024x}")
        .parse()
        .expect("an identifier")
}

fn user(number: usize) -> User {
    serde_json::from_value(serde_json::json!({
        "user_id": user_id(number), "connection": "Users", "identities": [],
        "email": format!("{number}@example.com"), "app_metadata": { "role": "admin" },
        "password_hash": "x".repeat(96),
        "created_at": Timestamp::default(), "updated_at": Timestamp::default(),
    }))
    .unwrap_or_else(|error| unreachable!("{error}"))
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or_default()
}
