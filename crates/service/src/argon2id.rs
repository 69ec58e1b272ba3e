//! argon2id (RFC 9106), in memory that the system has back afterwards.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{Output, ParamsString, PasswordHash, SaltString},
};
use claimsmith_model::Secret;

/// Memory of one hash in KiB; OWASP's first choice for argon2id is 19 MiB, two
/// passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The least that is reserved for a hash, in blocks of a kibibyte; what isn't used of it
/// takes no memory. glibc gives back at once what is larger than 32 MiB. Smaller ones it
/// keeps, for each thread that ever had one: after eighty logins of eight users at a
/// time the process had 278 MB and not 22.
const RESERVED_BLOCKS_MIN: usize = 33 * 1024;

/// The hash of a password, in PHC form. `None` when it can't be made, which no password
/// of a sane length does.
pub(crate) fn hash(password: &[u8], salt: &[u8; 16]) -> Option<Secret> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    let written_salt = SaltString::encode_b64(salt).ok()?;
    let written_params = ParamsString::try_from(&params).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let output = output(&argon2, password, salt, Params::DEFAULT_OUTPUT_LEN)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: written_params,
        salt: Some(written_salt.as_salt()),
        hash: Some(output),
    };
    Some(Secret::new(hash.to_string()))
}

/// Whether a hash in PHC form is that of the password, by the hash's own parameters.
/// `None` when it can't be read.
pub(crate) fn is_hash_of(hash: &Secret, password: &[u8]) -> Option<bool> {
    let hash = PasswordHash::new(hash.expose()).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm).ok()?;
    let version = Version::try_from(hash.version?).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash).ok()?);
    let mut salt = [0; 64];
    let salt = hash.salt?.decode_b64(&mut salt).ok()?;
    let right = hash.hash?;
    let given = output(&argon2, password, salt, right.len())?;
    // Outputs are compared in constant time.
    Some(given == right)
}

fn output(argon2: &Argon2<'_>, password: &[u8], salt: &[u8], length: usize) -> Option<Output> {
    let count = argon2.params().block_count();
    let mut blocks = Vec::with_capacity(count.max(RESERVED_BLOCKS_MIN));
    blocks.resize(count, Block::default());
    let fill = |out: &mut [u8]| {
        let filled = argon2.hash_password_into_with_memory(password, salt, out, &mut blocks);
        Ok(filled?)
    };
    Output::init_with(length, fill).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test vector of the reference implementation (phc-winner-argon2, `src/test.c`): other
    /// parameters than ours.
    const REFERENCE: &str =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[test]
    fn a_hash_says_how_it_was_made_and_is_of_its_password_alone() {
        let hash = hash(b"right", &[7; 16]).unwrap();

        let text = hash.expose();
        assert!(
            text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        assert_eq!(is_hash_of(&hash, b"right"), Some(true));
        assert_eq!(is_hash_of(&hash, b"wrong"), Some(false));
    }

    #[test]
    fn a_hash_of_other_parameters_is_known_by_them() {
        let hash = Secret::new(REFERENCE);

        assert_eq!(is_hash_of(&hash, b"password"), Some(true));
        assert_eq!(is_hash_of(&hash, b"Password"), Some(false));
    }

    #[test]
    fn a_text_that_is_no_hash_is_told_from_a_wrong_password() {
        for text in ["", "password", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ"] {
            assert_eq!(is_hash_of(&Secret::new(text), b"password"), None, "{text}");
        }
    }
}
