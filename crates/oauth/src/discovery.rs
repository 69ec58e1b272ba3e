//! The discovery document.

use serde::Serialize;

use crate::{ResponseMode, ResponseType, USER_CLAIMS};

/// The scopes of OpenID Connect for which the server has something. `address` is granted,
/// so that an Action can set that claim; the server knows none.
const SCOPES: [&str; 5] = ["openid", "profile", "email", "phone", "offline_access"];

/// How clients prove who they are.
const AUTH_METHODS: [&str; 4] = [
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "none",
];

/// What they can sign assertions with.
const ASSERTION_ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

/// The claims that the server itself writes into ID tokens, beside the user's.
const OWN_CLAIMS: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "sid",
    "at_hash",
    "c_hash",
    "org_id",
    "org_name",
];

/// A tenant's discovery document (RFC 8414 section 2, OpenID Connect Discovery
/// section 3). It lists what the server does, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiscoveryDocument {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: String,
    end_session_endpoint: String,
    revocation_endpoint: String,
    scopes_supported: Vec<&'static str>,
    response_types_supported: Vec<&'static str>,
    response_modes_supported: Vec<&'static str>,
    prompt_values_supported: Vec<&'static str>,
    code_challenge_methods_supported: Vec<&'static str>,
    grant_types_supported: Vec<&'static str>,
    subject_types_supported: Vec<&'static str>,
    id_token_signing_alg_values_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    claim_types_supported: Vec<&'static str>,
    claims_supported: Vec<&'static str>,
    claims_parameter_supported: bool,
    authorization_response_iss_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

impl DiscoveryDocument {
    /// The document of the tenant with that issuer: its public URL with a trailing
    /// slash.
    #[must_use]
    pub fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: format!("{issuer}authorize"),
            token_endpoint: format!("{issuer}oauth/token"),
            jwks_uri: format!("{issuer}.well-known/jwks.json"),
            userinfo_endpoint: format!("{issuer}userinfo"),
            end_session_endpoint: format!("{issuer}oidc/logout"),
            revocation_endpoint: format!("{issuer}oauth/revoke"),
            scopes_supported: SCOPES.to_vec(),
            response_types_supported: ResponseType::ALL.map(|(_, name)| name).to_vec(),
            response_modes_supported: ResponseMode::ALL.map(|(_, name)| name).to_vec(),
            prompt_values_supported: vec!["none", "login", "consent", "select_account"],
            code_challenge_methods_supported: vec!["S256"],
            grant_types_supported: vec![
                "authorization_code",
                "implicit",
                "client_credentials",
                "password",
                "http://auth0.com/oauth/grant-type/password-realm",
                "refresh_token",
            ],
            subject_types_supported: vec!["public"],
            id_token_signing_alg_values_supported: vec!["RS256", "ES256", "EdDSA"],
            token_endpoint_auth_methods_supported: AUTH_METHODS.to_vec(),
            token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS.to_vec(),
            revocation_endpoint_auth_methods_supported: AUTH_METHODS.to_vec(),
            revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS.to_vec(),
            claim_types_supported: vec!["normal"],
            claims_supported: OWN_CLAIMS.into_iter().chain(USER_CLAIMS).collect(),
            claims_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
            request_parameter_supported: false,
            // Said because a missing value means true.
            request_uri_parameter_supported: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use claimsmith_model::{
        AssertionAlgorithm, GrantType, SigningAlgorithm, TokenEndpointAuthMethod,
    };
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        serde_json::to_value(DiscoveryDocument::new("https://login.example.com/")).unwrap()
    }

    #[test]
    fn endpoints_are_under_the_issuer() {
        let document = document();
        assert_eq!(document["issuer"], "https://login.example.com/");
        assert_eq!(
            document["token_endpoint"],
            "https://login.example.com/oauth/token"
        );
        assert_eq!(
            document["jwks_uri"],
            "https://login.example.com/.well-known/jwks.json"
        );
        assert_eq!(
            document["userinfo_endpoint"],
            "https://login.example.com/userinfo"
        );
        assert_eq!(
            document["end_session_endpoint"],
            "https://login.example.com/oidc/logout"
        );
        assert_eq!(
            document["revocation_endpoint"],
            "https://login.example.com/oauth/revoke"
        );
    }

    #[test]
    fn a_client_learns_how_to_ask_for_authorization() {
        let document = document();
        assert_eq!(
            document["authorization_endpoint"],
            "https://login.example.com/authorize"
        );
        assert_eq!(
            document["response_types_supported"],
            json!([
                "code",
                "id_token",
                "token",
                "id_token token",
                "code id_token",
                "code token",
                "code id_token token"
            ])
        );
        assert_eq!(
            document["response_modes_supported"],
            json!(["query", "fragment", "form_post", "web_message"])
        );
        assert_eq!(
            document["code_challenge_methods_supported"],
            json!(["S256"])
        );
        assert_eq!(
            document["authorization_response_iss_parameter_supported"],
            json!(true)
        );
        assert_eq!(document["request_uri_parameter_supported"], json!(false));
    }

    #[test]
    fn the_values_are_those_that_the_server_reads_and_writes() {
        let document = document();
        for grant in document["grant_types_supported"].as_array().unwrap() {
            assert!(
                GrantType::from_wire(grant.as_str().unwrap()).is_some(),
                "{grant}"
            );
        }
        for method in document["token_endpoint_auth_methods_supported"]
            .as_array()
            .unwrap()
        {
            serde_json::from_value::<TokenEndpointAuthMethod>(method.clone()).unwrap();
        }
        let algorithms = &document["token_endpoint_auth_signing_alg_values_supported"];
        for algorithm in algorithms.as_array().unwrap() {
            serde_json::from_value::<AssertionAlgorithm>(algorithm.clone()).unwrap();
        }
        for algorithm in document["id_token_signing_alg_values_supported"]
            .as_array()
            .unwrap()
        {
            let known: SigningAlgorithm = serde_json::from_value(algorithm.clone()).unwrap();
            assert_ne!(known, SigningAlgorithm::HS256);
        }
        let claims = document["claims_supported"].as_array().unwrap();
        assert!(claims.contains(&json!("sub")) && claims.contains(&json!("email_verified")));
        // Actions may set it; the server has none.
        assert!(!claims.contains(&json!("address")));
        let scopes = document["scopes_supported"].as_array().unwrap();
        assert!(!scopes.contains(&json!("address")));
        for name in USER_CLAIMS {
            let asks =
                |scope: &Value| crate::claims_for_scope(scope.as_str().unwrap()).contains(&name);
            assert!(scopes.iter().any(asks), "{name}");
        }
    }
}
