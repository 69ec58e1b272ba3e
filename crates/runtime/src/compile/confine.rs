//! What a compiling process takes from itself before it reads a byte of the module.
//!
//! None of it holds the compiler to be hostile: it bounds what a module can make it use,
//! and what a fault of the compiler would be worth to who finds one.

use std::fs;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, RestrictionStatus, Ruleset, RulesetAttr as _,
    RulesetError, Scope,
};
use rustix::process::{Resource, Rlimit, nice, setrlimit};

use super::{
    descriptors::close_inherited,
    worker::{WorkerError, WorkerLimits},
};

/// Address space beyond the memory, in bytes: the program itself with its libraries, and
/// what the allocator reserves without using it. Memory is what counts; this bounds what
/// that limit doesn't see.
const ADDRESS_SPACE_BEYOND_BYTES: u64 = 1 << 30;
/// How much later tokens go before compiling: the step from 0 to 10 gives a compiler about
/// a tenth of a core that others want, and all of one that nobody does.
const NICENESS: i32 = 10;
/// The rules that are asked of Landlock; of them, those that the kernel knows are in force.
const LANDLOCK: ABI = ABI::V6;

/// Confines this process for good.
///
/// # Errors
/// When a limit can't be set. What depends on the kernel (Landlock, priorities) is done as
/// far as it goes.
pub(super) fn confine(limits: &WorkerLimits) -> Result<(), WorkerError> {
    close_inherited().map_err(|error| WorkerError::new("its open files", &error))?;
    // Where the machine itself runs out of memory, this process goes before the server.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    let _ = nice(NICENESS);

    let bounds = [
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
        // Its three pipes are open already; nothing else can be.
        (Resource::Nofile, 3, 3),
        // Neither threads nor processes: the compiler needs one.
        (Resource::Nproc, 0, 0),
        (Resource::Data, limits.memory_bytes, limits.memory_bytes),
        (
            Resource::As,
            limits
                .memory_bytes
                .saturating_add(ADDRESS_SPACE_BEYOND_BYTES),
            limits
                .memory_bytes
                .saturating_add(ADDRESS_SPACE_BEYOND_BYTES),
        ),
        // The first limit ends it with a signal of its own, by which the parent knows.
        (Resource::Cpu, limits.cpu_s, limits.cpu_s.saturating_add(1)),
    ];
    without_files_and_network().map_err(|error| WorkerError::new("Landlock", &error))?;
    for (resource, current, maximum) in bounds {
        let limit = Rlimit {
            current: Some(current),
            maximum: Some(maximum),
        };
        setrlimit(resource, limit)
            .map_err(|error| WorkerError::new(&format!("the limit {resource:?}"), &error))?;
    }
    Ok(())
}

/// No file can be opened, no connection made, no other process be reached, as far as the
/// kernel can promise that; and no program gives more rights than this process has.
fn without_files_and_network() -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?
        .restrict_self()
}

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        net::{TcpListener, TcpStream},
        thread,
    };

    use landlock::RulesetStatus;

    use super::*;

    #[test]
    fn where_the_kernel_has_landlock_no_file_can_be_opened_and_nobody_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();

        // Landlock confines threads, and this one takes it with it.
        let confined = thread::scope(|scope| {
            let confined = scope.spawn(|| {
                let status = without_files_and_network().unwrap().ruleset;
                let open = fs::read(file.path()).map_err(|error| error.kind());
                let connect = TcpStream::connect(address).map_err(|error| error.kind());
                (status, open, connect.map(|_| ()))
            });
            confined.join().unwrap()
        });

        match confined {
            (RulesetStatus::FullyEnforced, open, connect) => {
                assert_eq!(open, Err(ErrorKind::PermissionDenied));
                assert_eq!(connect, Err(ErrorKind::PermissionDenied));
            }
            (RulesetStatus::PartiallyEnforced, open, _) => {
                assert_eq!(open, Err(ErrorKind::PermissionDenied));
            }
            // An older kernel: the process's other limits are what there is.
            (RulesetStatus::NotEnforced, open, connect) => {
                assert!(open.is_ok() && connect.is_ok());
            }
        }
        assert!(fs::read(file.path()).is_ok());
    }
}
