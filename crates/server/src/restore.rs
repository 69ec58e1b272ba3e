//! `claimsmith restore`: a data folder made from a backup.

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use claimsmith_storage::{
    MasterKey, Storage as _, StorageError,
    backup::{BackupError, BackupReader, Content},
};
use claimsmith_storage_sled::SledStorage;
use clap::Args;

use crate::{
    backup::{Told, tell},
    master_key::{self, FILE as MASTER_KEY},
};

/// Makes the data folder of a server from a backup.
///
/// The folder must be empty but for a master.key. The whole backup is checked before
/// anything is written: one that is damaged, cut short, of another format or sealed with
/// another key is refused, and nothing is changed.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The file that `claimsmith backup` wrote
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The folder to fill; made when it isn't there
    #[arg(long, env = "CLAIMSMITH_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// A file with the master key of the server that the backup is of. The key itself can
    /// be given as CLAIMSMITH_MASTER_KEY [default: DIR/master.key]
    #[arg(long, env = "CLAIMSMITH_MASTER_KEY_FILE", value_name = "FILE")]
    master_key_file: Option<PathBuf>,
}

/// Restores a backup.
///
/// # Errors
/// A text for the operator; nothing is restored then.
pub(crate) async fn run(restore: &Restore) -> anyhow::Result<()> {
    let (from, data_dir) = (&restore.from, &restore.data_dir);
    let unusable = || format!("the backup {} can't be restored", from.display());
    must_be_empty(data_dir)?;
    let needed = open(from).with_context(unusable)?.header().clone();
    let master = master_key::existing(data_dir, restore.master_key_file.as_deref())?;
    let Some(master) = master else {
        bail!(
            "the backup needs the master key with the id {}: give it by --master-key-file, \
             CLAIMSMITH_MASTER_KEY or as {}",
            needed.master_key_id,
            data_dir.join(MASTER_KEY).display()
        );
    };
    prove(from, &master).with_context(unusable)?;
    tell(&format!(
        "the backup of {} is whole; restoring",
        needed.began_at
    ));
    crate::serve::make_folder(data_dir)?;
    let mut reader = open(from).with_context(unusable)?;
    // It was read to its end a moment ago; if it is another one now, nothing is restored.
    let changed = |error: BackupError| StorageError::Backend(error.to_string());
    let mut restored = Told::default();
    let next = || {
        let content = reader.next().map_err(changed)?;
        if let Some(Content::Entry(_, Some(bytes)) | Content::Blob(_, bytes)) = &content {
            restored.add(bytes.len(), "restored");
        }
        Ok(content)
    };
    SledStorage::restore(data_dir, &master, next)
        .await
        .context("the data folder could not be filled, and nothing is restored")?;
    let storage = SledStorage::open(data_dir, &master).await?;
    let tenants = storage.tenants().await?.len();
    tell(&format!(
        "restored {tenants} tenant(s) into {}; start the server with the same master key",
        data_dir.display()
    ));
    Ok(())
}

fn must_be_empty(data_dir: &Path) -> anyhow::Result<()> {
    let entries = match fs::read_dir(data_dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("can't look into {}", data_dir.display()))?,
    };
    for entry in entries {
        let name = entry?.file_name();
        // A restoration that was broken off leaves the second.
        if name != MASTER_KEY && name != "restoring" {
            bail!(
                "the data folder {} isn't empty, there is {}; choose another with --data-dir, or \
                 move that away",
                data_dir.display(),
                name.display()
            );
        }
    }
    Ok(())
}

fn open(file: &Path) -> Result<BackupReader<BufReader<File>>, BackupError> {
    let file = File::open(file).map_err(BackupError::Unreadable)?;
    BackupReader::begin(BufReader::new(file))
}

fn prove(file: &Path, master: &MasterKey) -> Result<(), BackupError> {
    let mut reader = open(file)?;
    while reader.next()?.is_some() {}
    reader.prove(master)
}
