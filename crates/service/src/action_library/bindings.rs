//! The order of Actions at a trigger.

use std::collections::HashMap;

use claimsmith_model::{
    Action, ActionId, Binding, BindingId, JsonObject, OnError, Trigger, TriggerBindings,
};
use claimsmith_storage::StorageError;
use serde_json::Value;

use super::apply;
use crate::{
    ServiceError,
    fields::{Fields, Read, list, object, one_of, shown, text},
    management::TenantAdmin,
};

/// The reference product's limit.
pub(crate) const BOUND_MAX: usize = 20;
const DISPLAY_NAME_CHARS_MAX: usize = 255;
/// How often a replacement without a condition is tried when others replace too.
const ATTEMPTS_MAX: usize = 5;

/// What is bound to a trigger.
#[derive(Debug, Clone)]
pub struct BoundActions {
    /// The trigger.
    pub trigger: Trigger,
    /// Counts up with every change.
    pub revision: u64,
    /// The bindings in the order in which they run.
    pub bound: Vec<BoundAction>,
}

/// A binding with its Action.
#[derive(Debug, Clone)]
pub struct BoundAction {
    /// The binding.
    pub binding: Binding,
    /// The Action.
    pub action: Action,
}

/// What is bound to a trigger.
///
/// # Errors
/// When it can't be read.
pub async fn get(admin: &TenantAdmin, trigger: Trigger) -> Result<BoundActions, ServiceError> {
    let bindings = admin.store().bindings(trigger).await?;
    let actions = admin.store().actions().await?;
    Ok(join(trigger, bindings, &actions))
}

/// Replaces the bindings of a trigger as a whole: the body's list is the order in
/// which the Actions run from the next token on. An Action that stays keeps its
/// binding's identifier, and what the body doesn't say of it.
///
/// `if_match` is the revision that the caller knows.
///
/// # Errors
/// `PreconditionFailed` when `if_match` isn't the present revision; `Invalid…` for a
/// wrong body, an unknown reference, or an Action that can't run at the trigger.
pub async fn replace(
    admin: &TenantAdmin,
    trigger: Trigger,
    body: JsonObject,
    if_match: Option<u64>,
) -> Result<BoundActions, ServiceError> {
    let mut fields = Fields::new(body);
    let wanted = fields.required("bindings", list(0..=BOUND_MAX, wanted))?;
    fields.finish()?;
    for _ in 0..ATTEMPTS_MAX {
        match replace_once(admin, trigger, &wanted, &[], if_match).await {
            Err(ServiceError::Changed) if if_match.is_none() => {}
            Err(ServiceError::Changed) => break,
            result => return result,
        }
    }
    Err(ServiceError::PreconditionFailed(
        "the bindings were changed by somebody else; read them again and repeat with their ETag"
            .to_owned(),
    ))
}

/// Binds Actions to a trigger that has none, in the order of the list. The bindings have
/// their identifiers already.
///
/// # Errors
/// As for [`replace`].
pub(crate) async fn bind_as(
    admin: &TenantAdmin,
    trigger: Trigger,
    ids: &[BindingId],
    bindings: Value,
) -> Result<BoundActions, ServiceError> {
    let wanted = list(0..=BOUND_MAX, wanted)(bindings)?;
    replace_once(admin, trigger, &wanted, ids, None).await
}

