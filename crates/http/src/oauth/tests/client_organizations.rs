//! Client credentials for an organization.

use serde_json::{Value, json};

use super::{API, Answer, Client, World, claims};

/// A world with a client that has a grant, and the organizations `acme` and `other`;
/// answers the path of the grant and the identifiers of both.
async fn world(grant: Value) -> (World, Client, String, [String; 2]) {
    let world = World::start().await;
    let job = world.job(json!({})).await;
    let path = format!("client-grants?client_id={}", job.id);
    let grants = world.manage("GET", &path, Value::Null).await;
    let path = format!("client-grants/{}", grants[0]["id"].as_str().unwrap());
    world.manage("PATCH", &path, grant).await;
    let mut ids = Vec::new();
    for name in ["acme", "other"] {
        let body = json!({"name": name, "display_name": name});
        let organization = world.manage("POST", "organizations", body).await;
        ids.push(organization["id"].as_str().unwrap().to_owned());
    }
    (world, job, path, ids.try_into().unwrap())
}

async fn ask(world: &World, job: &Client, organization: Option<&str>) -> Answer {
    let body = json!({
        "grant_type": "client_credentials", "audience": API, "organization": organization,
    });
    world.token(job, body).await
}

#[tokio::test]
async fn a_grant_that_allows_any_organization_gives_tokens_for_each_that_there_is() {
    let grant = json!({"organization_usage": "allow", "allow_any_organization": true});
    let (world, job, _, [acme, _]) = world(grant).await;

    for asked in ["acme", acme.as_str()] {
        let tokens = ask(&world, &job, Some(asked)).await.tokens();
        let claims = claims(&tokens["access_token"]);
        assert_eq!(
            (&claims["org_id"], &claims["org_name"]),
            (&json!(acme), &json!("acme"))
        );
    }
    let without = ask(&world, &job, None).await.tokens();
    assert_eq!(claims(&without["access_token"]).get("org_id"), None);
    let unknown = ask(&world, &job, Some("nowhere")).await;
    let (status, error, text) = unknown.refusal();
    assert_eq!((status, error), (400, "access_denied"));
    assert!(text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn a_grant_is_for_the_organizations_that_it_was_given_to() {
    let (world, job, path, [acme, other]) = world(json!({"organization_usage": "require"})).await;
    let missing = ask(&world, &job, None).await;
    assert_eq!(missing.refusal().1, "invalid_request");
    let not_yet = ask(&world, &job, Some("acme")).await;
    assert_eq!(not_yet.refusal().1, "access_denied");

    let id = path.split('/').next_back().unwrap();
    let of_acme = format!("organizations/{acme}/client-grants");
    let given = world
        .manage("POST", &of_acme, json!({"grant_id": id}))
        .await;
    assert_eq!(given["id"], id);
    let listed = world.manage("GET", &of_acme, Value::Null).await;
    assert_eq!(listed[0]["organization_usage"], "require");
    ask(&world, &job, Some("acme")).await.tokens();
    assert_eq!(
        ask(&world, &job, Some(&other)).await.refusal().1,
        "access_denied"
    );

    world
        .manage("DELETE", &format!("{of_acme}/{id}"), Value::Null)
        .await;
    assert_eq!(
        ask(&world, &job, Some("acme")).await.refusal().1,
        "access_denied"
    );
}

#[tokio::test]
async fn a_grant_that_says_nothing_is_not_for_organizations() {
    let (world, job, path, [acme, _]) = world(json!({})).await;

    let refused = ask(&world, &job, Some("acme")).await;

    let (status, error, text) = refused.refusal();
    assert_eq!((status, error), (400, "invalid_request"));
    assert!(text.contains("organization_usage"), "{text}");
    let id = path.split('/').next_back().unwrap();
    let of_acme = format!("/api/v2/organizations/{acme}/client-grants");
    let token = Some(world.management_token.as_str());
    let refused = world
        .send("POST", &of_acme, token, json!({"grant_id": id}))
        .await;
    assert_eq!(refused.status, 400);
}
