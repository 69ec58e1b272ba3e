//! What the operator permits to Actions' HTTP calls.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, anyhow, bail};
use claimsmith_runtime::{AddressRange, OutgoingNetwork};
use clap::Args;

/// The largest file of root certificates, in bytes. The system's own, all of them, has
/// some 200 KiB.
const CA_BYTES_MAX: u64 = 4 << 20;

/// What Actions' HTTP calls may reach, beside what each Action's `allowed_hosts` says.
#[derive(Debug, Clone, Default, Args)]
pub struct OutgoingConfig {
    /// A range of addresses, such as 10.0.0.0/8, that Actions may reach over HTTP
    /// although they are not public; may be given several times [default: none]
    #[arg(
        id = "outgoing_allow",
        long = "outgoing-allow",
        env = "CLAIMSMITH_OUTGOING_ALLOW",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub allow: Vec<AddressRange>,
    /// A file with root certificates (PEM) to trust in Actions' HTTP calls, beside
    /// the system's
    #[arg(
        id = "outgoing_ca",
        long = "outgoing-ca",
        env = "CLAIMSMITH_OUTGOING_CA",
        value_name = "FILE"
    )]
    pub ca_file: Option<PathBuf>,
}

impl OutgoingConfig {
    /// Reads the certificates.
    ///
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub(crate) fn network(&self) -> anyhow::Result<OutgoingNetwork> {
        let pem = self.ca_file.as_ref().map(read).transpose()?;
        let network = OutgoingNetwork::new(self.allow.clone(), pem.as_deref());
        network.map_err(|error| {
            let file = self.ca_file.clone().unwrap_or_default();
            anyhow!("the file {} of --outgoing-ca: {error}", file.display())
        })
    }
}

fn read(file: &PathBuf) -> anyhow::Result<Vec<u8>> {
    let shown = file.display();
    let context = || format!("the file {shown} of --outgoing-ca can't be read");
    let bytes = fs::metadata(file).with_context(context)?.len();
    if bytes > CA_BYTES_MAX {
        bail!(
            "the file {shown} of --outgoing-ca has {bytes} bytes; at most {CA_BYTES_MAX} are read"
        );
    }
    fs::read(file).with_context(context)
}
