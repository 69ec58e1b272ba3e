//! Creating an Action and changing its draft.

use claimsmith_model::{
    ALLOWED_HOSTS_MAX, Action, ActionId, ActionSecret, AllowedHosts, JsonObject, LimitSettings,
    Secret, Timestamp, Trigger,
};

use super::{
    ActionWithVersion,
    code::{self, Code},
    deploy, is_same, load, with_version,
};
use crate::{
    ServiceError,
    fields::{Fields, Problem, Read, flag, list, object, one_of, text},
    limit_fields::action_limits,
    management::TenantAdmin,
};

/// The reference product's limits.
pub(crate) const ACTIONS_MAX: usize = 100;
const NAME_CHARS_MAX: usize = 255;
pub(crate) const SECRETS_MAX: usize = 30;
pub(crate) const SECRET_NAME_CHARS_MAX: usize = 128;
pub(crate) const SECRET_VALUE_CHARS_MAX: usize = 4096;
/// The longest entry of `allowed_hosts`; longer ones name no host.
const HOST_CHARS_MAX: usize = 300;

/// What runs Actions here.
const RUNTIME: [(&str, ()); 1] = [("wasm", ())];

/// Creates an Action. Its draft has no module yet, unless the code is one; then it can be
/// deployed at once.
///
/// # Errors
/// `Invalid…` for a wrong body, `Module` for a wrong module, `Conflict` when the name is
/// taken or there are as many Actions as there may be.
pub async fn create(
    admin: &TenantAdmin,
    body: JsonObject,
) -> Result<ActionWithVersion, ServiceError> {
    create_as(admin, admin.ids().action_id(), 0, body).await
}

/// Creates an Action that has its identifier already, and versions up to a number that are
/// no more.
pub(crate) async fn create_as(
    admin: &TenantAdmin,
    id: ActionId,
    latest_number: u32,
    body: JsonObject,
) -> Result<ActionWithVersion, ServiceError> {
    let now = admin.now();
    let mut fields = Fields::new(body);
    let mut action = Action {
        id,
        name: fields.required("name", name)?,
        trigger: fields.required("supported_triggers", supported_trigger)?,
        code: String::new(),
        module: None,
        built_at: None,
        secrets: Vec::new(),
        limits: LimitSettings::default(),
        allowed_hosts: AllowedHosts::default(),
        deployed_version: None,
        latest_number,
        all_changes_deployed: false,
        created_at: now,
        updated_at: now,
    };
    let is_deployed = fields.optional("deploy", flag)?.unwrap_or(false);
    let code = apply_draft(admin, &mut action, &mut fields)?;
    fields.finish()?;
    let module = code::apply(admin, &mut action, code).await?;
    if is_deployed && action.module.is_none() {
        return Err(code::nothing_to_run(&action));
    }

    if admin.store().actions().await?.len() >= ACTIONS_MAX {
        return Err(ServiceError::Conflict(format!(
            "a tenant has at most {ACTIONS_MAX} Actions; delete one that isn't used"
        )));
    }
    let creating = admin.store().create_action(&action, module.as_deref());
    creating.await?;
    if is_deployed {
        return deploy(admin, &action.id).await;
    }
    Ok(ActionWithVersion {
        action,
        deployed: None,
    })
}

/// Changes an Action's name or draft. What is deployed stays as it is.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body, `Module` for a wrong module; `Conflict` when
/// the name is taken.
pub async fn patch(
    admin: &TenantAdmin,
    id: &ActionId,
    body: JsonObject,
) -> Result<ActionWithVersion, ServiceError> {
    let ActionWithVersion {
        action: before,
        deployed,
    } = with_version(admin, load(admin, id).await?).await?;
    let mut after = before.clone();
    let mut fields = Fields::new(body);
    fields.set("name", &mut after.name, name)?;
    if fields
        .optional("supported_triggers", supported_trigger)?
        .is_some_and(|trigger| trigger != before.trigger)
    {
        return Err(ServiceError::invalid("can't upgrade to this trigger."));
    }
    let code = apply_draft(admin, &mut after, &mut fields)?;
    fields.finish()?;
    let module = code::apply(admin, &mut after, code).await?;

    after.all_changes_deployed = deployed
        .as_ref()
        .is_some_and(|version| is_same(&after, version));
    if after != before {
        after.updated_at = admin.now();
        let updating = admin
            .store()
            .update_action(&before, &after, module.as_deref());
        updating.await?;
    }
    Ok(ActionWithVersion {
        action: after,
        deployed,
    })
}

