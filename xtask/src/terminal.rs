//! Colours and headings, for terminals that want them.

use std::{env, fmt, io::IsTerminal, time::Duration};

/// Paints text when the stream it goes to is a terminal and `NO_COLOR` is unset or
/// empty (<https://no-color.org>).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    colours: bool,
}

/// The paint for standard output.
pub(crate) fn stdout() -> Paint {
    Paint {
        colours: colours_wanted() && std::io::stdout().is_terminal(),
    }
}

/// The paint for standard error.
pub(crate) fn stderr() -> Paint {
    Paint {
        colours: colours_wanted() && std::io::stderr().is_terminal(),
    }
}

fn colours_wanted() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && env::var_os("TERM").is_none_or(|value| value != "dumb")
}

impl Paint {
    /// No colours at all.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { colours: false }
    }

    /// For headings.
    pub(crate) fn bold(self, text: impl fmt::Display) -> String {
        self.wrap("1", text)
    }

    /// For what may be skipped in reading.
    pub(crate) fn dim(self, text: impl fmt::Display) -> String {
        self.wrap("2", text)
    }

    /// For what failed or was refused.
    pub(crate) fn red(self, text: impl fmt::Display) -> String {
        self.wrap("1;31", text)
    }

    /// For what went well.
    pub(crate) fn green(self, text: impl fmt::Display) -> String {
        self.wrap("1;32", text)
    }

    /// For what a person should look at.
    pub(crate) fn yellow(self, text: impl fmt::Display) -> String {
        self.wrap("1;33", text)
    }

    fn wrap(self, code: &str, text: impl fmt::Display) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}

/// Prints a heading that stands out in a long log.
pub(crate) fn heading(text: &str) {
    println!("\n{}", stdout().bold(format!("== {text} ==")));
}

/// A duration as a person reads it: `0.4 s`, `12.3 s`, `2 min 05 s`.
pub(crate) fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!(elapsed(Duration::from_millis(431)), "0.4 s");
        assert_eq!(elapsed(Duration::from_secs(59)), "59.0 s");
        assert_eq!(elapsed(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn without_colours_text_stays_as_it_is() {
        assert_eq!(Paint { colours: false }.red("no"), "no");
        assert_eq!(Paint { colours: true }.red("no"), "\x1b[1;31mno\x1b[0m");
    }
}
