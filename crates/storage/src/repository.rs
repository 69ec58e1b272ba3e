//! The repository traits.

mod logins;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use claimsmith_model::{
    Action, ActionId, ActionVersion, Binding, Client, ClientGrant, ClientGrantId, ClientId,
    Connection, JsonObject, KeyId, Membership, OpaqueToken, Organization, OrganizationId,
    ResourceServer, ResourceServerId, Role, RoleId, StoredKey, Tenant, TenantId, Timestamp,
    Trigger, TriggerBindings, User, UserId, VersionId,
};

use tokio::sync::mpsc;

use crate::{Page, StorageError, StorageFigures, kv::TenantFork};

pub use logins::{
    CodeRepository, ConsentRepository, ConsentSearch, GivenTokens, RefreshExchange,
    RefreshExchanged, RefreshTokenRepository, SessionRepository, SessionUse,
};

type Result<T> = std::result::Result<T, StorageError>;

/// A server's data: its tenants, and a handle to each one's.
#[async_trait]
pub trait Storage: Send + Sync + Debug {
    /// All tenants, in the order of their names.
    async fn tenants(&self) -> Result<Vec<Tenant>>;

    /// Stores a new tenant.
    ///
    /// # Errors
    /// `Conflict` when the name, or one of the domains, is taken.
    async fn create_tenant(&self, tenant: &Tenant) -> Result<()>;

    /// Replaces a tenant that has not changed since `before` was read.
    ///
    /// # Errors
    /// `NotFound`, `Changed`, or `Conflict` when one of the domains is taken.
    async fn update_tenant(&self, before: &Tenant, after: &Tenant) -> Result<()>;

    /// Deletes a tenant and everything of it.
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete_tenant(&self, id: &TenantId) -> Result<()>;

    /// The handle to one tenant's data. Of a tenant that doesn't exist it is empty.
    fn tenant(&self, id: &TenantId) -> Arc<dyn TenantStorage>;

    /// Copies a tenant into memory, to change the copy as one likes. It is one moment's.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when the tenant has more than a few thousand entries.
    async fn fork_tenant(&self, id: &TenantId) -> Result<TenantFork>;

    /// Makes a tenant what its fork has become, all or nothing.
    ///
    /// # Errors
    /// `NotFound`, or `Changed` when anything of the tenant isn't what it was when it was
    /// forked.
    async fn merge_tenant(&self, fork: &TenantFork) -> Result<()>;

    /// Sends a [backup](crate::backup) of everything piece by piece, as it is at one moment
    /// before its end. Others read and write meanwhile.
    ///
    /// # Errors
    /// `Conflict` when another one is being made; `Backend`, also when nobody takes it.
    /// Then it has no end.
    async fn back_up(&self, began_at: Timestamp, to: mpsc::Sender<Vec<u8>>) -> Result<()>;

    /// What the store does and bears just now. Never waits for a write.
    fn figures(&self) -> StorageFigures;
}

/// The handle to one tenant's data. Every write answers `NotFound` when the tenant
/// doesn't exist (any more).
pub trait TenantStorage:
    KeyRepository
    + ClientRepository
    + ResourceServerRepository
    + ClientGrantRepository
    + ConnectionRepository
    + UserRepository
    + RoleRepository
    + OrganizationRepository
    + ActionRepository
    + BindingRepository
    + TokenRepository
    + SessionRepository
    + CodeRepository
    + RefreshTokenRepository
    + ConsentRepository
    + StampRepository
{
}

/// The stamp that tells caches whether they are still right.
#[async_trait]
pub trait StampRepository: Send + Sync + Debug {
    /// A number that is another after every change of what token requests depend
    /// on: the tenant and its settings, signing keys, clients, resource servers,
    /// client grants, connections, roles, organizations (not their members),
    /// Actions and bindings. Users, memberships, tokens, sessions and consent don't
    /// count.
    ///
    /// A cache reads the stamp first and then what it keeps; it holds as long as
    /// the stamp does. A tenant that doesn't exist has the stamp 0.
    async fn configuration_stamp(&self) -> Result<u64>;
}