/// What create and patch have in common, but for the code, which takes longer.
fn apply_draft(admin: &TenantAdmin, action: &mut Action, fields: &mut Fields) -> Read<Code> {
    let code = fields.optional("code", code::read)?;
    fields.optional("runtime", one_of(&RUNTIME))?;
    for name in ["dependencies", "modules"] {
        fields
            .optional(name, list(0..=0, |_| Ok(())))
            .map_err(|_| {
                Problem::new(
                    "an Action's dependencies are compiled into its module; leave the list out",
                )
                .under(name)
            })?;
    }
    if let Some(given) = fields.optional("secrets", list(0..=SECRETS_MAX, secret))? {
        action.secrets = merge_secrets(&action.secrets, given, admin.now())?;
    }
    if fields.has("limits") {
        let granted = &admin.tenant().tenant.limits;
        let limits = action_limits(&admin.environment().limits, granted, &action.limits);
        action.limits = fields.optional("limits", limits)?.unwrap_or_default();
    }
    fields.set("allowed_hosts", &mut action.allowed_hosts, allowed_hosts)?;
    Ok(code.unwrap_or(Code::Absent))
}

/// The hosts that a guest may call over HTTP.
pub(crate) fn allowed_hosts(value: serde_json::Value) -> Read<AllowedHosts> {
    // One by one first, so that an error says which entry it is about.
    let entry = |value| {
        let entry = text(1..=HOST_CHARS_MAX)(value)?;
        match AllowedHosts::parse(&[&entry]) {
            Ok(_) => Ok(entry),
            Err(error) => Err(Problem::new(error.to_string())),
        }
    };
    let entries = list(0..=ALLOWED_HOSTS_MAX, entry)(value)?;
    AllowedHosts::parse(&entries).map_err(|error| Problem::new(error.to_string()))
}

fn name(value: serde_json::Value) -> Read<String> {
    text(1..=NAME_CHARS_MAX)(value)
}

/// The one trigger of a list of exactly one.
fn supported_trigger(value: serde_json::Value) -> Read<Trigger> {
    let triggers = Trigger::ALL.map(|trigger| (trigger.as_str(), trigger));
    let one = object(|fields| {
        let trigger: Trigger = fields.required("id", one_of(&triggers))?;
        let version = fields.optional("version", text(0..=20))?;
        for ignored in [
            "status",
            "runtimes",
            "default_runtime",
            "compatible_triggers",
            "binding_policy",
        ] {
            // What GET /actions/triggers says of the trigger, sent back.
            fields.optional(ignored, Ok)?;
        }
        match version.as_deref() {
            Some(version) if version != trigger.version() => Err(Problem::new(format!(
                "{trigger} has no version {version} here; there is {}",
                trigger.version()
            ))
            .under("version")),
            _ => Ok(trigger),
        }
    });
    let mut triggers = list(1..=1, one)(value)?;
    triggers.pop().ok_or_else(|| Problem::new("Array is empty"))
}

/// A secret as it comes: without a value it stays what it is.
struct GivenSecret {
    name: String,
    value: Option<Secret>,
}

fn secret(value: serde_json::Value) -> Read<GivenSecret> {
    object(|fields| {
        let name = fields.required("name", text(1..=SECRET_NAME_CHARS_MAX))?;
        let value = fields.optional("value", text(0..=SECRET_VALUE_CHARS_MAX))?;
        // What an answer says of the secret, sent back.
        fields.optional("updated_at", text(0..=40))?;
        Ok(GivenSecret {
            name,
            value: value.map(Secret::new),
        })
    })(value)
}

