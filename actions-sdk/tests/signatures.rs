//! What the attributes take, and what an author is told otherwise.
//!
//! The messages in `fail/` are read by people: look at a changed one before
//! accepting it with `TRYBUILD=overwrite`.

#[test]
fn a_right_signature_compiles_and_a_wrong_one_is_explained() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}
