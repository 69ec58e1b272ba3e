//! What the sources of the product read from outside.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    dependencies::Violation,
    rules::{READS, Read},
};

/// Every line below that folder (`crates/`) that reads the clock or the environment
/// in a crate that may not.
pub(crate) fn reads_of_the_outside(crates: &Path) -> Vec<Violation> {
    let mut violations = Vec::new();
    for folder in folders_in(crates) {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for file in rust_files_below(&folder.join("src")) {
            let text = fs::read_to_string(&file).expect("a source file is readable UTF-8");
            let shown = file
                .strip_prefix(crates)
                .unwrap_or(&file)
                .display()
                .to_string();
            for (line, read) in reads_in(&text) {
                if !read.allowed_in.contains(&name.as_str()) {
                    violations.push(Violation {
                        place: format!("crates/{shown}:{line}"),
                        broken: format!(
                            "`{}` reads {}; only these crates may: {}. Others are handed it",
                            read.path,
                            read.what,
                            read.allowed_in.join(", ")
                        ),
                    });
                }
            }
        }
    }
    violations
}

/// The reads in one source text, each with its line, counted from 1.
fn reads_in(source: &str) -> Vec<(usize, &'static Read)> {
    let code = without_comments_and_strings(source);
    let mut found = Vec::new();
    for read in &READS {
        for (at, _) in code.match_indices(read.path) {
            if is_whole_path(&code, at, read.path) {
                found.push((line_of(&code, at), read));
            }
        }
    }
    let environment = READS
        .iter()
        .find(|read| read.path == "std::env")
        .expect("a row for it");
    found.extend(grouped_imports_of_env(&code).map(|line| (line, environment)));
    found.sort_by_key(|(line, _)| *line);
    // `std::env::var` is both `std::env` and `env::var`; one word about it is enough.
    found.dedup_by_key(|(line, read)| (*line, read.what));
    found
}

/// Lines of `use std::{…}` statements that have `env` among what they import.
fn grouped_imports_of_env(code: &str) -> impl Iterator<Item = usize> {
    code.match_indices("use std::{").filter_map(|(at, _)| {
        let statement = code.get(at..)?.split(';').next()?;
        let word = |c: char| !c.is_alphanumeric() && c != '_';
        let offset = statement
            .match_indices("env")
            .map(|(offset, _)| offset)
            .find(|offset| is_whole_word(statement, *offset, "env", word))?;
        Some(line_of(code, at + offset))
    })
}

fn is_whole_path(code: &str, at: usize, path: &str) -> bool {
    is_whole_word(code, at, path, |c| !c.is_alphanumeric() && c != '_')
}

fn is_whole_word(text: &str, at: usize, word: &str, boundary: impl Fn(char) -> bool) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + word.len()..].chars().next();
    before.is_none_or(&boundary) && after.is_none_or(&boundary)
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The source with comments and the contents of strings taken out and every line
/// where it was. Enough of Rust's grammar for that: nested comments, raw strings,
/// and quotes that are characters or lifetimes.
fn without_comments_and_strings(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest)
            .or_else(|| string(rest))
            .or_else(|| character(rest));
        match skipped {
            Some(length) => {
                code.push(' ');
                code.extend(rest[..length].chars().filter(|c| *c == '\n'));
                rest = &rest[length..];
            }
            None => {
                // A whole word at once: the `r` of `for"` begins no raw string.
                let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                let length = word.unwrap_or(rest.len()).max(first.len_utf8());
                code.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    code
}

/// The length of the comment that the text begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(text.len())
}

/// The length of the string literal that the text begins with.
fn string(text: &str) -> Option<usize> {
    let prefix = text
        .find(['"', '#'])
        .filter(|length| matches!(&text[..*length], "" | "r" | "b" | "br" | "c" | "cr"))?;
    let hashes = text[prefix..].chars().take_while(|c| *c == '#').count();
    let start = prefix + hashes;
    if !text[start..].starts_with('"') || (hashes > 0 && !text[..prefix].contains('r')) {
        return None;
    }
    let body = &text[start + 1..];
    if text[..prefix].contains('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(
            body.find(&end)
                .map_or(text.len(), |at| start + 1 + at + end.len()),
        );
    }
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(start + 1 + at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

/// The length of the character literal that the text begins with; `None` for a
/// lifetime.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let mut characters = body.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        // The escaped character may be a quote itself.
        let after = characters.nth(1).map(|(at, _)| at)?;
        return body[after..].find('\'').map(|at| 1 + after + at + 1);
    }
    let (at, second) = characters.next()?;
    (second == '\'').then_some(1 + at + 1)
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    entries_of(folder)
        .into_iter()
        .filter(|path| path.is_dir())
        .collect()
}

fn rust_files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in entries_of(folder) {
        if path.is_dir() {
            files.extend(rust_files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn entries_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{} can't be read: {error}", folder.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry is readable").path())
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str) -> Vec<(usize, &'static str)> {
        reads_in(source)
            .into_iter()
            .map(|(line, read)| (line, read.path))
            .collect()
    }

    #[test]
    fn a_read_is_found_with_its_line() {
        assert_eq!(
            paths("fn f() {\n    let now = std::time::SystemTime::now();\n}"),
            [(2, "SystemTime::now")]
        );
        assert_eq!(
            paths("let home = std::env::var(\"HOME\");"),
            [(1, "std::env")]
        );
        assert_eq!(
            paths("use std::{\n    collections::HashMap,\n    env,\n};"),
            [(3, "std::env")]
        );
    }

    #[test]
    fn what_is_no_code_reads_nothing() {
        assert_eq!(
            paths("// SystemTime::now()\n/* std::env /* nested */ Utc::now */"),
            []
        );
        assert_eq!(
            paths(r##"let a = "SystemTime::now"; let b = r#"std::env " "#; "##),
            []
        );
        assert_eq!(paths(r#"let quote = '"'; let c = '\''; // std::env"#), []);
    }

    #[test]
    fn code_after_quotes_and_lifetimes_is_still_read() {
        assert_eq!(
            paths("fn f<'a>(x: &'a str) { let q = '\"'; let e = \"\\\"\"; Instant::now() }"),
            [(1, "Instant::now")]
        );
    }

    #[test]
    fn a_name_that_only_looks_like_a_read_is_none() {
        assert_eq!(
            paths("use std::environment; MySystemTime::now_or_later(); dotenv::variable()"),
            []
        );
        assert_eq!(paths("let dir = env!(\"CARGO_MANIFEST_DIR\");"), []);
    }
}
