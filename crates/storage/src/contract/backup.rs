//! Backups, made while others write.

use std::sync::Arc;

use claimsmith_model::Timestamp;
use tokio::sync::mpsc;

use super::{fill_tenant, tenant};
use crate::{
    MasterKey, MemoryKeyValue, Storage, StorageError,
    backup::{BackupReader, Content},
    kv::KvStorage,
};

const WRITERS: usize = 4;

/// Restores what is backed up while others write into a memory store, and asserts that it
/// holds whatever was acknowledged before the backup, and nothing in part.
///
/// # Panics
/// At the first claim that doesn't hold.
pub async fn backup_contract(storage: Arc<dyn Storage>, master: &MasterKey) {
    fill_tenant(&*storage, "backed-up").await;
    let mut writers = tokio::task::JoinSet::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    for writer in 0..WRITERS {
        let (storage, stopped) = (Arc::clone(&storage), stopped.clone());
        writers.spawn(async move {
            for number in 0.. {
                let tenant = tenant(&format!("meanwhile-{writer}-{number}"));
                storage.create_tenant(&tenant).await.unwrap();
                if number % 3 == 0 {
                    storage.delete_tenant(&tenant.id).await.unwrap();
                }
                if *stopped.borrow() {
                    break;
                }
            }
        });
    }

    let before = storage.tenants().await.unwrap();
    let (backup, second) = tokio::join!(back_up(&*storage), back_up(&*storage));
    stop.send(true).unwrap();
    writers.join_all().await;

    // One of the two was refused; which one is chance.
    let (backup, refused) = match (backup, second) {
        (Ok(backup), refused) | (refused, Ok(backup)) => (backup, refused),
        neither => panic!("{neither:?}"),
    };
    if let Err(error) = refused {
        assert!(matches!(error, StorageError::Conflict { .. }), "{error}");
    }
    let restored = restore(&backup, master).await;
    let after = restored.tenants().await.unwrap();
    for tenant in &before {
        // Those with numbers may have been deleted since.
        if !tenant.id.as_str().starts_with("meanwhile") {
            assert!(after.contains(tenant), "{tenant:?}");
        }
    }
    for tenant in &after {
        let mut thief = super::tenant("thief");
        thief.domains.clone_from(&tenant.domains);
        super::assert_conflict(restored.create_tenant(&thief).await);
    }
    let id = "backed-up".parse().unwrap();
    let (original, copy) = (storage.tenant(&id), restored.tenant(&id));
    assert_eq!(
        copy.clients(super::ALL).await.unwrap(),
        original.clients(super::ALL).await.unwrap()
    );
    assert_eq!(
        copy.users(super::ALL).await.unwrap(),
        original.users(super::ALL).await.unwrap()
    );
    let version = copy.action_version(&"version-1".parse().unwrap()).await;
    let version = version.unwrap().unwrap();
    let module = copy.module(&version.module.sha256).await.unwrap();
    assert_eq!(module.as_deref(), Some(super::MODULE));
}

async fn back_up(storage: &dyn Storage) -> Result<Vec<u8>, StorageError> {
    let (sender, mut receiver) = mpsc::channel(4);
    let began_at = Timestamp::from_millis(1_790_000_000_000);
    let take = async {
        let mut backup = Vec::new();
        while let Some(piece) = receiver.recv().await {
            backup.extend(piece);
        }
        backup
    };
    let (made, backup) = tokio::join!(storage.back_up(began_at, sender), take);
    made.map(|()| backup)
}

async fn restore(backup: &[u8], master: &MasterKey) -> KvStorage<MemoryKeyValue> {
    let mut reader = BackupReader::begin(backup).unwrap();
    let mut contents: Vec<Content> = Vec::new();
    while let Some(content) = reader.next().unwrap() {
        contents.push(content);
    }
    reader.prove(master).unwrap();
    let mut contents = contents.into_iter();
    KvStorage::restore(MemoryKeyValue::default(), master, || Ok(contents.next()))
        .await
        .unwrap()
}
