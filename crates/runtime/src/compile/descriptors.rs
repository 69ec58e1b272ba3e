//! Closing what a process was given unasked.

use std::{fs, io, os::fd::RawFd};

/// Standard input, output and error.
const KEPT: RawFd = 2;

/// Closes every descriptor but the three standard ones.
///
/// The server's own don't get as far as here: Rust opens everything so that it is closed
/// when another program is started. But the server may have been started with some that
/// its own parent had forgotten, and those go on to its children.
///
/// # Errors
/// When the system doesn't tell which are open.
#[expect(
    unsafe_code,
    reason = "closing a descriptor by its number is unsafe, and only numbers are known here"
)]
pub(super) fn close_inherited() -> io::Result<()> {
    let numbers: Vec<RawFd> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > KEPT)
        .collect();
    for number in numbers {
        // SAFETY: nobody uses these descriptors afterwards. This process has one thread,
        // which has just begun and has opened nothing but the folder above, which is
        // closed again; where its own number is in the list, there is nothing to close.
        unsafe { rustix::io::close(number) };
    }
    Ok(())
}
