//! Where everything is kept: the layout of the keys.
//!
//! ```text
//! meta \0 canary                      proves the master key
//! tenant \0 TENANT                    a tenant
//! domain \0 hidden(DOMAIN)            whose domain it is
//! deleting \0 TENANT                  a tenant whose data is being deleted
//! data \0 TENANT \0 KIND \0 …         everything of a tenant, as the functions below say
//! ```
//!
//! Parts are divided by `\0`, which no identifier holds. Texts of other kinds (email
//! addresses, names, audiences) are hidden, which also bounds their length.

use claimsmith_model::{
    ActionId, ClientGrantId, ClientId, ConnectionId, DatabaseScript, KeyId, OrganizationId,
    RefreshGrantId, ResourceServerId, RoleId, SessionId, TenantId, Timestamp, Trigger, UserId,
    VersionId,
};

use super::endings::Ending;
use crate::{Sealer, page::sortable, seal::hex};

/// How many hexadecimal digits a consent's identifier has: as many as the reference
/// product's.
const CONSENT_ID_CHARS: usize = 24;

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(Vec<u8>);

impl Key {
    fn of(parts: &[&str]) -> Self {
        Self(parts.join("\0").into_bytes())
    }

    pub(super) fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key in another kind that the last part of this one names.
    fn prefix(&self) -> Prefix {
        let mut bytes = self.0.clone();
        bytes.push(0);
        Prefix(bytes)
    }
}

/// What several keys begin with; ends in `\0`, so that no identifier that begins
/// like another is met by mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(Vec<u8>);

impl Prefix {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key with this prefix that ends in `place`; with the empty text what is less
    /// than all of them.
    pub(super) fn at(&self, place: &str) -> Key {
        Key([self.as_bytes(), place.as_bytes()].concat())
    }
}

/// The keys outside the tenants' data.
pub(super) mod global {
    use super::{Key, Prefix, Sealer, TenantId};

    /// A known value that proves the master key.
    pub(in crate::kv) fn canary() -> Key {
        Key::of(&["meta", "canary"])
    }

    pub(in crate::kv) fn tenant(id: &TenantId) -> Key {
        Key::of(&["tenant", id.as_str()])
    }

    pub(in crate::kv) fn tenants() -> Prefix {
        Key::of(&["tenant"]).prefix()
    }

    /// → the tenant's id.
    pub(in crate::kv) fn domain(sealer: &Sealer, domain: &str) -> Key {
        Key::of(&["domain", &sealer.hide(&["domain", &domain.to_lowercase()])])
    }

    /// Is there while a deleted tenant's data is being removed.
    pub(in crate::kv) fn deleting(id: &TenantId) -> Key {
        Key::of(&["deleting", id.as_str()])
    }

    pub(in crate::kv) fn all_deleting() -> Prefix {
        Key::of(&["deleting"]).prefix()
    }

    /// Everything of one tenant.
    pub(in crate::kv) fn data(id: &TenantId) -> Prefix {
        Key::of(&["data", id.as_str()]).prefix()
    }
}

/// The keys of one tenant's data.
#[derive(Debug, Clone)]
pub(super) struct TenantKeys {
    tenant: TenantId,
    sealer: Sealer,
}

impl TenantKeys {
    pub(super) fn new(tenant: TenantId, sealer: Sealer) -> Self {
        Self { tenant, sealer }
    }

    pub(super) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn key(&self, parts: &[&str]) -> Key {
        let mut all = vec!["data", self.tenant.as_str()];
        all.extend_from_slice(parts);
        Key::of(&all)
    }

    fn prefix(&self, parts: &[&str]) -> Prefix {
        self.key(parts).prefix()
    }

    /// → a number that changes with the tenant's configuration.
    pub(super) fn stamp(&self) -> Key {
        self.key(&["stamp"])
    }

    pub(super) fn signing_key(&self, id: &KeyId) -> Key {
        self.key(&["signing-key", id.as_str()])
    }

    pub(super) fn signing_keys(&self) -> Prefix {
        self.prefix(&["signing-key"])
    }

    pub(super) fn client(&self, id: &ClientId) -> Key {
        self.key(&["client", id.as_str()])
    }

    pub(super) fn clients(&self) -> Prefix {
        self.prefix(&["client"])
    }

    /// Is there for each origin of a client.
    pub(super) fn client_origin(&self, origin: &str, client: &ClientId) -> Key {
        let origin = self.sealer.hide(&["origin", origin]);
        self.key(&["client-origin", &origin, client.as_str()])
    }

    pub(super) fn clients_of_origin(&self, origin: &str) -> Prefix {
        self.prefix(&["client-origin", &self.sealer.hide(&["origin", origin])])
    }

    pub(super) fn resource_server(&self, id: &ResourceServerId) -> Key {
        self.key(&["api", id.as_str()])
    }

