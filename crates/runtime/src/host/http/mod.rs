//! `wasi:http` for Actions: outgoing calls, to the hosts that the Action lists.
//!
//! | file | what |
//! |---|---|
//! | `hooks.rs` | admits a call, or denies it |
//! | `journal.rs` | what was called and what was denied |
//! | `exchange.rs` | one request and its response, in time and size |
//! | `metered.rs` | counts the bytes of a connection |
//! | `texts.rs` | bounds what a guest leaves with the host |
//! | `body_error.rs` | tells a guest why a body ended early |

mod body_error;
mod exchange;
mod hooks;
mod journal;
mod metered;
mod texts;

use wasmtime::component::Linker;
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi_http::{
    WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView,
    p2::bindings::http::{outgoing_handler, types},
};

use self::hooks::Hooks;
pub(crate) use self::journal::Journal;
use crate::sandbox::Sandbox;

/// The interface whose functions we replace, under the name by which
/// `wasmtime-wasi-http` links it.
const TYPES: &str = "wasi:http/types@0.2.12";
/// The largest set of headers that a guest may build, in bytes. It may build many of
/// them, and they are in the host's memory, where the guest's own limit doesn't count.
const HEADERS_BYTES_MAX: usize = 16 << 10;

/// `wasi:http` for one execution.
pub(crate) struct Http {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

impl WasiHttpView for Sandbox {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        if self.http.is_none() {
            let mut ctx = WasiHttpCtx::new();
            ctx.set_field_size_limit(HEADERS_BYTES_MAX);
            let hooks = Hooks::new(
                &self.invocation.allowed_hosts,
                &self.network,
                self.invocation.limits,
            );
            self.http = Some(Box::new(Http { ctx, hooks }));
        }
        // Streams and pollables are in the table of the other WASI.
        self.ctx();
        match (&mut self.http, &mut self.wasi) {
            (Some(http), Some(wasi)) => WasiHttpCtxView {
                ctx: &mut http.ctx,
                hooks: &mut http.hooks,
                table: wasi.table(),
            },
            _ => unreachable!("both were made above"),
        }
    }
}

impl Http {
    /// What was called and what was denied.
    pub(crate) fn journal(&self) -> &Journal {
        self.hooks.journal()
    }
}

/// Links the interfaces that make calls; those that answer them aren't offered.
pub(crate) fn add_to_linker(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    outgoing_handler::add_to_linker::<_, WasiHttp>(linker, Sandbox::http)?;
    let options = types::LinkOptions::default();
    types::add_to_linker::<_, WasiHttp>(linker, &options, Sandbox::http)?;
    texts::add_to_linker(linker)?;
    body_error::add_to_linker(linker)
}
