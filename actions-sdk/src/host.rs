//! The one place where wasm and the author's machine differ.
//!
//! In a guest, a [`Host`] has no content and every call goes to an import of
//! the contract. In a native test it is the recorder of [`crate::testing`].

#[cfg(target_arch = "wasm32")]
#[derive(Clone, Debug)]
pub(crate) struct Host;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::Host;

/// Reads from the event: through the named accessor of the contract in a guest,
/// at the JSON pointer of the fixture in a native test.
///
/// `text` is for entries that are plain text, `json` for what the contract gives
/// as JSON text, `keys` for the keys of an open map.
macro_rules! read {
    ($host:expr, $interface:ident :: $accessor:ident, $pointer:literal) => {{
        #[cfg(target_arch = "wasm32")]
        let found = {
            let _ = $host;
            crate::bindings::claimsmith::actions::$interface::$accessor()
        };
        #[cfg(not(target_arch = "wasm32"))]
        let found = $host.field($pointer);
        found
    }};
    ($host:expr, text $interface:ident :: $accessor:ident ( $key:expr ), $pointer:literal) => {{
        #[cfg(target_arch = "wasm32")]
        let found = {
            let _ = $host;
            crate::bindings::claimsmith::actions::$interface::$accessor($key)
        };
        #[cfg(not(target_arch = "wasm32"))]
        let found = $host.text_entry($pointer, $key);
        found
    }};
    ($host:expr, json $interface:ident :: $accessor:ident ( $key:expr ), $pointer:literal) => {{
        #[cfg(target_arch = "wasm32")]
        let found = {
            let _ = $host;
            crate::bindings::claimsmith::actions::$interface::$accessor($key)
        };
        #[cfg(not(target_arch = "wasm32"))]
        let found = $host.json_entry($pointer, $key);
        found
    }};
    ($host:expr, keys $interface:ident :: $accessor:ident, $pointer:literal) => {{
        #[cfg(target_arch = "wasm32")]
        let found = {
            let _ = $host;
            crate::bindings::claimsmith::actions::$interface::$accessor()
        };
        #[cfg(not(target_arch = "wasm32"))]
        let found = $host.keys($pointer);
        found
    }};
}

/// Calls a function of the contract that is more than a read: the import in a
/// guest, the function of the same name in `testing::contract` in a native test.
macro_rules! call {
    ($host:expr, $interface:ident :: $function:ident ( $($argument:expr),* $(,)? )) => {{
        #[cfg(target_arch = "wasm32")]
        let answer = {
            let _ = $host;
            crate::bindings::claimsmith::actions::$interface::$function($($argument),*)
        };
        #[cfg(not(target_arch = "wasm32"))]
        let answer = crate::testing::contract::$interface::$function($host, $($argument),*);
        answer
    }};
}

/// Calls a function of the contract that may refuse, as [`call!`] does. In a guest
/// the refusal is the function's answer; here it becomes an error, to be had with `?`.
macro_rules! command {
    ($host:expr, $interface:ident :: $function:ident ( $($argument:expr),* $(,)? )) => {{
        let answer = $crate::host::call!($host, $interface::$function($($argument),*));
        #[cfg(target_arch = "wasm32")]
        let answer = answer.map_or(Ok(()), Err);
        answer
    }};
}

pub(crate) use {call, command, read};
