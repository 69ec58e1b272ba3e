//! The host's side of the contract, one file for each group of interfaces.
//!
//! A function either answers with the interface's own refusal, or ends the
//! execution on purpose with a [`Stop`](crate::fault::Stop).

mod commands;
pub(crate) mod depth;
mod event;
pub(crate) mod http;
mod metadata;
pub(crate) mod wasi;

use wasmtime::component::{HasSelf, Linker};

use crate::sandbox::Sandbox;

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "both-triggers",
    imports: { default: trappable },
});

pub(crate) use claimsmith::actions as contract;

/// Links the contract, WASI and its outgoing HTTP.
pub(crate) fn add_to_linker(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    BothTriggers::add_to_linker::<_, HasSelf<_>>(linker, |sandbox| sandbox)?;
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    http::add_to_linker(linker)
}
