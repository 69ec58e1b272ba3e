//! What handlers work with.

use std::sync::Arc;

use claimsmith_service::{Services, TokenService, metrics::ProcessFigures};

use crate::{PlatformToken, observe::RequestIds};

/// What handlers work with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    pub(crate) services: Services,
    pub(crate) tokens: TokenService,
    pub(crate) platform_token: Arc<PlatformToken>,
    pub(crate) process_figures: fn() -> Option<ProcessFigures>,
    pub(crate) request_ids: Arc<RequestIds>,
}

impl AppState {
    /// The state over the server's services. `platform_token` is what the platform
    /// API asks for.
    #[must_use]
    pub fn new(services: Services, platform_token: PlatformToken) -> Self {
        let tokens = TokenService::new(services.clone());
        let request_ids = RequestIds::new((services.ids.seed() >> 32) as u32);
        Self {
            services,
            tokens,
            platform_token: Arc::new(platform_token),
            process_figures: || None,
            request_ids: Arc::new(request_ids),
        }
    }

    /// The same, with what the system says of this process. It is asked for whenever
    /// the metrics are.
    #[must_use]
    pub fn with_process_figures(self, process_figures: fn() -> Option<ProcessFigures>) -> Self {
        Self {
            process_figures,
            ..self
        }
    }
}
