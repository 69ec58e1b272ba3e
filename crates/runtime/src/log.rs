//! An execution's log, bounded in bytes and lines.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claimsmith_model::{LogLevel, LogLine};

use crate::Limits;

/// The log of one execution; the guest's log calls and its standard streams share it.
#[derive(Debug, Clone)]
pub(crate) struct Log(Arc<Mutex<Buffer>>);

#[derive(Debug)]
struct Buffer {
    lines: Vec<LogLine>,
    bytes: usize,
    dropped: u64,
    bytes_max: usize,
    lines_max: usize,
}

impl Log {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Mutex::new(Buffer {
            lines: Vec::new(),
            bytes: 0,
            dropped: 0,
            bytes_max: limits.log_bytes_max,
            lines_max: limits.log_lines_max,
        })))
    }

    /// Adds a line. What is beyond the limits is dropped and counted.
    pub(crate) fn line(&self, level: LogLevel, message: &str) {
        let mut buffer = self.lock();
        // A log ends where it first overflowed: a later line would hide the gap.
        let room = if buffer.dropped == 0 {
            buffer.bytes_max - buffer.bytes
        } else {
            0
        };
        let kept = if buffer.lines.len() < buffer.lines_max {
            floor(message, room)
        } else {
            ""
        };
        buffer.dropped += (message.len() - kept.len()) as u64;
        if !kept.is_empty()
            || (message.is_empty() && buffer.dropped == 0 && buffer.lines.len() < buffer.lines_max)
        {
            buffer.bytes += kept.len();
            buffer.lines.push(LogLine {
                level,
                message: kept.to_owned(),
            });
        }
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> (Vec<LogLine>, u64) {
        let mut buffer = self.lock();
        (std::mem::take(&mut buffer.lines), buffer.dropped)
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The longest start of `text` of at most `max` bytes that ends at a character.
fn floor(text: &str, max: usize) -> &str {
    let end = text.floor_char_boundary(max);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(bytes: usize, lines: usize) -> Log {
        Log::new(&Limits {
            log_bytes_max: bytes,
            log_lines_max: lines,
            ..Limits::default()
        })
    }

    #[test]
    fn a_log_keeps_what_fits_and_counts_the_rest() {
        let log = log(5, 10);
        log.line(LogLevel::Info, "abc");
        log.line(LogLevel::Info, "déf");
        log.line(LogLevel::Info, "ghi");

        let (lines, dropped) = log.take();
        let texts: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(texts, ["abc", "d"]);
        assert_eq!(dropped, 6, "three of `déf`, three of `ghi`");
    }

    #[test]
    fn a_log_keeps_only_so_many_lines() {
        let log = log(100, 2);
        for text in ["a", "", "c"] {
            log.line(LogLevel::Warn, text);
        }
        let (lines, dropped) = log.take();
        assert_eq!(lines.len(), 2);
        assert_eq!(dropped, 1);
    }
}
