//! What OAuth 2.0 and OpenID Connect put on the wire: the token request and the
//! authorization request with their answers, redirect URIs, error codes, scopes,
//! credentials in headers, the discovery document.
//!
//! Everything here is a pure function of its input, and every input is bounded.
//! Deliberately not here: HTTP itself (status codes, headers, routing), whether a
//! client or a user is who they say they are, and what a token holds.
//!
//! ```
//! use claimsmith_oauth::{Scopes, TokenRequest};
//!
//! let request = TokenRequest::from_form(
//!     b"grant_type=password&username=ada&password=s3cret&scope=openid+email",
//! )?;
//! assert_eq!(request.grant_type.as_deref(), Some("password"));
//! assert!(Scopes::parse(request.scope.as_deref().unwrap_or_default())?.contains("email"));
//!
//! // What Actions get to see of the request holds no secret.
//! assert!(request.body.contains_key("username"));
//! assert!(!request.body.contains_key("password"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authorization_header;
mod authorization_request;
mod authorization_response;
mod client_parameters;
mod discovery;
mod error;
mod form;
mod parameters;
mod redirect_uri;
mod response_type;
mod revocation_request;
mod scope;
mod standard_claims;
mod token_request;
mod token_response;

pub use authorization_header::{AuthorizationHeaderError, BasicCredentials, BearerToken};
pub use authorization_request::{AUTHORIZATION_REQUEST_BYTES_MAX, AuthorizationRequest};
pub use authorization_response::AuthorizationResponse;
pub use client_parameters::{ClientParameters, JWT_BEARER};
pub use discovery::DiscoveryDocument;
pub use error::{ErrorBody, ErrorCode};
pub use parameters::{
    PARAMETERS_MAX, REQUEST_BYTES_MAX, TokenRequestError, VALUE_BYTES_MAX, parse_page_form,
    parse_query, parse_query_pairs,
};
pub use redirect_uri::{
    REDIRECT_URI_BYTES_MAX, REDIRECT_URI_RULE, is_readable_on_its_way, is_redirect_uri,
    is_registered, leads_somewhere,
};
pub use response_type::{ResponseMode, ResponseType};
pub use revocation_request::RevocationRequest;
pub use scope::{SCOPE_TOKEN_BYTES_MAX, SCOPES_MAX, ScopeError, Scopes, is_scope_token};
pub use standard_claims::{USER_CLAIMS, claims_for_scope};
pub use token_request::TokenRequest;
pub use token_response::TokenResponse;
