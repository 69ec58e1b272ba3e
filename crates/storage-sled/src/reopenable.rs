//! Something on files that is opened anew while others use it.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use arc_swap::ArcSwapOption;
use claimsmith_storage::StorageError;

type Result<T> = std::result::Result<T, StorageError>;

/// How often somebody looks whether the last use has ended. A read takes microseconds, a
/// long list milliseconds.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Something that is used by many and opened anew by one, in the same place.
///
/// Two handles on the same files would destroy each other's work, so the first is closed
/// before the second is opened; who wants to use it meanwhile waits. Using it costs no lock.
pub(crate) struct Reopenable<T> {
    /// None while it is opened anew, or could not be.
    current: ArcSwapOption<T>,
    /// Held while it is opened anew.
    opening: Mutex<()>,
}

impl<T> Reopenable<T> {
    pub(crate) fn new(opened: T) -> Self {
        Self {
            current: ArcSwapOption::from_pointee(opened),
            opening: Mutex::new(()),
        }
    }

    /// Uses it. Not to be called by a use.
    ///
    /// # Errors
    /// Those of `use_it`; `Backend` when the last attempt to open it has failed.
    pub(crate) fn with<R>(&self, use_it: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        if let Some(opened) = self.current.load().as_deref() {
            return use_it(opened);
        }
        drop(self.opening.lock().unwrap_or_else(PoisonError::into_inner));
        match self.current.load().as_deref() {
            Some(opened) => use_it(opened),
            None => Err(StorageError::Backend(
                "the database could not be opened again yet".into(),
            )),
        }
    }

    /// Waits for those who use it, closes it, and opens it anew. When that fails there is
    /// none, and it can be tried again.
    pub(crate) fn reopen(&self, open: impl FnOnce() -> Result<T>) -> Result<()> {
        let opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let mut closing = self.current.swap(None);
        while let Some(used) = closing {
            closing = match Arc::try_unwrap(used) {
                Ok(unused) => {
                    // sled panics when its last synchronisation fails.
                    let _ = catch_unwind(AssertUnwindSafe(|| drop(unused)));
                    None
                }
                Err(used) => {
                    thread::sleep(LOOK_AGAIN);
                    Some(used)
                }
            };
        }
        self.current.store(Some(Arc::new(open()?)));
        drop(opening);
        Ok(())
    }
}

impl<T> fmt::Debug for Reopenable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reopenable").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;

    /// Counts how many there are of it.
    struct Counted<'a>(&'a AtomicUsize, u32);

    impl<'a> Counted<'a> {
        fn open(there_are: &'a AtomicUsize, number: u32) -> Self {
            assert_eq!(there_are.fetch_add(1, Ordering::SeqCst), 0);
            Self(there_are, number)
        }
    }

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_use_under_way_is_waited_for_and_the_next_one_has_the_new_one() {
        let there_are = AtomicUsize::new(0);
        let shared = Reopenable::new(Counted::open(&there_are, 1));
        let (tell, told) = mpsc::channel();

        thread::scope(|scope| {
            let used = scope.spawn(|| {
                shared.with(|it| {
                    tell.send(()).unwrap();
                    // Until the other thread has taken it away.
                    while shared.current.load().is_some() {
                        thread::yield_now();
                    }
                    Ok(it.1)
                })
            });
            told.recv().unwrap();
            shared.reopen(|| Ok(Counted::open(&there_are, 2))).unwrap();
            assert_eq!(used.join().unwrap().unwrap(), 1);
        });

        assert_eq!(shared.with(|it| Ok(it.1)).unwrap(), 2);
        assert_eq!(there_are.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_could_not_be_opened_is_told_at_once_and_opened_the_next_time() {
        let shared = Reopenable::new(1);

        let failed = shared.reopen(|| Err(StorageError::InUse));
        let meanwhile = shared.with(|it| Ok(*it));
        shared.reopen(|| Ok(3)).unwrap();

        assert!(matches!(failed, Err(StorageError::InUse)));
        assert!(matches!(meanwhile, Err(StorageError::Backend(_))));
        assert_eq!(shared.with(|it| Ok(*it)).unwrap(), 3);
    }
}
