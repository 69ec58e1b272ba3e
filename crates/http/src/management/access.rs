//! Who may call: the extractor of an authorised admin, and routes that can't be made
//! from a handler without one.

use std::{fmt, marker::PhantomData, ops::Deref};

use axum::{
    Router,
    extract::FromRequestParts,
    handler::Handler,
    response::{IntoResponse, Response},
    routing::{self, MethodRouter},
};
use claimsmith_oauth::BearerToken;
use claimsmith_service::management::{ManagementError, TenantAdmin, authorize};
use http::{Method, Uri, header, request::Parts};

use super::{
    audit::Audit,
    error::ApiError,
    operation::{Answer, Argument, Operation, RequestShape},
    query::{FromQuery, NoQuery, Parameters},
    rate::Counted,
};
use crate::{AppState, platform::Operator, tenant::RequestTenant};

/// A scope of the Management API, as a type, so that a handler names it in its signature.
pub(crate) trait Scope: Send + Sync + 'static {
    const VALUE: &'static str;
}

macro_rules! scopes {
    ($($name:ident = $value:literal;)*) => {
        $(
            pub(crate) struct $name;

            impl Scope for $name {
                const VALUE: &'static str = $value;
            }
        )*

        /// Every scope that a handler can ask for.
        #[cfg(test)]
        const ALL: &[&str] = &[$($value),*];
    };
}

scopes! {
    CreateActions = "create:actions";
    CreateClientCredentials = "create:client_credentials";
    CreateClientGrants = "create:client_grants";
    CreateClients = "create:clients";
    CreateConnections = "create:connections";
    CreateOrganizationClientGrants = "create:organization_client_grants";
    CreateOrganizationConnections = "create:organization_connections";
    CreateOrganizationMemberRoles = "create:organization_member_roles";
    CreateOrganizationMembers = "create:organization_members";
    CreateOrganizations = "create:organizations";
    CreateResourceServers = "create:resource_servers";
    CreateRoles = "create:roles";
    CreateSigningKeys = "create:signing_keys";
    CreateTenantImport = "create:tenant_import";
    CreateUsers = "create:users";
    DeleteActions = "delete:actions";
    DeleteClientCredentials = "delete:client_credentials";
    DeleteClientGrants = "delete:client_grants";
    DeleteClients = "delete:clients";
    DeleteConnections = "delete:connections";
    DeleteGrants = "delete:grants";
    DeleteOrganizationClientGrants = "delete:organization_client_grants";
    DeleteOrganizationConnections = "delete:organization_connections";
    DeleteOrganizationMemberRoles = "delete:organization_member_roles";
    DeleteOrganizationMembers = "delete:organization_members";
    DeleteOrganizations = "delete:organizations";
    DeleteRefreshTokens = "delete:refresh_tokens";
    DeleteResourceServers = "delete:resource_servers";
    DeleteRoles = "delete:roles";
    DeleteSessions = "delete:sessions";
    DeleteUsers = "delete:users";
    ReadActions = "read:actions";
    ReadClientCredentials = "read:client_credentials";
    ReadClientGrants = "read:client_grants";
    ReadClients = "read:clients";
    ReadConnections = "read:connections";
    ReadGrants = "read:grants";
    ReadLogs = "read:logs";
    ReadLogsUsers = "read:logs_users";
    ReadOrganizationClientGrants = "read:organization_client_grants";
    ReadOrganizationConnections = "read:organization_connections";
    ReadOrganizationMemberRoles = "read:organization_member_roles";
    ReadOrganizationMembers = "read:organization_members";
    ReadOrganizations = "read:organizations";
    ReadRefreshTokens = "read:refresh_tokens";
    ReadResourceServers = "read:resource_servers";
    ReadRoles = "read:roles";
    ReadSessions = "read:sessions";
    ReadSigningKeys = "read:signing_keys";
    ReadTenantExport = "read:tenant_export";
    ReadTenantSettings = "read:tenant_settings";
    ReadUsers = "read:users";
    UpdateActions = "update:actions";
    UpdateClientGrants = "update:client_grants";
    UpdateClientKeys = "update:client_keys";
    UpdateClients = "update:clients";
    UpdateConnections = "update:connections";
    UpdateOrganizationConnections = "update:organization_connections";
    UpdateOrganizations = "update:organizations";
    UpdateResourceServers = "update:resource_servers";
    UpdateRoles = "update:roles";
    UpdateSigningKeys = "update:signing_keys";
    UpdateTenantSettings = "update:tenant_settings";
    UpdateUsers = "update:users";
}

