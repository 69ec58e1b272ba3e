//! The allocator of every program that has this library.

use mimalloc::MiMalloc;

/// A token's memory is made on one thread and often given back on another: records by the
/// thread that writes them, sled's pages by whoever comes along. In the system's allocator
/// threads wait for each other there, three times for each token under load.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What a process that compiles has in its environment, so that its memory can be bounded.
/// The bounds count what it may write to and what it reserves; the allocator otherwise begins
/// with a gigabyte of both. With these it reserves 128 MiB at a time, and may write to what
/// it uses.
pub(crate) const OF_COMPILER: [(&str, &str); 2] = [
    ("MIMALLOC_ARENA_EAGER_COMMIT", "0"),
    ("MIMALLOC_ARENA_RESERVE", "131072"),
];

/// Gives back to the system what is free. The allocator does so by itself, but only while
/// something is freed: a server that has nothing to do would keep what it needed when it
/// opened its files, 20 MiB, or under the last load.
///
/// Takes milliseconds.
#[expect(unsafe_code, reason = "a function of a C library")]
pub(crate) fn give_back() {
    // SAFETY: it takes no pointers and may be called at any time, on any thread.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn resident_kib() -> usize {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    }

    #[test]
    fn what_was_freed_is_the_systems_again() {
        const PIECES: usize = 65_536;
        let pieces: Vec<_> = (0..PIECES).map(|_| vec![7_u8; 1_024]).collect();
        let with_them = resident_kib();

        drop(pieces);
        give_back();

        let left = resident_kib();
        assert!(left + PIECES / 2 < with_them, "{left} KiB of {with_them}");
    }
}
