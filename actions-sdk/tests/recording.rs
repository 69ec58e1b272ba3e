//! What an author's test sees of an Action.

use std::time::Duration;

use actions_sdk::api::Expiry;
use actions_sdk::credentials_exchange::{self, DenialCode};
use actions_sdk::log::{self, Level};
use actions_sdk::post_login::{Api, Event};
use actions_sdk::testing::json;

/// An event as production shows it.
const LOGIN: &str = r#"{
    "tenant": { "id": "dev" },
    "client": { "client_id": "app", "name": "Mobile App", "metadata": { "b": "2", "a": "1" } },
    "connection": { "id": "con_1", "name": "users", "strategy": "auth0", "metadata": { "k": "v" } },
    "user": {
        "user_id": "auth0|1", "email": "ada@example.com", "email_verified": true,
        "phone_verified": false, "given_name": "Ada", "created_at": "2026-01-01T00:00:00Z",
        "app_metadata": { "role": "editor", "seats": 3, "gone": null },
        "user_metadata": {},
        "identities": [{ "connection": "users", "user_id": "1", "isSocial": false }],
        "favorite_color": "green"
    },
    "organization": { "id": "org_1", "name": "acme", "display_name": "Acme", "metadata": { "plan": "pro" } },
    "authorization": { "roles": ["admin"], "permissions": ["read:reports"] },
    "authentication": { "methods": [{ "name": "pwd", "timestamp": "2026-01-05T09:30:00Z" }] },
    "resource_server": { "identifier": "https://api.example.com/" },
    "request": {
        "ip": "203.0.113.7", "method": "POST", "user_agent": "curl",
        "body": { "grant_type": "password" }, "query": {}, "geoip": { "countryCode": "DE" }
    },
    "stats": { "logins_count": 7 },
    "transaction": {
        "protocol": "oauth2-password", "requested_scopes": ["openid", "email"],
        "metadata": { "step": 1 }, "correlation_id": "c-1"
    },
    "refresh_token": { "id": "rt_1", "created_at": "2026-01-01T00:00:00Z", "rotating": true },
    "secrets": { "API_KEY": "s3cret" }
}"#;

#[test]
fn every_part_of_the_event_is_read_from_json() {
    let event = Event::from_json(LOGIN).unwrap();

    assert_eq!(event.tenant().id(), "dev");
    assert_eq!(event.client().client_id(), "app");
    assert_eq!(event.client().metadata("a").as_deref(), Some("1"));
    assert_eq!(event.client().metadata_keys(), ["a", "b"]);
    assert_eq!(event.connection().strategy(), "auth0");
    assert_eq!(event.connection().metadata("k").as_deref(), Some("v"));
    assert_eq!(event.user().user_id(), "auth0|1");
    assert!(event.user().email_verified());
    assert_eq!(event.user().phone_verified(), Some(false));
    assert_eq!(event.user().nickname(), None);
    assert_eq!(event.user().app_metadata("seats"), Some(3));
    assert_eq!(event.user().app_metadata_keys(), ["gone", "role", "seats"]);
    assert_eq!(
        event
            .user()
            .attribute::<String>("favorite_color")
            .as_deref(),
        Some("green")
    );
    assert_eq!(event.user().attribute::<String>("email"), None);
    assert_eq!(event.user().attribute_names(), ["favorite_color"]);
    assert_eq!(event.user().identities()[0].is_social, Some(false));
    let organization = event.organization().unwrap();
    assert_eq!(
        (organization.id(), organization.display_name().as_str()),
        ("org_1", "Acme")
    );
    assert_eq!(organization.metadata("plan").as_deref(), Some("pro"));
    assert_eq!(event.authorization().roles(), ["admin"]);
    assert_eq!(event.authorization().permissions(), ["read:reports"]);
    assert_eq!(
        event.authentication().methods()[0].timestamp,
        "2026-01-05T09:30:00Z"
    );
    assert_eq!(
        event.resource_server().unwrap().identifier(),
        "https://api.example.com/"
    );
    assert_eq!(event.request().ip(), "203.0.113.7");
    assert_eq!(
        event.request().body::<String>("grant_type").as_deref(),
        Some("password")
    );
    assert_eq!(event.request().query::<String>("x"), None);
    assert_eq!(
        event.request().geoip::<String>("countryCode").as_deref(),
        Some("DE")
    );
    assert_eq!(event.stats().logins_count(), 7);
    assert_eq!(
        event.transaction().protocol().as_deref(),
        Some("oauth2-password")
    );
    assert_eq!(event.transaction().metadata("step"), Some(1));
    assert_eq!(event.transaction().correlation_id().as_deref(), Some("c-1"));
    let refresh_token = event.refresh_token().unwrap();
    assert_eq!(
        (refresh_token.id(), refresh_token.rotating()),
        ("rt_1", Some(true))
    );
    assert_eq!(event.get::<u32>("/user/app_metadata/seats"), Some(3));
}

