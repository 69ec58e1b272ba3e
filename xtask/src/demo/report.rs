//! The report of one execution, for a person: the tokens with the Actions' claims
//! marked, what was refused and what to write instead, and what each Action took.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{
    api,
    layout::{self, WIDTH, labelled},
    verify::Verified,
};
use crate::terminal::{self, Paint};

/// The column at which the claims' values begin, unless a name is longer.
const NAME_WIDTH: usize = 40;

/// Prints an execution and the tokens that came of it, each with the name that the
/// record has for it (`access_token`, `id_token`).
///
/// # Errors
/// When the record and the tokens contradict each other: then one of them is wrong,
/// and a person should not be shown either as the truth.
pub(crate) fn print(execution: &Value, tokens: &[(&str, &Verified)]) -> Result<()> {
    let paint = terminal::stdout();
    let admitted = list(execution, "/claims/admitted")?;
    let refused = list(execution, "/claims/refused")?;
    for (kind, token) in tokens {
        print_token(paint, kind, token, admitted)?;
    }
    print_refused(paint, refused)?;
    print_actions(paint, list(execution, "/results")?)?;
    print_warnings(paint, execution)?;
    println!(
        "\n  {} {}",
        paint.dim("execution"),
        api::text(execution, "/id")?
    );
    Ok(())
}

fn print_token(paint: Paint, kind: &str, token: &Verified, admitted: &[Value]) -> Result<()> {
    println!(
        "\n  {}  {} {}",
        paint.bold(spoken(kind)),
        paint.green("verified"),
        paint.dim(format!(
            "by the key {} of the issuer's key set, {}",
            api::text(&token.header, "/kid")?,
            api::text(&token.header, "/alg")?,
        ))
    );
    let claims = token
        .claims
        .as_object()
        .context("a token's claims are no object")?;
    let set_by_actions: Vec<&Value> = admitted
        .iter()
        .filter(|entry| entry["token"] == kind)
        .collect();
    for entry in &set_by_actions {
        let name = api::text(entry, "/claim")?;
        // A long value is in the token only.
        let reported = entry.get("value");
        if claims
            .get(name)
            .is_none_or(|value| reported.is_some_and(|said| said != value))
        {
            bail!("the record says that {name} was admitted, but the {kind} has not: {entry}");
        }
    }
    for (name, value) in claims {
        let entry = set_by_actions
            .iter()
            .find(|entry| entry["claim"] == name.as_str());
        match entry {
            Some(entry) => {
                let action = api::text(entry, "/action")?;
                print_claim("+", name, value, &format!("set by {action}"), paint);
            }
            None => print_claim(" ", name, value, &remark(name, value, token.at), paint),
        }
    }
    Ok(())
}

/// One claim: what an Action set is marked with `+` and coloured.
fn print_claim(mark: &str, name: &str, value: &Value, remark: &str, paint: Paint) {
    let value = value.to_string();
    let name_width = NAME_WIDTH.max(name.chars().count());
    let one_line = format!("  {mark} {name:<name_width$} {value}");
    let colour = |text: &str| {
        if mark == "+" {
            paint.green(text)
        } else {
            text.to_owned()
        }
    };
    if one_line.chars().count() + 2 + remark.chars().count() <= WIDTH {
        println!("{}{}", colour(&one_line), beside(remark, paint));
        return;
    }
    let name = colour(&format!("  {mark} {name}"));
    println!("{name}{}", beside(remark, paint));
    println!("{}", colour(&labelled(8, "", &value)));
}

fn beside(remark: &str, paint: Paint) -> String {
    if remark.is_empty() {
        String::new()
    } else {
        format!("  {}", paint.dim(remark))
    }
}

/// What a standard claim's value means, where its number doesn't show it.
fn remark(name: &str, value: &Value, now: u64) -> String {
    let Some(time) = value
        .as_u64()
        .filter(|_| ["iat", "exp", "auth_time", "updated_at"].contains(&name))
    else {
        return String::new();
    };
    match time.checked_sub(now) {
        Some(0) => "now".to_owned(),
        Some(ahead) => format!("in {}", span(ahead)),
        None => format!("{} ago", span(now - time)),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1_800) / 3_600),
    }
}

