//! `/api/v2/users` with their roles and permissions.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{
    ClientId, Identity, JsonObject, RefreshGrant, RefreshGrantId, RoleId, SessionId, Timestamp,
    User, UserId,
};
use claimsmith_service::{
    Expression,
    admin::{
        organizations as service,
        user_search::{self, UserSearch},
        users,
    },
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    ApiError, At, JsonBody,
    access::{
        Admin, CreateUsers, DeleteRefreshTokens, DeleteUsers, ReadOrganizations, ReadRefreshTokens,
        ReadUsers, Routes, UpdateUsers, get,
    },
    field_filter::{FieldFilter, Filtered},
    listing, operation as answers, organizations, permissions,
    query::{CheckpointPage, ClassicPage, FromQuery, Parameters},
    roles,
};

/// How many users paging reaches; the reference product's limit.
const PAGED_USERS_MAX: usize = 1000;

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/users",
            get(
                list,
                "List or search users",
                answers::page::<Filtered<UserView>>("users"),
            )
            .post(create, "Create a user", answers::created::<UserView>()),
        )
        .at(
            "/users/{id}",
            get(one, "Get a user", answers::ok::<Filtered<UserView>>())
                .patch(patch, "Change a user", answers::ok::<UserView>())
                .delete(delete, "Delete a user", answers::nothing()),
        )
        .at(
            "/users-by-email",
            get(
                by_email,
                "Find users by their email address",
                answers::list::<Filtered<UserView>>(),
            ),
        )
        .at(
            "/users/{id}/organizations",
            get(
                list_organizations,
                "List the organizations of a user",
                answers::page::<organizations::OrganizationView>("organizations"),
            ),
        )
        .at(
            "/roles/{id}/users",
            get(
                list_of_role,
                "List the users who have a role",
                answers::page::<UserSummaryView>("users"),
            )
            .post(
                add_to_role,
                "Give users a role",
                answers::empty(StatusCode::OK),
            ),
        )
        .at(
            "/users/{id}/roles",
            get(
                list_roles,
                "List the roles of a user",
                answers::page::<roles::RoleView>("roles"),
            )
            .post(add_roles, "Give a user roles", answers::nothing())
            .delete(remove_roles, "Take roles from a user", answers::nothing()),
        )
        .at(
            "/users/{id}/permissions",
            get(
                list_permissions,
                "List the permissions that a user was given directly",
                answers::page::<permissions::PermissionView>("permissions"),
            )
            .post(
                add_permissions,
                "Give a user permissions",
                answers::empty(StatusCode::CREATED),
            )
            .delete(
                remove_permissions,
                "Take permissions from a user",
                answers::nothing(),
            ),
        )
        .at(
            "/users/{id}/refresh-tokens",
            get(
                list_refresh_tokens,
                "List the refresh tokens of a user",
                answers::part::<RefreshTokenView>("tokens"),
            )
            .delete(
                revoke_refresh_tokens,
                "Revoke all refresh tokens of a user",
                answers::nothing(),
            ),
        )
}

/// A user as admins see them. Nothing of a password is ever in it.
#[derive(JsonSchema, Serialize)]
pub(super) struct UserView<'a> {
    user_id: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
    identities: &'a [Identity],
    app_metadata: &'a JsonObject,
    user_metadata: &'a JsonObject,
    profile_attributes: &'a JsonObject,
    blocked: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_password_reset: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_ip: Option<&'a str>,
    logins_count: u64,
}

pub(super) fn view(user: &User) -> UserView<'_> {
    UserView {
        user_id: &user.user_id,
        email: user.email.as_deref(),
        email_verified: user.email_verified,
        username: user.username.as_deref(),
        phone_number: user.phone_number.as_deref(),
        phone_verified: user.phone_verified,
        name: user.name.as_deref(),
        nickname: user.nickname.as_deref(),
        given_name: user.given_name.as_deref(),
        family_name: user.family_name.as_deref(),
        picture: user.picture.as_deref(),
        identities: &user.identities,
        app_metadata: &user.app_metadata,
        user_metadata: &user.user_metadata,
        profile_attributes: &user.profile_attributes,
        blocked: user.blocked,
        created_at: user.created_at,
        updated_at: user.updated_at,
        last_password_reset: user.last_password_reset,
        last_login: user.last_login,
        last_ip: user.last_ip.as_deref(),
        logins_count: user.logins_count,
    }
}

