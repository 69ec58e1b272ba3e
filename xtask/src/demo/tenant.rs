//! What the demo sets up in the fresh tenant, all of it through the Management API.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::api::{Api, Request, encoded};

/// The API that the job calls; its tokens are signed with ES256.
pub(crate) const JOB_AUDIENCE: &str = "https://api.example.com/";

/// The API that the person's app calls; its tokens are signed with RS256.
pub(crate) const APP_AUDIENCE: &str = "https://reports.example.com/";

/// The scope that both may have.
pub(crate) const SCOPE: &str = "read:reports";

/// Where the portal is called back. Nothing listens there: the demo is its browser, too.
pub(crate) const CALLBACK: &str = "https://portal.example.com/callback";

/// The person who logs in.
pub(crate) const EMAIL: &str = "ada@example.com";

/// Only this demo's throw-away tenant knows it.
pub(crate) const PASSWORD: &str = "Correct-Horse-7-Battery";

/// The tenant's own database of users.
const CONNECTION: &str = "Username-Password-Authentication";

/// An example to upload as an Action: its folder, and the name it gets.
struct Example {
    folder: &'static str,
    name: &'static str,
}

/// A trigger, and what is bound to it in the order in which it runs.
struct Bound {
    trigger: &'static str,
    version: &'static str,
    examples: &'static [Example],
}

const AT_CREDENTIALS_EXCHANGE: Bound = Bound {
    trigger: "credentials-exchange",
    version: "v2",
    examples: &[
        Example {
            folder: "department",
            name: "department",
        },
        Example {
            folder: "forbidden-claims",
            name: "forbidden-claims-of-clients",
        },
    ],
};

/// `forbidden-claims` comes first, so that the good claim which it sets beside its bad
/// ones is visibly overwritten by `role`.
const AT_POST_LOGIN: Bound = Bound {
    trigger: "post-login",
    version: "v3",
    examples: &[
        Example {
            folder: "forbidden-claims",
            name: "forbidden-claims-of-users",
        },
        Example {
            folder: "role",
            name: "role",
        },
        Example {
            folder: "roles-and-organization",
            name: "roles-and-organization",
        },
        Example {
            folder: "login-profile",
            name: "login-profile",
        },
    ],
};

/// An OAuth client of the tenant.
pub(crate) struct Client {
    /// Its name for people.
    pub(crate) name: &'static str,
    /// Its `client_id`.
    pub(crate) id: String,
    /// Its `client_secret`; empty where it keeps none.
    pub(crate) secret: String,
}

/// What was set up.
pub(crate) struct Tenant {
    /// A program without a user: client credentials.
    pub(crate) job: Client,
    /// An app that people log in to: password grant.
    pub(crate) app: Client,
    /// An app in the browser, that people log in to at the server's own page.
    pub(crate) portal: Client,
    /// The organization that the person logs in to.
    pub(crate) organization_id: String,
    /// The Action `department`.
    pub(crate) department_id: String,
}

/// Sets up APIs, clients, a person with roles and an organization, and the Actions.
/// Prints a line about each thing once it is there.
pub(crate) fn set_up(management: &Api, root: &Path) -> Result<Tenant> {
    resource_server(management, "Reports of the night", JOB_AUDIENCE, "ES256")?;
    resource_server(management, "Reports for people", APP_AUDIENCE, "RS256")?;
    let job = client(
        management,
        "Nightly reports",
        json!({
            "app_type": "non_interactive",
            "grant_types": ["client_credentials"],
            "client_metadata": {"department": "finance"},
        }),
    )?;
    management.expect(
        201,
        &Request::post(
            "client-grants",
            json!({"client_id": job.id, "audience": JOB_AUDIENCE, "scope": [SCOPE]}),
        ),
    )?;
    said(&format!("{} may have {SCOPE} at {JOB_AUDIENCE}", job.name));
    let app = client(
        management,
        "Reports app",
        json!({"app_type": "regular_web", "grant_types": ["password"]}),
    )?;
    let portal = public_client(
        management,
        "Reports portal",
        json!({
            "app_type": "spa",
            "grant_types": ["authorization_code"],
            "callbacks": [CALLBACK],
            "organization_usage": "allow",
        }),
    )?;
    let organization_id = person(management)?;
    let department_id = bind(management, root, &AT_CREDENTIALS_EXCHANGE)?;
    bind(management, root, &AT_POST_LOGIN)?;
    Ok(Tenant {
        job,
        app,
        portal,
        organization_id,
        department_id,
    })
}

/// Uploads and deploys the examples and binds them to the trigger; answers the first
/// one's Action id.
fn bind(management: &Api, root: &Path, bound: &Bound) -> Result<String> {
    let mut ids = Vec::new();
    for example in bound.examples {
        ids.push(action(management, root, bound, example)?);
    }
    let names: Vec<_> = bound.examples.iter().map(|example| example.name).collect();
    let bindings: Vec<Value> = ids
        .iter()
        .zip(&names)
        .map(|(id, name)| json!({"ref": {"type": "action_id", "value": id}, "display_name": name}))
        .collect();
    let path = format!("actions/triggers/{}/bindings", bound.trigger);
    management.expect(200, &Request::patch(path, json!({"bindings": bindings})))?;
    said(&format!("at {} run: {}", bound.trigger, names.join(", ")));
    ids.into_iter().next().context("a trigger has no examples")
}