/// Signing keys.
#[async_trait]
pub trait KeyRepository: Send + Sync + Debug {
    /// All signing keys, oldest first.
    async fn signing_keys(&self) -> Result<Vec<StoredKey>>;

    /// Stores a first key of its algorithm. When there is a current key of that
    /// algorithm already (two requests raced), answers that one and stores nothing.
    async fn current_signing_key_or_insert(&self, key: &StoredKey) -> Result<StoredKey>;

    /// Stores a key that is to sign after the current one of its algorithm, unless
    /// there is such a key already. Answers all keys.
    async fn next_signing_key_or_insert(&self, key: &StoredKey) -> Result<Vec<StoredKey>>;

    /// Notes that a key signs tokens that live so long, in seconds; a shorter lifetime
    /// than is noted changes nothing. Answers all keys.
    ///
    /// # Errors
    /// `NotFound`.
    async fn raise_token_lifetime(&self, id: &KeyId, lifetime_s: u32) -> Result<Vec<StoredKey>>;

    /// Rotates the keys of the algorithms of `fresh`, all or none: the current one
    /// becomes a previous one, the next one signs, and the fresh one is the next.
    /// Where there is no next one, the fresh one signs. Answers all keys.
    async fn rotate_signing_keys(
        &self,
        fresh: &[StoredKey],
        now: Timestamp,
    ) -> Result<Vec<StoredKey>>;

    /// Revokes a key; its private half is stored no more. A current key's place takes
    /// the next one, and a next key's place `fresh`, as at a rotation. A key that is
    /// revoked already stays as it is. Of those that are revoked, the newest ten of an
    /// algorithm are kept. Answers all keys.
    ///
    /// # Errors
    /// `NotFound`; `Changed` when a current or next key is revoked and there is no
    /// fresh one of its algorithm.
    async fn revoke_signing_key(
        &self,
        id: &KeyId,
        fresh: Option<&StoredKey>,
        now: Timestamp,
    ) -> Result<Vec<StoredKey>>;

    /// Deletes keys that are [over](StoredKey::is_over). Answers those that are left.
    async fn remove_signing_keys_that_are_over(&self, now: Timestamp) -> Result<Vec<StoredKey>>;
}

/// OAuth clients.
#[async_trait]
pub trait ClientRepository: Send + Sync + Debug {
    /// One client.
    async fn client(&self, id: &ClientId) -> Result<Option<Client>>;

    /// Clients in the order of their `client_id`, and how many there are.
    async fn clients(&self, page: Page) -> Result<(Vec<Client>, usize)>;

    /// Stores a new client.
    ///
    /// # Errors
    /// `Conflict` when the `client_id` is taken.
    async fn create_client(&self, client: &Client) -> Result<()>;

    /// Replaces a client that has not changed since `before` was read.
    ///
    /// # Errors
    /// `NotFound`, `Changed`.
    async fn update_client(&self, before: &Client, after: &Client) -> Result<()>;

    /// Whether any client has that origin among its [own](Client::origins).
    async fn is_origin_of_a_client(&self, origin: &str) -> Result<bool>;

    /// Deletes a client with its client grants, refresh grants and what users allowed
    /// it; one that isn't there is no error.
    async fn delete_client(&self, id: &ClientId) -> Result<()>;
}

/// Resource servers (APIs).
#[async_trait]
pub trait ResourceServerRepository: Send + Sync + Debug {
    /// One resource server, by its internal identifier.
    async fn resource_server(&self, id: &ResourceServerId) -> Result<Option<ResourceServer>>;

    /// One resource server, by the audience that it is.
    async fn resource_server_by_identifier(
        &self,
        identifier: &str,
    ) -> Result<Option<ResourceServer>>;

    /// Resource servers in the order of their identifiers (audiences), and how many there are.
    async fn resource_servers(&self, page: Page) -> Result<(Vec<ResourceServer>, usize)>;

    /// Stores a new resource server.
    ///
    /// # Errors
    /// `Conflict` when the id or the identifier is taken.
    async fn create_resource_server(&self, resource_server: &ResourceServer) -> Result<()>;

    /// Replaces a resource server that has not changed since `before` was read;
    /// its identifier never changes.
    ///
    /// # Errors
    /// `NotFound`, `Changed`.
    async fn update_resource_server(
        &self,
        before: &ResourceServer,
        after: &ResourceServer,
    ) -> Result<()>;

