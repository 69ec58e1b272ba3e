//! Connections (sources of users) and the scripts of those with a custom database.

use std::{collections::BTreeSet, sync::Arc};

use claimsmith_model::{
    ActionSecret, ClientId, Connection, ConnectionId, CustomDatabase, DatabaseScript,
    EnabledClients, JsonObject, Secret, StoredScript, Timestamp,
};
use claimsmith_runtime::ModuleProblem;
use serde_json::Value;

use super::{Page, until_unchanged};
use crate::{
    ServiceError,
    action_library::{
        Module, SECRET_NAME_CHARS_MAX, SECRET_VALUE_CHARS_MAX, SECRETS_MAX, allowed_hosts,
        read_module,
    },
    fields::{
        Fields, Problem, Read, flag, list, object, one_of, open_object, parsed, set_of, shown,
        text, text_where, texts_by_key, whole,
    },
    limit_fields::action_limits,
    management::TenantAdmin,
};

/// How many connections a tenant may have: more than the reference product's usual
/// number, and few enough to be read whole.
pub(super) const CONNECTIONS_MAX: usize = 100;
/// The reference product's limits.
const NAME_CHARS_MAX: usize = 128;
const METADATA_ENTRIES_MAX: usize = 10;
const METADATA_CHARS_MAX: usize = 255;
const REALMS_MAX: usize = 10;
/// Each client of the list is looked up, and it is read with every login.
const ENABLED_CLIENTS_MAX: usize = 1_000;
/// The reference product's limit.
const ENABLED_CLIENTS_CHANGED_MAX: usize = 50;
/// What stands for every client in `enabled_clients`.
pub const ALL_CLIENTS: &str = "*";

/// The strategies that there are; `auth0` is a database.
const STRATEGIES: [(&str, &str); 1] = [("auth0", "auth0")];

const NO_CONNECTION: ServiceError = ServiceError::NotFound {
    message: "The connection does not exist",
    code: Some("inexistent_connection"),
};

/// All connections in the order of their names.
///
/// # Errors
/// When they can't be read.
pub async fn list_all(admin: &TenantAdmin) -> Result<Vec<Connection>, ServiceError> {
    Ok(admin.store().connections().await?)
}

/// One connection.
///
/// # Errors
/// `NotFound`.
pub async fn get(admin: &TenantAdmin, id: &ConnectionId) -> Result<Connection, ServiceError> {
    let connections = admin.store().connections().await?;
    let found = connections
        .into_iter()
        .find(|connection| connection.id == *id);
    found.ok_or(NO_CONNECTION)
}

/// Creates a connection. No client may use it unless the body says so.
///
/// # Errors
/// `Invalid…` for a wrong body; `Conflict` when the name or a realm is taken, or there are
/// as many connections as there may be.
pub async fn create(admin: &TenantAdmin, body: JsonObject) -> Result<Connection, ServiceError> {
    create_as(admin, admin.ids().connection_id(), body).await
}

/// Creates a connection that has its identifier already.
pub(super) async fn create_as(
    admin: &TenantAdmin,
    id: ConnectionId,
    body: JsonObject,
) -> Result<Connection, ServiceError> {
    let mut fields = Fields::new(body);
    let connection = Connection {
        id,
        name: fields.required("name", name)?,
        display_name: None,
        strategy: fields.required("strategy", one_of(&STRATEGIES))?.to_owned(),
        realms: Vec::new(),
        is_domain_connection: false,
        enabled_clients: EnabledClients::Only(BTreeSet::new()),
        metadata: Default::default(),
        custom_database: None,
        created_at: admin.now(),
    };
    let connection = applied(admin, connection, fields)?;
    clients_exist(admin, None, &connection).await?;

    let others = admin.store().connections().await?;
    if others.len() >= CONNECTIONS_MAX {
        return Err(ServiceError::Conflict(format!(
            "a tenant has at most {CONNECTIONS_MAX} connections; delete one that isn't used"
        )));
    }
    if others.iter().any(|other| other.id == connection.id) {
        let text = "a connection with this id already exists";
        return Err(ServiceError::Conflict(text.to_owned()));
    }
    realms_are_free(&connection, &others)?;
    admin.store().create_connection(&connection).await?;
    Ok(connection)
}