/// `new_ids` are those of new bindings, by their places; others are made.
async fn replace_once(
    admin: &TenantAdmin,
    trigger: Trigger,
    wanted: &[Wanted],
    new_ids: &[BindingId],
    if_match: Option<u64>,
) -> Result<BoundActions, ServiceError> {
    let store = admin.store();
    let present = store.bindings(trigger).await?;
    let actions = store.actions().await?;
    let serving = serving(admin, trigger, &actions).await?;
    let plan = Plan {
        trigger,
        present: &present,
        actions: &actions,
        serving: &serving,
    };
    let (now, ids) = (admin.now(), admin.ids());
    let bindings = plan.bindings(wanted, |place, action, kept| match kept {
        Some(binding) => binding.clone(),
        None => Binding {
            id: match new_ids.get(place) {
                Some(id) => id.clone(),
                None => ids.binding_id(),
            },
            action_id: action.id.clone(),
            display_name: action.name.clone(),
            on_error: OnError::default(),
            created_at: now,
            updated_at: now,
        },
    })?;
    let bindings: Vec<_> = bindings
        .into_iter()
        .map(|binding| {
            let is_as_it_was = present.bindings.contains(&binding);
            if is_as_it_was {
                binding
            } else {
                Binding {
                    updated_at: now,
                    ..binding
                }
            }
        })
        .collect();
    let if_match = if_match.unwrap_or(present.revision);
    let replaced = store
        .replace_bindings(trigger, &bindings, Some(if_match))
        .await;
    let replaced = replaced.map_err(|error| match error {
        // An Action was deleted after it was read.
        StorageError::NotFound { .. } => ServiceError::Changed,
        other => other.into(),
    })?;
    apply(admin, trigger).await;
    Ok(join(trigger, replaced, &actions))
}

/// Which Actions' deployed versions have a handler for the trigger; those that are
/// not deployed are not in it.
async fn serving(
    admin: &TenantAdmin,
    trigger: Trigger,
    actions: &[Action],
) -> Result<HashMap<ActionId, bool>, ServiceError> {
    let mut serving = HashMap::new();
    for action in actions {
        if let Some(id) = &action.deployed_version
            && let Some(version) = admin.store().action_version(id).await?
        {
            serving.insert(
                action.id.clone(),
                version.module.triggers.contains(&trigger),
            );
        }
    }
    Ok(serving)
}

/// One binding as the body has it.
#[derive(Debug)]
struct Wanted {
    reference: Reference,
    display_name: Option<String>,
    on_error: Option<OnError>,
}

/// How the body names an Action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReferenceKind {
    ActionId,
    ActionName,
    BindingId,
}

#[derive(Debug)]
struct Reference {
    kind: ReferenceKind,
    value: String,
}

fn wanted(value: Value) -> Read<Wanted> {
    object(|fields| {
        Ok(Wanted {
            reference: fields.required("ref", reference)?,
            display_name: fields.optional("display_name", text(1..=DISPLAY_NAME_CHARS_MAX))?,
            on_error: fields.optional(
                "on_error",
                one_of(&[("deny", OnError::Deny), ("continue", OnError::Continue)]),
            )?,
        })
    })(value)
}

fn reference(value: Value) -> Read<Reference> {
    let kinds = [
        ("action_id", ReferenceKind::ActionId),
        ("action_name", ReferenceKind::ActionName),
        ("binding_id", ReferenceKind::BindingId),
    ];
    let read = object(|fields| {
        let kind = fields.required("type", one_of(&kinds))?;
        Ok(Reference {
            kind,
            value: fields.required("value", text(1..=DISPLAY_NAME_CHARS_MAX))?,
        })
    });
    read(value).map_err(|problem| {
        problem.put(|problem| {
            format!(
                "Data does not match any schemas from 'oneOf': {problem}; give \
                 {{\"type\":\"action_id\", \"action_name\" or \"binding_id\",\"value\":…}}"
            )
        })
    })
}

/// What the new bindings are made from.
struct Plan<'a> {
    trigger: Trigger,
    present: &'a TriggerBindings,
    actions: &'a [Action],
    serving: &'a HashMap<ActionId, bool>,
}

