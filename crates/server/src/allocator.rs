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
