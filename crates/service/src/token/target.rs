//! The API that a request asks for: `audience`, and `resource` (RFC 8707).

use claimsmith_oauth::TokenRequest;
use url::Url;

use super::TokenEndpointError;

/// The one API that a token request asks for.
pub(super) fn asked(request: &TokenRequest) -> Result<Option<&str>, TokenEndpointError> {
    one_api(request.audience.as_deref(), &request.resource)
}

/// The one API that `audience` and `resource` name. Each `resource` must be an absolute
/// URI without a fragment (RFC 8707 section 2); an API whose identifier is none can be
/// asked for by `audience` alone.
pub(crate) fn one_api<'a>(
    audience: Option<&'a str>,
    resource: &'a [String],
) -> Result<Option<&'a str>, TokenEndpointError> {
    let mut asked = audience;
    for resource in resource {
        let is_uri = Url::parse(resource).is_ok_and(|uri| uri.fragment().is_none());
        if !is_uri {
            return Err(TokenEndpointError::InvalidTarget(
                "resource must be an absolute URI without a fragment".to_owned(),
            ));
        }
        if asked.is_some_and(|asked| asked != resource) {
            return Err(TokenEndpointError::InvalidTarget(
                "a token is for one API: audience and resource must all name the same".to_owned(),
            ));
        }
        asked = Some(resource);
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(audience: Option<&str>, resource: &[&str]) -> Option<Option<String>> {
        let resource: Vec<String> = resource.iter().map(|it| (*it).to_owned()).collect();
        let one = one_api(audience, &resource).ok()?;
        Some(one.map(str::to_owned))
    }

    #[test]
    fn audience_and_resource_name_one_api_together() {
        let api = "https://api.example.com/";
        assert_eq!(one(None, &[]), Some(None));
        assert_eq!(one(Some("reports"), &[]), Some(Some("reports".to_owned())));
        for (audience, resource) in [(None, &[api][..]), (Some(api), &[api]), (None, &[api, api])] {
            assert_eq!(one(audience, resource), Some(Some(api.to_owned())));
        }
        assert_eq!(one(Some("reports"), &[api]), None);
        assert_eq!(one(None, &[api, "https://other.example.com/"]), None);
    }

    #[test]
    fn a_resource_is_an_absolute_uri_without_a_fragment() {
        for wrong in [
            "reports",
            "/api",
            "//api.example.com/",
            "https://a.example/#x",
        ] {
            assert_eq!(one(None, &[wrong]), None, "{wrong}");
        }
        assert_eq!(
            one(None, &["urn:reports"]),
            Some(Some("urn:reports".to_owned()))
        );
    }
}
