//! What the reference product has and this server hasn't. Its tools read the whole of a
//! tenant before they change anything of it, and give up at the first thing that can't be
//! read. So each list is empty, and settings hold nothing and take nothing.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_service::admin::settings;
use serde_json::{Map, Value, json};

use super::{
    ApiError, JsonBody,
    access::{Admin, Methods, ReadTenantSettings, Routes, UpdateTenantSettings, get},
    body::JsonList,
    field_filter::FieldFilter,
    listing, operation as answers,
    query::{ClassicPage, FromQuery, Parameters},
};

/// Lists, and what they are called in answers that say more than the list. Those without
/// a name are bare however they are asked for.
const LISTS: [(&str, Option<&str>); 19] = [
    ("/branding/phone/providers", Some("providers")),
    ("/branding/phone/templates", Some("templates")),
    ("/connection-profiles", Some("connection_profiles")),
    (
        "/connections-directory-provisionings",
        Some("directory_provisionings"),
    ),
    ("/custom-domains", None),
    ("/event-streams", Some("eventStreams")),
    ("/flows", Some("flows")),
    ("/flows/vault/connections", Some("connections")),
    ("/forms", Some("forms")),
    ("/guardian/factors", None),
    ("/hooks", Some("hooks")),
    ("/log-streams", None),
    ("/network-acls", Some("network_acls")),
    ("/rate-limit-policies", Some("rate_limit_policies")),
    ("/rules", Some("rules")),
    ("/rules-configs", None),
    ("/self-service-profiles", Some("self_service_profiles")),
    ("/token-exchange-profiles", Some("token_exchange_profiles")),
    ("/user-attribute-profiles", Some("user_attribute_profiles")),
];

/// A list that is set as a whole.
const POLICIES: &str = "/guardian/policies";

pub(super) fn routes() -> Routes {
    let routes = LISTS
        .into_iter()
        .fold(Routes::default(), |routes, (path, name)| {
            routes.at(path, empty(name))
        });
    let policies = empty(None).put(
        keep_none,
        "Take an empty list of what there is none of",
        answers::list::<Value>(),
    );
    let routes = routes.at(POLICIES, policies);
    fixed_settings()
        .into_iter()
        .fold(routes, |routes, (path, held)| routes.at(path, fixed(held)))
}

/// Settings of what there is none of, and what tools read in them.
fn fixed_settings() -> [(&'static str, Value); 11] {
    [
        ("/attack-protection/bot-detection", json!({})),
        ("/attack-protection/breached-password-detection", json!({})),
        ("/attack-protection/brute-force-protection", json!({})),
        ("/attack-protection/captcha", json!({})),
        ("/attack-protection/suspicious-ip-throttling", json!({})),
        ("/branding", json!({})),
        ("/prompts", json!({})),
        ("/prompts/{prompt}/partials", json!({})),
        ("/risk-assessments/settings", json!({ "enabled": false })),
        (
            "/risk-assessments/settings/new-device",
            json!({ "remember_for": 0 }),
        ),
        ("/supplemental-signals", json!({})),
    ]
}

/// How a list is asked for: whatever may be wanted of what is in it.
struct AnyOf(ClassicPage);

impl FromQuery for AnyOf {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let page = ClassicPage::from_query(parameters)?;
        FieldFilter::from_query(parameters)?;
        Ok(Self(page))
    }
}

fn empty(name: Option<&'static str>) -> Methods {
    get(
        async move |admin: Admin<ReadTenantSettings, AnyOf>| match name {
            Some(name) => listing::empty(&admin, name, &admin.query.0),
            None => Ok(Json(json!([])).into_response()),
        },
        "List what there is none of here",
        match name {
            Some(name) => answers::page::<Value>(name),
            None => answers::list::<Value>(),
        },
    )
}

/// Settings that are what they are, and take that, sent back.
fn fixed(held: Value) -> Methods {
    let shown = held.clone();
    get(
        async move |_: Admin<ReadTenantSettings, FieldFilter>| Json(shown.clone()),
        "Get settings of what there is none of",
        answers::ok::<Map<String, Value>>(),
    )
    .patch(
        async move |_: Admin<UpdateTenantSettings>, JsonBody(body): JsonBody| {
            settings::must_stay(held.as_object().unwrap_or(&Map::new()), body)?;
            Ok::<_, ApiError>(Json(held.clone()))
        },
        "Take such settings, sent back, and no others",
        answers::ok::<Map<String, Value>>(),
    )
}

/// Takes the empty list, sent back, and refuses any other.
async fn keep_none(
    _: Admin<UpdateTenantSettings>,
    JsonList(list): JsonList,
) -> Result<Response, ApiError> {
    settings::must_have_no_items(list)?;
    Ok(Json(json!([])).into_response())
}
