//! The password grant: users, their profiles, roles and organizations.

use serde_json::{Value, json};

use crate::harness::{API, PASSWORD, POST_LOGIN, TestServer, User, guest, scripted};

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_logs_users_in_with_name_and_password_and_post_login_runs() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([[
        "echo",
        "/transaction/protocol",
        "https://example.com/protocol"
    ]]);
    server
        .bind(POST_LOGIN, [scripted("shows-protocol", script)])
        .await;

    let reply = server
        .login(&app, &ada)
        .scope("openid email read:reports")
        .send()
        .await;

    let reply = reply.expect_token();
    let claims = reply.claims();
    assert_eq!(claims["https://example.com/protocol"], "oauth2-password");
    assert_eq!(claims["sub"], ada.id);
    assert_eq!(
        claims["aud"],
        json!([API, format!("{}userinfo", server.issuer)])
    );
    assert_eq!(claims["scope"], "openid email read:reports");
    assert_eq!(claims["gty"], "password");
    assert_eq!(claims["azp"], app.id);
    let id_token = reply.id_claims();
    assert_eq!(id_token["sub"], ada.id);
    assert_eq!(id_token["aud"], app.id);
    assert_eq!(id_token["email"], "ada@example.com");
    assert_eq!(
        id_token.get("name"),
        None,
        "the scope profile was not asked for"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_realm_names_the_connection() {
    let server = TestServer::start().await;
    let grant = "http://auth0.com/oauth/grant-type/password-realm";
    let app = server
        .client("app")
        .grant_types(&["password", grant])
        .create()
        .await;
    let ada = server.user("ada@example.com").create().await;
    let realm = "Username-Password-Authentication";

    for grant in ["password", grant] {
        let login = || server.login(&app, &ada).with("grant_type", grant);
        login().with("realm", realm).send().await.expect_token();
        let elsewhere = login().with("realm", "elsewhere").send().await;
        elsewhere.expect_error(400, "invalid_request");
    }
    let without = server
        .login(&app, &ada)
        .with("grant_type", grant)
        .send()
        .await;
    without.expect_error(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_an_object_even_for_a_user_who_has_none() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([
        ["echo", "/user/app_metadata", "https://example.com/app"],
        ["echo", "/user/user_metadata", "https://example.com/user"],
    ]);
    server
        .bind(POST_LOGIN, [scripted("reads", script), guest("role")])
        .await;

    let reply = server.login(&app, &ada).send().await.expect_token();

    let claims = reply.claims();
    assert_eq!(claims["https://example.com/app"], json!({}));
    assert_eq!(claims["https://example.com/user"], json!({}));
    assert_eq!(claims.get("https://example.com/role"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_of_the_upstream_profile_and_user_metadata_reach_the_id_token_and_userinfo() {
    let server = TestServer::start().await;
    let user = server.user("ada@example.com");
    let user = user.with("profile_attributes", json!({"favorite_color": "green"}));
    let user = user.with("user_metadata", json!({"preferred_contact": "email"}));
    let (app, ada) = (server.app().await, user.create().await);
    server.bind(POST_LOGIN, [guest("login-profile")]).await;

    let reply = server
        .login(&app, &ada)
        .scope("openid")
        .send()
        .await
        .expect_token();

    let info = server.userinfo(reply.access_token()).await.expect(200);
    for claims in [reply.id_claims(), info] {
        assert_eq!(claims["https://example.com/favorite_color"], "green");
        assert_eq!(claims["https://example.com/preferred_contact"], "email");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_in_the_event_as_stored() {
    let server = TestServer::start().await;
    let user = server
        .user("ada@example.com")
        .with("name", "Ada Example")
        .with("given_name", "Ada")
        .with("family_name", "Example")
        .with("nickname", "ada")
        .with("picture", "https://example.com/ada.png")
        .with("email_verified", true)
        .with(
            "app_metadata",
            json!({"plan": {"name": "gold", "seats": 5}}),
        )
        .with("user_metadata", json!({"preferred_contact": "email"}))
        .with("profile_attributes", json!({"favorite_color": "green"}));
    let (app, ada) = (server.app().await, user.create().await);
    server
        .bind(
            POST_LOGIN,
            [scripted(
                "shows",
                json!([["echo", "/user", "urn:test:user"]]),
            )],
        )
        .await;

    let reply = server.login(&app, &ada).send().await.expect_token();

    let mut seen = reply.claims()["urn:test:user"].clone();
    let seen = seen.as_object_mut().unwrap();
    let times = ["created_at", "updated_at"].map(|name| seen.remove(name).unwrap());
    assert!(times.iter().all(Value::is_string), "{times:?}");
    let expected = json!({
        "user_id": ada.id,
        "email": "ada@example.com",
        "email_verified": true,
        "name": "Ada Example",
        "given_name": "Ada",
        "family_name": "Example",
        "nickname": "ada",
        "picture": "https://example.com/ada.png",
        "app_metadata": {"plan": {"name": "gold", "seats": 5}},
        "user_metadata": {"preferred_contact": "email"},
        "favorite_color": "green",
        "identities": [{
            "connection": "Username-Password-Authentication",
            "provider": "auth0",
            "user_id": ada.id.strip_prefix("auth0|").unwrap(),
            "isSocial": false,
        }],
    });
    assert_eq!(Value::Object(seen.clone()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn app_metadata_never_leaves_the_server_unless_an_action_copies_it() {
    let server = TestServer::start().await;
    let user = server.user("ada@example.com");
    let user = user.with("app_metadata", json!({"role": "inner-circle"}));
    let (app, ada) = (server.app().await, user.create().await);
    let shown = async || {
        let login = server
            .login(&app, &ada)
            .scope("openid profile email read:reports");
        let reply = login.send().await.expect_token();
        let info = server.userinfo(reply.access_token()).await.expect(200);
        format!("{}{}{info}", reply.claims(), reply.id_claims())
    };

    assert!(!shown().await.contains("inner-circle"));

    server.bind(POST_LOGIN, [guest("role")]).await;
    assert!(shown().await.contains("inner-circle"));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_permissions_are_in_the_event_in_alphabetical_order() {
    let server = TestServer::start().await;
    let writer = server.role("writer", &["write:reports"]).await;
    let admin = server.role("admin", &["read:reports"]).await;
    let app = server.app().await;
    let ada = server
        .user("ada@example.com")
        .role(&writer)
        .role(&admin)
        .create()
        .await;
    let bob = server.user("bob@example.com").create().await;
    let script = json!([["echo", "/authorization", "urn:test:authorization"]]);
    let actions = [guest("roles-and-organization"), scripted("shows", script)];
    server.bind(POST_LOGIN, actions).await;

    let claims = server
        .login(&app, &ada)
        .send()
        .await
        .expect_token()
        .claims();
    assert_eq!(
        claims["https://example.com/roles"],
        json!(["admin", "writer"])
    );
    let permissions = &claims["urn:test:authorization"]["permissions"];
    assert_eq!(*permissions, json!(["read:reports", "write:reports"]));

    let claims = server
        .login(&app, &bob)
        .send()
        .await
        .expect_token()
        .claims();
    assert_eq!(
        claims["urn:test:authorization"],
        json!({"roles": [], "permissions": []})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_with_policies_gives_only_the_scopes_that_the_users_roles_hold() {
    let server = TestServer::start().await;
    let reader = server.role("reader", &["read:reports"]).await;
    let ada = server.user("ada@example.com").role(&reader).create().await;
    let app = server.app().await;
    let login = || {
        server
            .login(&app, &ada)
            .scope("read:reports write:reports")
            .send()
    };

    assert_eq!(
        login().await.expect_token().claims()["scope"],
        "read:reports write:reports"
    );

    let path = format!(
        "resource-servers/{}",
        API.replace(':', "%3A").replace('/', "%2F")
    );
    let body = json!({"enforce_policies": true, "token_dialect": "access_token_authz"});
    server.manage("PATCH", &path, body).await.expect(200);
    let claims = login().await.expect_token().claims();
    assert_eq!(claims["scope"], "read:reports");
    assert_eq!(claims["permissions"], json!(["read:reports"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_in_event_and_tokens_when_the_request_names_one_of_the_users() {
    let server = TestServer::start().await;
    let app = server.client("app").grant_types(&["password"]);
    let app = app.with("organization_usage", "allow").create().await;
    let ada = server.user("ada@example.com").create().await;
    let id = server.organization("acme", &[&ada]).await;
    let script = json!([["echo", "/organization", "urn:test:organization"]]);
    let actions = [guest("roles-and-organization"), scripted("shows", script)];
    server.bind(POST_LOGIN, actions).await;

    for asked in ["acme", id.as_str()] {
        let login = server
            .login(&app, &ada)
            .scope("openid")
            .with("organization", asked);
        let reply = login.send().await.expect_token();
        assert_eq!(reply.claims()["https://example.com/organization"], "acme");
        assert_eq!(reply.claims()["urn:test:organization"]["id"], id);
        for claims in [reply.claims(), reply.id_claims()] {
            assert_eq!(
                (&claims["org_id"], &claims["org_name"]),
                (&json!(id), &json!("acme"))
            );
        }
    }

    let reply = server
        .login(&app, &ada)
        .scope("openid")
        .send()
        .await
        .expect_token();
    assert_eq!(reply.claims()["urn:test:organization"], Value::Null);
    assert_eq!(reply.claims().get("org_id"), None);
    assert_eq!(reply.id_claims().get("org_id"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_in_an_organization_counts_for_logins_to_it_only() {
    let server = TestServer::start().await;
    let app = server.client("app").grant_types(&["password"]);
    let app = app.with("organization_usage", "allow").create().await;
    let ada = server.user("ada@example.com").create().await;
    let organization = server.organization("acme", &[&ada]).await;
    let auditor = server.role("auditor", &[]).await;
    let path = format!(
        "organizations/{organization}/members/{}/roles",
        ada.in_path()
    );
    server
        .manage("POST", &path, json!({"roles": [auditor]}))
        .await
        .expect(204);
    server
        .bind(POST_LOGIN, [guest("roles-and-organization")])
        .await;

    let inside = server
        .login(&app, &ada)
        .with("organization", "acme")
        .send()
        .await;
    assert_eq!(
        inside.claims()["https://example.com/roles"],
        json!(["auditor"])
    );
    let outside = server.login(&app, &ada).send().await;
    assert_eq!(outside.claims()["https://example.com/roles"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_a_member_of_the_organization_is_told_so() {
    let server = TestServer::start().await;
    let app = server.client("app").grant_types(&["password"]);
    let app = app.with("organization_usage", "allow").create().await;
    let bob = server.user("bob@example.com").create().await;
    server.organization("acme", &[]).await;

    for asked in ["acme", "nowhere"] {
        let reply = server
            .login(&app, &bob)
            .with("organization", asked)
            .send()
            .await;
        let description = reply.expect_error(400, "access_denied");
        assert!(description.contains(asked), "{description}");
        assert!(description.contains("not a member"), "{description}");
    }
    let closed = server.client("closed").grant_types(&["password"]);
    let closed = closed.with("organization_usage", "deny").create().await;
    let reply = server
        .login(&closed, &bob)
        .with("organization", "acme")
        .send()
        .await;
    reply.expect_error(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer_and_no_action_runs() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let nobody = User {
        id: String::new(),
        email: "nobody@example.com".to_owned(),
    };
    let fails = scripted("marks", json!([["app_metadata", "ran", true]]));
    server.bind(POST_LOGIN, [fails]).await;

    let wrong = server
        .login(&app, &ada)
        .with("password", "wrong")
        .send()
        .await;
    let unknown = server.login(&app, &nobody).send().await;

    wrong.expect_error(400, "invalid_grant");
    assert_eq!(wrong.summary(), unknown.summary());
    assert_eq!(wrong.answer.header("claimsmith-execution-id"), "");
    assert_eq!(server.stored_user(&ada).await["app_metadata"], json!({}));
    assert!(!wrong.answer.text.contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_user_can_not_log_in() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let path = format!("users/{}", ada.in_path());
    server
        .manage("PATCH", &path, json!({"blocked": true}))
        .await
        .expect(200);

    server
        .login(&app, &ada)
        .send()
        .await
        .expect_error(400, "invalid_grant");

    // Whether somebody is blocked is told only to who knows the password.
    let wrong = server
        .login(&app, &ada)
        .with("password", "wrong")
        .send()
        .await;
    assert!(!wrong.answer.text.contains("blocked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_client_logs_users_in_without_a_secret() {
    let server = TestServer::start().await;
    let app = server.client("app").grant_types(&["password"]);
    let app = app
        .with("token_endpoint_auth_method", "none")
        .create()
        .await;
    let ada = server.user("ada@example.com").create().await;

    let reply = server
        .login(&app, &ada)
        .without("client_secret")
        .send()
        .await
        .expect_token();

    assert_eq!(reply.claims()["azp"], app.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_user_was_changed_is_a_number_in_the_id_token_and_at_userinfo() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let began = server.stored_user(&ada).await;

    let reply = server
        .login(&app, &ada)
        .scope("openid profile")
        .send()
        .await;

    let claims = reply.expect_token();
    let info = server.userinfo(claims.access_token()).await.expect(200);
    let claims = claims.id_claims();
    for updated_at in [&claims["updated_at"], &info["updated_at"]] {
        // Seconds, and not milliseconds.
        let apart = claims["iat"].as_i64().unwrap() - updated_at.as_i64().unwrap();
        assert!((-5..600).contains(&apart), "{updated_at}");
    }
    // The Management API keeps the reference product's form.
    assert!(began["updated_at"].is_string(), "{began}");
}
