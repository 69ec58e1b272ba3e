//! Fuzzes claims that an Action offers.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| claimsmith_fuzz::claim_policy(bytes));

/// Without libFuzzer: tries the files that are named, such as one that it has found.
#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    claimsmith_fuzz::try_files(claimsmith_fuzz::claim_policy)
}