    pub(super) fn resource_servers(&self) -> Prefix {
        self.prefix(&["api"])
    }

    /// → the resource server's id.
    pub(super) fn identifier(&self, identifier: &str) -> Key {
        self.key(&[
            "api-identifier",
            &self.sealer.hide(&["identifier", identifier]),
        ])
    }

    pub(super) fn client_grant(&self, id: &ClientGrantId) -> Key {
        self.key(&["grant", id.as_str()])
    }

    pub(super) fn client_grants(&self) -> Prefix {
        self.prefix(&["grant"])
    }

    /// → the grant's id.
    pub(super) fn grant_of(&self, client: &ClientId, audience: &str) -> Key {
        let audience = self.sealer.hide(&["identifier", audience]);
        self.key(&["grant-of", client.as_str(), &audience])
    }

    pub(super) fn grants_of(&self, client: &ClientId) -> Prefix {
        self.prefix(&["grant-of", client.as_str()])
    }

    /// → the grant's id.
    pub(super) fn grant_for(&self, audience: &str, client: &ClientId) -> Key {
        let audience = self.sealer.hide(&["identifier", audience]);
        self.key(&["grant-for", &audience, client.as_str()])
    }

    pub(super) fn grants_for(&self, audience: &str) -> Prefix {
        self.prefix(&["grant-for", &self.sealer.hide(&["identifier", audience])])
    }

    pub(super) fn connection(&self, name: &str) -> Key {
        self.key(&["connection", &self.sealer.hide(&["connection", name])])
    }

    pub(super) fn connections(&self) -> Prefix {
        self.prefix(&["connection"])
    }

    /// Is there while the users of a deleted connection are being removed. → its name.
    pub(super) fn deleting_connection(&self, name: &str) -> Key {
        let name = self.sealer.hide(&["connection", name]);
        self.key(&["connection-deleting", &name])
    }

    pub(super) fn deleting_connections(&self) -> Prefix {
        self.prefix(&["connection-deleting"])
    }

    /// Is there once a connection was deleted, until there is another of its name.
    pub(super) fn deleted_connection(&self, name: &str) -> Key {
        let name = self.sealer.hide(&["connection", name]);
        self.key(&["connection-deleted", &name])
    }

    pub(super) fn user(&self, id: &UserId) -> Key {
        self.key(&["user", id.as_str()])
    }

    pub(super) fn users(&self) -> Prefix {
        self.prefix(&["user"])
    }

    /// Email addresses and user names of a connection share one space, because a
    /// login form takes either. → the user's id.
    pub(super) fn login(&self, connection: &str, login: &str) -> Key {
        let hidden = self
            .sealer
            .hide(&["login", connection, &login.to_lowercase()]);
        self.key(&["login", &hidden])
    }

    pub(super) fn role(&self, id: &RoleId) -> Key {
        self.key(&["role", id.as_str()])
    }

    pub(super) fn roles(&self) -> Prefix {
        self.prefix(&["role"])
    }

    /// → the role's id.
    pub(super) fn role_name(&self, name: &str) -> Key {
        self.key(&["role-name", &self.sealer.hide(&["role", name])])
    }

    pub(super) fn organization(&self, id: &OrganizationId) -> Key {
        self.key(&["organization", id.as_str()])
    }

    pub(super) fn organizations(&self) -> Prefix {
        self.prefix(&["organization"])
    }

    /// → the organization's id.
    pub(super) fn organization_name(&self, name: &str) -> Key {
        self.key(&[
            "organization-name",
            &self.sealer.hide(&["organization", name]),
        ])
    }

    pub(super) fn membership(&self, organization: &OrganizationId, user: &UserId) -> Key {
        self.key(&["member", organization.as_str(), user.as_str()])
    }

    pub(super) fn memberships(&self, organization: &OrganizationId) -> Prefix {
        self.prefix(&["member", organization.as_str()])
    }

    /// The same memberships from the user's side. → the organization's id.
    pub(super) fn member_of(&self, user: &UserId, organization: &OrganizationId) -> Key {
        self.key(&["member-of", user.as_str(), organization.as_str()])
    }

    pub(super) fn all_member_of(&self, user: &UserId) -> Prefix {
        self.prefix(&["member-of", user.as_str()])
    }

    pub(super) fn action(&self, id: &ActionId) -> Key {
        self.key(&["action", id.as_str()])
    }

    pub(super) fn actions(&self) -> Prefix {
        self.prefix(&["action"])
    }

    /// → the Action's id.
    pub(super) fn action_name(&self, name: &str) -> Key {
        self.key(&["action-name", &self.sealer.hide(&["action", name])])
    }

    pub(super) fn version(&self, id: &VersionId) -> Key {
        self.key(&["version", id.as_str()])
    }

