//! A tenant to be measured, furnished over the APIs.

use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    server::{Server, bootstrap},
    wrk::{Target, TokenRequest},
};
use crate::{
    demo::api::{encoded, text},
    soak::client::{Client, Content},
};

/// The API that tokens are for.
pub(crate) const AUDIENCE: &str = "https://api.example.com/";

/// The claim that the measured Action sets, and the peers' hooks.
pub(crate) const CLAIM: &str = "https://example.com/department";

/// Its value.
pub(crate) const VALUE: &str = "job of finance";

const TRIGGER: &str = "credentials-exchange";

/// The operator's API of a server.
pub(crate) struct Platform {
    client: Client,
    token: String,
}

/// A tenant with an API and a client that may get tokens for it.
pub(crate) struct Tenant {
    pub(crate) client: Client,
    management_token: String,
    job: TokenRequest,
}

/// A deployed Action's identifier.
pub(crate) struct ActionId(String);

impl Platform {
    /// The platform API of the server that runs on that data.
    pub(crate) fn of(server: &Server, data: &Path) -> Result<Self> {
        Ok(Self {
            client: Client {
                address: server.address,
                host: "localhost".to_owned(),
            },
            token: text(&bootstrap(data)?, "/platform_token")?.to_owned(),
        })
    }

    /// Creates a tenant whose API's tokens are signed with that algorithm.
    pub(crate) fn tenant(&self, name: &str, algorithm: &str) -> Result<Tenant> {
        let host = format!("{name}.bench.example.com");
        let body = json!({"id": name, "public_url": format!("http://{host}/")});
        let content = Content::Json(&body);
        let path = "/platform/v1/tenants";
        let created = self
            .client
            .expect(201, "POST", path, Some(&self.token), &content)?;
        let client = Client {
            address: self.client.address,
            host,
        };
        Tenant::furnish(client, &created, algorithm)
    }
}

impl Tenant {
    fn furnish(client: Client, created: &Value, algorithm: &str) -> Result<Self> {
        let management = |name: &str| text(created, &format!("/management/{name}"));
        let admin = request(
            &client.host,
            management("client_id")?,
            management("client_secret")?,
            management("audience")?,
        );
        let mut tenant = Self {
            management_token: token(&client, &admin)?,
            client,
            job: admin,
        };
        let api = json!({
            "identifier": AUDIENCE, "signing_alg": algorithm,
            "scopes": [{"value": "read:reports"}],
        });
        tenant.manage(201, "POST", "resource-servers", Some(&api))?;
        let job = json!({
            "name": "job", "grant_types": ["client_credentials"],
            "client_metadata": {"department": "finance"},
        });
        let job = tenant.manage(201, "POST", "clients", Some(&job))?;
        let id = text(&job, "/client_id")?;
        let grant = json!({"client_id": id, "audience": AUDIENCE, "scope": ["read:reports"]});
        tenant.manage(201, "POST", "client-grants", Some(&grant))?;
        tenant.job = request(
            &tenant.client.host,
            id,
            text(&job, "/client_secret")?,
            AUDIENCE,
        );
        Ok(tenant)
    }

    /// Creates an Action, with a secret if there is one: its name and value.
    pub(crate) fn create_action(
        &self,
        name: &str,
        secret: Option<(&str, &str)>,
    ) -> Result<ActionId> {
        let secrets: Vec<_> = secret
            .into_iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        let body = json!({
            "name": name, "runtime": "wasm", "secrets": secrets,
            "supported_triggers": [{"id": TRIGGER}],
        });
        let created = self.manage(201, "POST", "actions/actions", Some(&body))?;
        Ok(ActionId(text(&created, "/id")?.to_owned()))
    }

    /// Uploads an Action's module and deploys it.
    pub(crate) fn deploy(&self, action: &ActionId, module: &[u8]) -> Result<()> {
        let path = format!("actions/actions/{}", encoded(&action.0));
        self.client.expect(
            200,
            "PUT",
            &format!("/api/v2/{path}/module"),
            Some(&self.management_token),
            &Content::Module(module),
        )?;
        self.manage(200, "POST", &format!("{path}/deploy"), None)?;
        Ok(())
    }