#[test]
fn the_present_time_is_when_the_request_came() {
    let from_json = Event::from_json(r#"{"request": {"received_at_ms": 1767605400000}}"#).unwrap();
    let built = Event::builder().received_at_ms(5).build();
    let silent = credentials_exchange::Event::from_json("{}").unwrap();

    assert_eq!(from_json.request().received_at_ms(), 1_767_605_400_000);
    assert_eq!(built.request().received_at_ms(), 5);
    assert_eq!(built.get::<u64>("/request/received_at_ms"), None);
    assert_eq!(silent.request().received_at_ms(), 1_767_225_600_000);
}

#[test]
fn what_the_event_lacks_reads_as_absent_or_empty() {
    let event = Event::from_json("{}").unwrap();

    assert_eq!(event.user().user_id(), "");
    assert_eq!(event.user().email(), None);
    assert!(event.user().identities().is_empty());
    assert!(event.authentication().methods().is_empty());
    assert!(event.organization().is_none());
    assert!(event.resource_server().is_none());
    assert!(event.refresh_token().is_none());
    assert_eq!(event.stats().logins_count(), 0);
}

#[test]
fn secrets_are_for_the_action_and_in_no_part_of_the_event() {
    let event = Event::from_json(LOGIN).unwrap();
    let api = Api::recording(&event);

    assert_eq!(event.secrets().get("API_KEY").as_deref(), Some("s3cret"));
    assert_eq!(event.secrets().get("OTHER"), None);
    assert_eq!(event.get::<String>("/secrets/API_KEY"), None);
    assert!(
        !event
            .get::<serde_json::Value>("")
            .unwrap()
            .to_string()
            .contains("s3cret")
    );
    assert!(!format!("{event:?} {api:?}").contains("s3cret"));
}

#[test]
fn an_event_that_is_no_json_object_is_refused_with_the_reason() {
    let reason = |json| Event::from_json(json).unwrap_err().to_string();

    assert!(reason("{").starts_with("the event is not JSON: "));
    assert_eq!(reason("[]"), "the event must be a JSON object");
    assert_eq!(
        reason(r#"{"secrets": {"KEY": 1}}"#),
        "`secrets` of the event must be an object of texts"
    );
}

#[test]
fn a_value_of_another_type_reads_as_absent_and_is_logged() {
    let event = Event::from_json(LOGIN).unwrap();
    let api = Api::recording(&event);

    assert_eq!(event.user().app_metadata::<String>("seats"), None);
    assert_eq!(event.user().app_metadata::<String>("gone"), None);
    assert_eq!(event.user().app_metadata::<String>("absent"), None);

    let logs = api.recorded().logs;
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].0, Level::Warn);
    assert!(
        logs[0]
            .1
            .starts_with("event.user.app_metadata `seats` is not of the type asked for")
    );
}

