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
    let module = trigger.attribute();
    let expected = format!(
        "fn {}(event: &Event, api: &mut Api) -> actions_sdk::Result<()>\n\
         with\n    use actions_sdk::{module}::{{Api, Event}};",
        function.sig.ident
    );
    let mut faults = Faults::new("an Action", expected);
    faults.forbid_modifiers(function);
    for attribute in &function.attrs {
        if trigger.other().is_named_by(attribute) {
            faults.add(
                attribute,
                "one function serves one trigger, whose types it takes: write a second function",
            );
        }
    }
    if faults.has_receiver(function) {
        return Err(faults.into_error(function));
    }
    let [event, api] = faults.parameters(function, &ACTION);
    let answer = faults.answer(function, "an Action answers `actions_sdk::Result<()>`");
    match (event, api, answer) {
        (Some(event), Some(api), Some(answer)) if faults.error.is_none() => {
            Ok(Signature { event, api, answer })
        }
        _ => Err(faults.into_error(function)),
    }
}

/// What an Action takes.
const ACTION: Parameters<2> = Parameters {
    expected: [
        Parameter {
            name: "event",
            form: "`event: &Event`",
            is_mutable: false,
        },
        Parameter {
            name: "api",
            form: "`api: &mut Api`",
            is_mutable: true,
        },
    ],
    no_more: "an Action takes an event and an api, and nothing else",
    no_lifetimes: "an Action names no lifetimes: it has event and api for one call",
};

/// What a function takes: references only.
pub(crate) struct Parameters<const COUNT: usize> {
    pub(crate) expected: [Parameter; COUNT],
    /// What is said of a parameter too many.
    pub(crate) no_more: &'static str,
    /// What is said of a lifetime with a name.
    pub(crate) no_lifetimes: &'static str,
}

/// One parameter.
#[derive(Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) form: &'static str,
    pub(crate) is_mutable: bool,
}

/// All that is wrong with one function.
pub(crate) struct Faults {
    error: Option<Error>,
    /// What the function is to be, with its article.
    what: &'static str,
    expected: String,
}

impl Faults {
    pub(crate) fn new(what: &'static str, expected: String) -> Self {
        Self {
            error: None,
            what,
            expected,
        }
    }

    pub(crate) fn add(&mut self, tokens: impl ToTokens, message: &str) {
        let text = format!("{message}\n\nthe signature is\n    {}", self.expected);
        let error = Error::new_spanned(tokens, text);
        match &mut self.error {
            Some(all) => all.combine(error),
            None => self.error = Some(error),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.error.is_none()
    }

    pub(crate) fn into_error(self, function: &ItemFn) -> Error {
        let any = || Error::new_spanned(&function.sig, format!("expected {}", self.expected));
        self.error.unwrap_or_else(any)
    }

    /// Refuses what no function has that the host calls.
    pub(crate) fn forbid_modifiers(&mut self, function: &ItemFn) {
        let signature = &function.sig;
        let what = self.what;
        let mut forbid = |tokens: Option<&dyn ToTokens>, why: &str| {
            if let Some(tokens) = tokens {
                self.add(tokens, &format!("{what} {why}"));
            }
        };
        forbid(
            tokens(&signature.asyncness),
            "is not async: what it asks of the host is answered at once",
        );
        forbid(
            tokens(&signature.constness),
            "is not const: it runs on a host",
        );
        forbid(
            tokens(&signature.unsafety),
            "is not unsafe: the SDK calls it as a safe function",
        );
        forbid(
            tokens(&signature.abi),
            "has no `extern`: the attribute makes the export",
        );
        let generics = Some(&signature.generics);
        forbid(
            tokens(&generics.filter(|generics| !generics.params.is_empty())),
            "has no generics: the host calls it with fixed types",
        );
        forbid(
            tokens(&signature.generics.where_clause),
            "has no `where` clause: the host calls it with fixed types",
        );
    }

    /// Whether the function has a `self`; there is nothing to say of the rest then.
    pub(crate) fn has_receiver(&mut self, function: &ItemFn) -> bool {
        let Some(receiver) = function.sig.receiver() else {
            return false;
        };
        let message = format!("{} is a free function, without `self`", self.what);
        self.add(receiver, &message);
        true
    }

    /// The types behind the references that are the function's parameters.
    pub(crate) fn parameters<const COUNT: usize>(
        &mut self,
        function: &ItemFn,
        parameters: &Parameters<COUNT>,
    ) -> [Option<Type>; COUNT] {
        let mut position = 0;
        let types = parameters.expected.map(|expected| {
            let found = self.parameter(function, position, expected, parameters.no_lifetimes);
            position += 1;
            found
        });
        for extra in function.sig.inputs.iter().skip(COUNT) {
            self.add(extra, parameters.no_more);
        }
        types
    }

    fn parameter(
        &mut self,
        function: &ItemFn,
        position: usize,
        expected: Parameter,
        no_lifetimes: &str,
    ) -> Option<Type> {
        let Parameter {
            name,
            form,
            is_mutable,
        } = expected;
        let Some(parameter) = function.sig.inputs.iter().nth(position) else {
            let message = format!("the {name} is missing: {} takes {form}", self.what);
            match function.sig.inputs.last() {
                Some(last) => self.add(last, &message),
                None => self.add(&function.sig.ident, &message),
            }
            return None;
        };
        let FnArg::Typed(parameter) = parameter else {
            return None;
        };
        match &*parameter.ty {
            Type::Reference(reference) if reference.mutability.is_some() == is_mutable => {
                if let Some(lifetime) = &reference.lifetime {
                    self.add(lifetime, no_lifetimes);
                    return None;
                }
                Some((*reference.elem).clone())
            }
            other => {
                self.add(other, &format!("the {name} comes as {form}"));
                None
            }
        }
    }

    /// What follows the arrow; `missing` is said when nothing does.
    pub(crate) fn answer(&mut self, function: &ItemFn, missing: &str) -> Option<Type> {
        match &function.sig.output {
            ReturnType::Type(_, answer) => Some((**answer).clone()),
            ReturnType::Default => {
                self.add(&function.sig.ident, missing);
                None
            }
        }
    }
}

fn tokens<T: ToTokens>(part: &Option<T>) -> Option<&dyn ToTokens> {
    part.as_ref().map(|part| part as &dyn ToTokens)
}
