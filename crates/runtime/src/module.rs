//! Uploaded modules: what they are, what they want, and all that is wrong with them.

use std::fmt::Write as _;

use claimsmith_model::{DatabaseScript, Handler, Trigger};
use sha2::{Digest, Sha256};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload};
use wasmtime::component::{
    Component, ComponentExportIndex,
    types::{ComponentItem, Type},
};
use wit_component::ComponentEncoder;

use crate::Busy;

/// The contract's package; its interfaces are what a guest may import.
const CONTRACT: &str = "claimsmith:actions/";
/// The version of the contract that this server offers.
const CONTRACT_VERSION: &str = "0.1.0";
/// The contract's interfaces that a guest may import.
const CONTRACT_IMPORTS: [&str; 24] = [
    "access-token",
    "cache",
    "credentials-exchange-access",
    "event",
    "event-access-token",
    "event-authentication",
    "event-authorization",
    "event-client",
    "event-connection",
    "event-organization",
    "event-refresh-token",
    "event-request",
    "event-resource-server",
    "event-stats",
    "event-tenant",
    "event-transaction",
    "event-user",
    "id-token",
    "log",
    "post-login-access",
    "refusals",
    "secrets",
    "transaction",
    "user",
];
/// The WASI packages that are linked whole, with nothing granted.
const WASI_PACKAGES: [&str; 6] = [
    "wasi:io/",
    "wasi:clocks/",
    "wasi:random/",
    "wasi:cli/",
    "wasi:filesystem/",
    "wasi:sockets/",
];
/// The interfaces of `wasi:http` that are linked: calls go out, none come in.
const WASI_HTTP_INTERFACES: [&str; 2] = ["wasi:http/types", "wasi:http/outgoing-handler"];
/// How many names of one kind an error lists; an upload may have thousands.
const NAMES_LISTED_MAX: usize = 50;
/// The longest part of a compiler's text that an error shows, in bytes.
const COMPILER_TEXT_BYTES_MAX: usize = 1_000;

/// The longest message of a problem, in bytes: names in it are the module's.
const MESSAGE_BYTES_MAX: usize = 2_000;
/// How many imports a component may have: there are some fifty interfaces to import, and
/// WASI's in a handful of versions.
const IMPORTS_MAX: usize = 500;
/// How many exports a component may have. The five handlers are looked at; each further
/// one stays in memory for as long as the module.
const EXPORTS_MAX: usize = 500;
/// The longest name of an import, in bytes; the longest on offer has some fifty.
const IMPORT_BYTES_MAX: usize = 200;

/// Why a module was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The module is at fault: everything that is wrong with it.
    #[error("{}", join(.0))]
    Problems(Vec<ModuleProblem>),
    /// There is no place to try it in.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The server could not tell.
    #[error("the module could not be checked: {0}")]
    Host(String),
}

/// One thing that is wrong with a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleProblem {
    /// A stable word for programs: `not_wasm`, `malformed`, `too_large`, `no_contract`,
    /// `no_trigger`, `import_not_offered`, `unsupported`, `too_expensive`,
    /// `compiler_failed`, `does_not_start`.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

/// The codes that a process which only compiles can answer.
const CODES: [&str; 7] = [
    "not_wasm",
    "malformed",
    "too_large",
    "no_contract",
    "no_trigger",
    "import_not_offered",
    "unsupported",
];

impl ModuleProblem {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        Self { code, message }
    }

    /// A problem that another process of this program found; `None` for one that it can't.
    pub(crate) fn known(code: &str, message: String) -> Option<Self> {
        let code = CODES.into_iter().find(|known| *known == code)?;
        Some(Self::new(code, message))
    }

    pub(crate) fn does_not_start(message: &str) -> Self {
        Self::new(
            "does_not_start",
            format!("the module can't be started: {message}"),
        )
    }
}

fn join(problems: &[ModuleProblem]) -> String {
    let texts: Vec<_> = problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    texts.join("; ")
}

