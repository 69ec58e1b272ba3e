//! Code on disk, so that a restart compiles nothing.
//!
//! A file for each module and kind of engine, named by the module's SHA-256 and the
//! engine's compatibility. Its contents are sealed (AES-256-GCM-SIV, whose tag is the
//! MAC) with a key of their own, under both names: only what this server wrote, for this
//! very module and engine, opens again, and who reads the disk learns no more of an
//! Action than from its sealed module. Everything here blocks.

use std::{
    collections::HashMap,
    fmt,
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use claimsmith_model::Secret;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};
use sha2::{Digest as _, Sha256};

use super::{
    frame,
    machine_code::MachineCode,
    product::{Facts, Product},
};

/// How a file begins: version 1, a nonce of 96 random bits, the sealed frame.
const VERSION_1: u8 = 1;
/// The tag at the end of what is sealed.
const TAG_BYTES: usize = 16;
/// How much of the compatibility a file's name shows; the whole of it is sealed with the
/// contents.
const COMPATIBILITY_DIGITS: usize = 16;
/// The end of a name whose file isn't complete.
const UNFINISHED: &str = ".unfinished";

/// Where code is kept on disk.
#[derive(Debug, Clone)]
pub struct CodeFolder {
    /// The folder, which is made when it isn't there. Nothing else may be kept in it, and
    /// one engine at a time may use it.
    pub path: PathBuf,
    /// What the files' key is derived from. With another one they are worth nothing.
    pub secret: Secret,
}

/// A [`CodeFolder`] in use by one engine.
pub(crate) struct CodeOnDisk {
    path: PathBuf,
    key: RandomizedNonceKey,
    compatibility: String,
    /// Bytes of all files together.
    bytes_max: u64,
    /// Bytes of one file's code.
    code_bytes_max: usize,
    index: Mutex<Index>,
    writing: Mutex<()>,
    has_warned: AtomicBool,
    pub(crate) rejected: AtomicU64,
}

/// The files, and in which order they were used.
#[derive(Debug, Default)]
struct Index {
    files: HashMap<String, Entry>,
    bytes: u64,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    bytes: u64,
    used: u64,
}