fn merge_secrets(
    present: &[ActionSecret],
    given: Vec<GivenSecret>,
    now: Timestamp,
) -> Read<Vec<ActionSecret>> {
    let mut merged: Vec<ActionSecret> = Vec::with_capacity(given.len());
    for (index, GivenSecret { name, value }) in given.into_iter().enumerate() {
        let problem = |what: &str| Problem::new(what).under(&format!("secrets[{index}]"));
        if merged.iter().any(|secret| secret.name == name) {
            return Err(problem("there is a secret of that name before it"));
        }
        let old = present.iter().find(|secret| secret.name == name);
        merged.push(match (old, value) {
            (Some(old), None) => old.clone(),
            (Some(old), Some(value)) if old.value == value => old.clone(),
            (_, Some(value)) => ActionSecret {
                name,
                value,
                updated_at: now,
            },
            (None, None) => return Err(problem("Missing required property: value")),
        });
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn earlier() -> Timestamp {
        Timestamp::default()
    }

    fn given(secrets: serde_json::Value) -> Vec<GivenSecret> {
        list(0..=SECRETS_MAX, secret)(secrets).ok().unwrap()
    }

    fn present() -> Vec<ActionSecret> {
        let secret = |name: &str| ActionSecret {
            name: name.to_owned(),
            value: Secret::new("old"),
            updated_at: earlier(),
        };
        vec![secret("a"), secret("b")]
    }

    #[test]
    fn a_secret_sent_without_its_value_stays_and_one_left_out_goes() {
        let now = earlier().plus_seconds(60);
        let merged = merge_secrets(
            &present(),
            given(json!([{ "name": "b" }, { "name": "c", "value": "x" }])),
            now,
        )
        .unwrap();

        let names: Vec<_> = merged.iter().map(|secret| secret.name.as_str()).collect();
        assert_eq!(names, ["b", "c"]);
        assert_eq!(merged[0], present()[1]);
        assert_eq!((merged[1].value.expose(), merged[1].updated_at), ("x", now));
    }

    #[test]
    fn the_same_value_sent_again_is_no_change() {
        let now = earlier().plus_seconds(60);
        let again = json!([{ "name": "a", "value": "old" }, { "name": "b", "value": "old" }]);
        assert_eq!(
            merge_secrets(&present(), given(again), now).unwrap(),
            present()
        );
    }

    #[test]
    fn a_new_secret_needs_a_value_and_a_name_of_its_own() {
        let error = |secrets| {
            merge_secrets(&present(), given(secrets), earlier())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            error(json!([{ "name": "new" }])),
            "'Missing required property: value' on property secrets[0]"
        );
        assert_eq!(
            error(json!([{ "name": "a" }, { "name": "a", "value": "x" }])),
            "'there is a secret of that name before it' on property secrets[1]"
        );
    }

    #[test]
    fn a_host_that_can_not_be_allowed_is_named_with_its_place() {
        let read = |value| allowed_hosts(value).map_err(|problem| problem.to_string());

        let hosts = read(json!(["API.example.com", "http://*.example.com:8080"])).unwrap();
        let texts: Vec<_> = hosts.texts().collect();
        assert_eq!(texts, ["api.example.com", "http://*.example.com:8080"]);
        assert_eq!(
            read(json!(["a.example", "https://b.example/path"])).unwrap_err(),
            "'`https://b.example/path` is no host that can be allowed: it must be a host and at \
             most a port, without user, path or query' on property [1]"
        );
        assert!(read(json!("a.example")).is_err());
        assert!(read(json!([["a.example"]])).is_err());
        assert!(read(json!(vec!["a.example"; ALLOWED_HOSTS_MAX + 1])).is_err());
    }

    #[test]
    fn an_action_is_for_exactly_one_trigger_of_ours() {
        let read = |value| supported_trigger(value).map_err(|problem| problem.to_string());
        assert_eq!(
            read(json!([{ "id": "post-login", "version": "v3" }])),
            Ok(Trigger::PostLogin)
        );
        assert_eq!(
            read(json!([{ "id": "credentials-exchange" }])),
            Ok(Trigger::CredentialsExchange)
        );
        for wrong in [
            json!([]),
            json!([{ "id": "post-login" }, { "id": "credentials-exchange" }]),
            json!([{ "id": "pre-user-registration" }]),
            json!([{ "id": "post-login", "version": "v1" }]),
            json!([{ "id": "post-login", "foo": 1 }]),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