impl Plan<'_> {
    /// The new bindings; `make` gives the one at a place for an Action, from the one that
    /// it has at this trigger already, if any.
    fn bindings(
        &self,
        wanted: &[Wanted],
        make: impl Fn(usize, &Action, Option<&Binding>) -> Binding,
    ) -> Result<Vec<Binding>, ServiceError> {
        let mut bindings: Vec<Binding> = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            let action = self.resolve(&wanted.reference)?;
            self.can_run(action)?;
            if bindings
                .iter()
                .any(|binding| binding.action_id == action.id)
            {
                return Err(ServiceError::invalid(format!(
                    "the action `{}` stands in the list twice; an Action runs once at a trigger",
                    action.name
                )));
            }
            let kept = self
                .present
                .bindings
                .iter()
                .find(|binding| binding.action_id == action.id);
            let mut binding = make(bindings.len(), action, kept);
            if let Some(display_name) = &wanted.display_name {
                binding.display_name.clone_from(display_name);
            }
            if let Some(on_error) = wanted.on_error {
                binding.on_error = on_error;
            }
            bindings.push(binding);
        }
        Ok(bindings)
    }

    fn resolve(&self, reference: &Reference) -> Result<&Action, ServiceError> {
        let value = &reference.value;
        let found = match reference.kind {
            ReferenceKind::ActionId => self
                .actions
                .iter()
                .find(|action| action.id.as_str() == value),
            ReferenceKind::ActionName => self.actions.iter().find(|action| action.name == *value),
            ReferenceKind::BindingId => {
                let is_it = |id: &BindingId| id.as_str() == value;
                let bound = self
                    .present
                    .bindings
                    .iter()
                    .find(|binding| is_it(&binding.id));
                bound.and_then(|bound| self.actions.iter().find(|it| it.id == bound.action_id))
            }
        };
        found.ok_or_else(|| {
            let value = shown(value);
            ServiceError::invalid(match reference.kind {
                ReferenceKind::ActionId => format!("there is no action with the id `{value}`"),
                ReferenceKind::ActionName => format!("there is no action with the name `{value}`"),
                ReferenceKind::BindingId => {
                    format!(
                        "there is no binding with the id `{value}` at {}",
                        self.trigger
                    )
                }
            })
        })
    }

    fn can_run(&self, action: &Action) -> Result<(), ServiceError> {
        match self.serving.get(&action.id) {
            Some(true) => Ok(()),
            Some(false) => Err(ServiceError::invalid(format!(
                "the deployed version of `{}` has no handler for {}; it can't be bound there",
                action.name, self.trigger
            ))),
            None => Err(ServiceError::invalid(format!(
                "Trying to create a binding for an action that has not been deployed yet. Deploy \
                 `{}` first.",
                action.name
            ))),
        }
    }
}

