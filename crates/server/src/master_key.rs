//! Where the master key comes from.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::{Context as _, bail};
use claimsmith_model::{Random, Secret};
use claimsmith_storage::MasterKey;

/// The file in the data folder that holds the key when none is given.
pub(crate) const FILE: &str = "master.key";

/// Finds the master key: given as text, in a file, in the data folder; made there
/// when the folder is new.
///
/// # Errors
/// When the key can't be read, or the folder has data but no key.
pub(crate) fn find(
    data_dir: &Path,
    given: Option<&Secret>,
    file: Option<&Path>,
    random: &dyn Random,
) -> anyhow::Result<MasterKey> {
    if let Some(key) = look(data_dir, given, file)? {
        return Ok(key);
    }
    if data_dir.join("tenants").exists() {
        bail!(
            "the data folder {} has data but no {FILE}: put the file back, or give the key by \
             --master-key-file or CLAIMSMITH_MASTER_KEY; without it the data can't be read",
            data_dir.display()
        );
    }
    make(&data_dir.join(FILE), random)
}

/// Finds the master key of data that is there: in the environment, in a file, or in the
/// data folder.
///
/// # Errors
/// When the key can't be read.
pub(crate) fn existing(data_dir: &Path, file: Option<&Path>) -> anyhow::Result<Option<MasterKey>> {
    let given = std::env::var("CLAIMSMITH_MASTER_KEY").ok().map(Secret::new);
    look(data_dir, given.as_ref(), file)
}

fn look(
    data_dir: &Path,
    given: Option<&Secret>,
    file: Option<&Path>,
) -> anyhow::Result<Option<MasterKey>> {
    if let Some(text) = given {
        let key = MasterKey::parse(text.expose()).context("CLAIMSMITH_MASTER_KEY is wrong");
        return key.map(Some);
    }
    if let Some(file) = file {
        return read(file).map(Some);
    }
    let file = data_dir.join(FILE);
    let is_there = file
        .try_exists()
        .with_context(|| format!("can't look at {}", file.display()))?;
    is_there.then(|| read(&file)).transpose()
}

fn read(file: &Path) -> anyhow::Result<MasterKey> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("the master key file {} can't be read", file.display()))?;
    MasterKey::parse(&text)
        .with_context(|| format!("the master key in {} is wrong", file.display()))
}

fn make(file: &Path, random: &dyn Random) -> anyhow::Result<MasterKey> {
    let key = MasterKey::generate(random);
    write_private(file, format!("{}\n", key.to_text().expose()).as_bytes())?;
    tracing::info!(file = %file.display(), "made a master key; keep a copy of it apart from backups");
    Ok(key)
}

/// Writes a new file that only its owner can read, durably.
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut created = create_private(file)?;
    created
        .write_all(bytes)
        .and_then(|()| created.sync_all())
        .and_then(|()| sync_folder(file))
        .with_context(|| format!("{} can't be written", file.display()))
}

/// Makes a new file that only its owner can read.
pub(crate) fn create_private(file: &Path) -> anyhow::Result<File> {
    let created = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(file);
    created.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!("{} is there already", file.display()),
        _ => anyhow::Error::new(error).context(format!("{} can't be written", file.display())),
    })
}

/// Gives a file its name, durably and at once: another one of that name is replaced.
pub(crate) fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to)
        .and_then(|()| sync_folder(to))
        .with_context(|| format!("{} can't become {}", from.display(), to.display()))
}

/// Makes a file's entry in its folder durable.
fn sync_folder(file: &Path) -> std::io::Result<()> {
    file.parent()
        .map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}
