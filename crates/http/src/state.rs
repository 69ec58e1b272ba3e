//! What handlers work with.

use std::sync::Arc;

use claimsmith_service::{Services, TokenService};

use crate::PlatformToken;

/// What handlers work with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    pub(crate) services: Services,
    pub(crate) tokens: TokenService,
    pub(crate) platform_token: Arc<PlatformToken>,
}

impl AppState {
    /// The state over the server's services. `platform_token` is what the platform
    /// API asks for.
    #[must_use]
    pub fn new(services: Services, platform_token: PlatformToken) -> Self {
        let tokens = TokenService::new(services.clone());
        Self {
            services,
            tokens,
            platform_token: Arc::new(platform_token),
        }
    }
}