/// Which of the first thousand users that a search finds, and what of them.
struct UsersQuery {
    page: ClassicPage,
    search: UserSearch,
    fields: FieldFilter,
}

impl FromQuery for UsersQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let page = ClassicPage::from_query(parameters)?;
        if page.start + page.per_page > PAGED_USERS_MAX {
            return Err(ApiError::bad_request(
                "invalid_paging",
                format!(
                    "You can only page through the first {PAGED_USERS_MAX} records; go on with \
                     from and take."
                ),
            ));
        }
        let expression = match parameters.text("q")? {
            Some(text) => user_search::expression(&text)
                .map_err(|error| parameters.wrong("q", &error.to_string()))?,
            None => Expression::default(),
        };
        // What the reference product's tools say of how it shall search.
        parameters.one_of("search_engine", &[("v3", ())])?;
        let sort = parameters.parsed("sort")?;
        if page.is_in_parts() && sort.is_some() {
            let what = "Users who are read in parts come in the order of their user_id; leave \
                        sort out, or ask for pages";
            return Err(parameters.wrong("sort", what));
        }
        Ok(Self {
            page,
            search: UserSearch {
                expression,
                connection: parameters.text("connection")?,
                sort,
            },
            fields: FieldFilter::from_query(parameters)?,
        })
    }
}

async fn list(admin: Admin<ReadUsers, UsersQuery>) -> Result<Response, ApiError> {
    let UsersQuery {
        page,
        search,
        fields,
    } = &admin.query;
    let part = listing::page(&admin, page)?;
    let (users, total) = user_search::list(&admin, search, part).await?;
    let views = filtered(&users, fields)?;
    listing::classic(&admin, "users", page, &views, total, users.last())
}

fn filtered(users: &[User], fields: &FieldFilter) -> Result<Vec<Value>, ApiError> {
    fields.apply_to_all(users.iter().map(view))
}

/// An email address, and what of the users who have it.
struct ByEmailQuery {
    email: String,
    fields: FieldFilter,
}

impl FromQuery for ByEmailQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            fields: FieldFilter::from_query(parameters)?,
            email: parameters.required("email")?,
        })
    }
}

async fn by_email(admin: Admin<ReadUsers, ByEmailQuery>) -> Result<Response, ApiError> {
    let ByEmailQuery { email, fields } = &admin.query;
    let users = user_search::by_email(&admin, email).await?;
    Ok(Json(filtered(&users, fields)?).into_response())
}

async fn list_organizations(
    admin: Admin<ReadOrganizations, ClassicPage>,
    At(id): At<UserId>,
) -> Result<Response, ApiError> {
    organizations::page_of(&admin, service::of_user(&admin, &id).await?)
}

/// A user in a list of something else: who has a role, or is a member.
#[derive(JsonSchema, Serialize)]
pub(super) struct UserSummaryView<'a> {
    user_id: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
}

pub(super) fn summary(user: &User) -> UserSummaryView<'_> {
    UserSummaryView {
        user_id: &user.user_id,
        email: user.email.as_deref(),
        name: user.name.as_deref(),
        picture: user.picture.as_deref(),
    }
}

async fn list_of_role(
    admin: Admin<ReadUsers, ClassicPage>,
    At(id): At<RoleId>,
) -> Result<Response, ApiError> {
    let page = &admin.query;
    let part = listing::page(&admin, page)?;
    let (users, total) = user_search::with_role(&admin, &id, part).await?;
    let views: Vec<_> = users.iter().map(summary).collect();
    listing::classic(&admin, "users", page, &views, total, users.last())
}

