//! `POST /oauth/token` (RFC 6749 section 3.2).

use std::net::SocketAddr;

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use claimsmith_model::{GrantType, JsonObject};
use claimsmith_oauth::{
    BasicCredentials, ErrorBody, ErrorCode, REQUEST_BYTES_MAX, TokenRequest, parse_query,
};
use claimsmith_service::{
    ClientCredentials, Issued, Refused, RequestFacts, TokenEndpointError, named_client,
};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::cors;
use crate::{AppState, answer, facts, observe::AnsweredError, tenant::RequestTenant};

/// Answers a token request.
pub(crate) async fn post(
    State(state): State<AppState>,
    RequestTenant(tenant): RequestTenant,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let (request, facts, credentials) = match read(&parts, body, peer).await {
        Ok(read) => read,
        Err(unreadable) => {
            let metrics = &state.services.metrics;
            metrics.unreadable_token_request(&tenant, unreadable.body.error());
            return unreadable.into_response();
        }
    };
    let named = named_client(credentials.as_ref(), &request.client);
    let grant = request.grant_type.as_deref().and_then(GrantType::from_wire);
    let issuing = state.tokens.issue(&tenant, credentials, request, facts);
    let mut answer = match issuing.await {
        Ok(Issued {
            response,
            execution_id,
        }) => {
            let mut answer = (answer::no_store(), Json(response)).into_response();
            answer::set_execution_id(&mut answer, &execution_id);
            answer
        }
        Err(refused) => {
            let header = credentials_of(&parts.headers).ok().flatten();
            let claimed = header.as_ref().map(|header| header.client_id.as_str());
            let facts = facts::of(&parts, peer, JsonObject::new());
            state
                .tokens
                .note_refusal(&tenant, grant, &refused, claimed, &facts);
            let Refused {
                error,
                execution_id,
                ..
            } = refused;
            let mut answer = refuse_for(&error, &parts, "no token");
            if let Some(execution_id) = execution_id {
                answer::set_execution_id(&mut answer, &execution_id);
            }
            answer
        }
    };
    if let Some(client) = named {
        cors::of_client(&mut answer, &client);
    }
    answer
}

/// 400 with the RFC's code, but 401 for a client that didn't prove who it is, 503
/// or 429 when there is too much to do, and 500 for a fault of the server's own.
fn status(error: &TokenEndpointError) -> StatusCode {
    match error {
        TokenEndpointError::InvalidClient
        | TokenEndpointError::InvalidAssertion(_)
        | TokenEndpointError::NoClientAuthentication => StatusCode::UNAUTHORIZED,
        TokenEndpointError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        TokenEndpointError::TenantBusy | TokenEndpointError::TooManyAttempts(_) => {
            StatusCode::TOO_MANY_REQUESTS
        }
        TokenEndpointError::Unwritable(_) | TokenEndpointError::Host(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Answers why an endpoint that clients call refused. `what` is for the log, when it is
/// the server's fault.
pub(super) fn refuse_for(error: &TokenEndpointError, parts: &Parts, what: &str) -> Response {
    if let TokenEndpointError::Host(cause) = error {
        // As an error and not as its text, so that the log has all its sources.
        let cause = cause.as_ref();
        tracing::error!(cause, "{what}");
    }
    let mut answer = refuse(status(error), &error.body(), credentials_in_header(parts));
    let retry_after = match error {
        TokenEndpointError::Busy | TokenEndpointError::TenantBusy => Some(answer::RETRY_AFTER),
        TokenEndpointError::TooManyAttempts(refused) => {
            Some(HeaderValue::from(refused.retry_after_s))
        }
        _ => None,
    };
    if let Some(retry_after) = retry_after {
        let headers = answer.headers_mut();
        headers.insert(header::RETRY_AFTER, retry_after);
    }
    answer
}

type Read = (TokenRequest, RequestFacts, Option<ClientCredentials>);

/// The media types of bodies that are read.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const JSON: &str = "application/json";

/// Why a request could not be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    status: StatusCode,
    body: ErrorBody,
    used_header: bool,
}

impl Unreadable {
    fn invalid(status: StatusCode, text: &str) -> Self {
        Self {
            status,
            body: ErrorBody::new(ErrorCode::InvalidRequest, text),
            used_header: false,
        }
    }

    pub(super) fn bad_request(text: &str) -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, text)
    }
}

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        refuse(self.status, &self.body, self.used_header)
    }
}

/// A body as a whole, as long as parameters may be.
pub(super) async fn bytes(body: Body) -> Result<Bytes, Unreadable> {
    let limited = Limited::new(body, REQUEST_BYTES_MAX);
    let collected = limited.collect().await.map_err(|error| {
        let (status, text) = if error.is::<LengthLimitError>() {
            let text = format!("the body has more than {REQUEST_BYTES_MAX} bytes");
            (StatusCode::PAYLOAD_TOO_LARGE, text)
        } else {
            (
                StatusCode::REQUEST_TIMEOUT,
                format!("the body did not arrive: {error}"),
            )
        };
        Unreadable::invalid(status, &text)
    })?;
    Ok(collected.to_bytes())
}

pub(super) fn unknown_media_type() -> Unreadable {
    Unreadable::bad_request(
        "the Content-Type must be application/x-www-form-urlencoded or application/json",
    )
}

