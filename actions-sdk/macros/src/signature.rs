//! What can be said about an Action's signature without knowing its types.

use quote::ToTokens;
use syn::{Error, FnArg, ItemFn, ReturnType, Type};

use crate::trigger::Trigger;

/// The types in the signature of an Action.
pub(crate) struct Signature {
    /// `Event` of `event: &Event`.
    pub(crate) event: Type,
    /// `Api` of `api: &mut Api`.
    pub(crate) api: Type,
    /// What follows the arrow.
    pub(crate) answer: Type,
}

/// The types of a function that has the shape of an Action; else every error in
/// its shape at once, each with the right signature.
pub(crate) fn check(trigger: Trigger, function: &ItemFn) -> syn::Result<Signature> {
    let mut faults = Faults::new(trigger, function);
    forbid_modifiers(trigger, function, &mut faults);
    if let Some(receiver) = function.sig.receiver() {
        faults.add(receiver, "an Action is a free function, without `self`");
        return Err(faults.into_error(function));
    }
    let event = parameter(function, 0, &mut faults);
    let api = parameter(function, 1, &mut faults);
    for extra in function.sig.inputs.iter().skip(2) {
        faults.add(
            extra,
            "an Action takes an event and an api, and nothing else",
        );
    }
    let answer = match &function.sig.output {
        ReturnType::Type(_, answer) => Some((**answer).clone()),
        ReturnType::Default => {
            faults.add(
                &function.sig.ident,
                "an Action answers `actions_sdk::Result<()>`",
            );
            None
        }
    };
    match (event, api, answer) {
        (Some(event), Some(api), Some(answer)) if faults.error.is_none() => {
            Ok(Signature { event, api, answer })
        }
        _ => Err(faults.into_error(function)),
    }
}

fn forbid_modifiers(trigger: Trigger, function: &ItemFn, faults: &mut Faults) {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness {
        faults.add(
            token,
            "an Action is not async: what it asks of the host is answered at once",
        );
    }
    if let Some(token) = &signature.constness {
        faults.add(token, "an Action is not const: it runs on a host");
    }
    if let Some(token) = &signature.unsafety {
        faults.add(
            token,
            "an Action is not unsafe: the SDK calls it as a safe function",
        );
    }
    if let Some(abi) = &signature.abi {
        faults.add(
            abi,
            "an Action has no `extern`: the attribute makes the export",
        );
    }
    if !signature.generics.params.is_empty() {
        faults.add(
            &signature.generics,
            "an Action has no generics: the host calls it with fixed types",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        faults.add(
            clause,
            "an Action has no `where` clause: the host calls it with fixed types",
        );
    }
    for attribute in &function.attrs {
        if trigger.other().is_named_by(attribute) {
            faults.add(
                attribute,
                "one function serves one trigger, whose types it takes: write a second function",
            );
        }
    }
}

/// The type behind the reference that is the Action's first or second parameter.
fn parameter(function: &ItemFn, position: usize, faults: &mut Faults) -> Option<Type> {
    let (name, form, mutable) = match position {
        0 => ("event", "`event: &Event`", false),
        _ => ("api", "`api: &mut Api`", true),
    };
    let Some(parameter) = function.sig.inputs.iter().nth(position) else {
        let message = format!("the {name} is missing: an Action takes {form}");
        match function.sig.inputs.last() {
            Some(last) => faults.add(last, &message),
            None => faults.add(&function.sig.ident, &message),
        }
        return None;
    };
    let FnArg::Typed(parameter) = parameter else {
        return None;
    };
    match &*parameter.ty {
        Type::Reference(reference) if reference.mutability.is_some() == mutable => {
            if let Some(lifetime) = &reference.lifetime {
                faults.add(
                    lifetime,
                    "an Action names no lifetimes: it has event and api for one call",
                );
                return None;
            }
            Some((*reference.elem).clone())
        }
        other => {
            faults.add(other, &format!("the {name} comes as {form}"));
            None
        }
    }
}

/// All that is wrong with one function.
struct Faults {
    error: Option<Error>,
    expected: String,
}

impl Faults {
    fn new(trigger: Trigger, function: &ItemFn) -> Self {
        let name = &function.sig.ident;
        let module = trigger.attribute();
        let expected = format!(
            "fn {name}(event: &Event, api: &mut Api) -> actions_sdk::Result<()>\n\
             with\n    use actions_sdk::{module}::{{Api, Event}};"
        );
        Self {
            error: None,
            expected,
        }
    }

    fn add(&mut self, tokens: impl ToTokens, message: &str) {
        let text = format!("{message}\n\nthe signature is\n    {}", self.expected);
        let error = Error::new_spanned(tokens, text);
        match &mut self.error {
            Some(all) => all.combine(error),
            None => self.error = Some(error),
        }
    }

    fn into_error(self, function: &ItemFn) -> Error {
        let any = || Error::new_spanned(&function.sig, format!("expected {}", self.expected));
        self.error.unwrap_or_else(any)
    }
}