impl CheckError {
    pub(crate) fn one(code: &'static str, message: impl Into<String>) -> Self {
        Self::Problems(vec![ModuleProblem::new(code, message)])
    }

    pub(crate) fn too_large(bytes: usize, bytes_max: usize) -> Self {
        Self::one(
            "too_large",
            format!("the module has {bytes} bytes; at most {bytes_max} are accepted"),
        )
    }

    pub(crate) fn from_compiler(error: &wasmtime::Error) -> Self {
        if error.is::<wasmtime::OutOfMemory>() {
            return Self::Host("there is no memory to compile it".to_owned());
        }
        if error.is::<std::io::Error>() || error.is::<rustix::io::Errno>() {
            return Self::Host(format!("its code can't be loaded: {}", shortened(error)));
        }
        Self::one(
            "unsupported",
            format!("the module does not compile: {}", shortened(error)),
        )
    }

    pub(crate) fn from_linker(error: &wasmtime::Error) -> Self {
        Self::one(
            "import_not_offered",
            format!(
                "an import does not fit the contract {CONTRACT_VERSION}: {}; rebuild the Action \
                 with the SDK of this server's version",
                shortened(error)
            ),
        )
    }
}

fn shortened(error: &dyn std::fmt::Display) -> String {
    let text = format!("{error:#}");
    let end = text.floor_char_boundary(COMPILER_TEXT_BYTES_MAX);
    text.get(..end).unwrap_or_default().replace('\n', " ")
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The component that an upload is, or becomes.
///
/// Core modules are turned into components by the types that their bindings
/// generator left in a custom section; those on WASI preview 1 get the adapter.
pub(crate) fn componentize(bytes: &[u8]) -> Result<Vec<u8>, CheckError> {
    if !bytes.starts_with(b"\0asm") {
        return Err(CheckError::one("not_wasm", not_wasm(bytes)));
    }
    if Parser::is_component(bytes) {
        return Ok(bytes.to_vec());
    }
    let core = CoreModule::read(bytes)?;
    if !core.has_component_type {
        return Err(CheckError::one(
            "no_contract",
            "the module is a core module without component types: it was not built with an Actions \
             SDK or bindings made from `wit/`; build it with one, or upload a component",
        ));
    }
    let problems: Vec<_> = core
        .offending_imports
        .iter()
        .take(NAMES_LISTED_MAX)
        .collect();
    if !problems.is_empty() {
        return Err(CheckError::Problems(
            problems.into_iter().map(|n| not_offered(n)).collect(),
        ));
    }
    let encode = || {
        ComponentEncoder::default()
            .adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )?
            .module(bytes)?
            .validate(true)
            .encode()
    };
    encode().map_err(|error| {
        let error = shortened(&error);
        CheckError::one(
            "malformed",
            format!("the module can't be made a component: {error}"),
        )
    })
}

fn not_wasm(bytes: &[u8]) -> String {
    let found = if bytes.is_empty() {
        "the body is empty"
    } else if bytes.starts_with(b"\x7fELF") {
        "the body is native or precompiled code"
    } else if bytes.starts_with(b"PK") {
        "the body is a zip archive"
    } else if bytes.starts_with(b"(module") || bytes.starts_with(b"(component") {
        "the body is WebAssembly text"
    } else {
        "the body does not begin with the bytes of WebAssembly (\\0asm)"
    };
    format!("{found}; upload the .wasm file that the compiler wrote, as it is")
}

/// What matters of a core module.
#[derive(Default)]
struct CoreModule {
    has_component_type: bool,
    offending_imports: Vec<String>,
}

impl CoreModule {
    fn read(bytes: &[u8]) -> Result<Self, CheckError> {
        let mut core = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(|error| malformed(&error))? {
                Payload::Version {
                    encoding: Encoding::Component,
                    ..
                } => {
                    return Err(CheckError::one(
                        "malformed",
                        "a component inside a core module",
                    ));
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import.map_err(|error| malformed(&error))?;
                        if !is_offered_to_core(import.module) {
                            core.note(format!("{}.{}", import.module, import.name));
                        }
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                    core.has_component_type = true;
                }
                _ => {}
            }
        }
        Ok(core)
    }

    fn note(&mut self, name: String) {
        if self.offending_imports.len() < NAMES_LISTED_MAX
            && !self.offending_imports.contains(&name)
        {
            self.offending_imports.push(name);
        }
    }
}