    /// Versions of an Action in the order of their numbers. → the version's id.
    pub(super) fn version_of(&self, action: &ActionId, number: u32) -> Key {
        self.key(&["version-of", action.as_str(), &format!("{number:010}")])
    }

    pub(super) fn versions_of(&self, action: &ActionId) -> Prefix {
        self.prefix(&["version-of", action.as_str()])
    }

    /// Is there when the module is. → the name of its blob.
    pub(super) fn module(&self, sha256: &str) -> Key {
        self.key(&["module", &self.sealer.hide(&["module", sha256])])
    }

    pub(super) fn modules(&self) -> Prefix {
        self.prefix(&["module"])
    }

    /// The name of a module's blob: a tenant's own, so that tenants share nothing.
    pub(super) fn module_blob(&self, sha256: &str) -> String {
        self.sealer
            .hide(&["module blob", self.tenant.as_str(), sha256])
    }

    /// Is there for each draft that has the module.
    pub(super) fn module_in_draft(&self, sha256: &str, action: &ActionId) -> Key {
        let module = self.sealer.hide(&["module", sha256]);
        self.key(&["module-use", &module, "draft", action.as_str()])
    }

    /// Is there for each version that has the module.
    pub(super) fn module_in_version(&self, sha256: &str, version: &VersionId) -> Key {
        let module = self.sealer.hide(&["module", sha256]);
        self.key(&["module-use", &module, "version", version.as_str()])
    }

    /// Is there for each script of a connection that has the module.
    pub(super) fn module_in_connection(
        &self,
        sha256: &str,
        connection: &ConnectionId,
        script: DatabaseScript,
    ) -> Key {
        let module = self.sealer.hide(&["module", sha256]);
        let (connection, script) = (connection.as_str(), script.as_str());
        self.key(&["module-use", &module, "connection", connection, script])
    }

    pub(super) fn module_uses(&self, sha256: &str) -> Prefix {
        self.prefix(&["module-use", &self.sealer.hide(&["module", sha256])])
    }

    pub(super) fn bindings(&self, trigger: Trigger) -> Key {
        self.key(&["bindings", trigger.as_str()])
    }

    pub(super) fn opaque_token(&self, sha256: &[u8; 32]) -> Key {
        self.key(&["opaque", &hex(sha256)])
    }

    pub(super) fn session(&self, sha256: &[u8; 32]) -> Key {
        self.key(&["session", &hex(sha256)])
    }

    /// → the SHA-256 of the session's cookie.
    pub(super) fn session_of(&self, user: &UserId, sha256: &[u8; 32]) -> Key {
        self.key(&["session-of", user.as_str(), &hex(sha256)])
    }

    pub(super) fn sessions_of(&self, user: &UserId) -> Prefix {
        self.prefix(&["session-of", user.as_str()])
    }

    /// → the SHA-256 of the session's cookie.
    pub(super) fn session_by_id(&self, id: &SessionId) -> Key {
        self.key(&["session-id", id.as_str()])
    }

    pub(super) fn authorization_code(&self, sha256: &[u8; 32]) -> Key {
        self.key(&["code", &hex(sha256)])
    }

    pub(super) fn refresh_grant(&self, id: &RefreshGrantId) -> Key {
        self.key(&["refresh", id.as_str()])
    }

    /// A user's refresh grants at a client in the order of their beginning. → the
    /// grant's id.
    pub(super) fn refresh_grant_of(
        &self,
        user: &UserId,
        client: &ClientId,
        created_at: Timestamp,
        id: &RefreshGrantId,
    ) -> Key {
        let created_at = sortable(created_at);
        self.key(&[
            "refresh-of",
            user.as_str(),
            client.as_str(),
            &created_at,
            id.as_str(),
        ])
    }

    pub(super) fn refresh_grants_of(&self, user: &UserId, client: Option<&ClientId>) -> Prefix {
        match client {
            Some(client) => self.prefix(&["refresh-of", user.as_str(), client.as_str()]),
            None => self.prefix(&["refresh-of", user.as_str()]),
        }
    }

    /// The same grants from the client's side. → the grant's id.
    pub(super) fn refresh_grant_at(&self, client: &ClientId, id: &RefreshGrantId) -> Key {
        self.key(&["refresh-at", client.as_str(), id.as_str()])
    }

    pub(super) fn refresh_grants_at(&self, client: &ClientId) -> Prefix {
        self.prefix(&["refresh-at", client.as_str()])
    }

    pub(super) fn consent(&self, user: &UserId, client: &ClientId, audience: Option<&str>) -> Key {
        let audience = audience.unwrap_or_default();
        let audience = self.sealer.hide(&["identifier", audience]);
        self.key(&["consent", user.as_str(), client.as_str(), &audience])
    }

