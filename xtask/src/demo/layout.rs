//! Text that fits a terminal of 100 columns.

/// The widest line that the demo prints.
pub(crate) const WIDTH: usize = 100;

/// Breaks a text at spaces into lines of at most `width` characters. A word that is
/// longer than a line is cut, so that nothing gets lost at a window's edge.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        let used = line.chars().count();
        if used > 0 && used + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
        } else if used > 0 {
            line.push(' ');
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines.push(word.into_iter().collect());
            word = rest;
        }
        line.extend(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// A label and a text beside it, the text's further lines below its first.
pub(crate) fn labelled(indent: usize, label: &str, text: &str) -> String {
    let margin = indent + label.chars().count();
    let lines = wrapped(text, WIDTH.saturating_sub(margin).max(20));
    let between = format!("\n{}", " ".repeat(margin));
    format!("{}{label}{}", " ".repeat(indent), lines.join(&between))
}

/// Microseconds as a person reads them: `87 µs`, `4.2 ms`.
pub(crate) fn microseconds(duration_us: u64) -> String {
    match duration_us {
        0..1_000 => format!("{duration_us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", duration_us / 1_000, duration_us % 1_000 / 100),
        _ => format!(
            "{}.{} s",
            duration_us / 1_000_000,
            duration_us % 1_000_000 / 100_000
        ),
    }
}

/// Bytes as a person reads them: `640 KiB`, `1.1 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    if count < MIB {
        format!("{} KiB", count.div_ceil(KIB))
    } else {
        format!("{}.{} MiB", count / MIB, count % MIB * 10 / MIB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_too_long_words_are_cut() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a abcdefgh", 3), ["a", "abc", "def", "gh"]);
        assert_eq!(wrapped("", 7), Vec::<String>::new());
    }

    #[test]
    fn a_label_stands_beside_its_text() {
        let text = labelled(2, "why: ", &"word ".repeat(30));

        let mut lines = text.lines();
        assert!(lines.next().unwrap().starts_with("  why: word word"));
        assert!(lines.next().unwrap().starts_with("       word"));
        assert!(text.lines().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn sizes_and_times_read_as_people_say_them() {
        assert_eq!(microseconds(87), "87 µs");
        assert_eq!(microseconds(4_250), "4.2 ms");
        assert_eq!(bytes(1_179_648), "1.1 MiB");
        assert_eq!(bytes(640 * 1024), "640 KiB");
    }
}
