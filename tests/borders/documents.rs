//! What documents say of the sources: the files and tests that they name exist.
//!
//! A document names a test after its file: in a list item that begins with the file,
//! `` - `path/to/file.rs`: `one_test`, `another_test` ``, or in a row of a table. Any other
//! path in backticks is a file of the checkout.
//!
//! docs/security.md has a promise in each section of the third level, docs/conformance.md
//! one in each row: without a test it says why.

/// What the sandbox promises, from the workspace's root.
pub(crate) const SECURITY: &str = "docs/security.md";

/// What the standards ask for.
pub(crate) const CONFORMANCE: &str = "docs/conformance.md";

/// How long a function's name must be to be taken for a test's where no file is named, in
/// underscores: a test's name is a sentence.
const UNDERSCORES_OF_A_SENTENCE: usize = 4;

/// What a row without a test has in its last column; why is in the one before.
const NO_TEST: &str = "–";

/// Every file and test that the document at `path` names and that isn't there, each with
/// its line. `read` answers with the text of a file by its path from the root, if it is
/// there.
pub(crate) fn untrue_in(
    path: &str,
    document: &str,
    read: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let mut untrue = Vec::new();
    let mut is_code = false;
    for (line, number) in document.lines().zip(1..) {
        is_code ^= line.starts_with("```");
        if is_code {
            continue;
        }
        let mut say = |what: String| untrue.push(format!("{path}:{number}: {what}"));
        // In an item that begins with a file, every other name is a test's.
        let is_list_of_tests = names_a_test(line);
        let mut file = None;
        for span in line.split('`').skip(1).step_by(2) {
            if is_path(span) {
                file = Some(span);
                if read(span).is_none() {
                    say(format!("there is no file {span}"));
                }
            } else if is_list_of_tests || is_sentence(span) {
                match file {
                    Some(file) if has_test(&read(file).unwrap_or_default(), span) => {}
                    Some(file) => say(format!("{file} has no test {span}")),
                    None => say(format!("the test {span} is named without its file")),
                }
            }
        }
    }
    untrue
}

/// Rows of tables under which neither a test is named nor [`NO_TEST`], which says that the
/// row tells why.
pub(crate) fn untold_rows(path: &str, document: &str) -> Vec<String> {
    let rows = document.lines().zip(1..);
    let rows = rows.filter(|(line, _)| line.starts_with("| ") && !line.starts_with("| § |"));
    rows.filter(|(line, _)| {
        let mut cells = line.trim_end_matches(" |").rsplit(" | ");
        let (last, why) = (cells.next().unwrap_or_default(), cells.next());
        let says_why = last == NO_TEST && why.is_some_and(|why| why.starts_with("not "));
        !says_why && !last.contains(".rs`: `")
    })
    .map(|(_, number)| format!("{path}:{number}: no test, and no word why"))
    .collect()
}

/// Promises under which no test is named. Each is a section of the third level.
pub(crate) fn untested_promises(path: &str, document: &str) -> Vec<String> {
    let promises = document.split("\n### ").skip(1);
    let sections = promises.map(|text| text.split("\n## ").next().unwrap_or_default());
    sections
        .filter(|section| !section.lines().any(names_a_test))
        .map(|section| {
            let heading = section.lines().next().unwrap_or_default();
            format!("{path}: no test is named under \"{heading}\"")
        })
        .collect()
}

fn names_a_test(line: &str) -> bool {
    line.starts_with("- `") && line.contains(".rs`: `")
}

/// Whether a text in backticks is the path of a source file.
fn is_path(span: &str) -> bool {
    span.contains('/') && span.ends_with(".rs")
}