/// Core modules import interfaces by their names, and preview 1 by its own;
/// `[export]…` names are the handles of exported resources.
fn is_offered_to_core(module: &str) -> bool {
    module == WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME || is_offered(module)
}

fn is_offered(interface: &str) -> bool {
    if interface.len() > IMPORT_BYTES_MAX {
        return false;
    }
    if let Some(name) = interface.strip_prefix(CONTRACT) {
        let (name, version) = name.split_once('@').unwrap_or((name, ""));
        return CONTRACT_IMPORTS.contains(&name) && is_compatible(version);
    }
    let Some((name, version)) = interface.rsplit_once('@') else {
        return false;
    };
    let is_linked = WASI_HTTP_INTERFACES.contains(&name)
        || WASI_PACKAGES
            .iter()
            .any(|package| name.starts_with(package));
    is_linked && version.starts_with("0.2.")
}

/// Versions that the component model takes for one another: `0.1.x`.
fn is_compatible(version: &str) -> bool {
    version.starts_with("0.1.")
}

fn not_offered(name: &str) -> ModuleProblem {
    let hint = if name.starts_with("wasi:http") {
        "of wasi:http this server offers `types` and `outgoing-handler`, in version 0.2"
    } else if name.starts_with("wasi:") {
        "this server offers WASI 0.2"
    } else if name.starts_with(CONTRACT) {
        "this server offers the contract 0.1"
    } else if name.starts_with("__wbindgen") {
        "that is wasm-bindgen's; build for wasm32-unknown-unknown without it (often a dependency's \
         `js` feature)"
    } else if name.starts_with("env.") {
        "a function was not linked: check the names of extern functions and libraries"
    } else {
        "only the contract `claimsmith:actions` and WASI can be imported"
    };
    let name: String = name.chars().take(200).collect();
    ModuleProblem::new(
        "import_not_offered",
        format!("import `{name}` is not offered: {hint}"),
    )
}

fn malformed(error: &wasmparser::BinaryReaderError) -> CheckError {
    CheckError::one(
        "malformed",
        format!(
            "the module is damaged or cut off at byte {}: {}",
            error.offset(),
            shortened(&error.message())
        ),
    )
}

/// What a component wants from outside, and which contract it was built for.
#[derive(Debug)]
pub(crate) struct Surface {
    pub(crate) imports: Vec<String>,
    pub(crate) contract_version: String,
}

/// Reads a component's imports and exports and checks them against what is offered.
pub(crate) fn inspect(component: &[u8]) -> Result<Surface, CheckError> {
    let mut imports = Vec::new();
    let mut exports = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|error| malformed(&error))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|error| malformed(&error))?;
                    imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(|error| malformed(&error))?;
                    exports.push((export.kind, export.name.name.to_owned()));
                }
            }
            _ => {}
        }
    }

    if imports.len() > IMPORTS_MAX {
        return Err(CheckError::one(
            "import_not_offered",
            format!(
                "the component has {} imports; there are not that many to be had, and at most \
                 {IMPORTS_MAX} are looked at",
                imports.len()
            ),
        ));
    }
    if exports.len() > EXPORTS_MAX {
        return Err(CheckError::one(
            "unsupported",
            format!(
                "the component has {} exports; at most {EXPORTS_MAX} are accepted",
                exports.len()
            ),
        ));
    }
    let mut problems: Vec<_> = imports
        .iter()
        .filter(|name| !is_offered(name))
        .take(NAMES_LISTED_MAX)
        .map(|name| not_offered(name))
        .collect();
    let exports: Vec<String> = exports
        .into_iter()
        .filter(|(kind, _)| *kind == ComponentExternalKind::Instance)
        .map(|(_, name)| name)
        .collect();
    let contract_version = exports.iter().find_map(|export| {
        let (interface, version) = export.strip_prefix(CONTRACT)?.split_once('@')?;
        let is_handler = Handler::ALL
            .iter()
            .any(|handler| interface == handler_interface(*handler));
        (is_handler && is_compatible(version)).then(|| version.to_owned())
    });
    if contract_version.is_none() {
        problems.push(no_trigger(&exports));
    }
    match contract_version {
        Some(contract_version) if problems.is_empty() => Ok(Surface {
            imports,
            contract_version,
        }),
        _ => Err(CheckError::Problems(problems)),
    }
}

