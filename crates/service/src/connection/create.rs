//! Creating a user in a custom database.

use claimsmith_model::{
    Connection, CustomDatabase, DatabaseScript, Fault, FaultKind, RequestOrigin, Secret, User,
};
use claimsmith_runtime::{ScriptAnswer, ScriptCall};
use serde_json::{Map, Value};

use super::{
    profile::{Kept, Profile, keep},
    script::{self, Caller, Run},
};
use crate::{ServiceError, management::TenantAdmin};

/// Lets the connection's scripts make the user that an admin wants, and keeps them here as
/// their store tells them. `wanted` was read like any other user; its metadata, and
/// whether it is blocked, are kept here as well.
///
/// # Errors
/// `Conflict` when the store has such a user; `Invalid` when it doesn't want one, or a
/// script failed; `Busy`.
pub(crate) async fn create_user(
    admin: &TenantAdmin,
    connection: &Connection,
    database: &CustomDatabase,
    wanted: &User,
    password: Secret,
) -> Result<User, ServiceError> {
    if !database.scripts.contains_key(&DatabaseScript::Create) {
        return Err(ServiceError::invalid(format!(
            "the users of the connection `{}` are in a custom database, and it has no create \
             script: upload one, or create the user in the store",
            connection.name
        )));
    }
    let call = ScriptCall::Create {
        user_json: Value::Object(user_json(connection, wanted)).to_string(),
        password,
    };
    let run = ask(admin, connection, database, call).await?;
    match run.answer() {
        Ok(ScriptAnswer::Profile(json)) => {
            let profile = Profile::parse(json);
            keep_new(admin, connection, wanted, run, profile).await
        }
        Ok(ScriptAnswer::Created) => {
            run.conclude(None, None);
            look_up(admin, connection, database, wanted).await
        }
        Ok(ScriptAnswer::UserExists(_)) => {
            run.conclude(None, None);
            Err(ServiceError::Conflict(
                "The user already exists.".to_owned(),
            ))
        }
        // A create script has no other answers.
        Ok(_) => {
            let error = ServiceError::invalid(format!(
                "the connection's create script rejected the user; execution {} has its reason",
                run.execution_id()
            ));
            run.conclude(None, None);
            Err(error)
        }
        Err(_) => Err(failed(run, DatabaseScript::Create)),
    }
}

/// The user who was just made, as the store tells them.
async fn look_up(
    admin: &TenantAdmin,
    connection: &Connection,
    database: &CustomDatabase,
    wanted: &User,
) -> Result<User, ServiceError> {
    let identifier = wanted.email.clone().or_else(|| wanted.username.clone());
    let call = ScriptCall::GetUser {
        identifier: identifier.unwrap_or_default(),
    };
    let run = ask(admin, connection, database, call).await?;
    match run.answer() {
        Ok(ScriptAnswer::Profile(json)) => {
            let profile = Profile::parse(json);
            keep_new(admin, connection, wanted, run, profile).await
        }
        Ok(_) => {
            let message = "the get_user script doesn't know the user whom create has just made";
            Err(impossible(run, message.to_owned()))
        }
        Err(_) => Err(failed(run, DatabaseScript::GetUser)),
    }
}

async fn ask<'a>(
    admin: &'a TenantAdmin,
    connection: &Connection,
    database: &CustomDatabase,
    call: ScriptCall,
) -> Result<Run<'a>, ServiceError> {
    let caller = Caller {
        client_id: admin.client_id().cloned(),
        grant: None,
        origin: RequestOrigin::default(),
    };
    let (services, context) = (admin.services(), admin.tenant());
    script::run(services, context, connection, database, call, caller).await
}

async fn keep_new(
    admin: &TenantAdmin,
    connection: &Connection,
    wanted: &User,
    run: Run<'_>,
    profile: Result<Profile, String>,
) -> Result<User, ServiceError> {
    let profile = match profile {
        Ok(profile) => profile,
        Err(message) => return Err(impossible(run, message)),
    };
    let (services, context) = (admin.services(), admin.tenant());
    let kept = keep(services, context, connection, profile, |user| {
        user.app_metadata.clone_from(&wanted.app_metadata);
        user.user_metadata.clone_from(&wanted.user_metadata);
        user.blocked = wanted.blocked;
    });
    match kept.await? {
        Kept::User(user) => {
            run.conclude(Some(user.user_id.clone()), None);
            Ok(*user)
        }
        Kept::Blocked(user_id) => {
            run.conclude_blocked(user_id);
            Err(ServiceError::Conflict(
                "The user already exists, and is blocked.".to_owned(),
            ))
        }
        Kept::Impossible(message) => Err(impossible(run, message)),
    }
}

/// The members of the new user for the script, without those that nobody gave.
fn user_json(connection: &Connection, wanted: &User) -> Map<String, Value> {
    let mut json = Map::new();
    let texts = [
        ("connection", Some(&connection.name)),
        ("email", wanted.email.as_ref()),
        ("username", wanted.username.as_ref()),
        ("phone_number", wanted.phone_number.as_ref()),
        ("name", wanted.name.as_ref()),
        ("nickname", wanted.nickname.as_ref()),
        ("given_name", wanted.given_name.as_ref()),
        ("family_name", wanted.family_name.as_ref()),
        ("picture", wanted.picture.as_ref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            json.insert(name.to_owned(), Value::from(text.as_str()));
        }
    }
    json.insert("email_verified".to_owned(), wanted.email_verified.into());
    for (name, metadata) in [
        ("app_metadata", &wanted.app_metadata),
        ("user_metadata", &wanted.user_metadata),
    ] {
        json.insert(name.to_owned(), Value::Object(metadata.clone()));
    }
    json
}

/// Ends a run whose answer can't be used.
fn impossible(run: Run<'_>, message: String) -> ServiceError {
    let error = script_failed(&run, "connection's");
    run.conclude(None, Some(script::fault(FaultKind::GuestError, message)));
    error
}

/// Ends a run that failed.
fn failed(run: Run<'_>, script: DatabaseScript) -> ServiceError {
    let error = match run.answer() {
        Err(Fault {
            kind: FaultKind::Host,
            ..
        }) => ServiceError::internal("a custom database's script could not be run"),
        _ => script_failed(&run, script.name()),
    };
    run.conclude(None, None);
    error
}

/// The script's text is for the record alone: it may quote what the store says.
fn script_failed(run: &Run<'_>, which: &str) -> ServiceError {
    ServiceError::invalid(format!(
        "the {which} script failed; execution {} says how. The store may have the user all the \
         same",
        run.execution_id()
    ))
}