    /// Binds these Actions, in this order, and no others.
    pub(crate) fn bind(&self, actions: &[&ActionId]) -> Result<()> {
        let bindings: Vec<_> = actions
            .iter()
            .map(|action| json!({"ref": {"type": "action_id", "value": action.0}}))
            .collect();
        let path = format!("actions/triggers/{TRIGGER}/bindings");
        self.manage(200, "PATCH", &path, Some(&json!({"bindings": bindings})))?;
        Ok(())
    }

    /// Creates an Action, deploys it, and binds it alone.
    pub(crate) fn run_action(&self, module: &[u8], secret: Option<(&str, &str)>) -> Result<()> {
        let action = self.create_action("measured", secret)?;
        self.deploy(&action, module)?;
        self.bind(&[&action])
    }

    /// Gets a token, and answers its claim [`CLAIM`].
    pub(crate) fn claim(&self) -> Result<Option<String>> {
        claim(&token(&self.client, &self.job)?)
    }

    /// Fails unless a token has the claim, with the value that the measured Action makes.
    pub(crate) fn has_claim(&self) -> Result<()> {
        match self.claim()? {
            Some(value) if value == VALUE => Ok(()),
            other => bail!("a token's {CLAIM} is {other:?}, not {VALUE}"),
        }
    }

    /// The token request of the tenant's client, as a form.
    pub(crate) fn job_form(&self) -> String {
        let fields = self.job.form.iter();
        let pairs = fields.map(|(name, value)| format!("{name}={}", encoded(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The tenant's client, for a load.
    pub(crate) fn target(&self) -> Target {
        Target {
            address: self.client.address,
            path: "/oauth/token",
            requests: vec![self.job.clone()],
        }
    }

    /// Asks the Management API: `path` follows `/api/v2/`.
    pub(crate) fn manage(
        &self,
        status: u16,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let content = body.map_or(Content::Nothing, Content::Json);
        let path = format!("/api/v2/{path}");
        let token = Some(self.management_token.as_str());
        self.client.expect(status, method, &path, token, &content)
    }
}

/// Where the address of a load gets its tokens, one request after another: fails at the
/// first that gets none, or one without the measured claim.
pub(crate) fn ask_each(target: &Target) -> Result<()> {
    for request in &target.requests {
        let client = Client {
            address: target.address,
            host: request.host.clone(),
        };
        let answer = answer(&client, target.path, request)?;
        match claim(text(&answer, "/access_token")?)? {
            Some(value) if value == VALUE => {}
            other => bail!("a token of {} has {CLAIM} {other:?}", request.host),
        }
    }
    Ok(())
}

/// A client credentials request to a Claimsmith.
pub(crate) fn request(host: &str, id: &str, secret: &str, audience: &str) -> TokenRequest {
    TokenRequest {
        host: host.to_owned(),
        form: vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", id.to_owned()),
            ("client_secret", secret.to_owned()),
            ("audience", audience.to_owned()),
        ],
    }
}

fn token(client: &Client, request: &TokenRequest) -> Result<String> {
    let answer = answer(client, "/oauth/token", request)?;
    Ok(text(&answer, "/access_token")?.to_owned())
}

fn answer(client: &Client, path: &str, request: &TokenRequest) -> Result<Value> {
    let fields = request.form.iter();
    let form: Vec<_> = fields
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    client.expect(200, "POST", path, None, &Content::Form(&form))
}

/// A token's measured claim. Signatures are for the tests to verify.
fn claim(token: &str) -> Result<Option<String>> {
    let payload = token.split('.').nth(1).context("a token has no payload")?;
    let payload = URL_SAFE_NO_PAD
        .decode(payload)
        .context("a token's payload is no Base64")?;
    let claims: Value = serde_json::from_slice(&payload).context("a token's payload is no JSON")?;
    Ok(claims.get(CLAIM).and_then(Value::as_str).map(str::to_owned))
}