    /// Deletes a resource server and the client grants for it; one that isn't
    /// there is no error.
    async fn delete_resource_server(&self, id: &ResourceServerId) -> Result<()>;
}

/// Client grants.
#[async_trait]
pub trait ClientGrantRepository: Send + Sync + Debug {
    /// The grant of a client for an API, if there is one.
    async fn client_grant(&self, client: &ClientId, audience: &str) -> Result<Option<ClientGrant>>;

    /// One grant, by its identifier.
    async fn client_grant_by_id(&self, id: &ClientGrantId) -> Result<Option<ClientGrant>>;

    /// All grants in the order of their identifiers; of one client, or for one
    /// audience, when given; and how many there are.
    async fn client_grants(
        &self,
        client: Option<&ClientId>,
        audience: Option<&str>,
        page: Page,
    ) -> Result<(Vec<ClientGrant>, usize)>;

    /// Stores a new grant.
    ///
    /// # Errors
    /// `Conflict` when the client has one for that audience; `NotFound` when the
    /// client or the resource server doesn't exist.
    async fn create_client_grant(&self, grant: &ClientGrant) -> Result<()>;

    /// Replaces a grant that has not changed since `before` was read; client and
    /// audience never change.
    ///
    /// # Errors
    /// `NotFound`, `Changed`.
    async fn update_client_grant(&self, before: &ClientGrant, after: &ClientGrant) -> Result<()>;

    /// Deletes a grant; one that isn't there is no error.
    async fn delete_client_grant(&self, id: &ClientGrantId) -> Result<()>;
}

/// Connections (sources of users).
#[async_trait]
pub trait ConnectionRepository: Send + Sync + Debug {
    /// All connections in the order of their names. A tenant has few.
    async fn connections(&self) -> Result<Vec<Connection>>;

    /// One connection, by its name.
    async fn connection_by_name(&self, name: &str) -> Result<Option<Connection>>;

    /// Stores a new connection. One whose name another had before begins without users.
    ///
    /// # Errors
    /// `Conflict` when the name is taken; `NotFound` of a script's module.
    async fn create_connection(&self, connection: &Connection) -> Result<()>;

    /// Replaces a connection that has not changed since `before` was read, together with
    /// the bytes of a script's module when they are new; its id and name never change.
    ///
    /// # Errors
    /// `NotFound` (also of a module), `Changed`.
    async fn update_connection(
        &self,
        before: &Connection,
        after: &Connection,
        module: Option<&[u8]>,
    ) -> Result<()>;

    /// Deletes a connection with its users, and the modules that nothing else uses. From
    /// the first moment on nobody can be created in it. One that isn't there is no error.
    async fn delete_connection(&self, name: &str) -> Result<()>;
}

/// End users.
#[async_trait]
pub trait UserRepository: Send + Sync + Debug {
    /// One user.
    async fn user(&self, id: &UserId) -> Result<Option<User>>;

    /// The user of a connection with that email address or user name, compared
    /// without regard to case.
    async fn user_by_login(&self, connection: &str, login: &str) -> Result<Option<User>>;

    /// Users in the order of their `user_id`, and how many there are.
    async fn users(&self, page: Page) -> Result<(Vec<User>, usize)>;

    /// Stores a new user.
    ///
    /// # Errors
    /// `Conflict` when the `user_id` is taken, or the email address or user name
    /// in that connection; `NotFound` when the connection was deleted.
    async fn create_user(&self, user: &User) -> Result<()>;

    /// Replaces a user who has not changed since `before` was read.
    ///
    /// When `after` says that the logins were ended once more, all sessions of the user
    /// end in the same change, and all refresh grants are revoked.
    ///
    /// # Errors
    /// `NotFound`, `Changed`, or `Conflict` when the new email address or user
    /// name is taken.
    async fn update_user(&self, before: &User, after: &User) -> Result<()>;

    /// Merges root-level keys into the user's metadata, `null` removing a key,
    /// without touching the rest, whatever else changes the user meanwhile.
    ///
    /// # Errors
    /// `NotFound`.
    async fn merge_user_metadata(
        &self,
        id: &UserId,
        app_metadata: &JsonObject,
        user_metadata: &JsonObject,
        now: Timestamp,
    ) -> Result<()>;

