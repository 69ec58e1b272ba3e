//! An Action's `code`: its module as text, for tools that know of no other place for it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claimsmith_model::{Action, ModuleInfo};
use claimsmith_storage::value::sha256_hex;
use serde_json::Value;

use super::module;
use crate::{
    ServiceError,
    fields::{Problem, Read, text},
    management::TenantAdmin,
};

/// The largest module that goes in and out as text. A list of Actions has the code of up
/// to a hundred of them; larger ones are named there by their hash. Modules in Rust have
/// some tens of kilobytes.
const MODULE_BYTES_MAX: usize = 256 * 1024;
/// The reference product's limit, for code that is no module.
const TEXT_BYTES_MAX: usize = 100 * 1024;
/// A module of that size in base64 with line breaks, and what stands before it.
const CODE_CHARS_MAX: usize = MODULE_BYTES_MAX * 3 / 2;

/// What a module as text begins with (RFC 2397).
const DATA_URL: &str = "data:application/wasm;base64,";
/// What the name of a module begins with.
const DIGEST: &str = "sha256:";

/// What `code` was given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Nothing: the draft stays as it is.
    Absent,
    /// None: the module comes another way.
    Empty,
    /// A module.
    Module(Vec<u8>),
    /// The SHA-256 of a module, in lower-case hexadecimal.
    Digest(String),
    /// Something else, which can't run.
    Other(String),
}

/// Code that can't run, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeProblem {
    /// Which kind of problem it is.
    pub id: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// The shape of `code`.
pub(super) fn read(value: Value) -> Read<Code> {
    let code = text(0..=CODE_CHARS_MAX)(value)?;
    // Files end with a line break.
    let trimmed = code.trim_ascii();
    if trimmed.is_empty() {
        return Ok(Code::Empty);
    }
    if let Some(base64) = after_prefix(trimmed, DATA_URL) {
        let base64: Vec<u8> = base64
            .bytes()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        let bytes = STANDARD
            .decode(base64)
            .map_err(|error| Problem::new(format!("the data URL is not base64: {error}")))?;
        if MODULE_BYTES_MAX < bytes.len() {
            return Err(Problem::new(format!(
                "a module of {} bytes is too large for code, maximum {MODULE_BYTES_MAX}; upload it \
                 with PUT /api/v2/actions/actions/{{id}}/module",
                bytes.len()
            )));
        }
        return Ok(Code::Module(bytes));
    }
    if let Some(hex) = trimmed.strip_prefix(DIGEST)
        && hex.len() == 64
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return Ok(Code::Digest(hex.to_ascii_lowercase()));
    }
    if TEXT_BYTES_MAX < code.len() {
        return Err(Problem::new(format!(
            "String is too long, maximum {TEXT_BYTES_MAX} bytes"
        )));
    }
    Ok(Code::Other(code))
}

fn after_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Makes the draft what the code says. Answers the module's bytes when they are new to the
/// draft.
///
/// # Errors
/// `Module` when it is one and wrong; `Busy`.
pub(super) async fn apply(
    admin: &TenantAdmin,
    draft: &mut Action,
    code: Code,
) -> Result<Option<Vec<u8>>, ServiceError> {
    match code {
        Code::Absent => Ok(None),
        Code::Empty => {
            draft.code.clear();
            Ok(None)
        }
        Code::Module(bytes) if is_module_of(draft, &sha256_hex(&bytes)) => Ok(None),
        Code::Module(bytes) => {
            let info = module::check(admin, draft, &bytes).await?;
            module::set(draft, info, admin.now());
            Ok(Some(bytes))
        }
        Code::Digest(sha256) if is_module_of(draft, &sha256) => Ok(None),
        Code::Digest(sha256) => {
            match find(admin, &sha256).await? {
                Some(info) if !info.triggers.contains(&draft.trigger) => {
                    return Err(module::wrong_trigger(draft.trigger));
                }
                Some(info) => module::set(draft, info, admin.now()),
                None => set_other(draft, format!("{DIGEST}{sha256}")),
            }
            Ok(None)
        }
        Code::Other(text) => {
            set_other(draft, text);
            Ok(None)
        }
    }
}

fn is_module_of(draft: &Action, sha256: &str) -> bool {
    let module = draft.module.as_ref();
    module.is_some_and(|module| module.sha256 == sha256)
}

/// Code that can't run takes the place of the module: whoever sent it doesn't want the
/// module to go on as if nothing were said.
fn set_other(draft: &mut Action, code: String) {
    draft.code = code;
    draft.module = None;
    draft.built_at = None;
}

