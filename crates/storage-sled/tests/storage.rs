//! The tenants' data in a folder: the contract, and what is particular to files.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    task::{Context, Waker},
};

use claimsmith_model::{Secret, TenantId, Timestamp};
use claimsmith_storage::{
    MasterKey, Storage, StorageError,
    contract::{MODULE, backup_contract, contract, fill_tenant},
};
use claimsmith_storage_sled::SledStorage;

fn master(byte: &str) -> MasterKey {
    MasterKey::parse(&byte.repeat(32)).unwrap()
}

/// Every file under `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sled_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let master = master("ab");
    contract(async || SledStorage::open(dir.path(), &master).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_sled_holds_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let master = master("ab");
    let storage = SledStorage::open(dir.path(), &master).await.unwrap();
    backup_contract(Arc::new(storage), &master).await;
}

/// A caller that has gone away leaves its change behind, which may then be the last to hold
/// what the storage is made of.
#[tokio::test]
async fn a_storage_that_is_closed_while_it_writes_can_be_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let master = master("ab");
    for _ in 0..50 {
        let storage = SledStorage::open(dir.path(), &master).await.unwrap();
        let tenant = storage.tenant(&TenantId::from_str("dev").unwrap());
        let mut change = tenant.remove_expired(Timestamp::default(), 1);
        let _ = change
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        drop(change);
        drop(tenant);
        drop(storage);
    }
}

#[tokio::test]
async fn another_master_key_is_refused_and_the_right_one_still_opens() {
    let dir = tempfile::tempdir().unwrap();
    let storage = SledStorage::open(dir.path(), &master("ab")).await.unwrap();
    fill_tenant(&storage, "dev").await;
    drop(storage);

    let refused = SledStorage::open(dir.path(), &master("cd")).await;
    assert!(
        matches!(refused, Err(StorageError::WrongMasterKey)),
        "{refused:?}"
    );

    let storage = SledStorage::open(dir.path(), &master("ab")).await.unwrap();
    assert_eq!(storage.tenants().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_in_use_is_refused_until_it_is_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let storage = SledStorage::open(dir.path(), &master("ab")).await.unwrap();
    let handle = storage.tenant(&"dev".parse().unwrap());
    drop(storage);

    let refused = SledStorage::open(dir.path(), &master("ab")).await;
    assert!(matches!(refused, Err(StorageError::InUse)), "{refused:?}");

    drop(handle);
    assert!(SledStorage::open(dir.path(), &master("ab")).await.is_ok());
}

#[tokio::test]
async fn a_folder_that_can_not_be_written_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = SledStorage::open(file.path(), &master("ab"))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains(file.path().to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_flipped_byte_of_a_value_is_reported_as_damage_and_the_rest_is_readable() {
    let dir = tempfile::tempdir().unwrap();
    let storage = SledStorage::open(dir.path(), &master("ab")).await.unwrap();
    fill_tenant(&storage, "dev").await;
    drop(storage);
    let database = sled::open(dir.path().join("tenants/db")).unwrap();
    let key = b"data\0dev\0client\0client-1";
    let mut value = database.get(key).unwrap().unwrap().to_vec();
    value[30] ^= 1;
    database.insert(key, value).unwrap();
    database.flush().unwrap();
    drop(database);

    let storage = SledStorage::open(dir.path(), &master("ab")).await.unwrap();
    let store = storage.tenant(&"dev".parse().unwrap());
    let damaged = store.client(&"client-1".parse().unwrap()).await;
    assert!(
        matches!(damaged, Err(StorageError::Corrupt { .. })),
        "{damaged:?}"
    );
    assert!(
        store
            .client(&"client-2".parse().unwrap())
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn a_value_moved_to_another_key_is_reported_as_damage() {
    let dir = tempfile::tempdir().unwrap();
    let storage = SledStorage::open(dir.path(), &master("ab")).await.unwrap();
    fill_tenant(&storage, "dev").await;
    drop(storage);
    let database = sled::open(dir.path().join("tenants/db")).unwrap();
    let other = database
        .get(b"data\0dev\0client\0client-2")
        .unwrap()
        .unwrap();
    database
        .insert(b"data\0dev\0client\0client-1", other)
        .unwrap();
    database.flush().unwrap();
    drop(database);

    let storage = SledStorage::open(dir.path(), &master("ab")).await.unwrap();
    let store = storage.tenant(&"dev".parse().unwrap());
    let moved = store.client(&"client-1".parse().unwrap()).await;
    assert!(
        matches!(moved, Err(StorageError::Corrupt { .. })),
        "{moved:?}"
    );
}

#[tokio::test]
async fn a_damaged_module_is_reported_and_a_forgotten_one_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let modules = dir.path().join("tenants/modules");
    let storage = SledStorage::open(dir.path(), &master("ab")).await.unwrap();
    fill_tenant(&storage, "dev").await;
    drop(storage);
    let [file] = files(&modules).try_into().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    fs::write(modules.join("00ff.unfinished"), b"half of a module").unwrap();

    let storage = SledStorage::open(dir.path(), &master("ab")).await.unwrap();
    assert_eq!(files(&modules), [file]);
    let store = storage.tenant(&"dev".parse().unwrap());
    let version = store
        .action_version(&"version-1".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let damaged = store.module(&version.module.sha256).await;
    assert!(
        matches!(damaged, Err(StorageError::Corrupt { .. })),
        "{damaged:?}"
    );
}

#[tokio::test]
async fn no_secret_email_or_module_stands_in_clear_in_any_file() {
    let dir = tempfile::tempdir().unwrap();
    let storage = SledStorage::open(dir.path(), &master("ab")).await.unwrap();
    fill_tenant(&storage, "dev").await;
    let store = storage.tenant(&"dev".parse().unwrap());
    let client = store
        .client(&"client-1".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let key = store.signing_keys().await.unwrap().remove(0);
    let user = store
        .user(&"user-1".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    drop((storage, store));

    let hidden = [
        client.client_secret.expose().as_bytes(),
        key.private_key.expose().as_bytes(),
        user.password_hash
            .as_ref()
            .map(Secret::expose)
            .unwrap()
            .as_bytes(),
        user.email.as_deref().unwrap().as_bytes(),
        b"https://api.example.com/",
        MODULE,
    ];
    let mut identifiers_seen = false;
    for file in files(dir.path()) {
        let bytes = fs::read(&file).unwrap();
        identifiers_seen |= contains(&bytes, b"client-1");
        for text in hidden {
            let shown = String::from_utf8_lossy(text);
            assert!(!contains(&bytes, text), "{} shows {shown}", file.display());
        }
    }
    // The search does find what is there: identifiers are in clear, as documented.
    assert!(identifiers_seen);
}
