use crate::host::{Host, read};

/// The refresh token that is being exchanged; what is known about it, not the
/// token itself.
#[derive(Debug, Clone)]
pub struct RefreshToken<'e> {
    host: &'e Host,
    id: String,
}

impl<'e> RefreshToken<'e> {
    /// `None` when no refresh token is being exchanged.
    pub(crate) fn of_event(host: &'e Host) -> Option<Self> {
        let id: Option<String> = read!(host, event_refresh_token::id, "/refresh_token/id");
        Some(Self { host, id: id? })
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was issued, RFC 3339 in UTC.
    #[must_use]
    pub fn created_at(&self) -> Option<String> {
        read!(
            self.host,
            event_refresh_token::created_at,
            "/refresh_token/created_at"
        )
    }

    /// When it stops being valid whatever happens, RFC 3339 in UTC.
    #[must_use]
    pub fn expires_at(&self) -> Option<String> {
        read!(
            self.host,
            event_refresh_token::expires_at,
            "/refresh_token/expires_at"
        )
    }

    /// When it stops being valid unless used before, RFC 3339 in UTC.
    #[must_use]
    pub fn idle_expires_at(&self) -> Option<String> {
        read!(
            self.host,
            event_refresh_token::idle_expires_at,
            "/refresh_token/idle_expires_at"
        )
    }

    /// When it was last exchanged, RFC 3339 in UTC.
    #[must_use]
    pub fn last_exchanged_at(&self) -> Option<String> {
        read!(
            self.host,
            event_refresh_token::last_exchanged_at,
            "/refresh_token/last_exchanged_at"
        )
    }

    /// Whether each exchange replaces it (rotation).
    #[must_use]
    pub fn rotating(&self) -> Option<bool> {
        read!(
            self.host,
            event_refresh_token::rotating,
            "/refresh_token/rotating"
        )
    }
}
