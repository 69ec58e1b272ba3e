//! Permissions, which roles and users have.

use axum::response::Response;
use claimsmith_model::Permission;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ApiError, listing, query::ClassicPage};

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
pub(super) fn page_of(permissions: &[Permission], page: ClassicPage) -> Result<Response, ApiError> {
    let part: Vec<_> = permissions
        .iter()
        .skip(page.start)
        .take(page.per_page)
        .map(view)
        .collect();
    listing::classic("permissions", page, &part, permissions.len())
}
