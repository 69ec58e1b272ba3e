//! One tenant's claim policy: which names a token may carry.

use std::sync::Arc;

use claimsmith_model::{ClaimSettings, PrivateNames, Refusal, TokenKind};

use crate::{
    Ledger, NAME_BYTES_MAX, RefusalCode, ReservedNamespaces,
    namespace::{NameKind, NamespaceProblem, check_private, check_url, check_urn},
    refusal::suggested_name,
    reserved::{Reserved, ReservedBy},
    restricted::{is_restricted, profile_scope},
    spelling::{fold, is_invisible, shown},
};

/// One tenant's claim policy, made when the tenant is loaded.
#[derive(Debug, Clone)]
pub struct Policy {
    settings: ClaimSettings,
    reserved: Reserved,
}

/// What the policy must know of a token.
#[derive(Debug, Clone)]
pub struct TokenContext {
    /// Which token it is.
    pub kind: TokenKind,
    /// The names that this server writes into this very token. They are refused
    /// whatever the settings.
    pub server_claims: Arc<[&'static str]>,
    /// Whether the audience is one of this server's own APIs (the Management API,
    /// `/userinfo`): private names are refused there even where they are allowed.
    pub own_api: bool,
    /// The scopes that the request asked for: OpenID Connect's profile claims need
    /// theirs (`profile`, `email`, `address`, `phone`).
    pub scopes: Arc<[String]>,
}

impl Policy {
    /// The policy of a tenant.
    ///
    /// `issuer_hosts` are the tenant's own domains. They are reserved exactly: their
    /// subdomains stay the tenant's own namespace. `reserved` is the server's list.
    #[must_use]
    pub fn new(
        settings: ClaimSettings,
        issuer_hosts: &[String],
        reserved: &ReservedNamespaces,
    ) -> Self {
        Self {
            settings,
            reserved: Reserved::new(reserved, issuer_hosts),
        }
    }

    /// The tenant's settings. What a refused claim does to the token
    /// (`on_refusal`) is for the caller to act on.
    #[must_use]
    pub const fn settings(&self) -> ClaimSettings {
        self.settings
    }

    /// An empty ledger for one token about to be made.
    #[must_use]
    pub fn ledger(self: &Arc<Self>, token: TokenContext) -> Ledger {
        Ledger::new(Arc::clone(self), token)
    }

    /// Checks a name alone. `is_server_claim` tells which names the server writes; it
    /// is asked with a folded name and must ignore ASCII case.
    pub(crate) fn check_name(
        &self,
        name: &str,
        token: &TokenContext,
        is_server_claim: impl Fn(&str) -> bool,
    ) -> Result<(), Refusal> {
        check_characters(name)?;

        let folded = fold(name);
        if is_restricted(&folded) || is_server_claim(&folded) {
            return Err(reserved_name(name, &folded, token.kind));
        }

        let problem = match NameKind::of(name) {
            NameKind::Url => check_url(name, &self.reserved),
            NameKind::Urn => check_urn(name, &self.reserved),
            NameKind::Private => {
                self.check_private_allowed(name, &folded, token)?;
                check_private(name, &self.reserved)
            }
        };
        problem.map_err(|problem| bad_namespace(name, &problem))
    }

    /// Whether this token may have private names, and this one.
    fn check_private_allowed(
        &self,
        name: &str,
        folded: &str,
        token: &TokenContext,
    ) -> Result<(), Refusal> {
        let instead = suggested_name(name);
        if self.settings.private_names == PrivateNames::Refuse {
            return Err(RefusalCode::NotNamespaced.because(
                format!("`{}` has no namespace (an http(s) URL or a URN), and this tenant refuses private names", shown(name)),
                format!("write {instead}, or set claims.private_names to allow in the tenant settings; if the name was put together from a namespace variable, see whether that was empty"),
            ));
        }
        if token.own_api {
            return Err(RefusalCode::NotNamespaced.because(
                format!("`{}` has no namespace, and tokens for this server's own APIs take no private names", shown(name)),
                format!("write {instead}, or ask for a token with the audience of an API of your own"),
            ));
        }
        if let Some(scope) = profile_scope(folded)
            && !token.scopes.iter().any(|asked| asked == scope)
        {
            return Err(RefusalCode::ScopeRequired.because(
                format!("`{}` is an OpenID Connect profile claim, and the scope {scope} was not asked for", shown(name)),
                format!("ask for the scope {scope}, or write {instead}"),
            ));
        }
        Ok(())
    }
}

/// Length and characters of a name, the same for every kind of name.
fn check_characters(name: &str) -> Result<(), Refusal> {
    if name.len() > NAME_BYTES_MAX {
        return Err(RefusalCode::NameTooLong.because(
            format!(
                "the name is {} bytes long; at most {NAME_BYTES_MAX} are allowed",
                name.len()
            ),
            "write a shorter name, and put what varies into the value",
        ));
    }
    if name.is_empty() {
        return Err(RefusalCode::InvalidName.because(
            "the name is empty",
            "write https://<your domain>/<name>; see whether the variable that holds the name was empty",
        ));
    }
    if let Some(c) = name.chars().find(|c| is_invisible(*c)) {
        return Err(RefusalCode::InvalidName.because(
            format!(
                "`{}` has a white space, control or invisible character ({})",
                shown(name),
                c.escape_unicode()
            ),
            "leave the character out; in the path of a URL it can be percent-encoded",
        ));
    }
    Ok(())
}

fn reserved_name(name: &str, folded: &str, token: TokenKind) -> Refusal {
    let shown_name = shown(name);
    let message = if folded == name {
        format!(
            "`{shown_name}` is reserved: the server or a standard gives it its meaning in the {token}"
        )
    } else {
        format!("`{shown_name}` differs from a reserved name only in its spelling")
    };
    let instead = suggested_name(name);
    let remedy = if folded.eq_ignore_ascii_case("scope") {
        format!(
            "change scopes through the API for scopes, or write {instead} for a claim of your own"
        )
    } else {
        format!("write {instead}; the server sets its own claims itself")
    };
    RefusalCode::ReservedName.because(message, remedy)
}

fn bad_namespace(name: &str, problem: &NamespaceProblem<'_>) -> Refusal {
    let shown_name = shown(name);
    let instead = suggested_name(name);
    let own = format!("use a namespace of your own, such as {instead}");
    match problem {
        NamespaceProblem::Reserved(ReservedBy::Domain(domain)) => RefusalCode::ReservedNamespace
            .because(format!("`{shown_name}` is in the reserved domain {domain}"), own),
        NamespaceProblem::Reserved(ReservedBy::Issuer(host)) => RefusalCode::ReservedNamespace
            .because(
                format!("`{shown_name}` is on {host}, the domain of this tenant's own issuer, which is reserved"),
                format!("{own}; a subdomain of {host} is free too"),
            ),
        NamespaceProblem::Reserved(ReservedBy::Urn(beginning)) => RefusalCode::ReservedNamespace
            .because(
                format!("`{shown_name}` begins with the reserved urn:{beginning}"),
                own,
            ),
        NamespaceProblem::Malformed(what) => RefusalCode::MalformedNamespace.because(
            format!("`{shown_name}` isn't a proper namespaced name: {what}"),
            format!("write {instead}, or a URN such as urn:<your namespace>:<name>"),
        ),
    }
}
