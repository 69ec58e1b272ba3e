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
    field_filter::FieldFilter,
    listing,
    operation::{self as answers, Answer},
    query::{ClassicPage, FromQuery, Parameters},
};

/// Lists, and what they are called in answers that say more than the list. Those without
/// a name are bare however they are asked for.
const LISTS: [(&str, Option<&str>); 20] = [
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
    ("/guardian/policies", None),
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

/// Settings of what there is none of.
const SETTINGS: [&str; 9] = [
    "/attack-protection/bot-detection",
    "/attack-protection/breached-password-detection",
    "/attack-protection/brute-force-protection",
    "/attack-protection/captcha",
    "/attack-protection/suspicious-ip-throttling",
    "/branding",
    "/prompts",
    "/prompts/{prompt}/partials",
    "/supplemental-signals",
];

pub(super) fn routes() -> Routes {
    let routes = LISTS
        .into_iter()
        .fold(Routes::default(), |routes, (path, name)| {
            routes.at(path, empty(name))
        });
    SETTINGS.into_iter().fold(routes, |routes, path| {
        let methods = get(
            nothing,
            "Get settings of what there is none of",
            empty_object(),
        );
        let summary = "Take such settings, sent back, and no others";
        routes.at(path, methods.patch(keep_nothing, summary, empty_object()))
    })
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
            Some(name) => listing::classic::<Value>(name, admin.query.0, &[], 0),
            None => Ok(Json(json!([])).into_response()),
        },
        "List what there is none of here",
        match name {
            Some(name) => answers::page::<Value>(name),
            None => answers::list::<Value>(),
        },
    )
}

fn empty_object() -> Answer {
    answers::ok::<Map<String, Value>>()
}

async fn nothing(_: Admin<ReadTenantSettings, FieldFilter>) -> Response {
    Json(json!({})).into_response()
}

/// Takes what [`nothing`] says, sent back, and refuses everything else by name.
async fn keep_nothing(
    _: Admin<UpdateTenantSettings>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    settings::must_be_empty(body)?;
    Ok(Json(json!({})).into_response())
}
