//! An attribute's expansion.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Ident, Item, parse2};

use crate::signature::{Signature, check};
use crate::trigger::Trigger;

/// The function unchanged, with what lets the host run it; or the function with
/// the errors in its signature, each on the author's token.
pub(crate) fn expand(trigger: Trigger, arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let mut function = match parse2::<Item>(item) {
        Ok(Item::Fn(function)) => function,
        Ok(other) => {
            let message = format!("`#[{}]` goes on a function", trigger.attribute());
            let error = Error::new_spanned(&other, message).into_compile_error();
            return quote! { #other #error };
        }
        Err(error) => return error.into_compile_error(),
    };
    match check_attribute(trigger, arguments).and_then(|()| check(trigger, &function)) {
        Ok(signature) => {
            let checks = type_checks(trigger, &signature);
            let handler = handler(trigger, &function.sig.ident);
            quote! { #function #checks #handler }
        }
        Err(error) => {
            // The other trigger's attribute would only repeat what is wrong.
            function
                .attrs
                .retain(|attribute| !trigger.other().is_named_by(attribute));
            let error = error.into_compile_error();
            quote! { #function #error }
        }
    }
}

fn check_attribute(trigger: Trigger, arguments: &TokenStream) -> syn::Result<()> {
    if arguments.is_empty() {
        return Ok(());
    }
    let message = format!("`#[{}]` takes no arguments", trigger.attribute());
    Err(Error::new_spanned(arguments, message))
}

/// Lets the compiler say on the very type when it isn't the trigger's.
fn type_checks(trigger: Trigger, signature: &Signature) -> TokenStream {
    let Signature { event, api, answer } = signature;
    let event_check = quote_spanned! { event.span() => event_check::<#event>() };
    let api_check = quote_spanned! { api.span() => api_check::<#api>() };
    let answer_check = quote_spanned! { answer.span() => answer_check::<#answer>() };
    let (event_name, api_name) = (trigger.ident("", "_event"), trigger.ident("", "_api"));
    quote! {
        const _: () = {
            use ::actions_sdk::__private::{
                #event_name as event_check, #api_name as api_check, action_result as answer_check,
            };
            #event_check;
            #api_check;
            #answer_check;
        };
    }
}

/// The export of the trigger's handler; natively a mention, since a function that
/// only the host calls would look unused.
fn handler(trigger: Trigger, function: &Ident) -> TokenStream {
    let bindings = trigger.ident("", "");
    let run = trigger.ident("run_", "");
    let on_execute = trigger.ident("on_execute_", "");
    let interface = trigger.ident("", "_handler");
    quote! {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use ::actions_sdk::__private::#bindings as bindings;

            struct Handler;

            impl bindings::exports::claimsmith::actions::#interface::Guest for Handler {
                fn #on_execute() -> ::core::result::Result<(), ::std::string::String> {
                    ::actions_sdk::__private::#run(#function)
                }
            }

            bindings::export!(Handler with_types_in bindings);

            // Tells whoever looks at the module what it was made with.
            #[used]
            #[unsafe(link_section = "claimsmith-sdk")]
            static SDK: [u8; ::actions_sdk::__private::SDK.len()] = ::actions_sdk::__private::SDK;
        };

        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            let _ = #function;
        };
    }
}
