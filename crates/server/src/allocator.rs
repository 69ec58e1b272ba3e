//! The allocator of every program that has this library.

use mimalloc::MiMalloc;

/// A token's memory is made on one thread and often given back on another: records by the
/// thread that writes them, sled's pages by whoever comes along. In the system's allocator
/// threads wait for each other there, three times for each token under load.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What a process that compiles needs in its environment, so that its memory can be bounded.
/// The allocator otherwise begins with a gigabyte that it may write to, and that is what
/// the bound counts.
pub(crate) const OF_COMPILER: (&str, &str) = ("MIMALLOC_ARENA_EAGER_COMMIT", "0");
