//! What the system says of this process, from `/proc` (proc(5)).

use std::fs;

use claimsmith_service::metrics::ProcessFigures;

use crate::telemetry::dropped_lines;

/// Clock ticks of `/proc` in a second: 100 on every architecture that Rust's standard
/// library has for Linux.
const TICKS: f64 = 100.0;

/// What the system says of this process; `None` where there is no such `/proc`.
pub(crate) fn figures() -> Option<ProcessFigures> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{file}")).ok();
    // The folder itself is open while it is counted.
    let open_fds = fs::read_dir("/proc/self/fd")
        .ok()?
        .count()
        .saturating_sub(1);
    parse(
        &read("self/stat")?,
        &read("self/status")?,
        &read("self/limits")?,
        &read("stat")?,
        open_fds as u64,
    )
}

fn parse(
    stat: &str,
    status: &str,
    limits: &str,
    system: &str,
    open_fds: u64,
) -> Option<ProcessFigures> {
    // The second field is the program's name, which may hold anything; those that
    // follow its last bracket are counted from the third.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let (user, kernel, began) = (field(14)?, field(15)?, field(22)?);
    let resident_kib = number_after(status, "VmRSS:")?;
    let booted_s = number_after(system, "btime ")?;
    Some(ProcessFigures {
        resident_bytes: resident_kib * 1024,
        virtual_bytes: field(23)?,
        cpu_s: (user + kernel) as f64 / TICKS,
        open_fds,
        // `unlimited` is no number.
        max_fds: number_after(limits, "Max open files").unwrap_or(u64::MAX),
        threads: field(20)?,
        started_s: booted_s as f64 + began as f64 / TICKS,
        log_lines_dropped: dropped_lines(),
    })
}

/// The first number of the line that begins so.
fn number_after(text: &str, start: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(start))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read_by_their_numbers_whatever_the_program_is_called() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 9 0 1000 8192 3 0";
        let status = "Name:\ta b) c\nVmRSS:\t    12 kB\n";
        let limits = "Max open files            1024                 524288               files\n";

        let figures = parse(stat, status, limits, "cpu 1\nbtime 500\n", 3).unwrap();

        let expected = ProcessFigures {
            resident_bytes: 12_288,
            virtual_bytes: 8_192,
            cpu_s: 3.0,
            open_fds: 3,
            max_fds: 1_024,
            threads: 9,
            started_s: 510.0,
            log_lines_dropped: figures.log_lines_dropped,
        };
        assert_eq!(figures, expected);
    }

    #[test]
    fn this_process_has_figures() {
        let figures = figures().unwrap();

        assert!(figures.resident_bytes > 0 && figures.open_fds > 0 && figures.threads > 0);
        assert!(figures.virtual_bytes >= figures.resident_bytes);
    }
}
