//! Tells a guest why a response's body ended early.
//!
//! A stream fails with an error that only the host can read; `http-error-code` is how a
//! guest learns what it means. `wasmtime-wasi-http` 48 answers that for its own errors and
//! not for those of a response's body, so a guest couldn't tell an answer that is too
//! large from one that was cut off.

use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi_http::{
    Error, WasiHttpView as _,
    p2::bindings::http::types::{ErrorCode, IoError},
};

use super::TYPES;
use crate::sandbox::Sandbox;

/// Puts an `http-error-code` that knows the errors of bodies in place of the other.
pub(super) fn add_to_linker(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(TYPES)?.func_wrap(
        "http-error-code",
        |mut store: StoreContextMut<'_, Sandbox>, (error,): (Resource<IoError>,)| {
            let http = store.data_mut().http();
            let error = http.table.get(&error)?;
            let known = error.downcast_ref::<ErrorCode>().cloned();
            Ok((known.or_else(|| error.downcast_ref().and_then(code)),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What the ways in which a body ends mean to a guest.
fn code(error: &Error) -> Option<ErrorCode> {
    match error {
        Error::HttpRequestBodySize(size) => Some(ErrorCode::HttpRequestBodySize(*size)),
        Error::HttpResponseBodySize(size) => Some(ErrorCode::HttpResponseBodySize(*size)),
        Error::ConnectionReadTimeout => Some(ErrorCode::ConnectionReadTimeout),
        Error::ConnectionTerminated => Some(ErrorCode::ConnectionTerminated),
        Error::HttpResponseIncomplete => Some(ErrorCode::HttpResponseIncomplete),
        Error::HttpProtocolError => Some(ErrorCode::HttpProtocolError),
        _ => None,
    }
}
