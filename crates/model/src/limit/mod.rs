//! Limits: which there are, who sets them to what, and which value is in force.
//!
//! A limit has a name, and one row in [`Limit`]'s table says everything of it. A
//! limit more is a row more: command line, APIs and documents go by the table.

mod server;
mod settings;
mod table;

pub use server::{LimitInForce, ServerLimits};
pub use settings::{LimitError, LimitSettings};
pub use table::{Limit, LimitScope, LimitSpec, LimitUnit, UnknownLimit};
