//! Reading the files of certificates and keys that options name.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};

/// The largest such file, in bytes. The system's own root certificates, all of them in
/// one file, have some 200 KiB.
const BYTES_MAX: u64 = 4 << 20;

/// The bytes of the file of an option, which should be PEM (RFC 7468).
///
/// # Errors
/// Names the file and the option.
pub(crate) fn read(file: &Path, option: &str) -> anyhow::Result<Vec<u8>> {
    let shown = file.display();
    let context = || format!("the file {shown} of {option} can't be read");
    let bytes = fs::metadata(file).with_context(context)?.len();
    if bytes > BYTES_MAX {
        bail!("the file {shown} of {option} has {bytes} bytes; at most {BYTES_MAX} are read");
    }
    fs::read(file).with_context(context)
}
