//! What docs/security.md says of the sources: the files and tests that it names exist.
//!
//! The document names a test in a list item that begins with its file:
//! `` - `path/to/file.rs`: `one_test`, `another_test` ``. Any other path in backticks is a
//! file of the checkout. Each of its sections of the third level is a promise.

/// The document, from the workspace's root.
pub(crate) const SECURITY: &str = "docs/security.md";

/// How long a function's name must be to be taken for a test's where no file is named, in
/// underscores: a test's name is a sentence.
const UNDERSCORES_OF_A_SENTENCE: usize = 4;

/// Everything in the document that isn't so, each with its line. `read` answers with the
/// text of a file by its path from the root, if it is there.
pub(crate) fn untrue_in(document: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut untrue = Vec::new();
    let mut is_code = false;
    for (line, number) in document.lines().zip(1..) {
        is_code ^= line.starts_with("```");
        if is_code {
            continue;
        }
        let mut say = |what: String| untrue.push(format!("{SECURITY}:{number}: {what}"));
        let spans: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        for path in spans.iter().filter(|span| is_path(span)) {
            if read(path).is_none() {
                say(format!("there is no file {path}"));
            }
        }
        let names = spans.iter().filter(|span| !is_path(span));
        match spans.first() {
            Some(file) if line.starts_with("- `") && is_path(file) => {
                let source = read(file).unwrap_or_default();
                for name in names.filter(|name| !has_test(&source, name)) {
                    say(format!("{file} has no test {name}"));
                }
            }
            _ => {
                for name in names.filter(|name| is_sentence(name)) {
                    say(format!("the test {name} is named without its file"));
                }
            }
        }
    }
    untrue.extend(untested_promises(document));
    untrue
}

/// Promises under which no test is named. Each is a section of the third level.
fn untested_promises(document: &str) -> Vec<String> {
    let promises = document.split("\n### ").skip(1);
    let sections = promises.map(|text| text.split("\n## ").next().unwrap_or_default());
    sections
        .filter(|section| !section.lines().any(names_a_test))
        .map(|section| {
            let heading = section.lines().next().unwrap_or_default();
            format!("{SECURITY}: no test is named under \"{heading}\"")
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
        untrue_in(document, |path| {
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
            ["docs/security.md:3: tests/zoo.rs has no test an_endless_loop_never_began"]
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
                "docs/security.md:1: there is no file crates/gone.rs",
                "docs/security.md:2: the test an_endless_loop_ends_at_its_deadline is named \
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
            untrue(document),
            ["docs/security.md: no test is named under \"Time\""]
        );
    }
}
