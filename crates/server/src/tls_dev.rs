//! TLS for trying things out: an authority of one's own that vouches for localhost.
//!
//! The authority is made once and kept, because people make their systems trust it. It
//! can vouch for nothing but this machine, so its key, should somebody take it, is worth
//! little. The certificate that it vouches for is made at each start, and anew before it
//! lapses.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use claimsmith_model::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::{pki_types::PrivatePkcs8KeyDer, sign::CertifiedKey};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::{
    certificate::certified,
    master_key::{rename, write_private},
};

/// The folder in the data folder.
const FOLDER: &str = "tls";
/// The authority's certificate, for clients to trust.
const CA_CERTIFICATE: &str = "ca.pem";
/// The authority's private key.
const CA_KEY: &str = "ca.key";

/// How long the server's own certificate is good: no longer than browsers take one.
const LIFETIME: Duration = Duration::days(397);
/// After how long another one takes its place.
const RENEWAL: Duration = Duration::days(265);
/// How far clients' clocks may be behind.
const LEEWAY: Duration = Duration::days(1);
/// RFC 5280 section 4.1.2.5 has this for what doesn't expire.
const NO_END: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// A certificate for localhost, and when it is to be renewed; makes the authority when it
/// isn't there.
///
/// # Errors
/// When the files can't be read or made.
pub(crate) fn make(data_dir: &Path, now: Timestamp) -> anyhow::Result<(CertifiedKey, Timestamp)> {
    let renewal = now.plus_seconds(RENEWAL.whole_seconds());
    let folder = data_dir.join(FOLDER);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("{} can't be made", folder.display()))?;
    let now = OffsetDateTime::from_unix_timestamp(now.as_seconds())?;
    let ca_key = ca_key(&folder.join(CA_KEY))?;
    let ca_params = ca_params(&ca_key, now);
    let ca_file = folder.join(CA_CERTIFICATE);
    if !ca_file.try_exists()? {
        let made = ca_params.self_signed(&ca_key)?;
        let unfinished = folder.join("ca.pem.unfinished");
        fs::write(&unfinished, made.pem())
            .with_context(|| format!("{} can't be written", unfinished.display()))?;
        rename(&unfinished, &ca_file)?;
    }

    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_owned))?;
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    params.not_before = now - LEEWAY;
    params.not_after = now - LEEWAY + LIFETIME;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &Issuer::new(ca_params, &ca_key))?;
    tracing::info!(
        ca = %ca_file.display(),
        "TLS with a certificate for localhost; let clients trust this authority"
    );
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let certified = certified(vec![certificate.der().clone()], key.into())?;
    Ok((certified, renewal))
}

fn ca_key(file: &Path) -> anyhow::Result<KeyPair> {
    if file.try_exists()? {
        let pem = fs::read_to_string(file)
            .with_context(|| format!("{} can't be read", file.display()))?;
        return KeyPair::from_pem(&pem).with_context(|| {
            format!(
                "{} holds no private key; delete its folder to have another authority",
                file.display()
            )
        });
    }
    let key = KeyPair::generate()?;
    // Under another name until it is whole, so that a start that is cut off leaves none.
    let unfinished = file.with_extension("key.unfinished");
    if unfinished.try_exists()? {
        fs::remove_file(&unfinished)?;
    }
    write_private(&unfinished, key.serialize_pem().as_bytes())?;
    rename(&unfinished, file)?;
    Ok(key)
}

/// What the authority's certificate says; the same each time but for its beginning.
fn ca_params(key: &KeyPair, now: OffsetDateTime) -> CertificateParams {
    let hash = digest(&SHA256, key.public_key_raw());
    let short: String = hash
        .as_ref()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(
        DnType::CommonName,
        format!("Claimsmith development authority {short}"),
    );
    params.not_before = now - LEEWAY;
    params.not_after = NO_END;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(Ipv4Addr::LOCALHOST.into(), 32)),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(
                Ipv6Addr::LOCALHOST.into(),
                128,
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: i64 = 1_790_000_000_000;

    #[test]
    fn the_authority_is_made_once_and_its_key_is_for_its_owner_only() {
        let data = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read(data.path().join(FOLDER).join(name)).unwrap();

        make(data.path(), Timestamp::from_millis(NOW)).unwrap();
        let (certificate, key) = (read(CA_CERTIFICATE), read(CA_KEY));
        let a_year_later = Timestamp::from_millis(NOW).plus_seconds(366 * 86_400);
        make(data.path(), a_year_later).unwrap();

        assert_eq!((read(CA_CERTIFICATE), read(CA_KEY)), (certificate, key));
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        let folder = data.path().join(FOLDER);
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(CA_KEY)), 0o600);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 2);
    }

    #[test]
    fn a_start_that_was_cut_off_is_finished_by_the_next() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("ca.key.unfinished"), "-----BEGIN PRIV").unwrap();

        make(data.path(), Timestamp::from_millis(NOW)).unwrap();
        fs::remove_file(folder.join(CA_CERTIFICATE)).unwrap();
        make(data.path(), Timestamp::from_millis(NOW)).unwrap();

        assert!(folder.join(CA_CERTIFICATE).exists());
        assert!(!folder.join("ca.key.unfinished").exists());
    }

    #[test]
    fn a_damaged_key_is_named() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join(FOLDER)).unwrap();
        fs::write(data.path().join(FOLDER).join(CA_KEY), "nonsense").unwrap();

        let error = make(data.path(), Timestamp::from_millis(NOW)).unwrap_err();

        assert!(error.to_string().contains("ca.key"), "{error}");
    }
}