/// A module that some Action of the tenant has, in its draft or in a version.
async fn find(admin: &TenantAdmin, sha256: &str) -> Result<Option<ModuleInfo>, ServiceError> {
    for action in admin.store().actions().await? {
        if let Some(module) = action.module.filter(|module| module.sha256 == sha256) {
            return Ok(Some(module));
        }
        let versions = admin.store().action_versions(&action.id).await?;
        let mut modules = versions.into_iter().map(|version| version.module);
        if let Some(module) = modules.find(|module| module.sha256 == sha256) {
            return Ok(Some(module));
        }
    }
    Ok(None)
}

/// A draft's `code`: its module, or the name of it when it is large; without a module
/// what was sent in its place.
///
/// # Errors
/// When it can't be read.
pub async fn of_draft(admin: &TenantAdmin, draft: &Action) -> Result<String, ServiceError> {
    let Some(module) = &draft.module else {
        return Ok(draft.code.clone());
    };
    let is_small = usize::try_from(module.size_bytes).is_ok_and(|size| size <= MODULE_BYTES_MAX);
    // Gone when somebody changed the Action meanwhile.
    let bytes = match is_small {
        true => admin.store().module(&module.sha256).await?,
        false => None,
    };
    Ok(match bytes {
        Some(bytes) => format!("{DATA_URL}{}", STANDARD.encode(bytes)),
        None => of_version(module),
    })
}

/// A version's `code`: the name of its module.
#[must_use]
pub fn of_version(module: &ModuleInfo) -> String {
    format!("{DIGEST}{}", module.sha256)
}

/// Why a draft's code can't run; `None` when it can, or when there is none yet.
#[must_use]
pub fn problem(draft: &Action) -> Option<CodeProblem> {
    if draft.module.is_some() || draft.code.is_empty() {
        return None;
    }
    Some(if draft.code.starts_with(DIGEST) {
        CodeProblem {
            id: "unknown_module",
            message: format!(
                "no Action here has the module {}; upload it with PUT \
                 /api/v2/actions/actions/{{id}}/module (Content-Type: application/wasm)",
                draft.code
            ),
        }
    } else {
        CodeProblem {
            id: "not_a_module",
            message: format!(
                "an Action runs a WebAssembly module, and the code is none: send it as \
                 {DATA_URL}…, or upload it with PUT /api/v2/actions/actions/{{id}}/module \
                 (Content-Type: application/wasm)"
            ),
        }
    })
}

/// The error about a draft that can't be run for want of a module. It is no text that
/// tools take for a build that isn't ready yet: nothing here ever is.
pub(super) fn nothing_to_run(draft: &Action) -> ServiceError {
    let why = problem(draft).map_or_else(
        || {
            "the Action has no module yet; upload it with PUT /api/v2/actions/actions/{id}/module \
             (Content-Type: application/wasm), or send it as code"
                .to_owned()
        },
        |problem| problem.message,
    );
    ServiceError::invalid(format!("The draft can't run: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_module_is_text_or_a_name_and_everything_else_can_not_run() {
        let wasm = Code::Module(b"\0asm".to_vec());
        for module in [
            "data:application/wasm;base64,AGFzbQ==",
            "DATA:application/wasm;base64,AGFz\nbQ==\n",
        ] {
            assert_eq!(read(json!(module)).unwrap(), wasm, "{module}");
        }
        let name = format!("sha256:{}", "AB".repeat(32));
        assert_eq!(read(json!(name)).unwrap(), Code::Digest("ab".repeat(32)));
        for empty in ["", "\n"] {
            assert_eq!(read(json!(empty)).unwrap(), Code::Empty);
        }
        for other in ["exports.onExecutePostLogin = 1;", "sha256:ab", "data:,x"] {
            assert_eq!(read(json!(other)).unwrap(), Code::Other(other.to_owned()));
        }
    }

    #[test]
    fn code_has_a_limit_of_its_own_for_modules_and_for_other_text() {
        let module = |bytes: usize| json!(format!("{DATA_URL}{}", STANDARD.encode(vec![0; bytes])));
        assert!(read(module(MODULE_BYTES_MAX)).is_ok());
        let problem = read(module(MODULE_BYTES_MAX + 1)).unwrap_err().to_string();
        assert!(problem.contains("PUT"), "{problem}");
        assert!(read(json!("x".repeat(TEXT_BYTES_MAX))).is_ok());
        assert!(read(json!("x".repeat(TEXT_BYTES_MAX + 1))).is_err());
        assert!(read(json!(format!("{DATA_URL}%%%"))).is_err());
    }
}