impl CodeOnDisk {
    /// Opens the folder for an engine of that compatibility.
    ///
    /// A folder that can't be read or written is no error: everything is compiled then,
    /// and the log says so once.
    ///
    /// `None` when the library that seals doesn't take the key, which it always does.
    pub(crate) fn open(
        folder: CodeFolder,
        compatibility: &str,
        bytes_max: u64,
        code_bytes_max: usize,
    ) -> Option<Self> {
        let key = Sha256::digest(folder.secret.expose());
        let opened = Self {
            key: RandomizedNonceKey::new(&AES_256_GCM_SIV, &key).ok()?,
            path: folder.path,
            compatibility: compatibility.to_owned(),
            bytes_max,
            code_bytes_max,
            index: Mutex::default(),
            writing: Mutex::default(),
            has_warned: AtomicBool::new(false),
            rejected: AtomicU64::new(0),
        };
        let scanned = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&opened.path)
            .and_then(|()| opened.scan());
        match scanned {
            Ok(index) => *opened.lock() = index,
            Err(error) => opened.warn(&error),
        }
        Some(opened)
    }

    /// What was kept of a module, if its file is there and opens.
    pub(crate) fn get(&self, sha256: &str) -> Option<Product> {
        let name = self.name(sha256)?;
        let sealed = match self.read(&name) {
            Ok(sealed) => sealed?,
            Err(error) => {
                self.warn(&error);
                return None;
            }
        };
        match self.unseal(sha256, sealed) {
            Ok(product) => {
                self.used(&name);
                Some(product)
            }
            Err(why) => {
                tracing::warn!(
                    file = %self.path.join(&name).display(), why,
                    "a file of compiled code is not what this server wrote; it is removed, and \
                     the module compiled again"
                );
                self.rejected.fetch_add(1, Ordering::Relaxed);
                self.remove(&name);
                None
            }
        }
    }

    /// Keeps what a module became, as far as there is room. What was not used for longest
    /// goes for it.
    pub(crate) fn put(&self, sha256: &str, product: &Product) {
        let Some(name) = self.name(sha256) else {
            return;
        };
        let written = self
            .seal(sha256, product)
            .and_then(|sealed| self.write(&name, &sealed));
        if let Err(error) = written {
            self.warn(&error);
        }
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Nothing but a digest may become a file's name.
    fn name(&self, sha256: &str) -> Option<String> {
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
        let compatibility = self.compatibility.get(..COMPATIBILITY_DIGITS)?;
        is_digest.then(|| format!("{sha256}.{compatibility}"))
    }

    /// What a file's contents are bound to.
    fn binding(&self, sha256: &str) -> String {
        format!("compiled code {sha256} {}", self.compatibility)
    }

    fn seal(&self, sha256: &str, product: &Product) -> io::Result<Vec<u8>> {
        let code = product.code.bytes();
        let mut frame = frame::head(&product.facts, code).map_err(io::Error::other)?;
        frame.extend_from_slice(code);
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(self.binding(sha256)), &mut frame)
            .map_err(|_| io::Error::other("code can't be sealed"))?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + frame.len());
        sealed.push(VERSION_1);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut frame);
        Ok(sealed)
    }

    fn unseal(&self, sha256: &str, mut sealed: Vec<u8>) -> Result<Product, String> {
        let mut parts = sealed.split_at_mut_checked(1 + NONCE_LEN);
        let Some(([VERSION_1, nonce @ ..], contents)) = &mut parts else {
            return Err("it does not begin as such a file does".to_owned());
        };
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| "it is cut off")?;
        let length = self
            .key
            .open_in_place(nonce, Aad::from(self.binding(sha256)), contents)
            .map_err(|_| "it was changed, or written for something else or with another key")?
            .len();
        sealed.truncate(1 + NONCE_LEN + length);
        let frame = sealed.get(1 + NONCE_LEN..).unwrap_or_default();
        let (facts, start) = frame::decode::<Facts>(frame)?;
        Ok(Product {
            facts,
            code: MachineCode::of_own_making(sealed, 1 + NONCE_LEN + start),
        })
    }

    /// `None` when there is no such file.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut file = match File::open(self.path.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = file.metadata()?.len();
        // A longer one is none of ours; what is read of it won't open.
        let bytes_max = (1 + NONCE_LEN + TAG_BYTES + frame::PREFIX_BYTES) as u64
            + frame::HEADER_BYTES_MAX as u64
            + self.code_bytes_max as u64;
        let mut sealed = Vec::with_capacity(usize::try_from(bytes.min(bytes_max)).unwrap_or(0));
        io::Read::by_ref(&mut file)
            .take(bytes_max)
            .read_to_end(&mut sealed)?;
        // The order of use outlives a restart as the files' times. Without it the order
        // is only less exact.
        let _ = futimens(&file, &MODIFIED_NOW);
        Ok(Some(sealed))
    }

    /// Writes a file whole or not at all.
    fn write(&self, name: &str, sealed: &[u8]) -> io::Result<()> {
        let bytes = sealed.len() as u64;
        if bytes > self.bytes_max {
            return Ok(());
        }
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.make_room(bytes);
        let unfinished = self.path.join(format!("{name}{UNFINISHED}"));
        let write = || {
            let mut file = File::options()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&unfinished)?;
            file.write_all(sealed)?;
            file.sync_all()?;
            fs::rename(&unfinished, self.path.join(name))?;
            File::open(&self.path)?.sync_all()
        };
        if let Err(error) = write() {
            // It may not even be there, and a full disk wants its room back.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        self.lock().add(name.to_owned(), bytes);
        Ok(())
    }

    /// Removes what was not used for longest until there is room for as many bytes.
    fn make_room(&self, bytes: u64) {
        let room = self.bytes_max.saturating_sub(bytes);
        loop {
            let index = self.lock();
            if index.bytes <= room {
                return;
            }
            let oldest = index.files.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
                return;
            };
            drop(index);
            self.remove(&oldest);
        }
    }

    fn remove(&self, name: &str) {
        self.lock().forget(name);
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => self.warn(&error),
            _ => {}
        }
    }

    fn used(&self, name: &str) {
        let mut index = self.lock();
        let bytes = index.files.get(name).map(|entry| entry.bytes);
        if let Some(bytes) = bytes {
            index.add(name.to_owned(), bytes);
        }
    }

    /// The files that are there, those of other engines too: they count, and go when they
    /// were not used for longest. What a crash left unfinished is removed.
    fn scan(&self) -> io::Result<Index> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.ends_with(UNFINISHED) {
                fs::remove_file(entry.path())?;
                continue;
            }
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                files.push((metadata.modified()?, name, metadata.len()));
            }
        }
        files.sort();
        let mut index = Index::default();
        for (_, name, bytes) in files {
            index.add(name, bytes);
        }
        Ok(index)
    }

    /// Once: a full disk stays full, and everything works without it, only slower.
    fn warn(&self, error: &io::Error) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                folder = %self.path.display(), %error,
                "compiled code can't be kept on disk; modules are compiled again after a restart. \
                 This is said once"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn add(&mut self, name: String, bytes: u64) {
        self.forget(&name);
        self.uses += 1;
        self.bytes += bytes;
        let used = self.uses;
        self.files.insert(name, Entry { bytes, used });
    }

    fn forget(&mut self, name: &str) {
        if let Some(entry) = self.files.remove(name) {
            self.bytes -= entry.bytes;
        }
    }
}

