//! The product end to end: a real server with its data in a temporary folder, real
//! guests, and clients that speak HTTP and verify what they get.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test; clippy sees only #[test] functions as such"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "`json!([…])` as an argument reads better without a reference"
)]

mod harness;

mod action_code;
mod action_library;
mod action_run;
mod action_test;
mod action_versions;
mod admins_at_once;
mod authorization_code;
mod authorization_requests;
mod backup;
mod bad_token_requests;
mod browser_sessions;
mod browsers;
mod checkpoints;
mod claims;
mod client_credentials;
mod clients_auth0;
mod clients_auth0_deploy_cli;
mod clients_auth0_spa_js;
mod clients_authlib;
mod clients_express_oauth2_jwt_bearer;
mod clients_oauth4webapi;
mod clients_openid_client;
mod clients_schemathesis;
mod code_on_disk;
mod compiling;
mod configuration;
mod connections;
mod consent;
mod custom_database;
mod discovery;
mod disk_failures;
mod events;
mod execution_records;
mod failing_actions;
mod finding_users;
mod gone;
mod guests;
mod implicit_and_hybrid;
mod key_rotation;
mod killed;
mod limits;
mod login_attacks;
mod logins_under_way;
mod logs;
mod management_lists;
mod metadata;
mod metrics;
mod mutations;
mod opaque_access_tokens;
mod operating;
mod organization_connections;
mod outgoing_http;
mod pages;
mod password;
mod proxies;
mod rate_limits;
mod readiness;
mod refresh_tokens;
mod restart;
mod signing;
mod tenant_logs;
mod tenant_transfer;
mod tenants;
mod terraform;
mod tls;
mod triggers;
mod user_sessions;
mod zoo;
