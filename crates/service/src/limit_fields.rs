//! Limits as they are sent: numbers by name, `null` to leave one to others again.
//! Those that aren't named stay.

use claimsmith_model::{JsonObject, Limit, LimitScope, LimitSettings, ServerLimits};
use serde_json::{Value, json};

use crate::fields::{Problem, Read, open_object, shown};

/// What an Action asks for: limits of an execution, up to the tenant's caps and the
/// server's ceilings.
pub(crate) fn action_limits<'a>(
    server: &'a ServerLimits,
    tenant: &'a LimitSettings,
    present: &'a LimitSettings,
) -> impl Fn(Value) -> Read<LimitSettings> + 'a {
    let highest = |limit: Limit| {
        let highest = server.highest(limit, tenant);
        let whose = if tenant.get(limit) == Some(highest) {
            "the tenant's cap"
        } else {
            "the server's ceiling"
        };
        Highest {
            value: highest,
            why: format!("{whose}; the operator can raise it"),
        }
    };
    move |value| {
        let is_here = |scope| scope == LimitScope::Execution;
        let changes = open_object(value).map_err(|problem| problem.unlike(|| schema(is_here)))?;
        patched(present, changes, is_here, highest)
    }
}

/// Numbers by name. What is the most depends on the server and the tenant.
fn schema(is_here: impl Fn(LimitScope) -> bool) -> Value {
    let limits = Limit::ALL.iter().map(|limit| limit.spec());
    let limits = limits.filter(|spec| is_here(spec.scope)).map(|spec| {
        let number = json!({
            "type": ["integer", "null"], "minimum": spec.lowest, "maximum": spec.highest,
            "description": spec.bounds,
        });
        (spec.name.to_owned(), number)
    });
    json!({
        "type": "object",
        "properties": limits.collect::<JsonObject>(),
        "additionalProperties": false,
    })
}

/// What the operator grants a tenant: caps for executions and values for the tenant
/// as a whole, up to the server's ceilings.
pub(crate) fn tenant_limits(
    server: &ServerLimits,
    present: &LimitSettings,
    changes: JsonObject,
) -> Read<LimitSettings> {
    let highest = |limit: Limit| Highest {
        value: server.ceiling_of(limit),
        why: format!(
            "the server's ceiling; start the server with --limit-max {limit}=… to raise it"
        ),
    };
    let is_here = |scope| scope != LimitScope::Server;
    patched(present, changes, is_here, highest)
}

/// The highest value that is allowed, and who says so.
struct Highest {
    value: u64,
    why: String,
}

fn patched(
    present: &LimitSettings,
    changes: JsonObject,
    is_here: impl Fn(LimitScope) -> bool + Copy,
    highest: impl Fn(Limit) -> Highest,
) -> Read<LimitSettings> {
    let mut settings = present.clone();
    for (name, value) in changes {
        let at = |problem: Problem| problem.under(&shown(&name));
        let limit = named(&name, is_here).map_err(at)?;
        if value.is_null() {
            settings.remove(limit);
            continue;
        }
        let lowest = limit.spec().lowest;
        let Highest { value: most, why } = highest(limit);
        let number = value.as_u64();
        if number.is_some() && number == present.get(limit) {
            // Sent back as it was read: it does no harm, though a cap was lowered since.
            continue;
        }
        let in_range = number.filter(|number| (lowest..=most).contains(number));
        let number = in_range.ok_or_else(|| {
            let value = shown(&value.to_string());
            at(Problem::new(format!(
                "{value} is out of range: it must be a whole number from {lowest} to {most}, which \
                 is {why}"
            )))
        })?;
        let set = settings.set(limit, number);
        set.map_err(|error| at(Problem::new(error.to_string())))?;
    }
    Ok(settings)
}