#[test]
fn a_value_that_is_no_json_is_logged_and_never_fails_the_action() {
    let event = Event::builder().build();
    let mut api = Api::recording(&event);
    let no_json = std::collections::BTreeMap::from([((1, 2), 3)]);

    api.access_token()
        .set_custom_claim("https://example.com/map", &no_json);
    let refusal = api
        .user()
        .try_set_app_metadata("map", &no_json)
        .unwrap_err();

    let did = api.recorded();
    assert!(did.access_token_claims.is_empty());
    assert!(did.app_metadata.is_empty());
    assert_eq!(refusal.code, "invalid_value");
    assert_eq!(did.logs.len(), 2);
    assert_eq!(did.logs[0].0, Level::Error);
    assert!(did.logs[0].1.contains("`https://example.com/map`"));
}

#[test]
fn the_last_claim_of_a_name_wins_and_the_event_shows_it() {
    let event = Event::builder().build();
    let mut api = Api::recording(&event);

    api.access_token()
        .set_custom_claim("https://example.com/level", 1);
    api.access_token()
        .set_custom_claim("https://example.com/level", 2);
    api.id_token()
        .set_custom_claim("https://example.com/list", ["a", "b"]);

    assert_eq!(
        event
            .access_token()
            .custom_claim("https://example.com/level"),
        Some(2)
    );
    assert_eq!(
        event.access_token().custom_claim_names(),
        ["https://example.com/level"]
    );
    let did = api.recorded();
    assert_eq!(did.access_token_claims["https://example.com/level"], 2);
    assert_eq!(
        did.id_token_claims["https://example.com/list"],
        json!(["a", "b"])
    );
}

#[test]
fn the_first_denial_stands() {
    let event = Event::builder().build();
    let mut api = Api::recording(&event);
    let exchange = credentials_exchange::Event::builder().build();
    let mut exchange_api = credentials_exchange::Api::recording(&exchange);

    api.access().deny("closed");
    api.access().deny("really");
    exchange_api
        .access()
        .deny_without_reason(DenialCode::InvalidScope);
    exchange_api.access().deny(DenialCode::ServerError, "later");

    let denial = api.recorded().denial.unwrap();
    assert_eq!(
        (denial.code.as_str(), denial.reason.as_deref()),
        ("access_denied", Some("closed"))
    );
    let denial = exchange_api.recorded().denial.unwrap();
    assert_eq!(
        (denial.code.as_str(), denial.reason),
        ("invalid_scope", None)
    );
}

#[test]
fn metadata_of_the_user_is_for_the_next_action_and_of_the_transaction_at_once() {
    let event = Event::from_json(LOGIN).unwrap();
    let mut api = Api::recording(&event);

    api.user().set_app_metadata("role", None::<String>);
    api.user().set_user_metadata("theme", "dark");
    api.transaction().set_metadata("step", 2);
    let list = api
        .transaction()
        .try_set_metadata("list", [1, 2])
        .unwrap_err();

    assert_eq!(
        event.user().app_metadata::<String>("role").as_deref(),
        Some("editor")
    );
    assert_eq!(event.transaction().metadata("step"), Some(2));
    assert_eq!(list.code, "invalid_value");
    let next = api.event_of_next_action();
    assert_eq!(next.user().app_metadata::<String>("role"), None);
    assert_eq!(
        next.user().user_metadata::<String>("theme").as_deref(),
        Some("dark")
    );
    assert_eq!(next.transaction().metadata_keys(), ["step"]);
    assert!(Api::recording(&next).recorded().user_metadata.is_empty());
    assert_eq!(api.recorded().app_metadata["role"], json!(null));
}