fn resource_server(management: &Api, name: &str, identifier: &str, algorithm: &str) -> Result<()> {
    let body = json!({
        "name": name,
        "identifier": identifier,
        "signing_alg": algorithm,
        "scopes": [{"value": SCOPE, "description": "Read reports"}],
    });
    let answer = management.expect(201, &Request::post("resource-servers", body))?;
    let algorithm = answer.text("/signing_alg")?;
    said(&format!(
        "API {}, tokens signed with {algorithm}",
        answer.text("/identifier")?
    ));
    Ok(())
}

/// A client that keeps a secret.
fn client(management: &Api, name: &'static str, mut settings: Value) -> Result<Client> {
    if let Some(settings) = settings.as_object_mut() {
        settings.insert(
            "token_endpoint_auth_method".to_owned(),
            "client_secret_post".into(),
        );
    }
    let (client, secret) = new_client(management, name, settings)?;
    let secret = secret.context("a client has no secret")?;
    Ok(Client { secret, ..client })
}

/// A client that keeps none, and proves its codes by PKCE.
fn public_client(management: &Api, name: &'static str, settings: Value) -> Result<Client> {
    new_client(management, name, settings).map(|(client, _)| client)
}

fn new_client(
    management: &Api,
    name: &'static str,
    mut settings: Value,
) -> Result<(Client, Option<String>)> {
    if let Some(settings) = settings.as_object_mut() {
        settings.insert("name".to_owned(), name.into());
    }
    let answer = management.expect(201, &Request::post("clients", settings))?;
    let grants = answer.body.pointer("/grant_types").unwrap_or(&Value::Null);
    said(&format!("client {name}, which may use {grants}"));
    let client = Client {
        name,
        id: answer.text("/client_id")?.to_owned(),
        secret: String::new(),
    };
    Ok((
        client,
        answer.text("/client_secret").ok().map(str::to_owned),
    ))
}

/// Creates the person, a role in the tenant, an organization, and another role in
/// that; answers the organization's identifier.
fn person(management: &Api) -> Result<String> {
    let user = management.expect(
        201,
        &Request::post(
            "users",
            json!({
                "connection": CONNECTION,
                "email": EMAIL,
                "email_verified": true,
                "password": PASSWORD,
                "name": "Ada Example",
                "app_metadata": {"role": "analyst"},
                "user_metadata": {"preferred_contact": "email"},
                "profile_attributes": {"favorite_color": "green"},
            }),
        ),
    )?;
    let user_id = user.text("/user_id")?;
    said(&format!(
        "user {EMAIL} with app_metadata {{\"role\":\"analyst\"}}"
    ));

    let reader = role(management, "reader", "Reads reports")?;
    let path = format!("users/{}/roles", encoded(user_id));
    management.expect(204, &Request::post(path, json!({"roles": [reader]})))?;

    let organization = management.expect(
        201,
        &Request::post(
            "organizations",
            json!({"name": "acme", "display_name": "Acme Ltd"}),
        ),
    )?;
    let organization_id = organization.text("/id")?.to_owned();
    let members = format!("organizations/{}/members", encoded(&organization_id));
    management.expect(204, &Request::post(&members, json!({"members": [user_id]})))?;
    let auditor = role(management, "auditor", "Audits the organization's reports")?;
    let path = format!("{members}/{}/roles", encoded(user_id));
    management.expect(204, &Request::post(path, json!({"roles": [auditor]})))?;
    said("role reader; organization acme, in which the user is also auditor");
    Ok(organization_id)
}

fn role(management: &Api, name: &str, description: &str) -> Result<String> {
    let body = json!({"name": name, "description": description});
    let answer = management.expect(200, &Request::post("roles", body))?;
    Ok(answer.text("/id")?.to_owned())
}

/// Creates an Action, uploads its module as cargo built it, and deploys it.
fn action(management: &Api, root: &Path, bound: &Bound, example: &Example) -> Result<String> {
    let file = root
        .join("target/guests")
        .join(example.folder)
        .with_extension("wasm");
    let module = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let body = json!({
        "name": example.name,
        "supported_triggers": [{"id": bound.trigger, "version": bound.version}],
        "runtime": "wasm",
    });
    let created = management.expect(201, &Request::post("actions/actions", body))?;
    let id = created.text("/id")?.to_owned();
    let path = format!("actions/actions/{}", encoded(&id));
    management.expect(200, &Request::put_module(format!("{path}/module"), &module))?;
    management.expect(200, &Request::post_nothing(format!("{path}/deploy")))?;
    said(&format!(
        "Action {}: {} bytes of WebAssembly, deployed",
        example.name,
        module.len()
    ));
    Ok(id)
}

fn said(line: &str) {
    println!("  {line}");
}