fn is_sentence(span: &str) -> bool {
    span.matches('_').count() >= UNDERSCORES_OF_A_SENTENCE
        && span
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a source has a test of that name: a function under an attribute `#[test]` or
/// one that ends alike, such as `#[tokio::test(…)]`, and that isn't ignored.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let (plain, asynchronous) = (format!("fn {name}("), format!("async fn {name}("));
    lines.iter().enumerate().any(|(at, line)| {
        let attributes = || {
            let before = lines[..at].iter().rev();
            before.take_while(|line| line.starts_with("#[") || line.starts_with("///"))
        };
        (line.starts_with(&plain) || line.starts_with(&asynchronous))
            && attributes().any(|line| line.starts_with("#[test]") || line.contains("::test"))
            && !attributes().any(|line| line.starts_with("#[ignore"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
        #[test]
        fn an_endless_loop_ends_at_its_deadline() {}

        #[tokio::test(flavor = \"multi_thread\")]
        #[expect(clippy::panic, reason = \"a test\")]
        async fn a_greedy_guest_gets_what_the_limit_says() {}

        #[test]
        #[ignore]
        fn a_test_that_is_not_run_shows_nothing() {}

        // #[test] fn a_test_in_a_comment_is_none() {}
        fn a_helper_with_a_long_name_is_none() {}
    ";

    fn untrue(document: &str) -> Vec<String> {
        untrue_in("docs/a.md", document, |path| {
            (path == "tests/zoo.rs").then(|| SOURCE.to_owned())
        })
    }

    #[test]
    fn what_is_there_may_be_named() {
        let document = "Kept by: `tests/zoo.rs` (`Store`), with `deadline_ms`.\n\n\
            - `tests/zoo.rs`: `an_endless_loop_ends_at_its_deadline`, \
            `a_greedy_guest_gets_what_the_limit_says`\n";

        assert_eq!(untrue(document), Vec::<String>::new());
    }

    #[test]
    fn an_invented_test_is_found_with_its_line() {
        let document = "# Security\n\n- `tests/zoo.rs`: `an_endless_loop_never_began`\n";

        assert_eq!(
            untrue(document),
            ["docs/a.md:3: tests/zoo.rs has no test an_endless_loop_never_began"]
        );
    }

    #[test]
    fn only_what_is_run_as_a_test_counts() {
        for name in [
            "a_test_that_is_not_run_shows_nothing",
            "a_test_in_a_comment_is_none",
            "a_helper_with_a_long_name_is_none",
            "an_endless_loop_ends",
        ] {
            let found = untrue(&format!("- `tests/zoo.rs`: `{name}`"));
            assert_eq!(found.len(), 1, "{name}: {found:?}");
        }
    }

    #[test]
    fn a_file_that_is_gone_and_a_test_without_its_file_are_found() {
        let document = "Kept by: `crates/gone.rs`.\n`an_endless_loop_ends_at_its_deadline`\n";

        assert_eq!(
            untrue(document),
            [
                "docs/a.md:1: there is no file crates/gone.rs",
                "docs/a.md:2: the test an_endless_loop_ends_at_its_deadline is named \
                 without its file",
            ]
        );
    }

    #[test]
    fn a_promise_without_a_test_is_found() {
        let document = "# Security\n\n## What an Action may use up\n\n### Time\n\nBounded.\n\n\
            ## Code\n\n- `tests/zoo.rs`: `an_endless_loop_ends_at_its_deadline`\n\n\
            ### Memory\n\n- `tests/zoo.rs`: `an_endless_loop_ends_at_its_deadline`\n";

        assert_eq!(
            untested_promises("docs/a.md", document),
            ["docs/a.md: no test is named under \"Time\""]
        );
    }

    #[test]
    fn a_row_names_tests_after_their_files() {
        let document = "| 1 | `state` | so | `tests/zoo.rs`: `an_endless_loop_never_began`, \
            `an_endless_loop_ends_at_its_deadline`; `crates/gone.rs` |\n\
            | 2 | a name | `a_test_that_has_no_file_is_named` | |\n";

        assert_eq!(
            untrue(document),
            [
                "docs/a.md:1: tests/zoo.rs has no test an_endless_loop_never_began",
                "docs/a.md:1: there is no file crates/gone.rs",
                "docs/a.md:2: the test a_test_that_has_no_file_is_named is named without its \
                 file",
            ]
        );
    }

    #[test]
    fn a_row_has_a_test_or_says_why_not() {
        let document = "| § | asked | ours | shown by |\n|---|---|---|---|\n\
            | 1 | a | so | `tests/zoo.rs`: `an_endless_loop_ends_at_its_deadline` |\n\
            | 2 | b | not met: no time | – |\n\
            | 3 | c | so | – |\n\
            | 4 | d | so | `tests/zoo.rs` |\n";

        assert_eq!(
            untold_rows("docs/a.md", document),
            [
                "docs/a.md:5: no test, and no word why",
                "docs/a.md:6: no test, and no word why",
            ]
        );
    }
}