/// An admin of the request's tenant whose token has the scope `S`, and the query as
/// `Q`; parameters that `Q` doesn't know are refused.
pub(crate) struct Admin<S, Q = NoQuery> {
    admin: TenantAdmin,
    /// What is asked for, whichever part of it.
    list: String,
    pub(crate) query: Q,
    scope: PhantomData<S>,
}

/// What a query says of the part of a list that is wanted, and not of the list.
const OF_A_PART: [&str; 7] = [
    "fields",
    "from",
    "include_fields",
    "include_totals",
    "page",
    "per_page",
    "take",
];

/// A text that is the same for all parts of a list.
fn list_of(uri: &Uri) -> String {
    let parameters = uri.query().unwrap_or_default().split('&');
    let of_a_part = |parameter: &&str| {
        let name = parameter.split('=').next();
        name.is_some_and(|name| name.is_empty() || OF_A_PART.contains(&name))
    };
    let mut others: Vec<_> = parameters.filter(|one| !of_a_part(one)).collect();
    others.sort_unstable();
    format!("{}?{}", uri.path(), others.join("&"))
}

impl<S, Q> Admin<S, Q> {
    /// The list that is asked for, whichever part of it.
    pub(crate) fn list(&self) -> &str {
        &self.list
    }
}

impl<S, Q> Deref for Admin<S, Q> {
    type Target = TenantAdmin;

    fn deref(&self) -> &TenantAdmin {
        &self.admin
    }
}

impl<S: Scope, Q: FromQuery> FromRequestParts<AppState> for Admin<S, Q> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let RequestTenant(tenant) = RequestTenant::from_request_parts(parts, state).await?;
        let refuse = |error: ManagementError| ApiError::from(error).into_response();
        let token = bearer(parts).map_err(refuse)?;
        let admin = authorize(&state.services, &tenant, token.as_ref(), S::VALUE);
        let admin = admin.await.map_err(refuse)?;
        let counted = admin.count_request();
        if let Some(slot) = parts.extensions.get::<Counted>() {
            match &counted {
                Ok(Some(state)) | Err(ManagementError::TooManyRequests(state)) => slot.note(*state),
                Ok(None) | Err(_) => {}
            }
        }
        counted.map_err(refuse)?;
        if let Some(audit) = parts.extensions.get::<Audit>() {
            audit.by(&admin);
        }
        let query = Parameters::read(parts.uri.query()).map_err(IntoResponse::into_response)?;
        Ok(Self {
            admin,
            list: list_of(&parts.uri),
            query,
            scope: PhantomData,
        })
    }
}

fn bearer(parts: &Parts) -> Result<Option<BearerToken>, ManagementError> {
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|value| BearerToken::parse(value).ok());
    token.map(Some).ok_or(ManagementError::InvalidToken)
}

/// The arguments of a handler whose first is an [`Admin`], or the [`Operator`]. A handler
/// that forgets to ask who calls doesn't compile as a route.
pub(crate) trait Guarded: 'static {
    /// The scope that it asks for, of an admin.
    const SCOPE: Option<&'static str>;

    /// What it takes.
    fn request() -> RequestShape;
}

macro_rules! guarded {
    ($($argument:ident),*) => {
        impl<M: 'static, S: Scope, Q: FromQuery, $($argument: Argument),*> Guarded
            for (M, Admin<S, Q>, $($argument),*)
        {
            const SCOPE: Option<&'static str> = Some(S::VALUE);

            fn request() -> RequestShape {
                #[allow(unused_mut, reason = "a handler may take nothing more")]
                let mut request = RequestShape::of_query::<Q>();
                $($argument::describe(&mut request);)*
                request
            }
        }

        impl<M: 'static, Q: FromQuery, $($argument: Argument),*> Guarded
            for (M, Operator<Q>, $($argument),*)
        {
            const SCOPE: Option<&'static str> = None;

            fn request() -> RequestShape {
                #[allow(unused_mut, reason = "a handler may take nothing more")]
                let mut request = RequestShape::of_query::<Q>();
                $($argument::describe(&mut request);)*
                request
            }
        }
    };
}

