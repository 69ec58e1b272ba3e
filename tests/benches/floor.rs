//! What wasmtime alone takes: a guest with the memory of a measured one that does nothing
//! with it but write to two places.

use std::fmt::Write as _;

use anyhow::{Context, Result, anyhow};
use claimsmith_runtime::EngineConfig;
use wasmparser::{ConstExpr, DataKind, Operator, Parser, Payload};
use wasmtime::{
    Engine, Store,
    component::{Component, InstancePre, Linker},
};

/// The memory of a core module as its toolchain has laid it out.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Its first size, in pages of 64 KiB.
    pub(crate) pages: u64,
    /// Its data, each piece with its address.
    data: Vec<(u32, Vec<u8>)>,
    /// Where its stack begins; it grows downwards.
    stack_top: u32,
}

/// What the guest does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Nothing at all: no page of its memory is touched.
    Nothing,
    /// Writes to its stack and behind its data, where a heap begins: the least that a
    /// guest which does anything writes.
    TwoStores,
    /// The same, in a component that is linked as one with imports is: what calls the host
    /// needs the memory of the module that calls it. So such a component has two instances
    /// more, one with a table in the place of the imports and one that fills the table
    /// (wit-component makes both).
    TwoStoresLinked,
}

/// Such a guest in an engine of its own that has the runtime's settings.
pub(crate) struct Floor {
    engine: Engine,
    guest: InstancePre<()>,
}

impl Layout {
    /// The layout of a core module made by rustc or clang.
    ///
    /// # Errors
    /// When it is no core module, or has no memory of its own.
    pub(crate) fn of(module: &[u8]) -> Result<Self> {
        let mut layout = Self::default();
        let mut globals = Vec::new();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::MemorySection(memories) => {
                    let memory = memories.into_iter().next();
                    layout.pages = memory
                        .context("a memory section without memories")??
                        .initial;
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        let global = global?;
                        if global.ty.mutable {
                            globals.extend(constant(&global.init_expr));
                        }
                    }
                }
                Payload::DataSection(section) => {
                    for segment in section {
                        let segment = segment?;
                        if let DataKind::Active { offset_expr, .. } = &segment.kind {
                            let address = constant(offset_expr).context("data without address")?;
                            layout.data.push((address, segment.data.to_vec()));
                        }
                    }
                }
                _ => {}
            }
        }
        // By the toolchains' convention, the first mutable global is the stack pointer.
        layout.stack_top = *globals.first().context("the module has no stack pointer")?;
        Ok(layout)
    }

    /// Where the heap begins: behind data and stack.
    fn heap(&self) -> u32 {
        let ends = self.data.iter().map(|(address, bytes)| {
            address.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX))
        });
        ends.chain([self.stack_top]).max().unwrap_or_default()
    }

    /// A component with this memory.
    fn component(&self, call: Call) -> String {
        let mut data = String::new();
        for (address, bytes) in &self.data {
            let bytes = bytes.iter().fold(String::new(), |mut text, byte| {
                // Writing to a String can't fail.
                let _ = write!(text, "\\{byte:02x}");
                text
            });
            let _ = write!(data, "(data (i32.const {address}) \"{bytes}\")");
        }
        let body = match call {
            Call::Nothing => String::new(),
            Call::TwoStores | Call::TwoStoresLinked => format!(
                "(i32.store (i32.const {}) (i32.const 1)) (i32.store (i32.const {}) (i32.const 1))",
                self.stack_top.saturating_sub(16),
                self.heap().next_multiple_of(16),
            ),
        };
        let pages = self.pages;
        let (before, import, arguments, after) = match call {
            Call::TwoStoresLinked => LINKED,
            Call::Nothing | Call::TwoStores => ("", "", "", ""),
        };
        format!(
            r#"(component
                {before}
                (core module $m
                    {import}
                    (memory (export "memory") {pages})
                    {data}
                    (func (export "import"))
                    (func (export "run") {body}))
                (core instance $i (instantiate $m {arguments}))
                {after}
                (func (export "run") (canon lift (core func $i "run"))))"#
        )
    }
}

/// What stands before the module, its import, what it is instantiated with, and what comes
/// after it, with three functions in the place of three of the host's.
const LINKED: (&str, &str, &str, &str) = (
    r#"(core module $shim
        (type $t (func))
        (table (export "imports") 3 3 funcref)
        (func (export "0") (call_indirect (type $t) (i32.const 0)))
        (func (export "1") (call_indirect (type $t) (i32.const 1)))
        (func (export "2") (call_indirect (type $t) (i32.const 2))))
    (core instance $s (instantiate $shim))"#,
    r#"(import "shim" "0" (func)) (import "shim" "1" (func)) (import "shim" "2" (func))"#,
    r#"(with "shim" (instance $s))"#,
    r#"(core module $fixups
        (import "" "imports" (table 3 3 funcref))
        (import "" "import" (func $f))
        (elem (i32.const 0) func $f $f $f))
    (alias core export $s "imports" (core table $imports))
    (alias core export $i "import" (core func $import))
    (core instance (instantiate $fixups (with "" (instance
        (export "imports" (table $imports)) (export "import" (func $import))))))"#,
);

impl Floor {
    pub(crate) fn new(config: &EngineConfig, layout: &Layout, call: Call) -> Result<Self> {
        let component = wat::parse_str(layout.component(call))?;
        Self::of(config, &component).map_err(|error| anyhow!("wasmtime refuses: {error:#}"))
    }

    fn of(config: &EngineConfig, component: &[u8]) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config.wasmtime_settings())?;
        let component = Component::new(&engine, component)?;
        let guest = Linker::new(&engine).instantiate_pre(&component)?;
        Ok(Self { engine, guest })
    }

    /// A new store, a new instance, one call, on the caller's stack.
    pub(crate) fn call(&self) -> wasmtime::Result<()> {
        let mut store = self.store();
        let instance = self.guest.instantiate(&mut store)?;
        let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
        run.call(&mut store, ())
    }

    /// The same on a fibre, as a guest that can be interrupted needs it.
    pub(crate) async fn call_on_fibre(&self) -> wasmtime::Result<()> {
        let mut store = self.store();
        let instance = self.guest.instantiate_async(&mut store).await?;
        let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
        run.call_async(&mut store, ()).await
    }

    fn store(&self) -> Store<()> {
        let mut store = Store::new(&self.engine, ());
        // No ticks come to this engine.
        store.set_epoch_deadline(1);
        store
    }
}

/// The value of an initialiser that is a constant.
fn constant(expression: &ConstExpr<'_>) -> Option<u32> {
    match expression.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => Some(value.cast_unsigned()),
        _ => None,
    }
}
