//! Logs: what is logged, in which form, and that a panic is logged like anything else.

mod background;
mod json;
mod text;

use std::{
    io::{self, IsTerminal},
    panic::PanicHookInfo,
};

use tracing::subscriber::set_global_default;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt as _};

use background::Background;
pub(crate) use background::{Flush, dropped_lines};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs: an object a line.
    Json,
}

/// The longest text of a panic that is logged, in characters.
const PANIC_CHARS_MAX: usize = 1_000;

/// Sends logs to standard error. `filter` is as [`filter`] takes it. What is logged last
/// is written when the answer is dropped.
///
/// # Errors
/// When the filter can't be read, or no thread can be made.
pub(crate) fn start(filter: &str, format: LogFormat) -> anyhow::Result<Flush> {
    // Not an `EnvFilter`: it looks at every span that is entered, which all requests do.
    let filter: Targets = filter.parse()?;
    let registry = tracing_subscriber::registry().with(filter);
    let (writer, flush) = Background::start(io::stderr())?;
    let set = match format {
        LogFormat::Text => {
            let lines = tracing_subscriber::fmt::layer()
                .with_writer(writer)
                .with_ansi(io::stderr().is_terminal())
                .fmt_fields(text::OneLine);
            set_global_default(registry.with(lines))
        }
        LogFormat::Json => set_global_default(registry.with(json::Lines::to(writer))),
    };
    // A second start in one process (tests) keeps the first subscriber, and its hook.
    if set.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(flush)
}

/// Checks a log filter: a level, or a list of levels and `TARGET=LEVEL`, such as
/// `info,claimsmith_http::access=off`. Answers it without spaces.
///
/// The library would take a misspelt level for the name of a target, and then log
/// nothing at all.
///
/// # Errors
/// A text that names what can't be read and says what can.
pub(crate) fn filter(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.contains(&word.to_ascii_lowercase().as_str());
    let is_target = |word: &str| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-');
        !word.is_empty() && word.chars().all(is_allowed)
    };
    let directives: Vec<_> = text.split(',').map(str::trim).collect();
    for directive in &directives {
        let is_right = match directive.split_once('=') {
            Some((target, level)) => is_target(target) && is_level(level),
            None => is_level(directive),
        };
        if !is_right {
            return Err(format!(
                "`{directive}` is neither a level ({}) nor TARGET=LEVEL, such as \
                 claimsmith_service=debug",
                LEVELS.join(", ")
            ));
        }
    }
    Ok(directives.join(","))
}

/// One line for a panic, with the span that it happened in. The library's own hook
/// would write several, in a form that no program reads.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let text: String = panic
        .payload_as_str()
        .unwrap_or_default()
        .chars()
        .take(PANIC_CHARS_MAX)
        .collect();
    tracing::error!(place, text, "a panic: this is a fault of the server");
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use serde_json::Value;
    use tracing::subscriber::with_default;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// What was logged.
    #[derive(Debug, Clone, Default)]
    struct Logged(Arc<Mutex<Vec<u8>>>);

    impl Write for Logged {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Logged {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    impl Logged {
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    fn in_json(log: impl FnOnce()) -> Vec<String> {
        let logged = Logged::default();
        let lines = json::Lines::to(logged.clone());
        with_default(tracing_subscriber::registry().with(lines), log);
        logged.lines()
    }

    fn in_text(log: impl FnOnce()) -> Vec<String> {
        let logged = Logged::default();
        let lines = tracing_subscriber::fmt().with_writer(logged.clone());
        let lines = lines.with_ansi(false).fmt_fields(text::OneLine);
        with_default(lines.finish(), log);
        logged.lines()
    }

    /// A text that would be a line of its own, and would colour a terminal.
    const HOSTILE: &str =
        "x\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\n\u{1b}[31m\u{9b}1m\u{2028}";

    fn log_hostile_values() {
        let _span =
            tracing::error_span!("request", tenant = HOSTILE, later = tracing::field::Empty);
        let _span = _span.entered();
        tracing::Span::current().record("later", tracing::field::display(HOSTILE));
        tracing::info!(text = HOSTILE, shown = %HOSTILE, debugged = ?HOSTILE, "{HOSTILE}");
    }

    fn log_an_error() {
        let cause = anyhow::anyhow!("the inner reason").context("the outer\nreason");
        let cause: &(dyn std::error::Error + 'static) = cause.as_ref();
        tracing::error!(cause, "it failed");
    }

    #[test]
    fn a_json_line_has_what_the_span_and_the_event_say_beside_each_other() {
        let lines = in_json(|| {
            let span = tracing::error_span!(
                "request",
                tenant = "dev",
                execution_id = tracing::field::Empty
            );
            let _entered = span.enter();
            span.record("execution_id", "abc");
            tracing::warn!(target: "somewhere", status = 400_u16, took = 1.5, level = "mine", "answered");
        });

        let [line] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        let mut line: Value = serde_json::from_str(line).unwrap();
        let time = line["time"].take();
        let time = time.as_str().unwrap();
        assert!(time.contains('T') && time.ends_with('Z'), "{time}");
        let expected = serde_json::json!({
            "time": null, "level": "WARN", "target": "somewhere", "message": "answered",
            "tenant": "dev", "execution_id": "abc",
            "status": 400, "took": 1.5, "level_": "mine",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn no_value_can_make_a_line_of_its_own() {
        let json = in_json(log_hostile_values);
        let text = in_text(log_hostile_values);

        assert_eq!(json.len(), 1, "{json:?}");
        let line: Value = serde_json::from_str(&json[0]).unwrap();
        assert_eq!(line["level"], "INFO");
        for field in ["message", "text", "shown", "tenant", "later"] {
            assert_eq!(line[field], HOSTILE, "{field}");
        }
        assert_eq!(text.len(), 1, "{text:?}");
        assert!(
            !text[0].contains(['\u{1b}', '\u{9b}', '\u{2028}', '\r']),
            "{text:?}"
        );
    }

    #[test]
    fn an_error_is_logged_with_its_sources() {
        for line in [in_json(log_an_error), in_text(log_an_error)].concat() {
            let line = line.replace("\\n", " ").replace("\\u{a}", " ");
            assert!(
                line.contains("the outer reason: the inner reason"),
                "{line}"
            );
        }
    }

    #[test]
    fn a_filter_is_a_list_of_levels_and_of_targets_with_levels() {
        for right in [
            "info",
            "OFF",
            "warn,claimsmith_http::access=info",
            "a=debug, b=trace",
        ] {
            let filter = filter(right).unwrap();
            assert_eq!(filter, right.replace(' ', ""));
            filter.parse::<Targets>().unwrap();
        }
        for wrong in [
            "",
            "inof",
            "info,",
            "a=",
            "=info",
            "a=loud",
            "a b=info",
            "[span]=info",
        ] {
            let message = filter(wrong).unwrap_err();
            assert!(message.contains("TARGET=LEVEL"), "{wrong}: {message}");
        }
    }
}
