//! A tenant's settings.

use std::collections::BTreeMap;

use claimsmith_model::{
    ClaimSettings, JsonObject, Limit, LimitInForce, OnRefusal, PrivateNames, TenantSettings,
};
use serde_json::{Value, json};

use super::{
    clients::{ID_TOKEN_ALGORITHMS, logout_urls},
    resource_servers::IDENTIFIER_CHARS_MAX,
};
use crate::{
    ServiceError,
    fields::{
        Fields, Problem, Read, integer, object, one_of, open_object, text, text_where, whole,
    },
    management::TenantAdmin,
};

const FRIENDLY_NAME_CHARS_MAX: usize = 255;
/// A year, as in the reference product.
const SESSION_HOURS_MAX: u32 = 8_760;
const PICTURE_URL_CHARS_MAX: usize = 2048;

/// The settings as they are now.
#[must_use]
pub fn get(admin: &TenantAdmin) -> TenantSettings {
    admin.tenant().tenant.settings.clone()
}

/// What the tenant may have of each limit. The operator says so, by
/// [`tenants::patch`](super::tenants::patch).
#[must_use]
pub fn limits(admin: &TenantAdmin) -> BTreeMap<Limit, LimitInForce> {
    let tenant = &admin.tenant().tenant.limits;
    admin.environment().limits.of_tenant(tenant)
}

/// Changes settings; what the body doesn't name stays. Takes effect with the next
/// token.
///
/// # Errors
/// `Invalid…` for a wrong body or a `default_audience` that is no API of the tenant.
pub async fn patch(admin: &TenantAdmin, body: JsonObject) -> Result<TenantSettings, ServiceError> {
    if let Some(sent) = body.get("limits") {
        let present = serde_json::to_value(limits(admin)).map_err(ServiceError::internal)?;
        if *sent != present {
            return Err(ServiceError::invalid(
                "limits can't be changed here: they are what the server's operator grants the \
                 tenant (PATCH /platform/v1/tenants/{id})",
            ));
        }
    }
    let mut unused = TenantSettings::default();
    apply(&mut unused, body.clone())?;
    if let Some(audience) = &unused.default_audience
        && admin
            .store()
            .resource_server_by_identifier(audience)
            .await?
            .is_none()
    {
        return Err(ServiceError::InvalidWithCode {
            message: format!(
                "default_audience: there is no API with the identifier `{audience}`; create the \
                 resource server first"
            ),
            code: "inexistent_resource_server",
        });
    }
    let tenants = &admin.services().tenants;
    let id = &admin.tenant().tenant.id;
    let changed = tenants
        .update_settings(id, |settings| Ok(apply(settings, body)?))
        .await?;
    Ok(changed.tenant.settings.clone())
}

/// Refuses to change settings that only ever hold the same, those of what there is none
/// of: a body may repeat them.
///
/// # Errors
/// `InvalidWithCode` for another value, and for a setting that isn't among them.
pub fn must_stay(held: &JsonObject, body: JsonObject) -> Result<(), ServiceError> {
    let mut fields = Fields::new(body);
    for (name, held) in held {
        fields.optional(name, |given| {
            if given == *held {
                return Ok(());
            }
            let problem = Problem::new(format!("it must be {held}: there is nothing to set here"));
            Err(problem.unlike(|| json!({ "const": held })))
        })?;
    }
    Ok(fields.finish()?)
}

/// Refuses every item: those of what there is none of.
///
/// # Errors
/// `InvalidWithCode` unless the list is empty.
pub fn must_have_no_items(list: Value) -> Result<(), ServiceError> {
    whole(list, crate::fields::list(0..=0, |_| Ok(())))?;
    Ok(())
}

fn apply(settings: &mut TenantSettings, body: JsonObject) -> Read<()> {
    let mut fields = Fields::new(body);
    fields.set_optional(
        "friendly_name",
        &mut settings.friendly_name,
        text(0..=FRIENDLY_NAME_CHARS_MAX),
    )?;
    fields.set_optional("picture_url", &mut settings.picture_url, picture_url)?;
    settings.picture_url.take_if(|url| url.is_empty());
    fields.set(
        "allowed_logout_urls",
        &mut settings.allowed_logout_urls,
        logout_urls,
    )?;
    fields.set_optional(
        "default_audience",
        &mut settings.default_audience,
        text(0..=IDENTIFIER_CHARS_MAX),
    )?;
    settings
        .default_audience
        .take_if(|audience| audience.is_empty());
    fields.set(
        "signing_alg",
        &mut settings.signing_algorithm,
        one_of(&ID_TOKEN_ALGORITHMS),
    )?;
    let sessions = &mut settings.sessions;
    // One beyond the other never comes into play.
    for (name, in_minutes, lifetime) in [
        (
            "session_lifetime",
            "session_lifetime_in_minutes",
            &mut sessions.lifetime_h,
        ),
        (
            "idle_session_lifetime",
            "idle_session_lifetime_in_minutes",
            &mut sessions.idle_lifetime_h,
        ),
    ] {
        fields.set(name, lifetime, integer(1..=SESSION_HOURS_MAX))?;
        fields.set(in_minutes, lifetime, hours_of_minutes)?;
    }
    let claims = settings.claims;
    fields.set(
        "claims",
        &mut settings.claims,
        object(|given| patched(claims, given)),
    )?;
    // What an answer says of them, sent back, is no change.
    fields.optional("limits", open_object)?;
    fields.finish()
}

