//! Reading a document as a whole: its parts, each bounded, and what it gives beside them.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claimsmith_model::{JsonObject, Secret, Trigger};
use claimsmith_storage::value::sha256_hex;
use serde_json::Value;

use super::{
    CLIENT_GRANTS_MAX, CLIENTS_MAX, ORGANIZATIONS_MAX, RESOURCE_SERVERS_MAX, USERS_MAX, VERSION,
};
use crate::{
    action_library::{ACTIONS_MAX, BOUND_MAX, SECRET_VALUE_CHARS_MAX},
    admin::{connections::CONNECTIONS_MAX, roles::ROLES_MAX},
    fields::{Fields, Problem, Read, integer, list, object, open_object, shown, text},
};

/// Two of each Action and three of each connection.
const MODULES_MAX: usize = 2 * ACTIONS_MAX + 3 * CONNECTIONS_MAX;
/// Each takes a core for some tens of milliseconds.
const PASSWORDS_MAX: usize = 100;
/// Client secrets are verified without the work that makes passwords hard to guess, so they
/// have to be as long as chance makes them safe.
const CLIENT_SECRET_CHARS_MIN: usize = 32;
const CLIENT_SECRET_CHARS_MAX: usize = 512;

/// A document whose parts have still to be read.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) settings: JsonObject,
    pub(super) resource_servers: Vec<JsonObject>,
    pub(super) clients: Vec<JsonObject>,
    pub(super) connections: Vec<JsonObject>,
    pub(super) client_grants: Vec<JsonObject>,
    pub(super) roles: Vec<JsonObject>,
    pub(super) organizations: Vec<JsonObject>,
    pub(super) users: Vec<JsonObject>,
    pub(super) actions: Vec<JsonObject>,
    pub(super) bindings: Vec<(Trigger, Vec<JsonObject>)>,
    modules: JsonObject,
    pub(super) secrets: Secrets,
}

/// The secrets that were given, by their places in the document's `secrets`; those that are
/// only named are there without a value.
#[derive(Debug, Default)]
pub(super) struct Secrets(BTreeMap<String, Option<Secret>>);

impl Document {
    pub(super) fn read(body: JsonObject) -> Read<Self> {
        let mut fields = Fields::new(body);
        // First: what only a newer version has is no mistake of the document's.
        fields.required("version", version)?;
        let mut parts = |name: &str, max: usize| {
            let parts = fields.optional(name, list(0..=max, open_object))?;
            Ok(parts.unwrap_or_default())
        };
        let read = Self {
            resource_servers: parts("resource_servers", RESOURCE_SERVERS_MAX)?,
            clients: parts("clients", CLIENTS_MAX)?,
            connections: parts("connections", CONNECTIONS_MAX)?,
            client_grants: parts("client_grants", CLIENT_GRANTS_MAX)?,
            roles: parts("roles", ROLES_MAX)?,
            organizations: parts("organizations", ORGANIZATIONS_MAX)?,
            users: parts("users", USERS_MAX)?,
            actions: parts("actions", ACTIONS_MAX)?,
            settings: fields
                .optional("settings", open_object)?
                .unwrap_or_default(),
            bindings: fields.optional("bindings", bindings)?.unwrap_or_default(),
            modules: fields.optional("modules", modules)?.unwrap_or_default(),
            secrets: fields.optional("secrets", secrets)?.unwrap_or_default(),
        };
        fields.finish()?;
        Ok(read)
    }

    /// The modules by their SHA-256.
    pub(super) fn modules(&self) -> Read<BTreeMap<String, Vec<u8>>> {
        let read = |(sha256, value): (&String, &Value)| {
            let bytes = module(sha256, value)
                .map_err(|problem| problem.under(&format!("modules.{}", shown(sha256))))?;
            Ok((sha256.clone(), bytes))
        };
        self.modules.iter().map(read).collect()
    }
}

impl Secrets {
    /// The secret at that place, if one was given.
    pub(super) fn at(&self, place: &str) -> Option<Secret> {
        self.0.get(place).cloned().flatten()
    }