/// The section in which our SDKs say who they are and which version.
const SDK_SECTION: &str = "claimsmith-sdk";
/// The longest such text, in bytes; ours have some twenty.
const SDK_BYTES_MAX: usize = 100;

/// The SDK that a module was made with, where it left its name. It is for people to read,
/// and nothing depends on it.
pub(crate) fn sdk(module: &[u8]) -> Option<String> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CustomSection(section) = payload.ok()?
            && section.name() == SDK_SECTION
        {
            // A crate with several Actions has it several times.
            let text = std::str::from_utf8(section.data()).ok()?;
            return text.lines().next().and_then(sdk_text);
        }
    }
    None
}

/// A text that can be shown as it is.
fn sdk_text(text: &str) -> Option<String> {
    let text = text.trim();
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (is_plain && (1..=SDK_BYTES_MAX).contains(&text.len())).then(|| text.to_owned())
}

fn no_trigger(exports: &[String]) -> ModuleProblem {
    let exported = if exports.is_empty() {
        "it exports no interface".to_owned()
    } else {
        let names: Vec<_> = exports.iter().take(10).map(String::as_str).collect();
        format!("it exports {}", names.join(", "))
    };
    ModuleProblem::new(
        "no_trigger",
        format!(
            "the module serves no trigger: it must export {CONTRACT}post-login-handler@\
             {CONTRACT_VERSION} or {CONTRACT}credentials-exchange-handler@{CONTRACT_VERSION}, or \
             for a custom database {CONTRACT}database-login-handler@{CONTRACT_VERSION} or its \
             siblings, but {exported}"
        ),
    )
}

/// What a script of a custom database may import of the contract.
const SCRIPT_IMPORTS: [&str; 2] = ["log", "secrets"];

/// All that a script of a custom database imports and may not: there is no event and
/// no token where it runs.
pub(crate) fn script_problems(imports: &[String]) -> Vec<ModuleProblem> {
    let not_for_scripts = |import: &&String| {
        let name = import.strip_prefix(CONTRACT);
        let name = name.map(|name| name.split_once('@').map_or(name, |(name, _)| name));
        name.is_some_and(|name| !SCRIPT_IMPORTS.contains(&name))
    };
    let problem = |import: &String| {
        ModuleProblem::new(
            "import_not_offered",
            format!(
                "import `{import}` is not offered to a custom database's script: there is no \
                 event and no token; of the contract it has `secrets` and `log`"
            ),
        )
    };
    let imports = imports.iter().filter(not_for_scripts);
    imports.take(NAMES_LISTED_MAX).map(problem).collect()
}

/// The interface whose one function is the handler.
fn handler_interface(handler: Handler) -> &'static str {
    match handler {
        Handler::Trigger(Trigger::PostLogin) => "post-login-handler",
        Handler::Trigger(Trigger::CredentialsExchange) => "credentials-exchange-handler",
        Handler::Script(DatabaseScript::Login) => "database-login-handler",
        Handler::Script(DatabaseScript::GetUser) => "database-get-user-handler",
        Handler::Script(DatabaseScript::Create) => "database-create-handler",
    }
}

fn handler_function(handler: Handler) -> &'static str {
    match handler {
        Handler::Trigger(Trigger::PostLogin) => "on-execute-post-login",
        Handler::Trigger(Trigger::CredentialsExchange) => "on-execute-credentials-exchange",
        Handler::Script(DatabaseScript::Login) => "on-execute-database-login",
        Handler::Script(DatabaseScript::GetUser) => "on-execute-database-get-user",
        Handler::Script(DatabaseScript::Create) => "on-execute-database-create",
    }
}