    pub(super) fn consents(&self) -> Prefix {
        self.prefix(&["consent"])
    }

    /// What admins know a consent by: always the same for the same user, client and API.
    pub(super) fn consent_id(
        &self,
        user: &UserId,
        client: &ClientId,
        audience: Option<&str>,
    ) -> String {
        let audience = audience.unwrap_or_default();
        let parts = ["consent", user.as_str(), client.as_str(), audience];
        let mut id = self.sealer.hide(&parts);
        id.truncate(CONSENT_ID_CHARS);
        id
    }

    /// → user, client and API of the consent.
    pub(super) fn consent_by_id(&self, id: &str) -> Key {
        self.key(&["consent-id", id])
    }

    pub(super) fn consents_of(&self, user: &UserId) -> Prefix {
        self.prefix(&["consent", user.as_str()])
    }

    /// The same consent from the client's side. → nothing, but the key ends as the
    /// consent's does.
    pub(super) fn consent_at(
        &self,
        client: &ClientId,
        user: &UserId,
        audience: Option<&str>,
    ) -> Key {
        let audience = audience.unwrap_or_default();
        let audience = self.sealer.hide(&["identifier", audience]);
        self.key(&["consent-at", client.as_str(), user.as_str(), &audience])
    }

    pub(super) fn consents_at(&self, client: &ClientId) -> Prefix {
        self.prefix(&["consent-at", client.as_str()])
    }

    /// What stands for a text that is good once.
    pub(super) fn hidden_once(&self, purpose: &str, text: &str) -> String {
        self.sealer.hide(&["once", purpose, text])
    }

    pub(super) fn used_once(&self, hidden: &str) -> Key {
        self.key(&["once", hidden])
    }

    /// Things that end, in the order in which they do. → an [`Ending`].
    pub(super) fn end(&self, end: Timestamp, ending: &Ending) -> Key {
        let end = sortable(end);
        match ending {
            Ending::OpaqueToken(sha256) => self.key(&["end", &end, "opaque", &hex(sha256)]),
            Ending::Session(sha256) => self.key(&["end", &end, "session", &hex(sha256)]),
            Ending::AuthorizationCode(sha256) => self.key(&["end", &end, "code", &hex(sha256)]),
            Ending::RefreshGrant(id) => self.key(&["end", &end, "refresh", id.as_str()]),
            Ending::UsedOnce(hidden) => self.key(&["end", &end, "once", hidden]),
        }
    }

    pub(super) fn ends(&self) -> Prefix {
        self.prefix(&["end"])
    }

    /// Whether a key of [`Self::end`] is of something that ended before `now`.
    pub(super) fn ended_before(&self, end: &Key, now: Timestamp) -> bool {
        let limit = self.key(&["end", &sortable(now)]);
        end.as_bytes() < limit.as_bytes()
    }

    pub(super) fn userinfo(&self, user: &UserId, client: &ClientId) -> Key {
        self.key(&["userinfo", user.as_str(), client.as_str()])
    }

    pub(super) fn all_userinfo(&self, user: &UserId) -> Prefix {
        self.prefix(&["userinfo", user.as_str()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MasterKey;

    fn keys(tenant: &str) -> TenantKeys {
        let sealer = Sealer::new(&MasterKey::parse(&"ab".repeat(32)).unwrap());
        TenantKeys::new(tenant.parse().unwrap(), sealer)
    }

    #[test]
    fn no_tenant_sees_anothers_keys_even_when_its_name_begins_alike() {
        let key = keys("acme-2").client(&"c".parse().unwrap());
        assert!(
            key.as_bytes()
                .starts_with(global::data(keys("acme-2").tenant()).as_bytes())
        );
        assert!(
            !key.as_bytes()
                .starts_with(global::data(keys("acme").tenant()).as_bytes())
        );
    }

    #[test]
    fn a_login_does_not_depend_on_case_and_stands_nowhere_in_clear() {
        let key = keys("dev").login("Users", "Ann@Example.com");
        assert_eq!(key, keys("dev").login("Users", "ann@example.COM"));
        assert_ne!(key, keys("dev").login("users", "ann@example.com"));
        assert!(!String::from_utf8_lossy(key.as_bytes()).contains("ann"));
    }

    #[test]
    fn what_ends_sorts_by_its_end() {
        let keys = keys("dev");
        let token = Ending::OpaqueToken([1; 32]);
        let end = |millis| keys.end(Timestamp::from_millis(millis), &token);
        assert!(end(9).as_bytes() < end(10).as_bytes());
        assert!(end(-5).as_bytes() < end(10).as_bytes());
        assert!(keys.ended_before(&end(9), Timestamp::from_millis(10)));
        assert!(!keys.ended_before(&end(10), Timestamp::from_millis(10)));
    }
}