fn print_refused(paint: Paint, refused: &[Value]) -> Result<()> {
    println!("\n  {}", paint.bold("Refused claims"));
    if refused.is_empty() {
        println!("    none");
    }
    for claim in refused {
        println!(
            "  {} {}  {}",
            paint.red("-"),
            paint.red(api::text(claim, "/claim")?),
            paint.dim(format!(
                "{}, asked for by {}",
                spoken(api::text(claim, "/token")?).to_lowercase(),
                api::text(claim, "/action")?
            ))
        );
        let why = format!(
            "{} ({})",
            api::text(claim, "/message")?,
            api::text(claim, "/code")?
        );
        println!("{}", labelled(6, "why      ", &why));
        println!("{}", labelled(6, "instead  ", api::text(claim, "/remedy")?));
        println!("{}", labelled(6, "more     ", api::text(claim, "/docs")?));
    }
    Ok(())
}

fn print_actions(paint: Paint, results: &[Value]) -> Result<()> {
    println!(
        "\n  {}",
        paint.bold("Actions, in the order in which they ran")
    );
    for result in results {
        let number = |name: &str| {
            let pointer = format!("/response/stats/{name}");
            let number = result.pointer(&pointer).and_then(Value::as_u64);
            number.with_context(|| format!("an execution's result has no {name}: {result}"))
        };
        println!(
            "    {:<38} {:>9}   {:>9} of memory",
            api::text(result, "/action_name")?,
            layout::microseconds(number("action_duration_us")?),
            layout::bytes(number("memory_bytes_peak")?),
        );
        if let Some(message) = result.pointer("/error/msg").and_then(Value::as_str) {
            println!("{}", paint.red(labelled(6, "failed   ", message)));
        }
        for line in list(result, "/logs")? {
            let label = format!("{:<9}", api::text(line, "/level")?);
            println!(
                "{}",
                paint.dim(labelled(6, &label, api::text(line, "/message")?))
            );
        }
        for command in list(result, "/refused_commands")? {
            let text = format!(
                "{}: {} {}",
                api::text(command, "/command")?,
                api::text(command, "/message")?,
                api::text(command, "/remedy")?
            );
            println!("{}", paint.red(labelled(6, "refused  ", &text)));
        }
    }
    Ok(())
}

fn print_warnings(paint: Paint, execution: &Value) -> Result<()> {
    let warnings = list(execution, "/warnings")?;
    if !warnings.is_empty() {
        println!("\n  {}", paint.bold("Warnings"));
    }
    for warning in warnings {
        let text = format!(
            "{} {}",
            api::text(warning, "/message")?,
            api::text(warning, "/remedy")?
        );
        println!("{}", paint.yellow(labelled(4, "", &text)));
    }
    Ok(())
}

fn list<'v>(value: &'v Value, pointer: &str) -> Result<&'v [Value]> {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.map(Vec::as_slice)
        .with_context(|| format!("a record has no list at {pointer}: {value}"))
}

fn spoken(kind: &str) -> &str {
    match kind {
        "access_token" => "Access token",
        "id_token" => "ID token",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_told_from_now() {
        assert_eq!(remark("exp", &json!(90_000), 3_600), "in 24 h");
        assert_eq!(remark("iat", &json!(3_590), 3_600), "10 s ago");
        assert_eq!(remark("iat", &json!(3_600), 3_600), "now");
        assert_eq!(remark("https://example.com/age", &json!(12), 3_600), "");
    }

    #[test]
    fn a_record_that_claims_what_the_token_lacks_is_an_error() {
        let token = Verified {
            header: json!({"alg": "ES256", "kid": "k"}),
            claims: json!({"sub": "someone"}),
            at: 0,
        };
        let admitted = [json!({
            "token": "access_token", "claim": "https://example.com/role", "value": "x",
            "action": "role",
        })];

        let error = print_token(Paint::plain(), "access_token", &token, &admitted).unwrap_err();

        assert!(
            error
                .to_string()
                .contains("https://example.com/role was admitted"),
            "{error}"
        );
    }
}
