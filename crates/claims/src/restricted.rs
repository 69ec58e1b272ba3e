//! Names that belong to the server or to standards, whatever the settings.

use std::cmp::Ordering;

/// The reference product's 60 restricted names and `scope`, in lower case and in
/// order, for the binary search.
pub(crate) const RESTRICTED_NAMES: [&str; 61] = [
    "acr",
    "act",
    "active",
    "amr",
    "at_hash",
    "ath",
    "attest",
    "aud",
    "auth_time",
    "authorization_details",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "cty",
    "dest",
    "entitlements",
    "events",
    "exp",
    "groups",
    "gty",
    "htm",
    "htu",
    "iat",
    "internalservice",
    "iss",
    "jcard",
    "jku",
    "jti",
    "jwe",
    "jwk",
    "kid",
    "may_act",
    "mky",
    "nbf",
    "nonce",
    "object_id",
    "org_id",
    "org_name",
    "orig",
    "origid",
    "permissions",
    "roles",
    "rph",
    "s_hash",
    "scope",
    "sid",
    "sip_callid",
    "sip_cseq_num",
    "sip_date",
    "sip_from_tag",
    "sip_via_branch",
    "sub",
    "sub_jwk",
    "toe",
    "txn",
    "typ",
    "uuid",
    "vot",
    "vtm",
    "x5t#s256",
];

/// OpenID Connect's standard claims with the scope that asks for each (OpenID
/// Connect Core sections 5.1 and 5.4).
const PROFILE_CLAIMS: [(&str, &str); 19] = [
    ("address", "address"),
    ("birthdate", "profile"),
    ("email", "email"),
    ("email_verified", "email"),
    ("family_name", "profile"),
    ("gender", "profile"),
    ("given_name", "profile"),
    ("locale", "profile"),
    ("middle_name", "profile"),
    ("name", "profile"),
    ("nickname", "profile"),
    ("phone_number", "phone"),
    ("phone_number_verified", "phone"),
    ("picture", "profile"),
    ("preferred_username", "profile"),
    ("profile", "profile"),
    ("updated_at", "profile"),
    ("website", "profile"),
    ("zoneinfo", "profile"),
];

/// Whether a name is restricted, in any case of its ASCII letters.
pub(crate) fn is_restricted(name: &str) -> bool {
    RESTRICTED_NAMES
        .binary_search_by(|entry| compare_lower(entry, name))
        .is_ok()
}

/// The scope that must have been asked for before a token may have this claim;
/// `None` when it isn't one of OpenID Connect's standard claims.
pub(crate) fn profile_scope(name: &str) -> Option<&'static str> {
    PROFILE_CLAIMS
        .binary_search_by(|(entry, _)| compare_lower(entry, name))
        .ok()
        .and_then(|index| PROFILE_CLAIMS.get(index))
        .map(|(_, scope)| *scope)
}

/// Compares a lower-case entry with a name as if that were in lower case too.
fn compare_lower(entry: &str, name: &str) -> Ordering {
    entry
        .bytes()
        .cmp(name.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_are_in_order_for_the_binary_search() {
        assert!(RESTRICTED_NAMES.is_sorted());
        assert!(PROFILE_CLAIMS.is_sorted());
    }

    #[test]
    fn restricted_names_are_found_in_any_case() {
        for name in [
            "sub",
            "SUB",
            "Scope",
            "x5t#S256",
            "internalService",
            "acr",
            "vtm",
        ] {
            assert!(is_restricted(name), "{name}");
        }
        for name in ["", "su", "subs", "role", "x5t", "zzz", "email"] {
            assert!(!is_restricted(name), "{name}");
        }
    }

    #[test]
    fn profile_claims_know_their_scope() {
        assert_eq!(profile_scope("email_verified"), Some("email"));
        assert_eq!(profile_scope("Nickname"), Some("profile"));
        assert_eq!(profile_scope("address"), Some("address"));
        assert_eq!(profile_scope("phone_number"), Some("phone"));
        assert_eq!(profile_scope("role"), None);
    }
}
