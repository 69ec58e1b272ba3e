//! What the operator permits to Actions' HTTP calls.

use std::path::PathBuf;

use anyhow::anyhow;
use claimsmith_runtime::{AddressRange, OutgoingNetwork};
use clap::Args;

use crate::pem;

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
        let file = self.ca_file.as_ref();
        let pem = file.map(|file| pem::read(file, "--outgoing-ca"));
        let pem = pem.transpose()?;
        let network = OutgoingNetwork::new(self.allow.clone(), pem.as_deref());
        network.map_err(|error| {
            let file = self.ca_file.clone().unwrap_or_default();
            anyhow!("the file {} of --outgoing-ca: {error}", file.display())
        })
    }
}
