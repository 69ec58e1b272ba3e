//! Why nothing can be stored just now.

use std::io;

/// Why nothing can be stored just now. Its texts may be shown to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwritable {
    /// There is no room on the disk.
    Full,
    /// The disk, or the folder, may not be written.
    ReadOnly,
    /// The disk answers writes with errors.
    Failing,
}

impl Unwritable {
    /// What the error of a write means.
    #[must_use]
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly,
            _ => Self::Failing,
        }
    }

    /// What is the case.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Full => "the server's disk is full",
            Self::ReadOnly => "the server's data folder can't be written",
            Self::Failing => "the server's disk fails",
        }
    }

    /// What the operator is to do. Nothing has to be restarted.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Full => {
                "make room on the disk of the data folder, and writes go on by themselves"
            }
            Self::ReadOnly => {
                "make the data folder writable for the server, and writes go on by themselves"
            }
            Self::Failing => {
                "the server's log has the error; writes go on by themselves when the disk takes them"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_system_is_told_by_what_there_is_to_do() {
        let of = |errno| Unwritable::of(&io::Error::from_raw_os_error(errno));
        // ENOSPC, EFBIG, EDQUOT; EROFS, EACCES; EIO.
        assert_eq!([28, 27, 122].map(of), [Unwritable::Full; 3]);
        assert_eq!([30, 13].map(of), [Unwritable::ReadOnly; 2]);
        assert_eq!(of(5), Unwritable::Failing);
    }
}
