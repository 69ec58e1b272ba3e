//! The attributes of a custom database's scripts.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Ident, Item, ItemFn, Type, parse2};

use crate::signature::{Faults, Parameter, Parameters};

/// The script that an attribute is named after.
#[derive(Clone, Copy)]
pub(crate) enum Script {
    Login,
    GetUser,
    Create,
}

/// The types in the signature of a script.
struct Signature {
    /// `Login` of `login: &Login`.
    input: Type,
    /// What follows the arrow.
    answer: Type,
}

/// The function unchanged, with what lets the host run it; or the function with
/// the errors in its signature, each on the author's token.
pub(crate) fn expand(script: Script, arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let attribute = script.attribute();
    let function = match parse2::<Item>(item) {
        Ok(Item::Fn(function)) => function,
        Ok(other) => {
            let message = format!("`#[{attribute}]` goes on a function");
            let error = Error::new_spanned(&other, message).into_compile_error();
            return quote! { #other #error };
        }
        Err(error) => return error.into_compile_error(),
    };
    if !arguments.is_empty() {
        let message = format!("`#[{attribute}]` takes no arguments");
        let error = Error::new_spanned(arguments, message).into_compile_error();
        return quote! { #function #error };
    }
    match script.check(&function) {
        Ok(signature) => {
            let checks = script.type_checks(&signature);
            let handler = script.handler(&function.sig.ident);
            quote! { #function #checks #handler }
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote! { #function #error }
        }
    }
}

impl Script {
    /// The attribute, which is also the name of the SDK's hidden bindings.
    const fn attribute(self) -> &'static str {
        match self {
            Self::Login => "database_login",
            Self::GetUser => "database_get_user",
            Self::Create => "database_create",
        }
    }

    const fn parameters(self) -> Parameters<1> {
        let (name, form) = match self {
            Self::Login => ("login", "`login: &Login`"),
            Self::GetUser => ("lookup", "`lookup: &Lookup`"),
            Self::Create => ("new user", "`new_user: &NewUser`"),
        };
        Parameters {
            expected: [Parameter {
                name,
                form,
                is_mutable: false,
            }],
            no_more: "a script takes one thing, and nothing else",
            no_lifetimes: "a script names no lifetimes: it has what it takes for one call",
        }
    }

    const fn answer(self) -> &'static str {
        match self {
            Self::Login => "Result<Profile, LoginError>",
            Self::GetUser => "actions_sdk::Result<Option<Profile>>",
            Self::Create => "Result<Option<Profile>, CreateError>",
        }
    }

    /// What the signature needs of `actions_sdk::custom_database`.
    const fn types(self) -> &'static str {
        match self {
            Self::Login => "Login, LoginError, Profile",
            Self::GetUser => "Lookup, Profile",
            Self::Create => "CreateError, NewUser, Profile",
        }
    }

    fn check(self, function: &ItemFn) -> syn::Result<Signature> {
        let parameters = self.parameters();
        let [Parameter { form, .. }] = parameters.expected;
        let (answer, types) = (self.answer(), self.types());
        let expected = format!(
            "fn {}({}) -> {answer}\nwith\n    use actions_sdk::custom_database::{{{types}}};",
            function.sig.ident,
            form.trim_matches('`'),
        );
        let mut faults = Faults::new("a script", expected);
        faults.forbid_modifiers(function);
        if faults.has_receiver(function) {
            return Err(faults.into_error(function));
        }
        let [input] = faults.parameters(function, &parameters);
        let answer = faults.answer(function, &format!("this script answers `{answer}`"));
        match (input, answer) {
            (Some(input), Some(answer)) if faults.is_empty() => Ok(Signature { input, answer }),
            _ => Err(faults.into_error(function)),
        }
    }

    /// Lets the compiler say on the very type when it isn't the script's.
    fn type_checks(self, signature: &Signature) -> TokenStream {
        let Signature { input, answer } = signature;
        let input_check = quote_spanned! { input.span() => input_check::<#input>() };
        let answer_check = quote_spanned! { answer.span() => answer_check::<#answer>() };
        let (input_name, answer_name) = (self.ident("", "_input"), self.ident("", "_answer"));
        quote! {
            const _: () = {
                use ::actions_sdk::__private::{
                    #input_name as input_check, #answer_name as answer_check,
                };
                #input_check;
                #answer_check;
            };
        }
    }

    /// The export of the script's handler; natively a mention, since a function that
    /// only the host calls would look unused.
    fn handler(self, function: &Ident) -> TokenStream {
        let bindings = self.ident("", "");
        let run = self.ident("run_", "");
        let on_execute = self.ident("on_execute_", "");
        let interface = self.ident("", "_handler");
        let text = quote! { ::std::string::String };
        let optional = quote! { ::core::option::Option<#text> };
        let (parameters, answer, error) = match self {
            Self::Login => (
                quote! { identifier, password },
                text.clone(),
                quote! { handler::LoginError },
            ),
            Self::GetUser => (quote! { identifier }, optional, text.clone()),
            Self::Create => (
                quote! { user_json, password },
                optional,
                quote! { handler::CreateError },
            ),
        };
        let typed = parameters.clone().into_iter().map(|token| match token {
            proc_macro2::TokenTree::Ident(name) => quote! { #name: #text },
            comma => quote! { #comma },
        });
        quote! {
            #[cfg(target_arch = "wasm32")]
            const _: () = {
                use ::actions_sdk::__private::#bindings as bindings;
                use bindings::exports::claimsmith::actions::#interface as handler;

                struct Handler;

                impl handler::Guest for Handler {
                    fn #on_execute(#(#typed)*) -> ::core::result::Result<#answer, #error> {
                        ::actions_sdk::__private::#run(#function, #parameters)
                    }
                }

                bindings::export!(Handler with_types_in bindings);

                // Tells whoever looks at the module what it was made with.
                #[used]
                #[unsafe(link_section = "claimsmith-sdk")]
                static SDK: [u8; ::actions_sdk::__private::SDK.len()] =
                    ::actions_sdk::__private::SDK;
            };

            #[cfg(not(target_arch = "wasm32"))]
            const _: () = {
                let _ = #function;
            };
        }
    }

    /// The name of something in the SDK that exists once for each script.
    fn ident(self, prefix: &str, suffix: &str) -> Ident {
        format_ident!("{prefix}{}{suffix}", self.attribute())
    }
}
