//! What must hold for any bytes from outside. Each function takes such bytes and panics
//! when something doesn't hold; `cargo fuzz` calls them with bytes that it makes up, the
//! tests with a bounded number of mutations and with the corpus.
#![expect(
    clippy::expect_used,
    reason = "a panic is how libFuzzer learns that something does not hold"
)]

mod authorization_request;
mod claim_policy;
mod token_request;
mod upload;

pub use authorization_request::authorization_request;
pub use claim_policy::claim_policy;
pub use token_request::token_request;
pub use upload::{Laboratory, Verdict, upload};

/// Tries the files that the command line names, so that what a fuzzer has found can be
/// looked at with any toolchain.
///
/// # Errors
/// When a file can't be read.
pub fn try_files(target: impl Fn(&[u8])) -> std::io::Result<()> {
    for file in std::env::args_os().skip(1) {
        target(&std::fs::read(file)?);
    }
    Ok(())
}
