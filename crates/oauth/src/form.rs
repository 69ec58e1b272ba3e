//! Decoding `application/x-www-form-urlencoded`.

/// A name or value that isn't percent-encoded UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadEncoding;

/// The text that a form-urlencoded name or value stands for: `+` is a space, `%XX`
/// a byte, and the bytes are UTF-8 (RFC 6749 appendix B).
///
/// A `%` without two hexadecimal digits is an error, where browsers would let it
/// stand: a password that was sent unencoded is better named than found wrong.
pub(crate) fn decode_component(encoded: &[u8]) -> Result<String, BadEncoding> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => (hex_digit(rest.next())? << 4) | hex_digit(rest.next())?,
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| BadEncoding)
}

fn hex_digit(byte: Option<u8>) -> Result<u8, BadEncoding> {
    match byte {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        Some(digit @ b'A'..=b'F') => Ok(digit - b'A' + 10),
        _ => Err(BadEncoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_6749_appendix_b_decodes() {
        let decoded = decode_component(b"+%25%26%2B%C2%A3%E2%82%AC").unwrap();
        assert_eq!(decoded, " %&+\u{a3}\u{20ac}");
    }

    #[test]
    fn what_is_not_percent_encoded_utf_8_is_refused() {
        for encoded in [&b"100%"[..], b"%4", b"%zz", b"%+1", b"%ff", b"\xff"] {
            assert_eq!(decode_component(encoded), Err(BadEncoding), "{encoded:?}");
        }
    }
}
