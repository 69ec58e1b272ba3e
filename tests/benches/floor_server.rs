//! What HTTP and a signature take, and nothing else: a server that reads a form and answers
//! with a token, made with the same libraries as ours.

use std::{collections::BTreeMap, future::IntoFuture as _, sync::Arc};

use anyhow::{Context, Result};
use axum::{
    Form, Json, Router, extract::State, http::StatusCode, routing::post, serve::ListenerExt,
};
use claimsmith_claims::SealedClaims;
use claimsmith_keys::{KeySet, TokenType, generate};
use claimsmith_model::{SigningAlgorithm, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::signing;

/// What it signs, and with what.
struct Signing {
    keys: KeySet,
    claims: SealedClaims,
}

/// Serves `POST /oauth/token` at that address until the process is ended. Whoever asks gets
/// a token signed with ES256, always of the same claims: nobody is authenticated, nothing
/// is looked up, decided, logged or recorded.
pub(crate) fn serve(address: &str) -> Result<Value> {
    let key = generate(SigningAlgorithm::ES256, Timestamp::default())?;
    let signing = Signing {
        keys: KeySet::from_stored(&[key])?,
        claims: signing::claims(),
    };
    let routes = Router::new()
        .route("/oauth/token", post(token))
        .with_state(Arc::new(signing));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("listening on {address}"))?;
        let listener = listener.tap_io(|stream| {
            // Only slower without it.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, routes).into_future().await?;
        Ok(Value::Null)
    })
}

async fn token(
    State(signing): State<Arc<Signing>>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    if !form.contains_key("grant_type") {
        return Err(StatusCode::BAD_REQUEST);
    }
    let keys = &signing.keys;
    let signed = keys.sign(SigningAlgorithm::ES256, TokenType::Jwt, &signing.claims);
    let token = signed.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({
        "access_token": token, "token_type": "Bearer", "expires_in": 86_400,
        "scope": "read:reports",
    })))
}