/// The handlers that a compiled component exports.
pub(crate) fn handlers(
    component: &Component,
) -> Result<Vec<(Handler, ComponentExportIndex)>, CheckError> {
    let find = |handler: Handler| {
        let interface = format!(
            "{CONTRACT}{}@{CONTRACT_VERSION}",
            handler_interface(handler)
        );
        let (_, interface) = component.get_export(None, &interface)?;
        let (item, function) = component.get_export(Some(&interface), handler_function(handler))?;
        Some((handler, item, function))
    };
    let mut handlers = Vec::new();
    for (handler, item, function) in Handler::ALL.into_iter().filter_map(find) {
        let (is_right, expected) = match handler {
            Handler::Trigger(_) => (is_trigger_type(&item), "func() -> result<_, string>"),
            Handler::Script(script) => is_script_type(script, &item),
        };
        if !is_right {
            return Err(CheckError::one(
                "no_trigger",
                format!(
                    "`{}` must be `{expected}`, as in the contract",
                    handler_function(handler)
                ),
            ));
        }
        handlers.push((handler, function));
    }
    if handlers.is_empty() {
        return Err(CheckError::Problems(vec![no_trigger(&[])]));
    }
    Ok(handlers)
}

/// A function's parameters and the two sides of the `result` that it answers with.
type Shape = (Vec<Type>, Option<Type>, Option<Type>);

fn shape(item: &ComponentItem) -> Option<Shape> {
    let ComponentItem::ComponentFunc(function) = item else {
        return None;
    };
    let mut results = function.results();
    let (Some(Type::Result(result)), None) = (results.next(), results.next()) else {
        return None;
    };
    if function.async_() {
        return None;
    }
    let parameters = function.params().map(|(_, parameter)| parameter).collect();
    Some((parameters, result.ok(), result.err()))
}

fn is_trigger_type(item: &ComponentItem) -> bool {
    let Some((parameters, ok, err)) = shape(item) else {
        return false;
    };
    parameters.is_empty() && ok.is_none() && matches!(err, Some(Type::String))
}

/// Whether a function is of the script's type, and what that is.
fn is_script_type(script: DatabaseScript, item: &ComponentItem) -> (bool, &'static str) {
    let expected = match script {
        DatabaseScript::Login => {
            "func(identifier: string, password: string) -> result<string, login-error>"
        }
        DatabaseScript::GetUser => "func(identifier: string) -> result<option<string>, string>",
        DatabaseScript::Create => {
            "func(user-json: string, password: string) -> result<option<string>, create-error>"
        }
    };
    let Some((parameters, Some(ok), Some(err))) = shape(item) else {
        return (false, expected);
    };
    let takes = |count| parameters.len() == count && parameters.iter().all(is_string);
    let is_right = match script {
        DatabaseScript::Login => {
            let errors = ["wrong-credentials", "unknown-user", "failed"];
            takes(2) && is_string(&ok) && is_variant_of_strings(&err, &errors)
        }
        DatabaseScript::GetUser => takes(1) && is_optional_string(&ok) && is_string(&err),
        DatabaseScript::Create => {
            let errors = ["user-exists", "rejected", "failed"];
            takes(2) && is_optional_string(&ok) && is_variant_of_strings(&err, &errors)
        }
    };
    (is_right, expected)
}

fn is_string(found: &Type) -> bool {
    matches!(found, Type::String)
}

fn is_optional_string(found: &Type) -> bool {
    matches!(found, Type::Option(option) if is_string(&option.ty()))
}

fn is_variant_of_strings(found: &Type, names: &[&str]) -> bool {
    let Type::Variant(variant) = found else {
        return false;
    };
    let cases = variant.cases();
    cases.len() == names.len()
        && cases
            .zip(names)
            .all(|(case, name)| case.name == *name && case.ty.as_ref().is_some_and(is_string))
}
