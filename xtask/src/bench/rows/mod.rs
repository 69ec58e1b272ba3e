//! The rows of the table, a file for each measurement.

pub(crate) mod admin;
pub(crate) mod deploy;
pub(crate) mod execution;
pub(crate) mod from_disk;
pub(crate) mod grants;
pub(crate) mod idle;
pub(crate) mod neighbour;
pub(crate) mod rs256;
pub(crate) mod start;
pub(crate) mod tenants;
pub(crate) mod tokens;
