//! Paths of the reference product that aren't here, and what they say.

use serde_json::Value;

use crate::harness::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_gone_says_what_to_use_instead() {
    let server = TestServer::start_empty().await;

    for (path, instead) in [
        ("/oauth/ro", "POST /oauth/token"),
        ("/oauth/access_token", "POST /oauth/token"),
        ("/delegation", "POST /oauth/token"),
        ("/tokeninfo", "/userinfo"),
        ("/co/authenticate", "/oauth/token"),
        ("/usernamepassword/login", "/oauth/token"),
        ("/passwordless/start", "/oauth/token"),
        ("/passwordless/verify", "/oauth/token"),
        ("/dbconnections/signup", "POST /api/v2/users"),
        ("/dbconnections/change_password", "/api/v2/users"),
        ("/ssodata", "sessions"),
        ("/oauth/device/code", "device flow"),
        ("/samlp/metadata", "OpenID Connect"),
        (
            "/wsfed/FederationMetadata/2007-06/FederationMetadata.xml",
            "OpenID Connect",
        ),
    ] {
        for method in ["GET", "POST"] {
            let answer = server.ask(method, path, None, Value::Null).await;
            let body = answer.expect(404);
            let message = body["message"].as_str().unwrap();
            assert!(message.starts_with(path), "{message}");
            assert!(message.contains(instead), "{path}: {message}");
            // Where OAuth clients look for it.
            assert_eq!(body["error_description"], body["message"]);
        }
    }
    let nothing = server.get("/nowhere").await.expect(404);
    assert_eq!(nothing["message"], "there is nothing at /nowhere");
}
