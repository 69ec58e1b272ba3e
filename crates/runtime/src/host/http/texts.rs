//! Bounds the texts of a request that is being built.
//!
//! A guest may build many requests and send none. Their texts are in the host's memory,
//! where the guest's own limit doesn't count; `wasmtime-wasi-http` bounds headers, but
//! not these.

use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi_http::{
    WasiHttpView as _,
    p2::bindings::http::types::{HostOutgoingRequest as _, Method, OutgoingRequest},
};

use super::TYPES;
use crate::sandbox::Sandbox;

/// The longest method, in bytes. The longest in IANA's registry has 17.
const METHOD_BYTES_MAX: usize = 32;
/// The longest authority: a domain name with dot, colon and port.
const AUTHORITY_BYTES_MAX: usize = 260;
/// The longest path with its query, in bytes; what servers commonly take.
const PATH_BYTES_MAX: usize = 8 << 10;

/// Puts the bounds before the functions that take the texts. A text that is too long
/// is answered like one that is invalid.
pub(super) fn add_to_linker(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, Sandbox>,
         (request, method): (Resource<OutgoingRequest>, Method)| {
            if matches!(&method, Method::Other(name) if name.len() > METHOD_BYTES_MAX) {
                return Ok((Err(()),));
            }
            Ok((store.data_mut().http().set_method(request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: StoreContextMut<'_, Sandbox>,
         (request, authority): (Resource<OutgoingRequest>, Option<String>)| {
            if is_longer(authority.as_deref(), AUTHORITY_BYTES_MAX) {
                return Ok((Err(()),));
            }
            Ok((store.data_mut().http().set_authority(request, authority)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-path-with-query",
        |mut store: StoreContextMut<'_, Sandbox>,
         (request, path): (Resource<OutgoingRequest>, Option<String>)| {
            if is_longer(path.as_deref(), PATH_BYTES_MAX) {
                return Ok((Err(()),));
            }
            Ok((store.data_mut().http().set_path_with_query(request, path)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn is_longer(text: Option<&str>, bytes_max: usize) -> bool {
    text.is_some_and(|text| text.len() > bytes_max)
}
