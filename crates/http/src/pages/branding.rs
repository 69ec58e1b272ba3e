//! How a tenant presents itself.

use claimsmith_model::Tenant;

/// A tenant's name and logo, at the top of each page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Branding<'a> {
    /// The name for people.
    pub(crate) name: &'a str,
    /// Where the logo is.
    pub(crate) logo: Option<&'a str>,
}

impl<'a> Branding<'a> {
    /// What the tenant's settings say; without a name for people, its identifier.
    #[must_use]
    pub(crate) fn of(tenant: &'a Tenant) -> Self {
        let settings = &tenant.settings;
        let name = settings.friendly_name.as_deref();
        Self {
            name: name
                .filter(|name| !name.trim().is_empty())
                .unwrap_or(tenant.id.as_str()),
            logo: settings.picture_url.as_deref(),
        }
    }
}
