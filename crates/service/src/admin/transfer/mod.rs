//! A tenant as one document: taken out of one server, and put into another.
//!
//! What a new tenant has anyway is in no document: the Management API, and the client that
//! was made with the tenant, with its grants. Neither are the tenant's own secrets, and what
//! happens in it: signing keys, sessions, tokens, consent, logs.

mod document;
mod export;
mod import;

use std::sync::Arc;

use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, task::spawn_blocking};
use tracing::Instrument as _;

use crate::{ServiceError, Services};

pub use export::{Contents, ExportedAction, ExportedOrganization, export};
pub use import::{Imported, MadeSecrets, MissingSecrets, import};

/// The version of the documents that this server writes, and the latest that it reads.
pub const VERSION: u32 = 1;
/// The longest document. It holds two modules from Python, or some hundreds from Rust; and
/// it is in memory several times over while it is read.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;
/// What stands for the tenant's issuer in a document, so that it is the same wherever the
/// tenant is.
pub const OWN_ISSUER: &str = "{issuer}";
/// What stands for the audience of the tenant's Management API.
pub const MANAGEMENT_AUDIENCE: &str = "{issuer}api/v2/";

/// The place of the one who exports or imports a tenant.
#[derive(Debug)]
pub struct Place {
    _taken: OwnedSemaphorePermit,
}

/// Takes the place, to be given back when the document is in memory no more.
///
/// # Errors
/// `TooMany` while somebody else has it.
pub fn place(services: &Services) -> Result<Place, ServiceError> {
    let place = Arc::clone(&services.transfers).try_acquire_owned();
    let place = place.map(|taken| Place { _taken: taken });
    place.map_err(|_| {
        let message = "another tenant is being exported or imported; try again when that is over";
        ServiceError::TooMany(message.to_owned())
    })
}

/// Carries out what takes a processor for seconds on a thread that serves nobody else, to
/// its end even when its caller goes away.
async fn aside<T: Send + 'static>(
    place: Place,
    work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
) -> Result<T, ServiceError> {
    let (runtime, work) = (Handle::current(), work.in_current_span());
    let carry_out = move || {
        let done = runtime.block_on(work);
        drop(place);
        done
    };
    spawn_blocking(carry_out)
        .await
        .map_err(ServiceError::internal)?
}

/// More than tenants have whose document fits.
const CLIENTS_MAX: usize = 1_000;
const RESOURCE_SERVERS_MAX: usize = 1_000;
const CLIENT_GRANTS_MAX: usize = 10_000;
const ORGANIZATIONS_MAX: usize = 1_000;
/// All users are stored at once, and nobody reads meanwhile.
const USERS_MAX: usize = 10_000;
/// Of all organizations together, for the same reason.
const MEMBERS_MAX: usize = 10_000;
