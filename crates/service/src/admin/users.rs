//! End users, their roles and permissions.

use claimsmith_model::{
    Connection, Identity, JsonObject, METADATA_BYTES_MAX, Permission, RefreshGrant, Role, RoleId,
    Secret, Timestamp, User, UserId,
};
use serde_json::Value;

use super::{Page, permissions, roles, until_unchanged};
use crate::{
    DATABASE_CONNECTION, ServiceError,
    connection::create_user,
    fields::{
        Fields, Problem, Read, flag, integer, open_object, parsed, set_of, shown, text, text_where,
    },
    management::TenantAdmin,
};

/// The longest address that mail can be sent to (RFC 5321 section 4.5.3.1).
const EMAIL_CHARS_MAX: usize = 254;
const USERNAME_CHARS_MAX: usize = 128;
const NAME_CHARS_MAX: usize = 300;
const PICTURE_CHARS_MAX: usize = 2048;
const PHONE_CHARS_MAX: usize = 30;
/// `auth0|` goes before it, and an identifier has at most 128 characters.
const GIVEN_ID_CHARS_MAX: usize = 122;
/// A time with fractions of a second and an offset.
const TIME_CHARS_MAX: usize = 40;
const PASSWORD_CHARS_MAX: usize = 1024;
/// How many users get a role at once.
const USERS_AT_ONCE_MAX: usize = 100;
/// The provider of identities in the tenant's own database.
const PROVIDER: &str = "auth0";

/// What stands at the root of a user already and so can't be a further attribute.
pub(crate) const ROOT_PROPERTIES: [&str; 27] = [
    "app_metadata",
    "blocked",
    "connection",
    "created_at",
    "email",
    "email_verified",
    "family_name",
    "given_name",
    "identities",
    "last_ip",
    "last_login",
    "last_password_reset",
    "logins_count",
    "name",
    "nickname",
    "password",
    "password_hash",
    "permissions",
    "phone_number",
    "phone_verified",
    "picture",
    "profile_attributes",
    "roles",
    "updated_at",
    "user_id",
    "user_metadata",
    "username",
];

const NO_USER: ServiceError = ServiceError::NotFound {
    message: "The user does not exist.",
    code: Some("inexistent_user"),
};

/// Creates a user.
///
/// # Errors
/// `Invalid…` for a wrong body or an unknown connection; `Conflict` when the user is
/// there already.
pub async fn create(admin: &TenantAdmin, body: JsonObject) -> Result<User, ServiceError> {
    let mut fields = Fields::new(body);
    let connection = fields.optional("connection", text(1..=USERNAME_CHARS_MAX))?;
    let connection = connection.unwrap_or_else(|| DATABASE_CONNECTION.to_owned());
    let given = fields.optional("user_id", user_id)?;
    let is_given = given.is_some();
    let user_id = given.unwrap_or_else(|| admin.ids().user_id());
    let mut user = new_user(user_id, connection, admin.now());
    let password = apply(&mut user, fields)?;
    has_login(&user)?;

    let connection = connection_of(admin, &user).await?;
    if let Some(database) = connection.scripts_in_force() {
        if is_given {
            return Err(Problem::new(
                "the users of this connection are in a custom database, which gives the identifier",
            )
            .under("user_id")
            .into());
        }
        let password = password.ok_or_else(|| {
            ServiceError::from(Problem::new("Missing required property: password"))
        })?;
        if is_there(admin, &user).await? {
            return Err(exists());
        }
        return create_user(admin, &connection, database, &user, password).await;
    }
    name_by_login(&mut user);
    user.password_hash = hash(admin, password).await?;
    store_new(admin, &user).await?;
    Ok(user)
}

