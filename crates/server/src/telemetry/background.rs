//! Lines on their way to standard error, written by a thread of their own.
//!
//! Writing a line takes longer than making it, and standard error may be a pipe whose
//! reader stands still: neither is for a request to wait for.

use std::{
    io::{self, Write},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How many bytes of lines may wait: some thousand lines, which bridges a reader that
/// stands still for a moment.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// How long lines below a warning wait for others, so that many are written at once.
const LINGER: Duration = Duration::from_millis(50);

/// Lines that did not fit, of the whole process: there is one standard error.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many lines were dropped because they came faster than they could be written.
pub(crate) fn dropped_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Takes lines, and has them written. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Background(Arc<Shared>);

/// Keeps the writing thread; dropping it waits until all is written that was logged.
#[derive(Debug)]
#[must_use = "what is logged last is written when this is dropped"]
pub(crate) struct Flush {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    /// The thread sleeps until it is told.
    is_idle: bool,
    /// A warning or an error is among the lines: they don't wait for others.
    is_urgent: bool,
    /// The process ends, or the thread has ended.
    is_closed: bool,
}

impl Background {
    /// Begins to write to `out`.
    ///
    /// # Errors
    /// When no thread can be made.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(Self, Flush)> {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            ready: Condvar::new(),
        });
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("log".into())
                .spawn(move || shared.write_to(out))?
        };
        let flush = Flush {
            shared: Arc::clone(&shared),
            thread: Some(thread),
        };
        Ok((Self(shared), flush))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, line: &[u8], is_urgent: bool) {
        let mut waiting = self.lock();
        if waiting.is_closed || waiting.lines.len() + line.len() > WAITING_BYTES_MAX {
            DROPPED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.lines.extend_from_slice(line);
        // Told once, and not with each line: telling costs a call to the system.
        let tell = waiting.is_idle || (is_urgent && !waiting.is_urgent);
        waiting.is_idle = false;
        waiting.is_urgent |= is_urgent;
        drop(waiting);
        if tell {
            self.ready.notify_one();
        }
    }

    /// The thread: writes whatever waits, until it is closed.
    fn write_to(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        loop {
            let mut waiting = self.lock();
            while waiting.lines.is_empty() && !waiting.is_closed {
                waiting.is_idle = true;
                let woken = self.ready.wait(waiting);
                waiting = woken.unwrap_or_else(PoisonError::into_inner);
            }
            if waiting.lines.is_empty() {
                return;
            }
            if !waiting.is_urgent && !waiting.is_closed {
                let others = |waiting: &mut Waiting| !waiting.is_urgent && !waiting.is_closed;
                let woken = self.ready.wait_timeout_while(waiting, LINGER, others);
                waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
            waiting.is_urgent = false;
            std::mem::swap(&mut lines, &mut waiting.lines);
            drop(waiting);
            // Standard error may be closed; there is then nobody to tell.
            let _ = out.write_all(&lines).and_then(|()| out.flush());
            lines.clear();
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.ready.notify_one();
        if let Some(thread) = self.thread.take() {
            // It only ends abnormally when writing panics, which leaves nothing to say.
            let _ = thread.join();
        }
    }
}

/// One line on its way.
#[derive(Debug)]
pub(super) struct Line<'a> {
    shared: &'a Shared,
    is_urgent: bool,
}

impl<'a> MakeWriter<'a> for Background {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            shared: &self.0,
            is_urgent: true,
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        Line {
            shared: &self.0,
            is_urgent: *metadata.level() <= Level::WARN,
        }
    }
}

impl Write for Line<'_> {
    /// Takes a whole line: both formats write theirs in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.shared.take(line, self.is_urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Hands on what is written, and waits for the other end to take it.
    struct Handed(mpsc::SyncSender<Vec<u8>>);

    impl Write for Handed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // A test that has gone away takes no more.
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_their_order_and_all_of_them_at_the_end() {
        let (out, written) = mpsc::sync_channel(1_000);
        let (lines, flush) = Background::start(Handed(out)).unwrap();
        for number in 0..100 {
            lines.0.take(format!("{number}\n").as_bytes(), number == 50);
        }

        drop(flush);

        let text: Vec<u8> = written.iter().flatten().collect();
        let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn a_line_that_finds_no_room_is_dropped_and_counted_and_nobody_waits() {
        let (out, written) = mpsc::sync_channel(0);
        let (lines, flush) = Background::start(Handed(out)).unwrap();
        lines.0.take(b"first\n", true);
        // The thread now holds the first line, or will, and can't get rid of it.
        while !lines.0.lock().lines.is_empty() {
            std::thread::yield_now();
        }
        let line = vec![b'x'; WAITING_BYTES_MAX];
        let before = dropped_lines();

        lines.0.take(&line, true);
        lines.0.take(b"last\n", true);

        assert_eq!(dropped_lines() - before, 1);
        assert_eq!(written.recv().unwrap(), b"first\n");
        assert_eq!(written.recv().unwrap(), line);
        drop(flush);
        assert!(written.recv().is_err());
    }
}
