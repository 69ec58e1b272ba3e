//! Does to its host what its secret `BEAST` says; `README.md` lists what it can do.

mod raw;

use std::hint::black_box;

use claimsmith::actions::{
    access_token, cache, event, log, log::Level, post_login_access, secrets, transaction, user,
};

wit_bindgen::generate!({
    path: "../../../wit",
    world: "claimsmith:actions/both-triggers",
});

/// The claim, the metadata and the cache entry that nobody must find when this fails.
const TRACE: &str = "https://zoo.example.com/trace";
/// What a write to standard output carries at once.
const LINE: &[u8] = b"The quick brown fox jumps over the lazy dog, again and again and again.\n";

struct Zoo;

export!(Zoo);

impl exports::claimsmith::actions::post_login_handler::Guest for Zoo {
    fn on_execute_post_login() -> Result<(), String> {
        act_all()
    }
}

impl exports::claimsmith::actions::credentials_exchange_handler::Guest for Zoo {
    fn on_execute_credentials_exchange() -> Result<(), String> {
        act_all()
    }
}

/// Does what each line of the secret says, in order.
fn act_all() -> Result<(), String> {
    let beast = secrets::get("BEAST").ok_or("the Action has no secret BEAST")?;
    beast.lines().try_for_each(|line| {
        let (act, number) = match line.split_once(' ') {
            Some((act, number)) => (act, number.parse().map_err(|_| line)?),
            // As often as can be.
            None => (line, u64::MAX),
        };
        perform(act, number)
    })
}

fn perform(act: &str, number: u64) -> Result<(), String> {
    match act {
        "trace" => leave_traces(),
        "fail" => return Err("the zoo's own words".to_owned()),
        "unreachable" => core::arch::wasm32::unreachable(),
        "spin" => {
            for round in 0..number {
                black_box(round);
            }
        }
        "recurse" => {
            black_box(recurse(number));
        }
        "memory" => take_memory(number)?,
        "claim" => {
            let value = "x".repeat(number.saturating_sub(2) as usize);
            report(set_claim("huge", &format!("\"{value}\"")));
        }
        "claims" => {
            for index in 0..number {
                set_claim(&format!("c{index}"), "0");
            }
        }
        "deep" => {
            let depth = number as usize;
            report(set_claim(
                "deep",
                &format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
            ));
        }
        "not-json" => report(set_claim("broken", "{\"a\":")),
        "not-utf8" => raw::set_claim("https://zoo.example.com/text", b"\"\xff\xfe\""),
        "log" => {
            for _ in 0..number {
                log::write(Level::Info, "a line of no interest to anybody");
            }
        }
        "stdout" => {
            for _ in 0..number {
                raw::print(LINE);
            }
        }
        "cache" => {
            let value = "v".repeat(4_096);
            for index in 0..number {
                cache::set(&format!("key{index}"), &value, None, None);
            }
        }
        "read-cache" => {
            let found = cache::get("trace").is_some();
            set_claim("cached", if found { "true" } else { "false" });
        }
        "calls" => {
            for _ in 0..number {
                black_box(event::get_json(""));
            }
        }
        "sleep" => raw::sleep_ms(number),
        _ => return Err(format!("the zoo has no `{act}`")),
    }
    Ok(())
}

/// Asks for one thing of each kind; none of them may outlive a failure.
fn leave_traces() {
    access_token::set_custom_claim(TRACE, "true");
    transaction::set_metadata("trace", "true");
    user::set_app_metadata("trace", "true");
    cache::set("trace", "true", None, None);
    post_login_access::deny("the zoo denies before it fails");
    log::write(Level::Info, "about to fail");
}

fn set_claim(name: &str, value_json: &str) -> Option<claimsmith::actions::refusals::Refusal> {
    access_token::set_custom_claim(&format!("https://zoo.example.com/{name}"), value_json)
}

/// Logs the code of a refusal, so that a test sees it from inside the guest.
fn report(refusal: Option<claimsmith::actions::refusals::Refusal>) {
    if let Some(refusal) = refusal {
        log::write(Level::Info, &refusal.code);
    }
}

/// Takes that many bytes and writes to each page of them.
fn take_memory(bytes: u64) -> Result<(), String> {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX / 2);
    let mut taken: Vec<u8> = Vec::new();
    // Without this a failing allocation would panic, and the fault be the panic's.
    if taken.try_reserve_exact(bytes).is_err() {
        core::arch::wasm32::unreachable();
    }
    taken.resize(bytes, 0xA5);
    black_box(&taken);
    Ok(())
}

/// Goes that deep on the stack of WebAssembly itself.
fn recurse(depth: u64) -> u64 {
    if black_box(depth) == 0 {
        return 0;
    }
    black_box(recurse(depth - 1)) + 1
}