#[test]
fn scopes_begin_with_those_asked_for_and_change_at_once() {
    let event = Event::from_json(LOGIN).unwrap();
    let mut api = Api::recording(&event);

    api.access_token().add_scope("read:reports");
    api.access_token().add_scope("read:reports");
    api.access_token().remove_scope("email");
    let refusal = api.access_token().try_add_scope("two words").unwrap_err();

    assert_eq!(event.access_token().scope(), ["openid", "read:reports"]);
    assert_eq!(event.transaction().requested_scopes(), ["openid", "email"]);
    assert_eq!(api.recorded().scopes, ["openid", "read:reports"]);
    assert_eq!(refusal.code, "invalid_scope");
}

#[test]
fn target_scopes_are_replaced_as_a_whole_or_not_at_all() {
    let event = credentials_exchange::Event::from_json(
        r#"{"transaction": {"requested_scopes": ["read", "write"]}}"#,
    )
    .unwrap();
    let mut api = credentials_exchange::Api::recording(&event);

    api.transaction().set_target_scopes(["read", "not a scope"]);
    assert_eq!(api.recorded().scopes, ["read", "write"]);

    api.transaction().set_target_scopes(["read"]);
    api.transaction().add_target_scope("admin");
    api.transaction().remove_target_scope("absent");
    assert_eq!(event.transaction().target_scopes(), ["read", "admin"]);
}

#[test]
fn a_cached_text_ends_at_the_earlier_of_its_times() {
    let now_ms = 1_000_000;
    let day_ms = 24 * 60 * 60 * 1000;
    let event = Event::builder().received_at_ms(now_ms).build();
    let mut api = Api::recording(&event);
    let mut cache = api.cache();
    let hour = Expiry::after(Duration::from_secs(3600));

    cache.set("a", "1", Expiry::default());
    cache.set("b", "2", hour);
    cache.set("c", "3", hour.no_later_than_ms(now_ms + 5));
    cache.set("d", "4", Expiry::at_ms(u64::MAX));
    let ends = ["a", "b", "c", "d"].map(|key| cache.get(key).unwrap().expires_at_ms - now_ms);
    let past = cache.try_set("e", "5", Expiry::at_ms(now_ms)).unwrap_err();
    cache.delete("a");
    let absent = cache.try_delete("a").unwrap_err();

    assert_eq!(ends, [15 * 60 * 1000, 60 * 60 * 1000, 5, day_ms]);
    assert_eq!(past.code, "already_expired");
    assert_eq!(absent.code, "no_such_key");
    assert_eq!(cache.get("a"), None);
    assert_eq!(cache.get("b").unwrap().value, "2");
    assert_eq!(
        api.recorded().cache.keys().collect::<Vec<_>>(),
        ["b", "c", "d"]
    );
}

#[test]
fn log_lines_are_recorded_with_their_levels_in_order() {
    let event = Event::builder().build();
    let api = Api::recording(&event);

    log::debug("a");
    log::info(String::from("b"));
    log::warn("c");
    log::error("d");

    let expected = [
        (Level::Debug, "a".to_owned()),
        (Level::Info, "b".to_owned()),
        (Level::Warn, "c".to_owned()),
        (Level::Error, "d".to_owned()),
    ];
    assert_eq!(api.recorded().logs, expected);
}

#[test]
fn the_builder_sets_what_the_event_shows() {
    let event = Event::builder()
        .app_metadata("a/b", 1)
        .attribute("favorite_color", "green")
        .client_metadata("department", "engineering")
        .roles(["b", "a"])
        .secret("KEY", "value")
        .set("/request/body/audience", "https://api.example.com/")
        .build();

    assert_eq!(event.user().app_metadata("a/b"), Some(1));
    assert_eq!(
        event
            .user()
            .attribute::<String>("favorite_color")
            .as_deref(),
        Some("green")
    );
    assert_eq!(
        event.client().metadata("department").as_deref(),
        Some("engineering")
    );
    assert_eq!(event.authorization().roles(), ["a", "b"]);
    assert_eq!(event.secrets().get("KEY").as_deref(), Some("value"));
    assert!(event.request().body::<String>("audience").is_some());
}
