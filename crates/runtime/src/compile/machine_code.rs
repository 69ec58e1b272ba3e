//! Machine code: the one place that hands bytes to the processor.

use std::fmt;

use wasmtime::{Engine, component::Component};

use crate::CheckError;

/// Code that our own compiler made of a component.
///
/// A value of this type is a promise: its bytes came out of the compiler in this process
/// ([`MachineCode::compile`]), or out of a child of ours over a pipe that only it had, or
/// out of a file that this server had sealed and that opened unchanged. The last two are
/// [`MachineCode::of_own_making`], which has exactly those callers.
pub(crate) struct MachineCode {
    /// The code, after whatever precedes it in the buffer it came in.
    buffer: Vec<u8>,
    start: usize,
}

impl MachineCode {
    /// Compiles a component.
    ///
    /// # Errors
    /// `Problems` when it isn't valid or needs what is off; `Host` when the compiler was
    /// refused memory.
    pub(crate) fn compile(engine: &Engine, component: &[u8]) -> Result<Self, CheckError> {
        let buffer = engine
            .precompile_component(component)
            .map_err(|error| CheckError::from_compiler(&error))?;
        Ok(Self { buffer, start: 0 })
    }

    /// The code in a buffer, from `start` to its end. The caller answers for where it
    /// comes from.
    pub(super) fn of_own_making(buffer: Vec<u8>, start: usize) -> Self {
        Self { buffer, start }
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// The component, ready to be linked. The bytes are copied: nothing that happens to
    /// them afterwards reaches what runs.
    ///
    /// # Errors
    /// When the component doesn't fit the engine, as with a memory larger than the pool's.
    #[expect(
        unsafe_code,
        reason = "wasmtime can't tell code of its own making from other bytes; this type can"
    )]
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` wants bytes that wasmtime's compiler wrote, unchanged, and
        // by this type's promise they are that. That they are of the same version and for
        // the same settings and processor is checked twice: by our compatibility hash
        // before the value is made, and by wasmtime in what it wrote into them. They are
        // in memory that only we hold, so they can't change while they are copied.
        unsafe { Component::deserialize(engine, self.bytes()) }
    }
}

impl fmt::Debug for MachineCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MachineCode({} bytes)", self.bytes().len())
    }
}
