//! `GET /healthz`: whether the server serves.

/// Answers 200: whoever gets an answer at all knows that the server serves.
pub(crate) async fn get() -> &'static str {
    "ok\n"
}
