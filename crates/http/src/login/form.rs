//! The forms of our own pages.

use axum::body::Body;
use claimsmith_oauth::{REQUEST_BYTES_MAX, parse_page_form};
use claimsmith_service::authorize::PageError;

use crate::visit::form_body;

/// The inputs of a form that a page of ours sends.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form.
    pub(super) async fn read(body: Body) -> Result<Self, PageError> {
        let bytes = form_body(body, REQUEST_BYTES_MAX).await;
        let bytes = bytes.map_err(PageError::Request)?;
        let inputs = parse_page_form(&bytes);
        let inputs = inputs.map_err(|error| PageError::Request(error.to_string()))?;
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
