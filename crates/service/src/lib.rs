//! What the server does: issue a token, run a trigger, deploy a version, change
//! what a tenant has.
//!
//! Nothing here knows HTTP: callers hand in checked values and get values or
//! errors back. Time and chance come through [`Environment`].
//!
//! | file | decides |
//! |---|---|
//! | `tenants` | which tenant a host is, and what is kept in memory of each |
//! | `origins` | whose pages may call the token endpoints |
//! | `tenant_keys` | which keys a tenant signs and verifies with, and when they change |
//! | `configuration` | what of a tenant's configuration token requests find in memory |
//! | `attempts` | who guesses passwords, and must wait |
//! | `connection` | who logs in through a connection, and how a custom database's scripts are asked |
//! | `token` | who gets which token, and what stands in it |
//! | `authorize` | what a browser is shown on the way to a token, and what goes back to the client |
//! | `sealed_state` | what a form carries for the server and nobody else may read or make |
//! | `pipeline` | how a trigger's Actions run one after another |
//! | `action_library` | how an Action becomes a version that runs |
//! | `admin` | what an admin may do to clients, APIs, users, roles, organizations |
//! | `description` | what a request's body may be, asked of the code that reads it |
//! | `management` | whether a caller is such an admin |
//! | `events` | what a tenant's log says, and how it is read |
//! | `logout` | whether a logout is meant, and where it leads |
//! | `metrics` | what is counted, and how Prometheus reads it |
//! | `session` | what a browser proves its session by |
//! | `readiness` | whether the server should be sent requests |

pub mod action_library;
pub mod admin;
mod argon2id;
mod attempts;
pub mod authorize;
mod configuration;
mod connection;
pub mod description;
mod environment;
mod error;
pub mod events;
mod fields;
mod ids;
mod limit_fields;
mod local_run;
pub mod logout;
pub mod management;
pub mod metrics;
mod origins;
mod password;
mod pipeline;
mod rate;
mod readiness;
mod sealed_state;
mod search;
mod session;
mod tenant_keys;
mod tenants;
mod token;

pub use attempts::{Attempts, TooManyAttempts};
pub use claimsmith_runtime::{AddressRange, Busy};
pub use claimsmith_storage::Unwritable;
pub use environment::{Environment, Services};
pub use error::ServiceError;
pub use fields::type_mismatch;
pub use ids::Ids;
pub use local_run::{LocalReport, LocalRun, LocalRunError, run_locally};
pub use password::{PasswordFigures, PasswordHasher};
pub use readiness::{NotReady, Readiness};
pub use sealed_state::StateSealer;
pub use search::{Expression, InvalidExpression};
pub use session::SessionSecret;
pub use tenants::{
    DATABASE_CONNECTION, MANAGEMENT_SCOPES, NewTenant, TenantContext, TenantDirectory, TenantSetup,
    host_name,
};
pub use token::{
    ClientCredentials, Issued, Refused, RequestFacts, TokenEndpointError, TokenService, Trial,
    UserInfo, UserInfoError, is_same_secret, named_client,
};