const MODIFIED_NOW: Timestamps = Timestamps {
    last_access: Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
    },
    last_modification: Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    },
};

impl fmt::Debug for CodeOnDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeOnDisk")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        time::{Duration, UNIX_EPOCH},
    };

    use tempfile::TempDir;

    use super::*;

    const MODULE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const ANOTHER: &str = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const ENGINE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    /// Begins as `ENGINE` does, so that their files have the same name.
    const OTHER_ENGINE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";

    fn open(path: &Path, engine: &str, bytes_max: u64) -> CodeOnDisk {
        let folder = CodeFolder {
            path: path.to_owned(),
            secret: Secret::new("secret"),
        };
        CodeOnDisk::open(folder, engine, bytes_max, 1 << 20).unwrap()
    }

    fn product(code: &[u8]) -> Product {
        Product {
            facts: Facts {
                size_bytes: 5,
                imports: vec!["claimsmith:actions/log@0.1.0".to_owned()],
                contract_version: "0.1.0".to_owned(),
                sdk: Some("actions-sdk 0.1.0".to_owned()),
            },
            code: MachineCode::of_own_making(code.to_vec(), 0),
        }
    }

    fn code_of(folder: &CodeOnDisk, sha256: &str) -> Option<Vec<u8>> {
        folder.get(sha256).map(|p| p.code.bytes().to_vec())
    }

    fn only_file(path: &Path) -> PathBuf {
        let files: Vec<_> = fs::read_dir(path).unwrap().collect();
        assert_eq!(files.len(), 1);
        files[0].as_ref().unwrap().path()
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart_and_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("code");
        open(&path, ENGINE, 1 << 20).put(MODULE, &product(b"code"));

        let again = open(&path, ENGINE, 1 << 20);

        let kept = again.get(MODULE).unwrap();
        assert_eq!(kept.facts, product(b"").facts);
        assert_eq!(kept.code.bytes(), b"code");
        assert!(again.get(ANOTHER).is_none());
        assert_eq!(again.rejected.load(Ordering::Relaxed), 0);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&only_file(&path))), (0o700, 0o600));
        let bytes = fs::read(only_file(&path)).unwrap();
        assert!(!bytes.windows(4).any(|window| window == b"code"));
    }

    #[test]
    fn a_changed_byte_anywhere_and_a_cut_anywhere_are_noticed_and_the_file_goes() {
        let dir = TempDir::new().unwrap();
        let folder = open(dir.path(), ENGINE, 1 << 20);
        folder.put(MODULE, &product(b"code"));
        let file = only_file(dir.path());
        let whole = fs::read(&file).unwrap();
        let changed = (0..whole.len()).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        });
        let cut = (0..whole.len()).map(|length| whole[..length].to_vec());

        for damaged in changed.chain(cut) {
            fs::write(&file, damaged).unwrap();
            assert!(folder.get(MODULE).is_none());
            assert!(!file.exists());
        }
        assert_eq!(
            folder.rejected.load(Ordering::Relaxed),
            2 * whole.len() as u64
        );
        fs::write(&file, whole).unwrap();
        assert_eq!(code_of(&folder, MODULE).unwrap(), b"code");
    }

    #[test]
    fn a_file_is_good_for_its_own_module_engine_and_key_only() {
        let dir = TempDir::new().unwrap();
        let folder = open(dir.path(), ENGINE, 1 << 20);
        folder.put(MODULE, &product(b"code"));
        let file = only_file(dir.path());
        let whole = fs::read(&file).unwrap();

        let renamed = dir.path().join(folder.name(ANOTHER).unwrap());
        fs::copy(&file, &renamed).unwrap();
        assert!(folder.get(ANOTHER).is_none());
        assert!(!renamed.exists());

        let other_engine = open(dir.path(), OTHER_ENGINE, 1 << 20);
        assert!(other_engine.get(MODULE).is_none());
        assert_eq!(other_engine.rejected.load(Ordering::Relaxed), 1);

        fs::write(&file, whole).unwrap();
        let other_key = CodeFolder {
            path: dir.path().to_owned(),
            secret: Secret::new("other"),
        };
        let other_key = CodeOnDisk::open(other_key, ENGINE, 1 << 20, 1 << 20).unwrap();
        assert!(other_key.get(MODULE).is_none());
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room_also_after_a_restart() {
        let dir = TempDir::new().unwrap();
        let large = product(&[7; 1_000]);
        let names: Vec<_> = (0..4).map(|i| format!("{i}{}", &MODULE[1..])).collect();
        {
            let folder = open(dir.path(), ENGINE, 4_000);
            for (age, name) in names[..3].iter().enumerate() {
                folder.put(name, &large);
                let file = File::open(dir.path().join(folder.name(name).unwrap())).unwrap();
                let written = UNIX_EPOCH + Duration::from_secs(age as u64);
                file.set_modified(written).unwrap();
            }
            assert!(folder.get(&names[0]).is_some());
        }

        let folder = open(dir.path(), ENGINE, 4_000);
        folder.put(&names[3], &large);

        assert!(
            folder.get(&names[1]).is_none(),
            "it was not used since it was written"
        );
        for kept in [&names[0], &names[2], &names[3]] {
            assert!(folder.get(kept).is_some(), "{kept}");
        }
        let on_disk = fs::read_dir(dir.path()).unwrap();
        let on_disk: u64 = on_disk.map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert_eq!(folder.bytes(), on_disk);
        assert!(on_disk <= 4_000);
    }

    #[test]
    fn code_larger_than_the_folder_may_be_drives_nothing_out() {
        let dir = TempDir::new().unwrap();
        let folder = open(dir.path(), ENGINE, 2_000);
        folder.put(MODULE, &product(b"code"));

        folder.put(ANOTHER, &product(&[7; 2_000]));

        assert!(folder.get(ANOTHER).is_none());
        assert!(folder.get(MODULE).is_some());
    }

    #[test]
    fn a_folder_that_can_not_be_made_keeps_nothing_and_fails_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = open(&file.path().join("code"), ENGINE, 1 << 20);

        folder.put(MODULE, &product(b"code"));

        assert!(folder.get(MODULE).is_none());
        assert_eq!(folder.bytes(), 0);
    }

    #[test]
    fn only_a_digest_becomes_a_name_and_what_a_crash_left_is_removed() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("code");
        let folder = open(&path, ENGINE, 1 << 20);
        for name in [
            "",
            "../../etc/passwd",
            &MODULE[1..],
            &format!("{}/", &MODULE[1..]),
        ] {
            folder.put(name, &product(b"code"));
            assert!(folder.get(name).is_none());
        }
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);

        fs::write(path.join(format!("{MODULE}.x{UNFINISHED}")), "half").unwrap();
        open(&path, ENGINE, 1 << 20);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }
}
