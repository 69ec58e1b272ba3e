//! What tests create over the Management API.

use serde_json::{Value, json};

use super::Tenant;

/// Every test user's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// An OAuth client.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// An end user.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
}

impl User {
    /// The identifier as a segment of a path.
    pub(crate) fn in_path(&self) -> String {
        self.id.replace('|', "%7C")
    }
}

/// A client to create.
#[derive(Debug)]
pub(crate) struct NewClient<'t> {
    tenant: &'t Tenant,
    body: Value,
    grants: Vec<(String, Vec<String>)>,
}

impl<'t> NewClient<'t> {
    pub(super) fn new(tenant: &'t Tenant, name: &str) -> Self {
        Self {
            tenant,
            body: json!({"name": name, "client_metadata": {}}),
            grants: Vec::new(),
        }
    }

    pub(crate) fn grant_types(self, grant_types: &[&str]) -> Self {
        self.with("grant_types", json!(grant_types))
    }

    /// Lets it use client credentials for an API.
    pub(crate) fn may_call(mut self, api: &str, scopes: &[&str]) -> Self {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.grants.push((api.to_owned(), scopes));
        self.grant_types(&["client_credentials"])
    }

    pub(crate) fn metadata(mut self, key: &str, value: &str) -> Self {
        self.body["client_metadata"][key] = value.into();
        self
    }

    pub(crate) fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.body[property] = value.into();
        self
    }

    pub(crate) async fn create(self) -> Client {
        let created = self
            .tenant
            .manage("POST", "clients", self.body)
            .await
            .expect(201);
        let text = |name: &str| created[name].as_str().unwrap_or_default().to_owned();
        let client = Client {
            id: text("client_id"),
            secret: text("client_secret"),
        };
        for (audience, scope) in self.grants {
            let body = json!({"client_id": client.id, "audience": audience, "scope": scope});
            self.tenant
                .manage("POST", "client-grants", body)
                .await
                .expect(201);
        }
        client
    }
}

/// A resource server to create.
#[derive(Debug)]
pub(crate) struct NewApi<'t> {
    tenant: &'t Tenant,
    body: Value,
}

impl<'t> NewApi<'t> {
    pub(super) fn new(tenant: &'t Tenant, identifier: &str) -> Self {
        let scopes = json!([{"value": "read:reports"}, {"value": "write:reports"}]);
        let body = json!({"identifier": identifier, "signing_alg": "ES256", "scopes": scopes});
        Self { tenant, body }
    }

    pub(crate) fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.body[property] = value.into();
        self
    }

    /// Answers the API as the Management API shows it.
    pub(crate) async fn create(self) -> Value {
        self.tenant
            .manage("POST", "resource-servers", self.body)
            .await
            .expect(201)
    }
}

/// A user to create, in the tenant's own database and with [`PASSWORD`].
#[derive(Debug)]
pub(crate) struct NewUser<'t> {
    tenant: &'t Tenant,
    body: Value,
    roles: Vec<String>,
}

impl<'t> NewUser<'t> {
    pub(super) fn new(tenant: &'t Tenant, email: &str) -> Self {
        let body = json!({
            "connection": "Username-Password-Authentication", "email": email, "password": PASSWORD,
        });
        Self {
            tenant,
            body,
            roles: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.body[property] = value.into();
        self
    }

    pub(crate) fn role(mut self, id: &str) -> Self {
        self.roles.push(id.to_owned());
        self
    }

    pub(crate) async fn create(self) -> User {
        let email = self.body["email"].as_str().unwrap().to_owned();
        let created = self
            .tenant
            .manage("POST", "users", self.body)
            .await
            .expect(201);
        let user = User {
            id: created["user_id"].as_str().unwrap().to_owned(),
            email,
        };
        if !self.roles.is_empty() {
            let path = format!("users/{}/roles", user.in_path());
            self.tenant
                .manage("POST", &path, json!({"roles": self.roles}))
                .await
                .expect(204);
        }
        user
    }
}