async fn read(parts: &Parts, body: Body, peer: SocketAddr) -> Result<Read, Unreadable> {
    let invalid = Unreadable::bad_request;
    let bytes = bytes(body).await?;
    let request = match media_type(&parts.headers) {
        FORM => TokenRequest::from_form(&bytes),
        JSON => TokenRequest::from_json(&bytes),
        _ => return Err(unknown_media_type()),
    };
    let request = request.map_err(|error| invalid(&error.to_string()))?;
    let query = parse_query(parts.uri.query().unwrap_or_default())
        .map_err(|error| invalid(&format!("query: {error}")))?;
    let credentials = credentials_of(&parts.headers)?;
    let facts = facts::of(parts, peer, query);
    Ok((request, facts, credentials))
}

/// What the client gave in the header. Anything but Basic credentials is a failed
/// client authentication (RFC 6749 section 5.2), and the text says why.
pub(super) fn credentials_of(headers: &HeaderMap) -> Result<Option<ClientCredentials>, Unreadable> {
    let unreadable = |text: &str| Unreadable {
        status: StatusCode::UNAUTHORIZED,
        body: ErrorBody::new(ErrorCode::InvalidClient, text),
        used_header: true,
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Unreadable::bad_request(
            "there is more than one Authorization header; send one",
        ));
    }
    let value = value
        .to_str()
        .map_err(|_| unreadable("the Authorization header is not text"))?;
    let basic = BasicCredentials::parse(value).map_err(|error| unreadable(&error.to_string()))?;
    Ok(Some(ClientCredentials {
        client_id: basic.client_id,
        client_secret: basic.client_secret,
    }))
}

/// Which of the media types that are read a body has; the case of its letters doesn't
/// matter (RFC 9110 section 8.3.1). Empty for others.
pub(super) fn media_type(headers: &HeaderMap) -> &'static str {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let given = value.and_then(|value| value.split(';').next());
    let given = given.unwrap_or_default().trim();
    let known = [FORM, JSON]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(given));
    known.unwrap_or_default()
}

fn credentials_in_header(parts: &Parts) -> bool {
    parts.headers.contains_key(header::AUTHORIZATION)
}

/// RFC 6749 section 5.2: a client that used the header is told the scheme. RFC 9110 section
/// 15.5.2 wants it told in every 401; but libraries take a challenge for the whole answer,
/// and hide the error in the body from a client that never used the header.
fn refuse(status: StatusCode, body: &ErrorBody, used_header: bool) -> Response {
    let mut answer = (status, answer::no_store(), Json(body)).into_response();
    let code = AnsweredError(body.error().as_str());
    answer.extensions_mut().insert(code);
    if status == StatusCode::UNAUTHORIZED && used_header {
        let challenge = HeaderValue::from_static("Basic realm=\"token\"");
        answer
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn request(host: &str, authorization: Option<&'static str>) -> Parts {
        let mut request = Request::post("/oauth/token")
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        request.body(()).unwrap().into_parts().0
    }

    async fn read(parts: &Parts) -> Result<Read, Unreadable> {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        super::read(parts, Body::from("grant_type=client_credentials"), peer).await
    }

    #[tokio::test]
    async fn a_header_that_is_not_basic_credentials_fails_the_client_authentication() {
        for header in ["Bearer abc", "Basic", "Basic !!!", "Basic bm8tY29sb24="] {
            let unreadable = read(&request("localhost", Some(header))).await.unwrap_err();
            let answer = unreadable.into_response();

            let mut seen = format!("{} ", answer.status().as_u16());
            let challenge = answer.headers()[header::WWW_AUTHENTICATE]
                .to_str()
                .unwrap()
                .to_owned();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            write!(seen, "{challenge} {}", String::from_utf8_lossy(&body)).unwrap();
            let expected = "401 Basic realm=\"token\" {\"error\":\"invalid_client\",";
            assert!(seen.starts_with(expected), "{header}: {seen}");
        }
        let (_, _, none) = read(&request("localhost", None)).await.unwrap();
        assert!(none.is_none());
        let (_, _, basic) = read(&request("localhost", Some("Basic YTpi")))
            .await
            .unwrap();
        assert_eq!(basic.unwrap().client_id, "a");
    }

    #[tokio::test]
    async fn the_case_of_a_media_type_does_not_matter() {
        for given in [
            "Application/X-WWW-Form-URLencoded",
            "application/x-www-form-urlencoded; charset=UTF-8",
        ] {
            let mut parts = request("localhost", None);
            let value = HeaderValue::from_static(given);
            parts.headers.insert(header::CONTENT_TYPE, value);
            assert!(read(&parts).await.is_ok(), "{given}");
        }
    }

    #[tokio::test]
    async fn credentials_that_come_twice_are_refused() {
        let mut parts = request("localhost", Some("Basic YTpi"));
        let again = HeaderValue::from_static("Basic YTpi");
        parts.headers.append(header::AUTHORIZATION, again);

        let unreadable = read(&parts).await.unwrap_err();

        assert_eq!(unreadable.status, StatusCode::BAD_REQUEST);
        assert_eq!(unreadable.body.error(), ErrorCode::InvalidRequest);
    }

    #[tokio::test]
    async fn actions_see_the_host_without_its_port() {
        for (host, seen) in [
            ("Login.Example.com:8080", "login.example.com"),
            ("[::1]", "[::1]"),
            ("[::1]:8080", "[::1]"),
        ] {
            let (_, facts, _) = read(&request(host, None)).await.unwrap();
            assert_eq!(facts.hostname.as_deref(), Some(seen));
        }
    }
}
