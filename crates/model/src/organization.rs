//! Organizations and who is in them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{ConnectionId, OrganizationId, RoleId, Timestamp, UserId};

/// A customer of the tenant, with members of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// The identifier, `org_…`.
    pub id: OrganizationId,
    /// The unique name, lower case.
    pub name: String,
    /// The name for people.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Open metadata, at most 25 entries of 255 characters; read by Actions.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// The connections whose users may log in to it. Until the first one is named, those
    /// of all may; one that was deleted means nothing any more.
    #[serde(default)]
    pub connections: Option<BTreeSet<ConnectionId>>,
    /// The connections whose users become members by logging in to it.
    #[serde(default)]
    pub joining_connections: BTreeSet<ConnectionId>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Organization {
    /// Whether users of the connection may log in to it.
    #[must_use]
    pub fn admits(&self, connection: &ConnectionId) -> bool {
        self.connections
            .as_ref()
            .is_none_or(|named| named.contains(connection))
    }

    /// Whether users of the connection become members by logging in to it.
    #[must_use]
    pub fn is_joined_from(&self, connection: &ConnectionId) -> bool {
        self.admits(connection) && self.joining_connections.contains(connection)
    }
}

/// A user's membership in an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The organization.
    pub organization: OrganizationId,
    /// The member.
    pub user: UserId,
    /// The roles that the member has in this organization only.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// When the user became a member.
    pub created_at: Timestamp,
}
