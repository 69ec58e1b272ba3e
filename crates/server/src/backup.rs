//! `claimsmith backup`: everything that a server stores, in one file.

mod online;

use std::{
    fs::File,
    io::{BufReader, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use claimsmith_model::{Clock as _, Secret};
use claimsmith_storage::{
    Storage as _, StorageError,
    backup::{BackupError, BackupReader},
};
use claimsmith_storage_sled::SledStorage;
use clap::Args;
use tokio::sync::mpsc;

use crate::{
    SystemClock,
    master_key::{self, create_private, rename},
};

/// How many parts of an offline backup wait for the file.
const PARTS_MAX: usize = 64;
/// After how much it is told how far a backup is.
const TOLD_AFTER_BYTES: u64 = 64 * 1024 * 1024;

/// Writes a backup of all tenants into a file, which `claimsmith restore` reads.
///
/// With --url the running server makes it while it goes on serving; with --data-dir
/// it is made of the folder of a server that doesn't run. It holds everything but the
/// logs and what can be made again (compiled code), as it was at one moment, sealed with
/// the server's master key, which is not in it. Keep that key apart from it.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write; there must not be one of that name
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    from: Source,
    /// The running server's platform token: a file that holds it, or bootstrap.json. The
    /// token itself can be given as CLAIMSMITH_PLATFORM_TOKEN
    #[arg(long, value_name = "FILE", requires = "url")]
    platform_token_file: Option<PathBuf>,
    /// Trust the certificates in this file (PEM), beside those of the system, for an
    /// https URL
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
    /// The master key, with --data-dir; as for `claimsmith serve`
    #[arg(long, env = "CLAIMSMITH_MASTER_KEY_FILE", value_name = "FILE")]
    master_key_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// A running server, such as http://localhost:8080
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The data folder of a server that doesn't run
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Writes a backup.
///
/// # Errors
/// A text for the operator; there is then no file of that name.
pub(crate) async fn run(backup: &Backup) -> anyhow::Result<()> {
    if backup.to.exists() {
        return Err(anyhow!(
            "{} is there already; give another name with --to",
            backup.to.display()
        ));
    }
    let unfinished = with_ending(&backup.to, ".unfinished");
    // What an attempt that was broken off has left.
    let _ = std::fs::remove_file(&unfinished);
    let mut file = Written {
        file: create_private(&unfinished)?,
        told: Told::default(),
    };
    let written = match (&backup.from.url, &backup.from.data_dir) {
        (Some(url), _) => {
            let token = platform_token(backup.platform_token_file.as_deref())?;
            online::write(url, &token, backup.ca.as_deref(), &mut file).await
        }
        (None, Some(data_dir)) => {
            write_offline(data_dir, backup.master_key_file.as_deref(), &mut file).await
        }
        // clap asks for one of the two.
        (None, None) => Err(anyhow!("give --url or --data-dir")),
    };
    let finished = written
        .and_then(|()| file.file.sync_all().context("the file can't be written"))
        .and_then(|()| check(&unfinished).context("the backup is not whole"))
        .and_then(|()| rename(&unfinished, &backup.to));
    if finished.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    finished?;
    tell(&format!(
        "backed up to {} ({} bytes); it is sealed with the server's master key",
        backup.to.display(),
        file.told.bytes
    ));
    Ok(())
}

/// A file that tells how much is in it.
struct Written {
    file: File,
    told: Told,
}

/// Bytes that were worked off, of which is told now and then.
#[derive(Debug, Default)]
pub(crate) struct Told {
    bytes: u64,
}

impl Told {
    /// Some more; `done` says what became of them.
    pub(crate) fn add(&mut self, bytes: usize, done: &str) {
        let before = self.bytes / TOLD_AFTER_BYTES;
        self.bytes += bytes as u64;
        if self.bytes / TOLD_AFTER_BYTES > before {
            tell(&format!("{} MiB are {done}", self.bytes / (1024 * 1024)));
        }
    }
}

impl Written {
    fn write(&mut self, part: &[u8]) -> anyhow::Result<()> {
        self.file
            .write_all(part)
            .context("the file can't be written; make room, or give another place with --to")?;
        self.told.add(part.len(), "backed up");
        Ok(())
    }
}

async fn write_offline(
    data_dir: &Path,
    master_key_file: Option<&Path>,
    file: &mut Written,
) -> anyhow::Result<()> {
    if !data_dir.join("tenants").exists() {
        return Err(anyhow!(
            "there is no data of a server in {}",
            data_dir.display()
        ));
    }
    let master = master_key::existing(data_dir, master_key_file)?;
    let master = master.ok_or_else(|| anyhow!("give the master key by --master-key-file"))?;
    let opened = SledStorage::open(data_dir, &master).await;
    let storage = opened.map_err(|error| match error {
        StorageError::InUse => anyhow!(
            "a server runs on {}; let it make the backup: --url",
            data_dir.display()
        ),
        error => anyhow!(
            "the data in {} can't be opened: {error}",
            data_dir.display()
        ),
    })?;
    let (to, mut parts) = mpsc::channel(PARTS_MAX);
    let making = tokio::spawn(async move { storage.back_up(SystemClock.now(), to).await });
    while let Some(part) = parts.recv().await {
        file.write(&part)?;
    }
    making
        .await?
        .context("the backup could not be made to its end")
}

/// Reads a backup to its end.
fn check(file: &Path) -> Result<(), BackupError> {
    let file = File::open(file).map_err(BackupError::Unreadable)?;
    let mut reader = BackupReader::begin(BufReader::new(file))?;
    while reader.next()?.is_some() {}
    Ok(())
}

fn platform_token(file: Option<&Path>) -> anyhow::Result<Secret> {
    let Some(file) = file else {
        // Not an argument: arguments can be seen by every user of the machine.
        let token = std::env::var("CLAIMSMITH_PLATFORM_TOKEN").ok();
        return token.map(Secret::new).ok_or_else(|| {
            anyhow!(
                "give the platform token: --platform-token-file with bootstrap.json, or \
                 CLAIMSMITH_PLATFORM_TOKEN"
            )
        });
    };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} can't be read", file.display()))?;
    let bootstrap: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let named = bootstrap.as_ref().and_then(|it| it.get("platform_token"));
    let token = named.and_then(serde_json::Value::as_str);
    Ok(Secret::new(token.unwrap_or_else(|| text.trim())))
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Says something to who started the program.
pub(crate) fn tell(text: &str) {
    // Standard error may be closed; there is then nobody to tell.
    let _ = writeln!(std::io::stderr(), "claimsmith: {text}");
}