    /// Counts a login and notes when and from where it came; merges metadata in
    /// the same write, so that a login writes the user once.
    ///
    /// Answers whether it did: not when the user is gone or blocked, or the user's logins
    /// were not ended just `logins_ended` times.
    async fn record_login(
        &self,
        id: &UserId,
        logins_ended: u32,
        app_metadata: &JsonObject,
        user_metadata: &JsonObject,
        ip: &str,
        now: Timestamp,
    ) -> Result<bool>;

    /// Deletes a user with memberships, sessions, refresh grants, consent and what
    /// `/userinfo` keeps; one who isn't there is no error.
    async fn delete_user(&self, id: &UserId) -> Result<()>;
}

/// Roles.
#[async_trait]
pub trait RoleRepository: Send + Sync + Debug {
    /// One role.
    async fn role(&self, id: &RoleId) -> Result<Option<Role>>;

    /// Roles in the order of their identifiers, and how many there are.
    async fn roles(&self, page: Page) -> Result<(Vec<Role>, usize)>;

    /// Stores a new role.
    ///
    /// # Errors
    /// `Conflict` when the id or the name is taken.
    async fn create_role(&self, role: &Role) -> Result<()>;

    /// Replaces a role that has not changed since `before` was read.
    ///
    /// # Errors
    /// `NotFound`, `Changed`, or `Conflict` when the new name is taken.
    async fn update_role(&self, before: &Role, after: &Role) -> Result<()>;

    /// Deletes a role; users and members keep its identifier, which then means
    /// nothing. One that isn't there is no error.
    async fn delete_role(&self, id: &RoleId) -> Result<()>;
}

/// Organizations and their members.
#[async_trait]
pub trait OrganizationRepository: Send + Sync + Debug {
    /// One organization.
    async fn organization(&self, id: &OrganizationId) -> Result<Option<Organization>>;

    /// One organization, by its name.
    async fn organization_by_name(&self, name: &str) -> Result<Option<Organization>>;

    /// Organizations in the order of their identifiers, and how many there are.
    async fn organizations(&self, page: Page) -> Result<(Vec<Organization>, usize)>;

    /// Stores a new organization.
    ///
    /// # Errors
    /// `Conflict` when the id or the name is taken.
    async fn create_organization(&self, organization: &Organization) -> Result<()>;

    /// Replaces an organization that has not changed since `before` was read.
    ///
    /// # Errors
    /// `NotFound`, `Changed`, or `Conflict` when the new name is taken.
    async fn update_organization(&self, before: &Organization, after: &Organization) -> Result<()>;

    /// Deletes an organization and its memberships; one that isn't there is no error.
    async fn delete_organization(&self, id: &OrganizationId) -> Result<()>;

    /// One user's membership in an organization.
    async fn membership(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<Membership>>;

    /// The memberships of an organization in the order of user ids, and how many there are.
    async fn memberships(
        &self,
        organization: &OrganizationId,
        page: Page,
    ) -> Result<(Vec<Membership>, usize)>;

    /// The organizations that a user is a member of, in the order of their identifiers.
    async fn organizations_of(&self, user: &UserId) -> Result<Vec<OrganizationId>>;

    /// Stores or replaces memberships, all or none.
    ///
    /// # Errors
    /// `NotFound` when the organization, or one of the users, doesn't exist.
    async fn put_memberships(&self, memberships: &[Membership]) -> Result<()>;

    /// Makes a user a member who isn't one; who is one stays as they are.
    ///
    /// # Errors
    /// `NotFound` when the organization or the user isn't there.
    async fn join_organization(&self, membership: &Membership) -> Result<()>;

    /// Ends memberships; those that aren't there are no error.
    async fn remove_memberships(
        &self,
        organization: &OrganizationId,
        users: &[UserId],
    ) -> Result<()>;
}

/// Actions, their versions and modules.
#[async_trait]
pub trait ActionRepository: Send + Sync + Debug {
    /// One Action.
    async fn action(&self, id: &ActionId) -> Result<Option<Action>>;

