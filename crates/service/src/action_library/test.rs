//! Trying out a draft.

use claimsmith_model::{ActionId, Event, JsonObject};
use serde_json::Value;

use super::{code::nothing_to_run, load};
use crate::{
    ServiceError, TokenService, Trial,
    fields::{Fields, Problem, Read, object, open_object, shown},
    management::TenantAdmin,
    pipeline::Bindings,
};

/// Runs an Action's draft with the event that the body gives, as a token request would
/// if the draft were deployed and bound alone. A draft that fails is an answer.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body or a draft without module; `Busy`.
pub async fn test(
    admin: &TenantAdmin,
    id: &ActionId,
    body: JsonObject,
) -> Result<Trial, ServiceError> {
    let draft = load(admin, id).await?;
    let mut fields = Fields::new(body);
    let event = fields.required(
        "payload",
        object(|payload| payload.required("event", event)),
    )?;
    fields.finish()?;
    if draft.module.is_none() {
        return Err(nothing_to_run(&draft));
    }
    let (tenant, engine) = (admin.tenant(), &admin.environment().engine);
    let bindings =
        Bindings::of_draft(admin.share(), admin.store(), engine, admin.ids(), &draft).await?;
    let tokens = TokenService::new(admin.services().clone());
    tokens
        .try_out(tenant, draft.trigger, &bindings, event)
        .await
}

fn event(value: Value) -> Read<Event> {
    let event = Value::Object(open_object(value)?);
    serde_json::from_value(event).map_err(|error| Problem::new(shown(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_an_object_whose_known_members_have_their_types() {
        let given = event(json!({ "user": { "user_id": "auth0|1" }, "session": { "id": "s" } }));
        assert_eq!(given.unwrap().user.unwrap().user_id, "auth0|1");
        for wrong in [
            json!([]),
            json!("event"),
            json!({ "user": { "user_id": 1 } }),
        ] {
            assert!(event(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