/// Creates a user who was one elsewhere: as the body says and nothing else. No script of a
/// custom database is asked.
///
/// # Errors
/// As for [`create`].
pub(super) async fn create_again(
    admin: &TenantAdmin,
    body: JsonObject,
) -> Result<User, ServiceError> {
    let mut fields = Fields::new(body);
    let connection = fields.required("connection", text(1..=USERNAME_CHARS_MAX))?;
    let id = fields.required("user_id", own_id)?;
    let mut user = new_user(id, connection, admin.now());
    fields.set("created_at", &mut user.created_at, moment)?;
    fields.set_optional("last_login", &mut user.last_login, moment)?;
    let last_password_reset = &mut user.last_password_reset;
    fields.set_optional("last_password_reset", last_password_reset, moment)?;
    let logins_count = fields.optional("logins_count", integer(0..=u32::MAX))?;
    user.logins_count = logins_count.unwrap_or_default().into();
    let password = apply(&mut user, fields)?;

    let connection = connection_of(admin, &user).await?;
    if connection.scripts_in_force().is_none() {
        has_login(&user)?;
    } else if password.is_some() {
        let what =
            "the users of this connection are in a custom database, which knows the password";
        return Err(Problem::new(what).under("password").into());
    }
    user.password_hash = hash(admin, password).await?;
    store_new(admin, &user).await?;
    Ok(user)
}

async fn connection_of(admin: &TenantAdmin, user: &User) -> Result<Connection, ServiceError> {
    let connection = admin.store().connection_by_name(&user.connection).await?;
    connection.ok_or_else(|| ServiceError::InvalidWithCode {
        message: "The connection does not exist.".to_owned(),
        code: "inexistent_connection",
    })
}

async fn store_new(admin: &TenantAdmin, user: &User) -> Result<(), ServiceError> {
    let created = admin.store().create_user(user).await;
    created.map_err(|error| match error {
        claimsmith_storage::StorageError::Conflict { .. } => exists(),
        other => other.into(),
    })
}

fn exists() -> ServiceError {
    ServiceError::Conflict("The user already exists.".to_owned())
}