fn join(trigger: Trigger, bindings: TriggerBindings, actions: &[Action]) -> BoundActions {
    let with_action = |binding: Binding| {
        let action = actions
            .iter()
            .find(|action| action.id == binding.action_id)?
            .clone();
        Some(BoundAction { binding, action })
    };
    BoundActions {
        trigger,
        revision: bindings.revision,
        bound: bindings
            .bindings
            .into_iter()
            .filter_map(with_action)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use claimsmith_model::{AllowedHosts, Timestamp};
    use serde_json::json;

    use super::*;

    fn action(name: &str) -> Action {
        Action {
            id: name.parse().unwrap(),
            name: format!("{name} by name"),
            trigger: Trigger::PostLogin,
            code: String::new(),
            module: None,
            built_at: None,
            secrets: Vec::new(),
            limits: Default::default(),
            allowed_hosts: AllowedHosts::default(),
            deployed_version: None,
            latest_number: 0,
            all_changes_deployed: false,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    fn binding(id: &str, action: &str) -> Binding {
        Binding {
            id: id.parse().unwrap(),
            action_id: action.parse().unwrap(),
            display_name: "kept".to_owned(),
            on_error: OnError::Continue,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    /// Actions `a` and `b` are deployed, `draft` isn't, `other` serves another
    /// trigger; `a` is bound as `1`.
    fn plan(body: Value) -> Result<Vec<Binding>, String> {
        let actions = ["a", "b", "draft", "other"].map(action);
        let serving = [("a", true), ("b", true), ("other", false)]
            .map(|(id, serves)| (id.parse().unwrap(), serves));
        let plan = Plan {
            trigger: Trigger::PostLogin,
            present: &TriggerBindings {
                revision: 1,
                bindings: vec![binding("1", "a")],
            },
            actions: &actions,
            serving: &HashMap::from(serving),
        };
        let wanted = list(0..=BOUND_MAX, wanted)(body).map_err(|problem| problem.to_string())?;
        let make = |_: usize, action: &Action, kept: Option<&Binding>| {
            kept.cloned().unwrap_or_else(|| Binding {
                display_name: action.name.clone(),
                on_error: OnError::Deny,
                ..binding("new", action.id.as_str())
            })
        };
        plan.bindings(&wanted, make)
            .map_err(|error| error.to_string())
    }

    fn by_id(id: &str) -> Value {
        json!({ "ref": { "type": "action_id", "value": id } })
    }

    #[test]
    fn an_action_that_stays_keeps_its_binding_and_its_on_error() {
        let bindings = plan(json!([by_id("b"), by_id("a")])).unwrap();
        assert_eq!(bindings[0].action_id.as_str(), "b");
        assert_eq!(
            (bindings[0].on_error, bindings[0].display_name.as_str()),
            (OnError::Deny, "b by name")
        );
        assert_eq!(bindings[1], binding("1", "a"));
    }

    #[test]
    fn what_the_body_says_of_a_binding_that_stays_is_taken() {
        let bindings = plan(json!([
            { "ref": { "type": "binding_id", "value": "1" }, "on_error": "deny", "display_name": "x" }
        ]));
        let bindings = bindings.unwrap();
        assert_eq!(
            (bindings[0].id.as_str(), bindings[0].display_name.as_str()),
            ("1", "x")
        );
        assert_eq!(bindings[0].on_error, OnError::Deny);
    }

    #[test]
    fn what_can_not_be_bound_is_named() {
        let by = |kind: &str, value: &str| json!([{ "ref": { "type": kind, "value": value } }]);
        assert!(plan(by("action_name", "b by name")).is_ok());
        for (body, text) in [
            (
                by("action_id", "nobody"),
                "there is no action with the id `nobody`",
            ),
            (
                by("action_name", "nobody"),
                "there is no action with the name `nobody`",
            ),
            (
                by("binding_id", "2"),
                "there is no binding with the id `2` at post-login",
            ),
            (
                by("action_id", "draft"),
                "Trying to create a binding for an action that has not been deployed yet. Deploy \
                 `draft by name` first.",
            ),
            (
                by("action_id", "other"),
                "the deployed version of `other by name` has no handler for post-login; it can't \
                 be bound there",
            ),
            (
                json!([by_id("a"), by_id("a")]),
                "the action `a by name` stands in the list twice; an Action runs once at a trigger",
            ),
        ] {
            assert_eq!(plan(body).unwrap_err(), text);
        }
    }

    #[test]
    fn a_reference_of_the_wrong_shape_is_explained() {
        let text = plan(json!([{ "ref": { "action_id": "a" } }])).unwrap_err();
        assert!(
            text.starts_with("'Data does not match any schemas from 'oneOf'"),
            "{text}"
        );
        assert!(text.ends_with("on property [0].ref"), "{text}");
    }

    #[test]
    fn a_trigger_has_at_most_twenty_bindings() {
        let text = plan(Value::Array(vec![by_id("a"); 21])).unwrap_err();
        assert_eq!(text, "'Array is too long (21 items), maximum 20'");
        // Twenty get past the bound, to what is wrong with these.
        let text = plan(Value::Array(vec![by_id("a"); 20])).unwrap_err();
        assert!(text.contains("twice"), "{text}");
    }
}