    /// Refuses those that nobody has asked for.
    pub(super) fn all_in(&self, asked: &BTreeSet<String>) -> Read<()> {
        match self.0.keys().find(|place| !asked.contains(*place)) {
            None => Ok(()),
            Some(place) => {
                let what = "nothing in the document has this secret";
                Err(Problem::new(what).under(&format!("secrets.{}", shown(place))))
            }
        }
    }

    fn put(&mut self, place: String, secret: Option<Secret>) {
        self.0.insert(place, secret);
    }
}

fn version(value: Value) -> Read<()> {
    let version = integer(1..=u32::MAX)(value)?;
    if version <= VERSION {
        return Ok(());
    }
    Err(Problem::new(format!(
        "the document has version {version}, and this server reads up to {VERSION}: import it into \
         a server of the release that it came from, or a newer one"
    )))
}

fn bindings(value: Value) -> Read<Vec<(Trigger, Vec<JsonObject>)>> {
    object(|fields| {
        let of_trigger = |trigger: Trigger| {
            let bound = fields.optional(trigger.as_str(), list(0..=BOUND_MAX, open_object))?;
            Ok((trigger, bound.unwrap_or_default()))
        };
        Trigger::ALL.into_iter().map(of_trigger).collect()
    })(value)
}

fn modules(value: Value) -> Read<JsonObject> {
    let given = open_object(value)?;
    if given.len() > MODULES_MAX {
        let count = given.len();
        let what = format!("Object is too long ({count} properties), maximum {MODULES_MAX}");
        return Err(Problem::new(what));
    }
    Ok(given)
}

fn module(sha256: &str, value: &Value) -> Read<Vec<u8>> {
    let Value::String(base64) = value else {
        return Err(Problem::new("a module is a text in base64"));
    };
    let bytes = STANDARD
        .decode(base64)
        .map_err(|error| Problem::new(format!("it is not base64: {error}")))?;
    let found = sha256_hex(&bytes);
    if found != sha256 {
        return Err(Problem::new(format!(
            "these bytes have the SHA-256 {found}"
        )));
    }
    Ok(bytes)
}

fn secrets(value: Value) -> Read<Secrets> {
    object(|fields| {
        let mut secrets = Secrets::default();
        // Each is read as what it becomes, too.
        let any = text(0..=SECRET_VALUE_CHARS_MAX);
        for (kind, shape) in [
            ("clients", &client_secret as &dyn Fn(Value) -> Read<String>),
            ("resource_servers", &any),
            ("users", &any),
        ] {
            let given = fields.optional(kind, open_object)?.unwrap_or_default();
            let given = one_each(given, shape).map_err(|problem| problem.under(kind))?;
            let known = given.iter().filter(|(_, secret)| secret.is_some());
            if kind == "users" && known.count() > PASSWORDS_MAX {
                return Err(Problem::new(format!(
                    "at most {PASSWORDS_MAX} passwords can be given; set the others with PATCH \
                     /api/v2/users/{{id}}"
                ))
                .under(kind));
            }
            for (of, secret) in given {
                secrets.put(format!("{kind}.{of}"), secret);
            }
        }
        for kind in ["connections", "actions"] {
            for (of, named) in fields.optional(kind, open_object)?.unwrap_or_default() {
                let place = format!("{kind}.{of}");
                let named = open_object(named).and_then(|named| one_each(named, &any));
                for (name, secret) in named.map_err(|problem| problem.under(&shown(&place)))? {
                    secrets.put(format!("{place}.{name}"), secret);
                }
            }
        }
        Ok(secrets)
    })(value)
}

/// The problem doesn't show what was given.
fn client_secret(value: Value) -> Read<String> {
    let secret = text(CLIENT_SECRET_CHARS_MIN..=CLIENT_SECRET_CHARS_MAX)(value)?;
    if secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(secret);
    }
    let what = "a client's secret has visible ASCII characters only";
    Err(Problem::new(what))
}

