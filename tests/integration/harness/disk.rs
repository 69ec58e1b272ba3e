//! A disk that can be full or read-only.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// What stands between a server and its disk, see `failing_disk.c`.
#[derive(Debug)]
pub(crate) struct FailingDisk(TempDir);

impl FailingDisk {
    pub(super) fn new() -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/harness");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(disk.library())
            .arg(source.join("failing_disk.c"))
            .arg("-ldl")
            .status();
        assert!(compiled.unwrap().success());
        disk
    }

    /// Puts it between a server that is to be started and the disk of `folder`.
    pub(super) fn stand_before(&self, server: &mut Command, folder: &Path) {
        server
            .env("LD_PRELOAD", self.library())
            .env("FAILING_DISK_STATE", self.0.path())
            .env("FAILING_DISK_FOLDER", folder);
    }

    /// From now on the disk takes no bytes more.
    pub(crate) fn fill(&self) {
        File::create(self.0.path().join("full")).unwrap();
    }

    /// From now on the disk is mounted read-only.
    pub(crate) fn make_read_only(&self) {
        File::create(self.0.path().join("read-only")).unwrap();
    }

    /// The disk takes everything again.
    pub(crate) fn heal(&self) {
        for state in ["full", "read-only"] {
            // One of the two is there.
            let _ = fs::remove_file(self.0.path().join(state));
        }
    }

    fn library(&self) -> PathBuf {
        self.0.path().join("failing_disk.so")
    }
}
