//! What handlers work with.

use std::{ops::Deref, sync::Arc};

use claimsmith_service::{
    Services, TokenService, authorize::AuthorizeService, metrics::ProcessFigures,
};

use crate::{PlatformToken, TrustedProxies, observe::RequestIds};

/// What handlers work with. Cheap to clone, as every request does.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Parts>);

/// What the state consists of.
#[derive(Debug, Clone)]
pub struct Parts {
    pub(crate) services: Services,
    pub(crate) tokens: TokenService,
    pub(crate) authorize: AuthorizeService,
    pub(crate) platform_token: Arc<PlatformToken>,
    pub(crate) process_figures: fn() -> Option<ProcessFigures>,
    pub(crate) request_ids: Arc<RequestIds>,
    pub(crate) trusted_proxies: TrustedProxies,
}

impl AppState {
    /// The state over the server's services. `platform_token` is what the platform
    /// API asks for.
    #[must_use]
    pub fn new(services: Services, platform_token: PlatformToken) -> Self {
        let tokens = TokenService::new(services.clone());
        let request_ids = RequestIds::new((services.ids.seed() >> 32) as u32);
        Self(Arc::new(Parts {
            authorize: AuthorizeService::new(tokens.clone()),
            services,
            tokens,
            platform_token: Arc::new(platform_token),
            process_figures: || None,
            request_ids: Arc::new(request_ids),
            trusted_proxies: TrustedProxies::default(),
        }))
    }

    /// The same, with proxies in front whose forwarded headers count.
    #[must_use]
    pub fn with_trusted_proxies(mut self, trusted_proxies: TrustedProxies) -> Self {
        Arc::make_mut(&mut self.0).trusted_proxies = trusted_proxies;
        self
    }

    /// The same, with what the system says of this process. It is asked for whenever
    /// the metrics are.
    #[must_use]
    pub fn with_process_figures(mut self, process_figures: fn() -> Option<ProcessFigures>) -> Self {
        Arc::make_mut(&mut self.0).process_figures = process_figures;
        self
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
