//! A tenant, set up over the Management API.

use std::net::{SocketAddr, ToSocketAddrs as _};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::client::{Answer, Client, Content};
use crate::demo::api::{encoded, text};

/// The API that all tokens are for. Its tokens are signed with ES256, whose keys are made
/// in no time.
pub(crate) const AUDIENCE: &str = "https://api.example.com/";

const TRIGGER: &str = "credentials-exchange";

/// A tenant and the token to administer it with.
pub(crate) struct Tenant {
    client: Client,
    /// The tenant's issuer.
    pub(crate) issuer: String,
    management_token: String,
}

/// A program that may get tokens for [`AUDIENCE`].
pub(crate) struct Job {
    id: String,
    secret: String,
}

/// The operator's API, which creates tenants.
pub(crate) struct Platform {
    client: Client,
    token: String,
}

/// An Action to upload.
pub(crate) struct Action<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its module.
    pub(crate) module: &'a [u8],
    /// Its one secret: name and value.
    pub(crate) secret: Option<(&'a str, &'a str)>,
}

impl Platform {
    /// The platform API of the server that wrote this `bootstrap.json`.
    pub(crate) fn of_bootstrap(bootstrap: &Value) -> Result<Self> {
        Ok(Self {
            client: client_of(text(bootstrap, "/issuer")?)?,
            token: text(bootstrap, "/platform_token")?.to_owned(),
        })
    }

    /// Creates a tenant.
    pub(crate) fn create_tenant(&self, id: &str) -> Result<Tenant> {
        let body = json!({"id": id, "public_url": format!("http://{id}.zoo.example.com/")});
        let created = self.client.expect(
            201,
            "POST",
            "/platform/v1/tenants",
            Some(&self.token),
            &Content::Json(&body),
        )?;
        let client = Client {
            address: self.client.address,
            host: format!("{id}.zoo.example.com"),
        };
        Tenant::of_client(client, &created)
    }
}

impl Tenant {
    /// The first tenant of the server that wrote this `bootstrap.json`.
    pub(crate) fn of_bootstrap(bootstrap: &Value) -> Result<Self> {
        Self::of_client(client_of(text(bootstrap, "/issuer")?)?, bootstrap)
    }

    fn of_client(client: Client, bootstrap: &Value) -> Result<Self> {
        let management = |name: &str| text(bootstrap, &format!("/management/{name}"));
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", management("client_id")?),
            ("client_secret", management("client_secret")?),
            ("audience", management("audience")?),
        ];
        let token = client.expect(200, "POST", "/oauth/token", None, &Content::Form(&form))?;
        let tenant = Self {
            client,
            issuer: text(bootstrap, "/issuer")?.to_owned(),
            management_token: text(&token, "/access_token")?.to_owned(),
        };
        let api = json!({
            "identifier": AUDIENCE, "signing_alg": "ES256", "scopes": [{"value": "read:reports"}],
        });
        tenant.manage(201, "POST", "resource-servers", Some(&api))?;
        Ok(tenant)
    }

    /// Creates a program that may get tokens, with an entry `department` in its metadata.
    pub(crate) fn job(&self, department: &str) -> Result<Job> {
        let body = json!({
            "name": department,
            "grant_types": ["client_credentials"],
            "client_metadata": {"department": department},
        });
        let created = self.manage(201, "POST", "clients", Some(&body))?;
        let job = Job {
            id: text(&created, "/client_id")?.to_owned(),
            secret: text(&created, "/client_secret")?.to_owned(),
        };
        let grant = json!({"client_id": job.id, "audience": AUDIENCE, "scope": ["read:reports"]});
        self.manage(201, "POST", "client-grants", Some(&grant))?;
        Ok(job)
    }

    /// Deploys an Action and binds it alone.
    pub(crate) fn bind(&self, action: &Action<'_>) -> Result<()> {
        let body = json!({
            "name": action.name, "runtime": "wasm", "supported_triggers": [{"id": TRIGGER}],
        });
        let created = self.manage(201, "POST", "actions/actions", Some(&body))?;
        let id = text(&created, "/id")?;
        let path = format!("actions/actions/{}", encoded(id));
        if let Some((name, value)) = action.secret {
            let body = json!({"secrets": [{"name": name, "value": value}]});
            self.manage(200, "PATCH", &path, Some(&body))?;
        }
        self.client.expect(
            200,
            "PUT",
            &format!("/api/v2/{path}/module"),
            Some(&self.management_token),
            &Content::Module(action.module),
        )?;
        self.manage(200, "POST", &format!("{path}/deploy"), None)?;
        let body = json!({"bindings": [{"ref": {"type": "action_id", "value": id}}]});
        let path = format!("actions/triggers/{TRIGGER}/bindings");
        self.manage(200, "PATCH", &path, Some(&body))?;
        Ok(())
    }

    /// Asks for an access token by client credentials.
    pub(crate) fn token(&self, job: &Job) -> Result<Answer> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &job.id),
            ("client_secret", &job.secret),
            ("audience", AUDIENCE),
        ];
        let form = Content::Form(&form);
        self.client.send("POST", "/oauth/token", None, &form)
    }

    /// The record of an execution.
    pub(crate) fn execution(&self, id: &str) -> Result<Value> {
        self.manage(
            200,
            "GET",
            &format!("actions/executions/{}", encoded(id)),
            None,
        )
    }

    /// The published keys.
    pub(crate) fn keys(&self) -> Result<Value> {
        let path = "/.well-known/jwks.json";
        self.client
            .expect(200, "GET", path, None, &Content::Nothing)
    }

    fn manage(&self, status: u16, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let content = body.map_or(Content::Nothing, Content::Json);
        let path = format!("/api/v2/{path}");
        let token = Some(self.management_token.as_str());
        self.client.expect(status, method, &path, token, &content)
    }
}

/// The client for the tenant whose issuer also says where the server listens.
fn client_of(issuer: &str) -> Result<Client> {
    let authority = issuer
        .strip_prefix("http://")
        .and_then(|rest| rest.strip_suffix('/'))
        .with_context(|| format!("the issuer {issuer} is not this machine's"))?;
    let (host, _) = authority
        .split_once(':')
        .with_context(|| format!("the issuer {issuer} has no port"))?;
    let mut addresses = authority
        .to_socket_addrs()
        .with_context(|| format!("looking up {authority}"))?;
    let address = addresses
        .find(SocketAddr::is_ipv4)
        .with_context(|| format!("{authority} has no IPv4 address"))?;
    Ok(Client {
        address,
        host: host.to_owned(),
    })
}
