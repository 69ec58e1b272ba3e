//! The steps from an upload to code, wherever they are taken.

use serde::{Deserialize, Serialize};
use wasmtime::Engine;

use super::machine_code::MachineCode;
use crate::{CheckError, module};

/// What is known of a module that compiled, beside its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Size of the uploaded bytes.
    pub(crate) size_bytes: u64,
    /// The interfaces that it imports.
    pub(crate) imports: Vec<String>,
    /// The version of the contract that it was built for.
    pub(crate) contract_version: String,
    /// The SDK that made it, where it says so.
    #[serde(default)]
    pub(crate) sdk: Option<String>,
}

/// What a module becomes.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) facts: Facts,
    pub(crate) code: MachineCode,
}

/// Makes a module a component where it isn't one, checks what it wants from outside, and
/// compiles it.
///
/// # Errors
/// `Problems` with all that is wrong with the module; `Host` when memory ran out.
pub(crate) fn make(engine: &Engine, module: &[u8]) -> Result<Product, CheckError> {
    let component = module::componentize(module)?;
    let surface = module::inspect(&component)?;
    let code = MachineCode::compile(engine, &component)?;
    Ok(Product {
        facts: Facts {
            size_bytes: module.len() as u64,
            imports: surface.imports,
            contract_version: surface.contract_version,
            sdk: module::sdk(module),
        },
        code,
    })
}
