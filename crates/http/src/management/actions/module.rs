//! `/api/v2/actions/actions/{id}/module`: the draft's module, going in and coming out.

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use claimsmith_model::ActionId;
use claimsmith_service::{
    ServiceError,
    action_library::{self, Module},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::management::{
    ApiError, At,
    access::{Admin, ReadActions, UpdateActions},
    body::ModuleBody,
};

/// Takes the module of the Action's draft, or says what is wrong with it.
pub(super) async fn put(
    admin: Admin<UpdateActions>,
    At(id): At<ActionId>,
    ModuleBody(bytes): ModuleBody,
) -> Result<Response, ApiError> {
    let action = action_library::upload_module(&admin, &id, &bytes).await?;
    Ok(Json(super::view(&admin, &action).await?).into_response())
}

/// The module of the Action's draft, as it was uploaded.
pub(super) async fn get(
    admin: Admin<ReadActions>,
    At(id): At<ActionId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    download(action_library::draft_module(&admin, &id).await?, &headers)
}

/// A module's bytes under their SHA-256 as `ETag`; nothing when the caller has them
/// (RFC 9110 section 13.1.2).
pub(in crate::management) fn download(
    module: Module,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let etag = HeaderValue::try_from(format!("\"{}\"", module.sha256));
    let etag = etag.map_err(ServiceError::internal)?;
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|value| value.to_str().ok());
    let is_known = known.any(|list| {
        let mut tags = list.split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    });
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let headers = [
        (header::ETAG, etag),
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/wasm"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
    ];
    Ok((headers, Body::from(module.bytes)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_the_caller_has_is_not_sent_again() {
        let status = |known: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(known))]);
            let module = Module {
                sha256: "ab".to_owned(),
                bytes: b"wasm".to_vec(),
            };
            download(module, &headers).unwrap().status().as_u16()
        };
        for known in ["\"ab\"", "W/\"ab\"", "\"cd\", \"ab\"", "*"] {
            assert_eq!(status(known), 304, "{known}");
        }
        for unknown in ["\"cd\"", "ab", ""] {
            assert_eq!(status(unknown), 200, "{unknown}");
        }
    }
}