/// Whether somebody has the user's email address or user name already.
async fn is_there(admin: &TenantAdmin, user: &User) -> Result<bool, ServiceError> {
    for login in [&user.email, &user.username].into_iter().flatten() {
        let found = admin.store().user_by_login(&user.connection, login);
        if found.await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One user.
///
/// # Errors
/// `NotFound`.
pub async fn get(admin: &TenantAdmin, id: &UserId) -> Result<User, ServiceError> {
    admin.store().user(id).await?.ok_or(NO_USER)
}

/// Users in the order of their identifiers, and how many there are.
///
/// # Errors
/// When they can't be read.
pub async fn list_all(admin: &TenantAdmin, page: Page) -> Result<(Vec<User>, usize), ServiceError> {
    Ok(admin.store().users(page).await?)
}

/// Changes a user. The root-level keys of the metadata objects are merged, `null`
/// removing a key; everything else is replaced. A new password, and blocking the user,
/// ends all sessions and revokes all refresh tokens.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body; `Conflict` when the new email address or
/// user name is taken.
pub async fn patch(
    admin: &TenantAdmin,
    id: &UserId,
    body: JsonObject,
) -> Result<User, ServiceError> {
    // Hashing takes long, so it is done once, and only for a body that is right.
    let before = get(admin, id).await?;
    let password = patched(&before, body.clone())?.1;
    let connection = admin.store().connection_by_name(&before.connection).await?;
    if connection.is_some_and(|connection| connection.scripts_in_force().is_some()) {
        only_what_is_kept_here(&body)?;
    }
    let hash = hash(admin, password).await?;
    let (body, hash) = (&body, &hash);
    until_unchanged(|| async move {
        let before = get(admin, id).await?;
        let (mut after, _) = patched(&before, body.clone())?;
        after.updated_at = admin.now();
        if hash.is_some() {
            after.password_hash.clone_from(hash);
            after.last_password_reset = Some(after.updated_at);
        }
        if hash.is_some() || (after.blocked && !before.blocked) {
            // Nobody goes on who came in with the old password, or who may come in no more;
            // nor who is on the way in.
            after.logins_ended = after.logins_ended.wrapping_add(1);
        }
        admin.store().update_user(&before, &after).await?;
        Ok(after)
    })
    .await
}

/// The refresh tokens of a user, those that have ended left out, oldest first. Each
/// stands for all that were and will be exchanged for it.
///
/// # Errors
/// `NotFound`.
pub async fn refresh_tokens_of(
    admin: &TenantAdmin,
    id: &UserId,
) -> Result<Vec<RefreshGrant>, ServiceError> {
    get(admin, id).await?;
    let now = admin.now();
    let mut grants = admin.store().refresh_grants(id, None).await?;
    grants.retain(|grant| !grant.has_ended(now));
    Ok(grants)
}

/// Revokes all refresh tokens of a user, who stays logged in where there is a session.
///
/// # Errors
/// `NotFound`.
pub async fn revoke_refresh_tokens(admin: &TenantAdmin, id: &UserId) -> Result<(), ServiceError> {
    for grant in refresh_tokens_of(admin, id).await? {
        admin.store().revoke_refresh_grant(&grant.id).await?;
    }
    Ok(())
}

/// Deletes a user; one who isn't there is no error.
///
/// # Errors
/// When the user can't be deleted.
pub async fn delete(admin: &TenantAdmin, id: &UserId) -> Result<(), ServiceError> {
    Ok(admin.store().delete_user(id).await?)
}

/// The roles that a user has outside organizations.
///
/// # Errors
/// `NotFound`.
pub async fn roles_of(admin: &TenantAdmin, id: &UserId) -> Result<Vec<Role>, ServiceError> {
    roles::existing(admin, &get(admin, id).await?.roles).await
}

/// Gives a user roles: a body `{"roles":[…]}`.
///
/// # Errors
/// `NotFound`, also of a role; `Invalid…` for a wrong body.
pub async fn add_roles(
    admin: &TenantAdmin,
    id: &UserId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let added = roles::read_ids(body)?;
    roles::must_exist(admin, &added).await?;
    change(admin, id, |user| roles::add(&mut user.roles, &added)).await
}

/// Takes roles from a user; those that the user hasn't are no error.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body.
pub async fn remove_roles(
    admin: &TenantAdmin,
    id: &UserId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let removed: Vec<RoleId> = roles::read_ids(body)?;
    change(admin, id, |user| {
        user.roles.retain(|role| !removed.contains(role));
        Ok(())
    })
    .await
}

/// Gives users a role: a body `{"users":[…]}`. Those before one that isn't there have it
/// then.
///
/// # Errors
/// `NotFound`, of the role or of a user; `Invalid…` for a wrong body.
pub async fn add_role_to(
    admin: &TenantAdmin,
    role: &RoleId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let mut fields = Fields::new(body);
    let users = fields.required("users", set_of(1..=USERS_AT_ONCE_MAX, parsed::<UserId>))?;
    fields.finish()?;
    let added = [role.clone()];
    roles::must_exist(admin, &added).await?;
    for id in &users {
        get(admin, id).await?;
    }
    for id in &users {
        change(admin, id, |user| roles::add(&mut user.roles, &added)).await?;
    }
    Ok(())
}

/// The permissions given to a user directly.
///
/// # Errors
/// `NotFound`.
pub async fn permissions_of(
    admin: &TenantAdmin,
    id: &UserId,
) -> Result<Vec<Permission>, ServiceError> {
    Ok(get(admin, id).await?.permissions)
}

/// Gives a user permissions: a body `{"permissions":[…]}`.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body or a permission that is no scope of its API.
pub async fn add_permissions(
    admin: &TenantAdmin,
    id: &UserId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let added = permissions::read(body)?;
    permissions::must_exist(admin, &added).await?;
    change(admin, id, |user| {
        permissions::add(&mut user.permissions, &added)
    })
    .await
}

/// Takes permissions from a user; those that the user hasn't are no error.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body.
pub async fn remove_permissions(
    admin: &TenantAdmin,
    id: &UserId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let removed = permissions::read(body)?;
    change(admin, id, |user| {
        permissions::remove(&mut user.permissions, &removed);
        Ok(())
    })
    .await
}

async fn change(
    admin: &TenantAdmin,
    id: &UserId,
    change: impl Fn(&mut User) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    let change = &change;
    until_unchanged(|| async move {
        let before = get(admin, id).await?;
        let mut after = before.clone();
        change(&mut after)?;
        Ok(admin.store().update_user(&before, &after).await?)
    })
    .await
}

/// Refuses changes of what a custom database's script says at the next login again.
fn only_what_is_kept_here(body: &JsonObject) -> Read<()> {
    let kept = ["app_metadata", "blocked", "connection", "user_metadata"];
    match body.keys().find(|name| !kept.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Problem::new(
            "the user is in a custom database, whose scripts say what it is: change it in the store",
        )
        .under(name)),
    }
}

fn patched(before: &User, body: JsonObject) -> Result<(User, Option<Secret>), ServiceError> {
    let mut after = before.clone();
    let mut fields = Fields::new(body);
    // The reference product wants it beside a new email address or password.
    let connection = fields.optional("connection", text(1..=USERNAME_CHARS_MAX))?;
    if connection.is_some_and(|connection| connection != before.connection) {
        return Err(ServiceError::invalid(
            "a user can't move to another connection",
        ));
    }
    let password = apply(&mut after, fields)?;
    has_login(&after)?;
    Ok((after, password))
}

/// What create and patch have in common; answers the new password, if there is one.
fn apply(user: &mut User, mut fields: Fields) -> Read<Option<Secret>> {
    apply_profile(user, &mut fields)?;
    fields.set("blocked", &mut user.blocked, flag)?;
    fields.set(
        "profile_attributes",
        &mut user.profile_attributes,
        profile_attributes,
    )?;
    let password = fields.optional("password", text(1..=PASSWORD_CHARS_MAX))?;
    fields.finish()?;
    Ok(password.map(Secret::new))
}

fn has_login(user: &User) -> Read<()> {
    if user.email.is_some() || user.username.is_some() {
        return Ok(());
    }
    Err(Problem::new(
        "Missing required property: email; give an email or a username to log in with",
    ))
}

fn moment(value: Value) -> Read<Timestamp> {
    let text = text(0..=TIME_CHARS_MAX)(value)?;
    serde_json::from_value(text.into()).map_err(|error| Problem::new(error.to_string()))
}

/// What admins and the scripts of custom databases say of a user alike.
pub(crate) fn apply_profile(user: &mut User, fields: &mut Fields) -> Read<()> {
    // Knowing that an address is somebody's says nothing of another address.
    let email_before = user.email.clone();
    fields.set_optional("email", &mut user.email, email)?;
    user.email_verified &= user.email == email_before;
    fields.set("email_verified", &mut user.email_verified, flag)?;
    fields.set_optional("username", &mut user.username, username)?;
    let phone_before = user.phone_number.clone();
    fields.set_optional(
        "phone_number",
        &mut user.phone_number,
        text(1..=PHONE_CHARS_MAX),
    )?;
    if user.phone_number != phone_before {
        user.phone_verified = None;
    }
    fields.set_optional("phone_verified", &mut user.phone_verified, flag)?;
    fields.set_optional("name", &mut user.name, text(1..=NAME_CHARS_MAX))?;
    fields.set_optional("nickname", &mut user.nickname, text(1..=NAME_CHARS_MAX))?;
    fields.set_optional("given_name", &mut user.given_name, text(1..=NAME_CHARS_MAX))?;
    fields.set_optional(
        "family_name",
        &mut user.family_name,
        text(1..=NAME_CHARS_MAX),
    )?;
    fields.set_optional("picture", &mut user.picture, text(1..=PICTURE_CHARS_MAX))?;
    merge(fields, "app_metadata", &mut user.app_metadata)?;
    merge(fields, "user_metadata", &mut user.user_metadata)
}

fn merge(fields: &mut Fields, name: &str, metadata: &mut JsonObject) -> Read<()> {
    for (key, value) in fields.optional(name, open_object)?.unwrap_or_default() {
        if value.is_null() {
            metadata.shift_remove(&key);
        } else {
            metadata.insert(key, value);
        }
    }
    bounded(metadata).map_err(|problem| problem.under(name))
}

fn profile_attributes(value: Value) -> Read<JsonObject> {
    let attributes = open_object(value)?;
    if let Some(name) = attributes
        .keys()
        .find(|name| ROOT_PROPERTIES.contains(&name.as_str()))
    {
        return Err(Problem::new(format!(
            "`{name}` is a property of its own; set it beside this"
        )));
    }
    bounded(&attributes)?;
    Ok(attributes)
}

pub(crate) fn bounded(object: &JsonObject) -> Read<()> {
    let bytes = serde_json::to_vec(object).map_or(usize::MAX, |text| text.len());
    if bytes > METADATA_BYTES_MAX {
        return Err(Problem::new(format!(
            "Object is too long ({bytes} bytes of JSON), maximum {METADATA_BYTES_MAX}"
        )));
    }
    Ok(())
}

fn email(value: Value) -> Read<String> {
    let email = text(0..=EMAIL_CHARS_MAX)(value)?;
    let is_email = email.split_once('@').is_some_and(|(local, domain)| {
        let plain = |part: &str| {
            !part.is_empty()
                && !part.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
        };
        plain(local) && plain(domain)
    });
    if is_email {
        Ok(email)
    } else {
        Err(Problem::new(
            "Object didn't pass validation for format email: ",
        ))
    }
}

/// A user name is no email address: a login is one or the other.
fn username(value: Value) -> Read<String> {
    let allowed =
        |name: &str| !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@');
    text_where(
        1..=USERNAME_CHARS_MAX,
        allowed,
        "a user name has no white space and no @",
    )(value)
}

/// The identifier in a database of a user who is called so there.
pub(crate) fn user_id(value: Value) -> Read<UserId> {
    let given = text(1..=GIVEN_ID_CHARS_MAX)(value)?;
    let id = given.strip_prefix("auth0|").unwrap_or(&given);
    format!("{PROVIDER}|{id}")
        .parse()
        .map_err(|_| Problem::new("an identifier has visible ASCII characters only"))
}

/// The identifier that a user has.
fn own_id(value: Value) -> Read<UserId> {
    let id: UserId = parsed(value)?;
    match id.as_str().split_once('|') {
        Some((PROVIDER, own)) if !own.is_empty() => Ok(id),
        _ => Err(Problem::new(format!(
            "`{}`: the identifier of a user begins with {PROVIDER}|",
            shown(id.as_str())
        ))),
    }
}

fn identity(user_id: &UserId, connection: &str) -> Identity {
    let id = user_id.as_str();
    Identity {
        connection: connection.to_owned(),
        provider: PROVIDER.to_owned(),
        user_id: id.split_once('|').map_or(id, |(_, id)| id).to_owned(),
        is_social: false,
    }
}

/// A user of whom nothing is known yet.
pub(crate) fn new_user(user_id: UserId, connection: String, now: Timestamp) -> User {
    User {
        identities: vec![identity(&user_id, &connection)],
        user_id,
        connection,
        email: None,
        email_verified: false,
        username: None,
        phone_number: None,
        phone_verified: None,
        name: None,
        nickname: None,
        given_name: None,
        family_name: None,
        picture: None,
        app_metadata: JsonObject::new(),
        user_metadata: JsonObject::new(),
        profile_attributes: JsonObject::new(),
        password_hash: None,
        blocked: false,
        logins_ended: 0,
        roles: Vec::new(),
        permissions: Vec::new(),
        created_at: now,
        updated_at: now,
        last_password_reset: None,
        last_login: None,
        last_ip: None,
        logins_count: 0,
    }
}

/// A user whom nobody named is called by what they log in with.
pub(crate) fn name_by_login(user: &mut User) {
    let login = user.email.clone().or_else(|| user.username.clone());
    if user.nickname.is_none() {
        let local = login.as_deref().and_then(|login| login.split('@').next());
        user.nickname = local.map(str::to_owned);
    }
    if user.name.is_none() {
        user.name = login;
    }
}

async fn hash(
    admin: &TenantAdmin,
    password: Option<Secret>,
) -> Result<Option<Secret>, ServiceError> {
    match password {
        Some(password) => admin.services().passwords.hash(&password).await.map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(email: &str) -> User {
        let id = "auth0|ada".parse().unwrap();
        let user = new_user(id, DATABASE_CONNECTION.to_owned(), Timestamp::default());
        User {
            email: Some(email.to_owned()),
            ..user
        }
    }

    fn merged(present: Value, given: &Value) -> Value {
        let mut metadata = open_object(present).unwrap();
        let mut fields = Fields::new(open_object(json!({ "app_metadata": given })).unwrap());
        merge(&mut fields, "app_metadata", &mut metadata).unwrap();
        Value::Object(metadata)
    }

    #[test]
    fn metadata_is_merged_at_its_root_only() {
        let present = json!({ "role": "a", "nested": { "x": 1, "y": 2 }, "gone": true });
        let given = json!({ "nested": { "x": 3 }, "gone": null, "new": [1] });
        assert_eq!(
            merged(present, &given),
            json!({ "role": "a", "nested": { "x": 3 }, "new": [1] })
        );
    }

    #[test]
    fn metadata_is_bounded_with_what_is_there_already() {
        // The JSON text is {"a":"…"}: eight bytes beside the value.
        let inside = json!({ "a": "x".repeat(METADATA_BYTES_MAX - 8) });
        assert!(bounded(&open_object(inside).unwrap()).is_ok());
        let outside = json!({ "a": "x".repeat(METADATA_BYTES_MAX - 7) });
        assert!(bounded(&open_object(outside).unwrap()).is_err());
    }

    #[test]
    fn another_address_is_not_verified_unless_the_body_says_so() {
        let verified = User {
            email_verified: true,
            ..user("ada@example.com")
        };
        let after = |body: Value| patched(&verified, open_object(body).unwrap()).unwrap().0;

        assert!(after(json!({ "name": "Ada", "email": "ada@example.com" })).email_verified);
        assert!(!after(json!({ "email": "eve@example.com" })).email_verified);
        assert!(after(json!({ "email": "a@b.c", "email_verified": true })).email_verified);
    }

    #[test]
    fn an_email_address_has_two_parts() {
        assert!(email(json!("ada@example.com")).is_ok());
        for wrong in ["", "ada", "@example.com", "ada@", "a b@c", "a@b@c"] {
            assert_eq!(
                email(json!(wrong)).unwrap_err().to_string(),
                "'Object didn't pass validation for format email: '",
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_further_attribute_can_not_pass_for_one_of_the_user() {
        assert!(profile_attributes(json!({ "favorite_color": "blue" })).is_ok());
        for name in ["user_id", "email", "roles", "app_metadata"] {
            assert!(profile_attributes(json!({ name: 1 })).is_err(), "{name}");
        }
    }

    #[test]
    fn a_given_identifier_is_one_of_the_database() {
        let id = user_id(json!("ada")).unwrap();
        assert_eq!(id.as_str(), "auth0|ada");
        assert_eq!(user_id(json!("auth0|ada")).unwrap(), id);
        assert!(user_id(json!("a b")).is_err());
        assert_eq!(own_id(json!("auth0|ada")).unwrap(), id);
        for wrong in ["ada", "auth0|", "google|ada"] {
            assert!(own_id(json!(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(identity(&id, "db").user_id, "ada");
    }
}