async fn add_to_role(
    admin: Admin<UpdateUsers>,
    At(id): At<RoleId>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    users::add_role_to(&admin, &id, body).await?;
    Ok(StatusCode::OK)
}

async fn create(admin: Admin<CreateUsers>, JsonBody(body): JsonBody) -> Result<Response, ApiError> {
    let user = users::create(&admin, body).await?;
    Ok((StatusCode::CREATED, Json(view(&user))).into_response())
}

async fn one(
    admin: Admin<ReadUsers, FieldFilter>,
    At(id): At<UserId>,
) -> Result<Response, ApiError> {
    let user = users::get(&admin, &id).await?;
    Ok(Json(admin.query.apply(&view(&user))?).into_response())
}

async fn patch(
    admin: Admin<UpdateUsers>,
    At(id): At<UserId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let user = users::patch(&admin, &id, body).await?;
    Ok(Json(view(&user)).into_response())
}

async fn delete(admin: Admin<DeleteUsers>, At(id): At<UserId>) -> Result<StatusCode, ApiError> {
    users::delete(&admin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_roles(
    admin: Admin<ReadUsers, ClassicPage>,
    At(id): At<UserId>,
) -> Result<Response, ApiError> {
    roles::page_of(&admin, users::roles_of(&admin, &id).await?)
}

async fn add_roles(
    admin: Admin<UpdateUsers>,
    At(id): At<UserId>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    users::add_roles(&admin, &id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_roles(
    admin: Admin<UpdateUsers>,
    At(id): At<UserId>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    users::remove_roles(&admin, &id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_permissions(
    admin: Admin<ReadUsers, ClassicPage>,
    At(id): At<UserId>,
) -> Result<Response, ApiError> {
    permissions::page_of(&admin, users::permissions_of(&admin, &id).await?)
}

async fn add_permissions(
    admin: Admin<UpdateUsers>,
    At(id): At<UserId>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    users::add_permissions(&admin, &id, body).await?;
    Ok(StatusCode::CREATED)
}

async fn remove_permissions(
    admin: Admin<UpdateUsers>,
    At(id): At<UserId>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    users::remove_permissions(&admin, &id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A refresh token as admins see it; the token itself is never shown.
#[derive(JsonSchema, Serialize)]
struct RefreshTokenView<'a> {
    id: &'a RefreshGrantId,
    user_id: &'a UserId,
    client_id: &'a ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a SessionId>,
    rotating: bool,
    resource_servers: Vec<ResourceServerView<'a>>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_exchanged_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_expires_at: Option<Timestamp>,
}

/// What a refresh token is good for.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "RefreshTokenAudience")]
struct ResourceServerView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'a str>,
    scopes: String,
}

fn refresh_token_view(grant: &RefreshGrant) -> RefreshTokenView<'_> {
    RefreshTokenView {
        id: &grant.id,
        user_id: &grant.user_id,
        client_id: &grant.client_id,
        session_id: grant.session_id.as_ref(),
        rotating: grant.rotating,
        resource_servers: vec![ResourceServerView {
            audience: grant.audience.as_deref(),
            scopes: grant.scope.join(" "),
        }],
        created_at: grant.created_at,
        last_exchanged_at: grant.last_exchanged_at,
        expires_at: grant.expires_at,
        idle_expires_at: grant.idle_expires_at,
    }
}

async fn list_refresh_tokens(
    admin: Admin<ReadRefreshTokens, CheckpointPage>,
    At(id): At<UserId>,
) -> Result<Response, ApiError> {
    let CheckpointPage(page) = &admin.query;
    let part = listing::page(&admin, page)?;
    let (grants, total) = part.of(users::refresh_tokens_of(&admin, &id).await?);
    let views: Vec<_> = grants.iter().map(refresh_token_view).collect();
    listing::classic(&admin, "tokens", page, &views, total, grants.last())
}

async fn revoke_refresh_tokens(
    admin: Admin<DeleteRefreshTokens>,
    At(id): At<UserId>,
) -> Result<StatusCode, ApiError> {
    users::revoke_refresh_tokens(&admin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
