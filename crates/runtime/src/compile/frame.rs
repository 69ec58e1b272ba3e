//! A header and code as bytes: `u32` length of the header, `u64` length of the code, both
//! big-endian, the header as JSON, the code. What is shorter or longer than it says is
//! no frame.

use serde::{Serialize, de::DeserializeOwned};

/// The longest header, in bytes. It holds names and texts that are bounded where they are
/// made, and together stay well below.
pub(super) const HEADER_BYTES_MAX: usize = 1 << 20;
/// What precedes the header, in bytes.
pub(super) const PREFIX_BYTES: usize = 12;

/// What precedes the code in a frame: the lengths and the header.
///
/// # Errors
/// When the header is too long, or can't be JSON.
pub(super) fn head(header: &impl Serialize, code: &[u8]) -> Result<Vec<u8>, String> {
    let header = serde_json::to_vec(header).map_err(|error| error.to_string())?;
    let header_bytes = u32::try_from(header.len())
        .ok()
        .filter(|_| header.len() <= HEADER_BYTES_MAX)
        .ok_or_else(|| format!("a header of {} bytes is too long", header.len()))?;
    let mut head = Vec::with_capacity(PREFIX_BYTES + header.len());
    head.extend_from_slice(&header_bytes.to_be_bytes());
    head.extend_from_slice(&(code.len() as u64).to_be_bytes());
    head.extend_from_slice(&header);
    Ok(head)
}

/// The header of a frame, and where its code begins.
///
/// # Errors
/// A text that says what is wrong with it.
pub(super) fn decode<H: DeserializeOwned>(frame: &[u8]) -> Result<(H, usize), String> {
    let (header_bytes, rest) = frame.split_first_chunk().ok_or("it is cut off")?;
    let (code_bytes, rest) = rest.split_first_chunk().ok_or("it is cut off")?;
    let header_bytes = u32::from_be_bytes(*header_bytes) as usize;
    if header_bytes > HEADER_BYTES_MAX {
        return Err(format!("its header of {header_bytes} bytes is too long"));
    }
    let (header, code) = rest
        .split_at_checked(header_bytes)
        .ok_or("it is cut off in its header")?;
    if code.len() as u64 != u64::from_be_bytes(*code_bytes) {
        return Err("its code is not as long as it says".to_owned());
    }
    let header = serde_json::from_slice(header).map_err(|error| error.to_string())?;
    Ok((header, PREFIX_BYTES + header_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(header: &impl Serialize, code: &[u8]) -> Result<Vec<u8>, String> {
        let mut frame = head(header, code)?;
        frame.extend_from_slice(code);
        Ok(frame)
    }

    #[test]
    fn a_frame_is_read_as_it_was_written_and_no_other_length_is() {
        let frame = encode(&("a", 1), b"code").unwrap();

        let ((text, number), start) = decode::<(String, u32)>(&frame).unwrap();
        assert_eq!(
            (text.as_str(), number, &frame[start..]),
            ("a", 1, &b"code"[..])
        );
        for length in 0..frame.len() {
            assert!(
                decode::<(String, u32)>(&frame[..length]).is_err(),
                "{length}"
            );
        }
        let longer = [frame.as_slice(), b"x"].concat();
        assert!(decode::<(String, u32)>(&longer).is_err());
    }

    #[test]
    fn a_header_just_within_its_limit_is_taken_and_one_beyond_is_not() {
        let within = "x".repeat(HEADER_BYTES_MAX - 2);
        let frame = encode(&within, b"").unwrap();
        assert_eq!(decode::<String>(&frame).unwrap().0, within);

        assert!(encode(&"x".repeat(HEADER_BYTES_MAX - 1), b"").is_err());
        assert!(decode::<String>(&[0xff; 100]).is_err());
    }
}
