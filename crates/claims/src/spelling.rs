//! Reading a name as a person or a lenient consumer might read it.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use percent_encoding::percent_decode_str;

/// A name with compatibility characters and upper case taken away (NFKC and lower
/// case): `ＳＵＢ` becomes `sub`. ASCII names come back as they are, because what
/// compares with them ignores ASCII case anyway.
pub(crate) fn fold(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return Cow::Borrowed(name);
    }
    let nfkc = const { ComposingNormalizerBorrowed::new_nfkc() };
    let lower = nfkc.normalize(name).to_lowercase();
    Cow::Owned(nfkc.normalize(&lower).into_owned())
}

/// The plainest reading of a name: percent-encoding taken away until none is left,
/// folded, in lower case.
pub(crate) fn plain(name: &str) -> String {
    let mut text = name.to_owned();
    // Every round removes a percent sign or shortens the text, so this ends.
    loop {
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            break;
        }
        text = decoded;
    }
    fold(&text).to_lowercase()
}

/// Whether a character shows nothing, or nothing of its own: control characters,
/// white space, and Unicode's default-ignorable characters. None belongs in a name;
/// each could make two different names look alike.
pub(crate) fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control() || c == ' ';
    }
    c.is_control()
        || c.is_whitespace()
        || matches!(
            c,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

/// A name fit for a report: cut at 256 characters, with invisible characters written
/// as `\u{…}` so that they can be seen and do nothing to a terminal.
pub(crate) fn shown(name: &str) -> String {
    let mut text = String::with_capacity(name.len().min(256));
    let mut room = 256_usize;
    for c in name.chars() {
        let escaped = is_invisible(c).then(|| c.escape_unicode().to_string());
        let width = escaped.as_ref().map_or(1, String::len);
        if width > room {
            break;
        }
        room -= width;
        match escaped {
            Some(escape) => text.push_str(&escape),
            None => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_takes_away_compatibility_characters_and_case() {
        assert_eq!(fold("ＳＵＢ"), "sub");
        assert_eq!(fold("ſub"), "sub");
        assert_eq!(fold("\u{212A}id"), "kid");
        assert_eq!(fold("Sub"), "Sub");
    }

    #[test]
    fn the_plain_reading_undoes_repeated_percent_encoding() {
        assert_eq!(plain("%2561uth0"), "auth0");
        assert_eq!(plain("100%"), "100%");
        assert_eq!(plain("%FF%zz"), "\u{FFFD}%zz");
    }

    #[test]
    fn a_shown_name_has_no_invisible_character_and_at_most_256_characters() {
        assert_eq!(shown("a\u{1b}[2Jb\u{200b}"), "a\\u{1b}[2Jb\\u{200b}");
        assert_eq!(shown(&"ä".repeat(300)).chars().count(), 256);
        assert!(shown(&"\n".repeat(300)).chars().count() <= 256);
    }
}
