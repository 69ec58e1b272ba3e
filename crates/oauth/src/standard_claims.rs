//! The claims that OpenID Connect's own scopes ask for.

/// The claims about a user that this server knows, by the names of OpenID Connect Core
/// section 5.1. Others may come from Actions.
pub const USER_CLAIMS: [&str; 10] = [
    "name",
    "given_name",
    "family_name",
    "nickname",
    "picture",
    "updated_at",
    "email",
    "email_verified",
    "phone_number",
    "phone_number_verified",
];

/// The claims about the user that a scope asks for (OpenID Connect Core
/// section 5.4); empty for any other scope.
///
/// `sub` isn't among them: every ID token and userinfo answer has it.
#[must_use]
pub fn claims_for_scope(scope: &str) -> &'static [&'static str] {
    match scope {
        "profile" => &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
        "email" => &["email", "email_verified"],
        "address" => &["address"],
        "phone" => &["phone_number", "phone_number_verified"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_claim_belongs_to_one_scope_and_unknown_scopes_ask_for_none() {
        let mut claims = ["profile", "email", "address", "phone"]
            .map(claims_for_scope)
            .concat();
        assert_eq!(claims.len(), 19);
        claims.sort_unstable();
        claims.dedup();
        assert_eq!(claims.len(), 19);
        assert!(claims_for_scope("openid").is_empty());
        assert!(claims_for_scope("Email").is_empty());
    }
}