/// Hours, told in minutes as the reference product's deploy tool does.
fn hours_of_minutes(value: Value) -> Read<u32> {
    let minutes = integer(60..=SESSION_HOURS_MAX * 60)(value)?;
    if minutes.is_multiple_of(60) {
        return Ok(minutes / 60);
    }
    Err(Problem::new(
        "sessions live for whole hours: give a multiple of 60",
    ))
}

/// A logo's address: of https, so that nobody on the way can put another picture in its
/// place, and with a host that a page's policy can name. Or an empty text, which is how
/// the reference product writes "none".
fn picture_url(value: Value) -> Read<String> {
    let allowed = |text: &str| {
        let url = url::Url::parse(text).ok();
        let host = url.filter(|url| url.scheme() == "https");
        let host = host.as_ref().and_then(|url| url.domain());
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        text.is_empty() || host.is_some_and(|host| host.chars().all(is_plain))
    };
    let hint = "a picture's URL begins with https:// and a host's name";
    text_where(0..=PICTURE_URL_CHARS_MAX, allowed, hint)(value)
}

fn patched(mut claims: ClaimSettings, fields: &mut Fields) -> Read<ClaimSettings> {
    let private_names = [
        ("refuse", PrivateNames::Refuse),
        ("allow", PrivateNames::Allow),
    ];
    let on_refusal = [("drop", OnRefusal::Drop), ("fail", OnRefusal::Fail)];
    fields.set(
        "private_names",
        &mut claims.private_names,
        one_of(&private_names),
    )?;
    fields.set("on_refusal", &mut claims.on_refusal, one_of(&on_refusal))?;
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patch(settings: &mut TenantSettings, body: Value) -> Result<(), String> {
        let body = crate::fields::open_object(body).unwrap();
        apply(settings, body).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_setting_that_the_body_does_not_name_stays() {
        let mut settings = TenantSettings::default();
        patch(
            &mut settings,
            json!({ "claims": { "private_names": "allow" } }),
        )
        .unwrap();
        patch(&mut settings, json!({ "claims": { "on_refusal": "fail" } })).unwrap();
        let claims = ClaimSettings {
            private_names: PrivateNames::Allow,
            on_refusal: OnRefusal::Fail,
        };
        assert_eq!(settings.claims, claims);
    }

    #[test]
    fn a_lifetime_is_told_in_hours_or_in_minutes_that_are_whole_hours() {
        let mut settings = TenantSettings::default();
        patch(&mut settings, json!({ "session_lifetime_in_minutes": 120 })).unwrap();
        patch(&mut settings, json!({ "idle_session_lifetime": 1 })).unwrap();
        assert_eq!(settings.sessions.lifetime_h, 2);
        assert_eq!(settings.sessions.idle_lifetime_h, 1);
        for wrong in [59, 61, SESSION_HOURS_MAX * 60 + 60] {
            let body = json!({ "session_lifetime_in_minutes": wrong });
            assert!(patch(&mut settings, body).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_setting_is_refused_with_its_place() {
        let mut settings = TenantSettings::default();
        assert_eq!(
            patch(&mut settings, json!({ "claims": { "names": "allow" } })).unwrap_err(),
            "'Additional properties not allowed: names' on property claims"
        );
        assert_eq!(settings, TenantSettings::default());
    }

    #[test]
    fn an_empty_default_audience_is_none() {
        let mut settings = TenantSettings::default();
        patch(&mut settings, json!({ "default_audience": "https://api/" })).unwrap();
        assert_eq!(settings.default_audience.as_deref(), Some("https://api/"));
        patch(&mut settings, json!({ "default_audience": "" })).unwrap();
        assert_eq!(settings.default_audience, None);
    }
    #[test]
    fn a_picture_is_at_a_host_of_https() {
        let kept = |url: &str| {
            let mut settings = TenantSettings::default();
            patch(&mut settings, json!({ "picture_url": url })).map(|()| settings.picture_url)
        };
        for good in [
            "https://cdn.example.com/logo.svg?v=2",
            "https://localhost:8443/logo.png",
        ] {
            assert_eq!(kept(good).unwrap().as_deref(), Some(good));
        }
        assert_eq!(kept("").unwrap(), None);
        for bad in [
            "http://cdn.example.com/logo.svg",
            "data:image/png;base64,AA==",
            "javascript:alert(1)",
            "https://a;script-src/logo.svg",
            "https://[::1]/logo.svg",
            "/logo.svg",
        ] {
            let problem = kept(bad).unwrap_err();
            assert!(problem.contains("on property picture_url"), "{problem}");
        }
        let of_length = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
        assert!(kept(&of_length(2048)).is_ok());
        assert!(kept(&of_length(2049)).is_err());
    }
}
