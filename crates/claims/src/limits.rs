//! What the policy bounds, and why each bound has its value.

/// The longest name of a custom claim, in bytes of UTF-8.
///
/// Names are URLs and URNs that a person chose; 256 bytes are several times the
/// longest that is seen, and keep every name whole in the report.
pub const NAME_BYTES_MAX: usize = 256;

/// The most that the custom claims of one token may take: the bytes of all names
/// and values as compact JSON text, each name with its quotes.
///
/// 100 KB is the reference product's limit. Colons, commas and braces between
/// claims aren't counted: `n` claims, serialised, are never longer than
/// `CLAIMS_BYTES_MAX + 2 * n + 1` bytes.
pub const CLAIMS_BYTES_MAX: usize = 102_400;

/// The most custom claims that one token may have.
///
/// Far beyond real tokens; it keeps the cost of a login in proportion when a loop
/// in an Action sets one small claim after another.
pub const CLAIMS_MAX: usize = 1_000;

/// How deep the arrays and objects of a value may be nested; a text or a number has
/// depth 0, an array of texts depth 1.
///
/// Consumers parse tokens with recursive parsers, some of which stop at 64.
pub const VALUE_DEPTH_MAX: usize = 32;

/// The longest JSON text that is parsed as a claim's value, in bytes.
///
/// Twice what a token may hold, so that white space and escapes have room, while
/// parsing costs a few megabytes at the very worst.
pub const VALUE_TEXT_BYTES_MAX: usize = 2 * CLAIMS_BYTES_MAX;