/// Secrets by their names, `null` where one is only named.
fn one_each(
    given: JsonObject,
    shape: &dyn Fn(Value) -> Read<String>,
) -> Read<Vec<(String, Option<Secret>)>> {
    let read = |(name, value): (String, Value)| {
        let secret = match value {
            Value::Null => None,
            value => {
                let text = shape(value).map_err(|problem| problem.under(&shown(&name)))?;
                Some(Secret::new(text))
            }
        };
        Ok((name, secret))
    };
    given.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(document: Value) -> Result<Document, String> {
        let document = open_object(document).unwrap();
        Document::read(document).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_document_of_a_newer_version_is_refused_before_what_is_new_in_it() {
        let problem = read(json!({ "version": VERSION + 1, "novelties": [] })).unwrap_err();
        assert!(problem.contains("or a newer one"), "{problem}");
        let problem = read(json!({ "version": VERSION, "novelties": [] })).unwrap_err();
        assert!(problem.contains("not allowed: novelties"), "{problem}");
        assert!(read(json!({ "version": VERSION })).is_ok());
        assert!(read(json!({})).unwrap_err().contains("version"));
    }

    #[test]
    fn a_module_is_the_one_that_its_name_says() {
        let (bytes, name) = (b"\0asm", sha256_hex(b"\0asm"));
        let of = |name: &str, module: &str| {
            let document = read(json!({ "version": 1, "modules": { name: module } }));
            let modules = document.unwrap().modules();
            modules.map_err(|problem| problem.to_string())
        };
        let base64 = STANDARD.encode(bytes);
        assert_eq!(of(&name, &base64).unwrap()[&name], bytes);
        let other = "0".repeat(64);
        let problem = of(&other, &base64).unwrap_err();
        assert!(
            problem.ends_with(&format!("on property modules.{other}")),
            "{problem}"
        );
        assert!(of(&name, "%").unwrap_err().contains("base64"));
    }

    #[test]
    fn a_secret_is_named_or_given_and_a_clients_is_long_enough() {
        let with = |secrets: Value| read(json!({ "version": 1, "secrets": secrets }));
        let long = "x".repeat(CLIENT_SECRET_CHARS_MIN);
        let given = with(json!({
            "clients": { "one": long, "two": null },
            "actions": { "action": { "API_KEY": "k", "OTHER": null } },
        }));
        let secrets = given.unwrap().secrets;
        assert_eq!(secrets.at("clients.one").unwrap().expose(), long);
        assert_eq!(secrets.at("clients.two"), None);
        assert_eq!(secrets.at("actions.action.API_KEY").unwrap().expose(), "k");
        let asked = ["clients.one", "clients.two", "actions.action.API_KEY"];
        let asked = asked.map(str::to_owned).into();
        let problem = secrets.all_in(&asked).unwrap_err().to_string();
        assert!(
            problem.ends_with("on property secrets.actions.action.OTHER"),
            "{problem}"
        );

        for (wrong, place) in [
            (json!({ "clients": { "one": &long[1..] } }), "clients.one"),
            (
                json!({ "clients": { "one": " hidden".repeat(5) } }),
                "clients.one",
            ),
            (json!({ "actions": { "action": "k" } }), "actions.action"),
            (json!({ "users": { "u": 1 } }), "users.u"),
        ] {
            let problem = with(wrong).unwrap_err();
            assert!(problem.ends_with(place), "{problem}");
            assert!(!problem.contains("hidden"), "{problem}");
        }
        assert!(with(json!({ "keys": {} })).is_err());
    }

    #[test]
    fn no_more_passwords_are_hashed_for_one_import_than_take_some_seconds() {
        let of = |count: usize| {
            let users = (0..count).map(|number| (format!("auth0|{number}"), json!("password")));
            let users: JsonObject = users.collect();
            read(json!({ "version": 1, "secrets": { "users": users } }))
        };
        assert!(of(PASSWORDS_MAX).is_ok());
        let problem = of(PASSWORDS_MAX + 1).unwrap_err();
        assert!(problem.contains("PATCH"), "{problem}");
    }

    #[test]
    fn lists_and_modules_are_bounded() {
        let roles = |count: usize| read(json!({ "version": 1, "roles": vec![json!({}); count] }));
        assert!(roles(ROLES_MAX).is_ok());
        assert!(roles(ROLES_MAX + 1).is_err());
        let bound = |count: usize| {
            let bound = json!({ "post-login": vec![json!({}); count] });
            read(json!({ "version": 1, "bindings": bound }))
        };
        assert!(bound(BOUND_MAX).is_ok());
        assert!(bound(BOUND_MAX + 1).is_err());
    }
}