guarded!();
guarded!(A);
guarded!(A, B);
guarded!(A, B, C);
guarded!(A, B, C, D);
guarded!(A, B, C, D, E);

/// The methods of one path, each with a guarded handler, what it is for, and what it
/// answers.
pub(crate) struct Methods {
    router: MethodRouter<AppState>,
    operations: Vec<Operation>,
}

impl Methods {
    fn and<T: Guarded>(mut self, method: Method, summary: &'static str, answer: Answer) -> Self {
        self.operations.push(Operation {
            method,
            path: "",
            summary,
            scope: T::SCOPE,
            request: T::request,
            answer,
        });
        self
    }
}

/// The first method of a path, and the methods that go beside it.
macro_rules! methods {
    (
        first $($first:ident = $first_method:ident),*;
        beside $($name:ident = $method:ident),*
    ) => {
        $(
            pub(crate) fn $first<H: Handler<T, AppState>, T: Guarded>(
                handler: H,
                summary: &'static str,
                answer: Answer,
            ) -> Methods {
                let methods = Methods {
                    router: routing::$first(handler),
                    operations: Vec::new(),
                };
                methods.and::<T>(Method::$first_method, summary, answer)
            }
        )*

        impl Methods {
            $(
                pub(crate) fn $name<H: Handler<T, AppState>, T: Guarded>(
                    mut self,
                    handler: H,
                    summary: &'static str,
                    answer: Answer,
                ) -> Self {
                    self.router = self.router.$name(handler);
                    self.and::<T>(Method::$method, summary, answer)
                }
            )*
        }
    };
}

methods!(
    first delete = DELETE, get = GET, post = POST, put = PUT;
    beside delete = DELETE, patch = PATCH, post = POST, put = PUT
);

/// Paths with guarded handlers only.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<AppState>,
    operations: Vec<Operation>,
}

impl Routes {
    pub(crate) fn at(mut self, path: &'static str, methods: Methods) -> Self {
        self.router = self.router.route(path, methods.router);
        let operations = methods.operations.into_iter();
        self.operations
            .extend(operations.map(|operation| Operation { path, ..operation }));
        self
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.operations.extend(other.operations);
        self
    }

    pub(crate) fn into_router(self) -> Router<AppState> {
        self.router
    }

    #[cfg(test)]
    pub(crate) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    #[cfg(test)]
    pub(crate) fn paths(&self) -> Vec<&'static str> {
        let mut paths: Vec<_> = self.operations.iter().map(|it| it.path).collect();
        paths.dedup();
        paths
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.operations).finish()
    }
}

#[cfg(test)]
mod tests {
    use claimsmith_service::MANAGEMENT_SCOPES;

    use super::{ALL, list_of};

    /// Asked for beside another scope, by handlers that show a secret.
    const BESIDE_ANOTHER: [&str; 1] = ["read:client_keys"];

    #[test]
    fn all_parts_of_a_list_are_of_the_same_list_and_of_no_other() {
        let list = |text: &str| list_of(&text.parse().unwrap());
        let first = list("/users?take=2&connection=a&q=b");
        assert_eq!(
            first,
            list("/users?q=b&from=x&take=50&connection=a&include_totals=true")
        );
        for other in [
            "/users?take=2",
            "/users?q=b&connection=b",
            "/roles?connection=a&q=b",
        ] {
            assert_ne!(first, list(other));
        }
    }

    #[test]
    fn every_scope_that_is_asked_for_can_be_had_and_none_is_for_nothing() {
        let mut asked_for: Vec<_> = ALL.iter().chain(&BESIDE_ANOTHER).copied().collect();
        asked_for.sort_unstable();
        let mut offered = MANAGEMENT_SCOPES.to_vec();
        offered.sort_unstable();
        assert_eq!(asked_for, offered);
    }
}
