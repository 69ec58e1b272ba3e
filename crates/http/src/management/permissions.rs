//! Permissions, which roles and users have.

use axum::response::Response;
use claimsmith_model::Permission;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ApiError, access::Admin, listing, query::ClassicPage};

/// A permission as callers see it.
#[derive(JsonSchema, Serialize)]
pub(super) struct PermissionView<'a> {
    resource_server_identifier: &'a str,
    permission_name: &'a str,
}

fn view(permission: &Permission) -> PermissionView<'_> {
    PermissionView {
        resource_server_identifier: &permission.resource_server_identifier,
        permission_name: &permission.permission_name,
    }
}

/// One page of a role's or user's permissions.
pub(super) fn page_of<S>(
    admin: &Admin<S, ClassicPage>,
    permissions: Vec<Permission>,
) -> Result<Response, ApiError> {
    let page = &admin.query;
    let (part, total) = listing::page(admin, page)?.of(permissions);
    let views: Vec<_> = part.iter().map(view).collect();
    listing::classic(admin, "permissions", page, &views, total, part.last())
}