    /// All Actions, oldest first. A tenant has at most some hundreds.
    async fn actions(&self) -> Result<Vec<Action>>;

    /// Stores a new Action, together with the bytes of its draft's module when they are
    /// new.
    ///
    /// # Errors
    /// `Conflict` when the id or the name is taken, `NotFound` of a module that came
    /// without bytes.
    async fn create_action(&self, action: &Action, module: Option<&[u8]>) -> Result<()>;

    /// Replaces an Action that has not changed since `before` was read, together
    /// with the bytes of its draft's module when they are new.
    ///
    /// # Errors
    /// `NotFound`, `Changed`, or `Conflict` when the new name is taken.
    async fn update_action(
        &self,
        before: &Action,
        after: &Action,
        module: Option<&[u8]>,
    ) -> Result<()>;

    /// Stores a new version and makes the Action point at it, in one step. The name
    /// stays as it is; the draft stays, too, or becomes what the version is. The
    /// version's module is one that was uploaded. When the Action has more than
    /// `versions_max` versions then, the oldest go, with modules that nothing else has.
    ///
    /// # Errors
    /// `NotFound` (also of the module), `Changed`, or `Conflict` when the version's id is taken.
    async fn deploy_action(
        &self,
        before: &Action,
        after: &Action,
        version: &ActionVersion,
        versions_max: usize,
    ) -> Result<()>;

    /// Deletes an Action with its versions, modules that no other version has, and
    /// its bindings. One that isn't there is no error.
    ///
    /// # Errors
    /// `Conflict` when it is bound and `detach` is false.
    async fn delete_action(&self, id: &ActionId, detach: bool) -> Result<()>;

    /// One version.
    async fn action_version(&self, id: &VersionId) -> Result<Option<ActionVersion>>;

    /// All versions of an Action, newest first.
    async fn action_versions(&self, id: &ActionId) -> Result<Vec<ActionVersion>>;

    /// The bytes of an uploaded module, by their SHA-256 in lower-case hexadecimal.
    async fn module(&self, sha256: &str) -> Result<Option<Vec<u8>>>;
}

/// The order of Actions per trigger.
#[async_trait]
pub trait BindingRepository: Send + Sync + Debug {
    /// The bindings of a trigger.
    async fn bindings(&self, trigger: Trigger) -> Result<TriggerBindings>;

    /// Replaces the bindings of a trigger as a whole. Answers them with their new
    /// revision.
    ///
    /// # Errors
    /// `Changed` when `if_match` is given and isn't the present revision;
    /// `NotFound` when a bound Action doesn't exist or has no deployed version.
    async fn replace_bindings(
        &self,
        trigger: Trigger,
        bindings: &[Binding],
        if_match: Option<u64>,
    ) -> Result<TriggerBindings>;
}

/// Opaque access tokens, and what `/userinfo` shows.
#[async_trait]
pub trait TokenRepository: Send + Sync + Debug {
    /// The opaque token with this SHA-256; also when it has expired.
    async fn opaque_token(&self, sha256: &[u8; 32]) -> Result<Option<OpaqueToken>>;

    /// Deletes an opaque token; one that isn't there is no error.
    async fn remove_opaque_token(&self, sha256: &[u8; 32]) -> Result<()>;

    /// Deletes what ended before `now` of opaque tokens, codes, refresh grants,
    /// sessions and texts used once, and files anew what was put off; at most `limit` of
    /// both, the oldest first. Answers how many.
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize>;

    /// Notes that a text of that purpose was used, until `end`. Answers whether it had
    /// not been noted before: a `jti` is good once (RFC 7523 section 3).
    async fn use_once(&self, purpose: &'static str, text: &str, end: Timestamp) -> Result<bool>;

    /// The custom ID token claims of a user at a client, as of the last login.
    async fn userinfo_claims(&self, user: &UserId, client: &ClientId) -> Result<JsonObject>;

    /// Keeps them. Writes nothing when they are what is kept already.
    ///
    /// # Errors
    /// `NotFound` when the user doesn't exist.
    async fn put_userinfo_claims(
        &self,
        user: &UserId,
        client: &ClientId,
        claims: &JsonObject,
    ) -> Result<()>;
}
