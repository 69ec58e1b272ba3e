//! The borders between the crates, as ARCHITECTURE.md draws them, and what documents
//! say of the sources, held by tests.
//!
//! `xtask` and this crate are outside the product: they may use any outside
//! dependency. Everything else is looked at.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "all of this is a test; clippy sees only #[test] functions as such"
)]

mod dependencies;
mod documents;
mod rules;
mod sources;
mod workspace;

use dependencies::Violation;

#[test]
fn crates_depend_only_on_those_the_table_allows() {
    assert_none(&dependencies::against_the_table(&workspace::members()));
}

#[test]
fn host_and_actions_meet_only_in_wit() {
    assert_none(&dependencies::across_the_contract(&workspace::members()));
}

#[test]
fn a_guarded_dependency_is_named_by_its_owner_alone() {
    assert_none(&dependencies::of_another_owner(&workspace::members()));
}

#[test]
fn only_server_reads_the_clock_and_the_environment() {
    assert_none(&sources::reads_of_the_outside(
        &workspace::root().join("crates"),
    ));
}

#[test]
fn the_table_names_every_crate_of_the_product_and_no_other() {
    let crates: Vec<String> = workspace::members()
        .into_iter()
        .filter_map(|member| member.folder.strip_prefix("crates/").map(str::to_owned))
        .collect();
    let table: Vec<&str> = rules::TABLE.iter().map(|row| row.folder).collect();

    for folder in &crates {
        assert!(
            table.contains(&folder.as_str()),
            "crates/{folder} has no row in tests/borders/rules.rs: say what it may depend on, \
             there and in ARCHITECTURE.md"
        );
    }
    for folder in table {
        assert!(
            crates.iter().any(|name| name == folder),
            "crates/{folder} has a row but is gone"
        );
    }
}

#[test]
fn every_file_and_test_that_the_security_document_names_is_there() {
    assert_true(documents::SECURITY, documents::untested_promises);
}

#[test]
fn every_file_and_test_that_the_conformance_document_names_is_there() {
    assert_true(documents::CONFORMANCE, documents::untold_rows);
}

/// Fails with everything that a document says of the sources and that isn't so, and with
/// what `untested` finds to be said without a test.
fn assert_true(path: &str, untested: fn(&str, &str) -> Vec<String>) {
    let root = workspace::root();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
    let document = read(path).expect("the document is readable");

    let mut untrue = documents::untrue_in(path, &document, read);
    untrue.extend(untested(path, &document));

    assert!(untrue.is_empty(), "\n{}\n", untrue.join("\n"));
}

fn assert_none(violations: &[Violation]) {
    let list: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(
        list.is_empty(),
        "{} of the borders crossed:\n\n{}\n",
        list.len(),
        list.join("\n\n")
    );
}
