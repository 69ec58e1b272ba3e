//! Fuzzes what a client sends to the token endpoint.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| claimsmith_fuzz::authorization_request(bytes));

/// Without libFuzzer: tries the files that are named, such as one that it has found.
#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    claimsmith_fuzz::try_files(claimsmith_fuzz::authorization_request)
}