/// Changes a connection. What the body leaves out stays; in `options`, too, and in its
/// `configuration`.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body; `Conflict` when a realm is taken.
pub async fn patch(
    admin: &TenantAdmin,
    id: &ConnectionId,
    body: JsonObject,
) -> Result<Connection, ServiceError> {
    let body = &body;
    until_unchanged(|| async move {
        let before = get(admin, id).await?;
        let after = applied(admin, before.clone(), Fields::new(body.clone()))?;
        clients_exist(admin, Some(&before), &after).await?;
        realms_are_free(&after, &admin.store().connections().await?)?;
        if after != before {
            let update = admin.store().update_connection(&before, &after, None);
            update.await?;
        }
        Ok(after)
    })
    .await
}

/// Deletes a connection with its users, as the reference product does; one that isn't
/// there is no error.
///
/// # Errors
/// When it can't be deleted.
pub async fn delete(admin: &TenantAdmin, id: &ConnectionId) -> Result<(), ServiceError> {
    match get(admin, id).await {
        Ok(connection) => Ok(admin.store().delete_connection(&connection.name).await?),
        Err(ServiceError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The clients whose users a connection may log in, in the order of their identifiers,
/// and how many there are.
///
/// # Errors
/// `NotFound`.
pub async fn clients(
    admin: &TenantAdmin,
    id: &ConnectionId,
    page: Page,
) -> Result<(Vec<ClientId>, usize), ServiceError> {
    let connection = get(admin, id).await?;
    let enabled = match connection.enabled_clients {
        EnabledClients::All => all_clients(admin).await?,
        EnabledClients::Only(clients) => clients,
    };
    Ok(page.of(enabled.into_iter().collect()))
}

/// Enables and disables clients one by one: a body
/// `[{"client_id":"…","status":true},…]`. A connection that is for all clients is for all
/// others after one was disabled.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body or a client that there isn't.
pub async fn change_clients(
    admin: &TenantAdmin,
    id: &ConnectionId,
    body: Value,
) -> Result<(), ServiceError> {
    let change = object(|fields| {
        Ok((
            fields.required("client_id", parsed::<ClientId>)?,
            fields.required("status", flag)?,
        ))
    });
    let changes = &whole(body, list(1..=ENABLED_CLIENTS_CHANGED_MAX, change))?;
    until_unchanged(|| async move {
        let before = get(admin, id).await?;
        let mut enabled = match &before.enabled_clients {
            EnabledClients::All if changes.iter().all(|(_, is_enabled)| *is_enabled) => {
                return Ok(());
            }
            EnabledClients::All => all_clients(admin).await?,
            EnabledClients::Only(clients) => clients.clone(),
        };
        for (client, is_enabled) in changes {
            if *is_enabled {
                enabled.insert(client.clone());
            } else {
                enabled.remove(client);
            }
        }
        if ENABLED_CLIENTS_MAX < enabled.len() {
            return Err(ServiceError::invalid(format!(
                "a connection has at most {ENABLED_CLIENTS_MAX} enabled clients"
            )));
        }
        let mut after = before.clone();
        after.enabled_clients = EnabledClients::Only(enabled);
        clients_exist(admin, Some(&before), &after).await?;
        if after != before {
            let update = admin.store().update_connection(&before, &after, None);
            update.await?;
        }
        Ok(())
    })
    .await
}

async fn all_clients(admin: &TenantAdmin) -> Result<BTreeSet<ClientId>, ServiceError> {
    let (clients, _) = admin.store().clients(Page::ALL).await?;
    Ok(clients.into_iter().map(|client| client.client_id).collect())
}

/// One script of a connection.
///
/// # Errors
/// `NotFound`.
pub async fn script(
    admin: &TenantAdmin,
    id: &ConnectionId,
    script: DatabaseScript,
) -> Result<StoredScript, ServiceError> {
    let database = get(admin, id).await?.custom_database.unwrap_or_default();
    let mut scripts = database.scripts;
    scripts.remove(&script).ok_or(ServiceError::not_found(
        "The connection has no such script.",
    ))
}

/// The module of a script.
///
/// # Errors
/// `NotFound`.
pub async fn script_module(
    admin: &TenantAdmin,
    id: &ConnectionId,
    name: DatabaseScript,
) -> Result<Module, ServiceError> {
    let stored = script(admin, id, name).await?;
    read_module(admin, stored.module.sha256).await
}

/// Takes the module of a script: checks it like an Action's, and stores it only when it is
/// right. It is in force from the next login on.
///
/// # Errors
/// `NotFound`; `Module` with everything that is wrong with it; `Busy`.
pub async fn upload_script(
    admin: &TenantAdmin,
    id: &ConnectionId,
    script: DatabaseScript,
    bytes: &[u8],
) -> Result<StoredScript, ServiceError> {
    // Before the check, which takes long.
    let connection = get(admin, id).await?;
    let asked = connection.custom_database.unwrap_or_default().limits;
    let environment = admin.environment();
    let limits = admin.tenant().execution_limits(&asked, environment);
    let module = environment
        .engine
        .check_script(admin.share(), Arc::from(bytes), limits)
        .await?;
    if !module.serves(script) {
        return Err(wrong_script(script));
    }
    let module = &module;
    until_unchanged(|| async move {
        let before = get(admin, id).await?;
        let mut after = before.clone();
        let scripts = &mut after.custom_database.get_or_insert_default().scripts;
        let stored = match scripts.get(&script) {
            Some(present) if present.module == *module.info() => return Ok(present.clone()),
            _ => StoredScript {
                module: module.info().clone(),
                uploaded_at: admin.now(),
            },
        };
        scripts.insert(script, stored.clone());
        let store = admin.store();
        store
            .update_connection(&before, &after, Some(bytes))
            .await?;
        Ok(stored)
    })
    .await
}

/// Removes a script; one that isn't there is no error.
///
/// # Errors
/// `NotFound` of the connection.
pub async fn delete_script(
    admin: &TenantAdmin,
    id: &ConnectionId,
    script: DatabaseScript,
) -> Result<(), ServiceError> {
    until_unchanged(|| async move {
        let before = get(admin, id).await?;
        let mut after = before.clone();
        let database = after.custom_database.as_mut();
        let removed = database.and_then(|database| database.scripts.remove(&script));
        if removed.is_some() {
            let update = admin.store().update_connection(&before, &after, None);
            update.await?;
        }
        Ok(())
    })
    .await
}

fn wrong_script(script: DatabaseScript) -> ServiceError {
    ServiceError::Module(vec![ModuleProblem {
        code: "wrong_script",
        message: format!(
            "the module has no {} script; export {script}-handler (in Rust, the attribute \
             #[actions_sdk::{}])",
            script.name(),
            script.as_str().replace('-', "_"),
        ),
    }])
}

/// What create and patch have in common.
fn applied(
    admin: &TenantAdmin,
    mut connection: Connection,
    mut fields: Fields,
) -> Result<Connection, ServiceError> {
    fields.set_optional(
        "display_name",
        &mut connection.display_name,
        text(1..=NAME_CHARS_MAX),
    )?;
    fields.set(
        "realms",
        &mut connection.realms,
        set_of(1..=REALMS_MAX, text(1..=NAME_CHARS_MAX)),
    )?;
    if connection.realms == [connection.name.as_str()] {
        // What an answer says of one that has none, sent back.
        connection.realms.clear();
    }
    fields.set(
        "is_domain_connection",
        &mut connection.is_domain_connection,
        flag,
    )?;
    fields.set(
        "enabled_clients",
        &mut connection.enabled_clients,
        enabled_clients,
    )?;
    fields.set(
        "metadata",
        &mut connection.metadata,
        texts_by_key(METADATA_ENTRIES_MAX, METADATA_CHARS_MAX),
    )?;
    let database = connection.custom_database.clone();
    let options = object(|given| changed_database(admin, database.as_ref(), given));
    if let Some(changed) = fields.optional("options", options)? {
        connection.custom_database = changed;
    }
    fields.finish()?;
    Ok(connection)
}

/// The `options`, which are of a custom database; of another nothing is kept.
fn changed_database(
    admin: &TenantAdmin,
    before: Option<&CustomDatabase>,
    fields: &mut Fields,
) -> Read<Option<CustomDatabase>> {
    let mut database = before.cloned().unwrap_or_default();
    fields.set(
        "enabledDatabaseCustomization",
        &mut database.is_enabled,
        flag,
    )?;
    // There is no such change, whether it is disabled or not; tools say that it isn't.
    fields.optional("disable_self_service_change_password", flag)?;
    fields.optional("import_mode", not_imported)?;
    fields.optional("customScripts", no_source)?;
    if let Some(changes) = fields.optional("configuration", open_object)? {
        change_configuration(&mut database.configuration, changes, admin.now())
            .map_err(|problem| problem.under("configuration"))?;
    }
    fields.set("allowed_hosts", &mut database.allowed_hosts, allowed_hosts)?;
    if fields.has("limits") {
        let granted = &admin.tenant().tenant.limits;
        let limits = action_limits(&admin.environment().limits, granted, &database.limits);
        database.limits = fields.optional("limits", limits)?.unwrap_or_default();
    }
    let is_one = before.is_some() || database != CustomDatabase::default();
    Ok(is_one.then_some(database))
}

/// Users are not moved into the server's own database.
fn not_imported(value: Value) -> Read<()> {
    if flag(value)? {
        return Err(Problem::new(
            "import_mode can't be true: users of a custom database are not moved into the server's \
             own; their scripts are asked at every login",
        ));
    }
    Ok(())
}

/// Scripts are modules here. Without any, the object says nothing.
fn no_source(value: Value) -> Read<()> {
    if open_object(value)?.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        "scripts are WebAssembly modules here: upload each with PUT \
         /api/v2/connections/{id}/scripts/{login|get_user|create}/module",
    ))
}

/// Sets secrets by name, `null` removing one. What an answer shows of one, sent back,
/// leaves it as it is, as leaving it out does: nobody can read the values to repeat them.
fn change_configuration(
    present: &mut Vec<ActionSecret>,
    changes: JsonObject,
    now: Timestamp,
) -> Read<()> {
    for (name, value) in changes {
        let at = |problem: Problem| problem.under(&shown(&name));
        text(1..=SECRET_NAME_CHARS_MAX)(Value::from(name.as_str())).map_err(at)?;
        let place = present.iter().position(|secret| secret.name == name);
        match (value, place) {
            (Value::Null, place) => {
                if let Some(place) = place {
                    present.remove(place);
                }
            }
            (Value::Object(_), Some(_)) => {}
            (value, place) => {
                let value = Secret::new(text(0..=SECRET_VALUE_CHARS_MAX)(value).map_err(at)?);
                let secret = ActionSecret {
                    name,
                    value,
                    updated_at: now,
                };
                match place.and_then(|place| present.get_mut(place)) {
                    Some(present) if present.value == secret.value => {}
                    Some(present) => *present = secret,
                    None => present.push(secret),
                }
            }
        }
    }
    if present.len() > SECRETS_MAX {
        return Err(Problem::new(format!(
            "Object is too long ({} properties), maximum {SECRETS_MAX}",
            present.len()
        )));
    }
    Ok(())
}

/// The reference product's form: letters and digits, and hyphens between them.
fn name(value: Value) -> Read<String> {
    let allowed = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    let hint = "a connection's name has letters, digits and hyphens, and begins and ends with a \
                letter or digit";
    text_where(1..=NAME_CHARS_MAX, allowed, hint)(value)
}

fn enabled_clients(value: Value) -> Read<EnabledClients> {
    if value == Value::from([ALL_CLIENTS]) {
        return Ok(EnabledClients::All);
    }
    let clients = set_of(0..=ENABLED_CLIENTS_MAX, parsed::<ClientId>)(value)?;
    Ok(EnabledClients::Only(clients.into_iter().collect()))
}

/// Refuses clients that there are not. Those that the connection had before may have been
/// deleted since; sent back as they were read, they do no harm.
async fn clients_exist(
    admin: &TenantAdmin,
    before: Option<&Connection>,
    after: &Connection,
) -> Result<(), ServiceError> {
    let EnabledClients::Only(clients) = &after.enabled_clients else {
        return Ok(());
    };
    let had = |client: &ClientId| {
        before.is_some_and(|before| match &before.enabled_clients {
            EnabledClients::All => false,
            EnabledClients::Only(clients) => clients.contains(client),
        })
    };
    for client in clients.iter().filter(|client| !had(client)) {
        if admin.store().client(client).await?.is_none() {
            let problem = Problem::new(format!("there is no client `{client}`"));
            return Err(problem.under("enabled_clients").into());
        }
    }
    Ok(())
}

/// One realm means one connection.
fn realms_are_free(connection: &Connection, others: &[Connection]) -> Result<(), ServiceError> {
    let own = if connection.realms.is_empty() {
        std::slice::from_ref(&connection.name)
    } else {
        connection.realms.as_slice()
    };
    for other in others.iter().filter(|other| other.id != connection.id) {
        if let Some(realm) = own.iter().find(|realm| other.has_realm(realm)) {
            return Err(ServiceError::Conflict(format!(
                "the realm `{realm}` is that of the connection `{}`",
                other.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(name: &str, value: &str) -> ActionSecret {
        ActionSecret {
            name: name.to_owned(),
            value: Secret::new(value),
            updated_at: Timestamp::default(),
        }
    }

    fn changed(changes: Value) -> Result<Vec<ActionSecret>, String> {
        let mut present = vec![
            secret("KEPT", "1"),
            secret("CHANGED", "2"),
            secret("GONE", "3"),
        ];
        let now = Timestamp::default().plus_seconds(60);
        let changes = open_object(changes).unwrap();
        match change_configuration(&mut present, changes, now) {
            Ok(()) => Ok(present),
            Err(problem) => Err(problem.to_string()),
        }
    }

    #[test]
    fn a_configuration_is_changed_by_name_and_what_was_read_can_be_sent_back() {
        let shown = json!({ "updated_at": "2026-01-01T00:00:00.000Z" });
        let after = changed(json!({ "KEPT": shown, "CHANGED": "4", "GONE": null, "NEW": "5" }));

        let after = after.unwrap();
        let values: Vec<_> = after
            .iter()
            .map(|secret| (secret.name.as_str(), secret.value.expose()))
            .collect();
        assert_eq!(values, [("KEPT", "1"), ("CHANGED", "4"), ("NEW", "5")]);
        assert_eq!(after[0].updated_at, Timestamp::default());
        assert!(after[1].updated_at > Timestamp::default());
        assert_eq!(changed(json!({})).unwrap().len(), 3);
    }

    #[test]
    fn a_secret_that_is_no_text_is_named() {
        assert_eq!(
            changed(json!({ "NEW": { "updated_at": "" } })).unwrap_err(),
            "'Expected type string but found type object' on property NEW"
        );
        assert!(changed(json!({ "": "x" })).is_err());
        let long = "x".repeat(SECRET_VALUE_CHARS_MAX);
        assert!(changed(json!({ "NEW": long })).is_ok());
        let longer = "x".repeat(SECRET_VALUE_CHARS_MAX + 1);
        assert!(changed(json!({ "NEW": longer })).is_err());
        let many: JsonObject = (3..=SECRETS_MAX)
            .map(|number| (format!("N{number}"), json!("x")))
            .collect();
        assert!(changed(Value::Object(many)).is_err());
    }

    #[test]
    fn a_name_can_stand_in_a_url_and_a_form() {
        for right in ["a", "Users", "my-users-2"] {
            assert!(name(json!(right)).is_ok(), "{right}");
        }
        let long = "a".repeat(NAME_CHARS_MAX + 1);
        for wrong in ["", "-a", "a-", "my users", "a|b", long.as_str()] {
            assert!(name(json!(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_star_stands_for_all_clients() {
        assert_eq!(
            enabled_clients(json!(["*"])).ok(),
            Some(EnabledClients::All)
        );
        let two = enabled_clients(json!(["a", "b"])).ok().unwrap();
        assert!(two.includes(&"a".parse().unwrap()) && !two.includes(&"c".parse().unwrap()));
        assert!(enabled_clients(json!(["a", "a"])).is_err());
        assert!(enabled_clients(json!("*")).is_err());
    }

    #[test]
    fn scripts_are_modules_and_users_are_not_imported() {
        assert!(no_source(json!({})).is_ok());
        assert!(no_source(json!({ "login": "function login() {}" })).is_err());
        assert!(not_imported(json!(false)).is_ok());
        assert!(not_imported(json!(true)).is_err());
    }
}