fn named(name: &str, is_here: impl Fn(LimitScope) -> bool) -> Read<Limit> {
    let why_not = match name.parse::<Limit>() {
        Ok(limit) if is_here(limit.spec().scope) => return Ok(limit),
        Ok(limit) => match limit.spec().scope {
            LimitScope::Server => "one value holds for the whole server",
            LimitScope::Tenant | LimitScope::Execution => {
                "it is the operator's to set, for a tenant"
            }
        },
        Err(_) => "there is no such limit",
    };
    let names = Limit::names(is_here);
    Err(Problem::new(format!("{why_not}; here there are {names}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: &[(Limit, u64)]) -> LimitSettings {
        let mut settings = LimitSettings::default();
        for (limit, value) in values {
            settings.set(*limit, *value).unwrap();
        }
        settings
    }

    fn asked(tenant: &LimitSettings, changes: Value) -> Result<LimitSettings, String> {
        let present = settings(&[(Limit::LogLines, 5), (Limit::DeadlineMs, 900)]);
        let server = ServerLimits::default();
        action_limits(&server, tenant, &present)(changes).map_err(|problem| problem.to_string())
    }

    #[test]
    fn what_is_named_changes_null_removes_and_the_rest_stays() {
        let changed = asked(
            &LimitSettings::default(),
            json!({ "commands": 7, "log_lines": null }),
        );
        let expected = settings(&[(Limit::Commands, 7), (Limit::DeadlineMs, 900)]);
        assert_eq!(changed.unwrap(), expected);
    }

    #[test]
    fn a_value_beyond_the_cap_is_refused_with_whose_it_is_and_one_at_the_cap_is_taken() {
        let capped = settings(&[(Limit::Commands, 50)]);
        assert!(asked(&capped, json!({ "commands": 50 })).is_ok());
        assert_eq!(
            asked(&capped, json!({ "commands": 51 })).unwrap_err(),
            "'51 is out of range: it must be a whole number from 1 to 50, which is the tenant's \
             cap; the operator can raise it' on property commands"
        );
        let of_the_server = asked(&capped, json!({ "refusals": 201 })).unwrap_err();
        assert!(of_the_server.contains("1 to 200"), "{of_the_server}");
        assert!(
            of_the_server.contains("the server's ceiling"),
            "{of_the_server}"
        );
    }

    #[test]
    fn what_was_there_before_the_cap_was_lowered_can_be_sent_back() {
        let capped = settings(&[(Limit::DeadlineMs, 100)]);
        assert!(asked(&capped, json!({ "deadline_ms": 900 })).is_ok());
        assert!(asked(&capped, json!({ "deadline_ms": 899 })).is_err());
    }

    #[test]
    fn what_is_no_value_or_no_limit_of_an_action_is_named() {
        let none = LimitSettings::default();
        for (wrong, word) in [
            (json!({ "commands": 0 }), "1 to 2000"),
            (json!({ "commands": "many" }), "whole number"),
            (json!({ "commands": 1.5 }), "whole number"),
            (json!({ "lines": 1 }), "no such limit"),
            (json!({ "lines": null }), "no such limit"),
            (json!({ "cache_entries": 1 }), "the operator's to set"),
            (json!({ "module_bytes": 70_000 }), "whole server"),
            (json!([]), "Expected type object"),
        ] {
            let error = asked(&none, wrong).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_tenant_may_have_caps_and_values_of_its_own_up_to_the_ceiling() {
        let server = ServerLimits::default();
        let granted = |changes: Value| {
            let changes = open_object(changes).unwrap();
            tenant_limits(&server, &LimitSettings::default(), changes)
                .map_err(|problem| problem.to_string())
        };
        let both = granted(json!({ "commands": 10, "trigger_deadline_ms": 5_000 })).unwrap();
        assert_eq!(
            both,
            settings(&[(Limit::Commands, 10), (Limit::TriggerDeadlineMs, 5_000)])
        );
        let beyond = granted(json!({ "trigger_deadline_ms": 5_001 })).unwrap_err();
        assert!(
            beyond.contains("--limit-max trigger_deadline_ms"),
            "{beyond}"
        );
        let of_the_server = granted(json!({ "module_bytes": 70_000 })).unwrap_err();
        assert!(of_the_server.contains("whole server"), "{of_the_server}");
    }
}
