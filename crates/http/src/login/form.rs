//! The forms of our own pages.

use axum::body::Body;
use claimsmith_oauth::REQUEST_BYTES_MAX;
use claimsmith_service::authorize::PageError;
use http_body_util::{BodyExt as _, Limited};
use url::form_urlencoded;

/// The inputs of a form that a page of ours sends.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form.
    pub(super) async fn read(body: Body) -> Result<Self, PageError> {
        let bytes = Limited::new(body, REQUEST_BYTES_MAX).collect().await;
        let bytes = bytes.map_err(|_| {
            PageError::Request("the form is too large, or did not arrive".to_owned())
        })?;
        let inputs = form_urlencoded::parse(&bytes.to_bytes())
            .into_owned()
            .collect();
        Ok(Self(inputs))
    }

    /// An input's text. Browsers send each input of these pages once; what comes more
    /// often, or not at all, is as good as empty.
    pub(super) fn take(&mut self, name: &str) -> String {
        let mut texts = self.0.iter_mut().filter(|(given, _)| given == name);
        match (texts.next(), texts.next()) {
            (Some((_, text)), None) => std::mem::take(text),
            _ => String::new(),
        }
    }
}
