//! What the reference product has or had at other paths, and what to use instead.

/// Paths, and what to say there. One that ends in `/` stands for all below it, too.
const ELSEWHERE: [(&str, &str); 26] = [
    (
        "/oauth/ro",
        "is gone; use POST /oauth/token with grant_type=password",
    ),
    ("/oauth/access_token", "is gone; use POST /oauth/token"),
    ("/oauth/reverse", "is gone; use POST /oauth/token"),
    (
        "/delegation",
        "is gone; use POST /oauth/token, once for each audience",
    ),
    (
        "/tokeninfo",
        "is gone; use GET /userinfo with the access token",
    ),
    (
        "/oauth/userinfo",
        "is gone; use GET /userinfo with the access token",
    ),
    (
        "/usernamepassword/",
        "is gone; use POST /oauth/token with grant_type=password",
    ),
    (
        "/co/",
        "is gone, and so is cross-origin authentication; use POST /oauth/token",
    ),
    (
        "/ssodata",
        "is gone; nothing tells a page about sessions of other pages",
    ),
    (
        "/user/ssodata",
        "is gone; nothing tells a page about sessions of other pages",
    ),
    ("/unlink", "is gone; accounts can't be linked here"),
    (
        "/passwordless/",
        "isn't offered: users log in with a password; use POST /oauth/token",
    ),
    (
        "/dbconnections/signup",
        "isn't offered: admins create users; use POST /api/v2/users",
    ),
    (
        "/dbconnections/change_password",
        "isn't offered: nothing here sends e-mails; use PATCH /api/v2/users/{id}",
    ),
    ("/dbconnections/", "isn't offered; use /api/v2/users"),
    (
        "/oauth/device/",
        "isn't offered: there is no device flow; use POST /oauth/token",
    ),
    (
        "/oauth/par",
        "isn't offered: there are no pushed authorization requests",
    ),
    (
        "/bc-authorize",
        "isn't offered: there is no backchannel authentication",
    ),
    (
        "/oidc/register",
        "isn't offered: admins create clients; use POST /api/v2/clients",
    ),
    ("/mfa/", "isn't offered: there is no second factor"),
    (
        "/samlp/",
        "isn't offered: there is no SAML; use OpenID Connect",
    ),
    (
        "/wsfed/",
        "isn't offered: there is no WS-Federation; use OpenID Connect",
    ),
    (
        "/adfs/",
        "isn't offered: there is no WS-Federation; use OpenID Connect",
    ),
    (
        "/login/callback",
        "isn't offered: there are no upstream identity providers",
    ),
    ("/api/v1/", "is gone; use /api/v2"),
    (
        "/pem",
        "is gone; use GET /.well-known/jwks.json or GET /api/v2/keys/signing",
    ),
];

/// What to use instead of a path that the reference product has or had.
pub(crate) fn instead_of(path: &str) -> Option<&'static str> {
    let found = ELSEWHERE
        .iter()
        .find(|(known, _)| match known.strip_suffix('/') {
            Some(folder) => path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            None => path.strip_suffix('/').unwrap_or(path) == *known,
        });
    found.map(|(_, instead)| *instead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_what_is_below_it_and_for_nothing_beside_it() {
        for path in [
            "/samlp",
            "/samlp/",
            "/samlp/client-1/logout",
            "/oauth/ro",
            "/oauth/ro/",
        ] {
            assert!(instead_of(path).is_some(), "{path}");
        }
        for path in [
            "/samlpx",
            "/oauth/ro/x",
            "/oauth/rota",
            "/",
            "",
            "/oauth/token",
        ] {
            assert_eq!(instead_of(path), None, "{path}");
        }
        assert!(
            instead_of("/dbconnections/signup")
                .unwrap()
                .contains("POST /api/v2/users")
        );
    }
}
