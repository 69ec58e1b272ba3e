//! Which value of a limit is in force.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Limit, LimitError, LimitScope, LimitSettings};

/// What the server says of limits: a default for everybody, and a ceiling for those
/// who ask for more. The ceiling is the default unless the operator raised it on
/// purpose.
///
/// ```
/// use claimsmith_model::{Limit, LimitSettings, ServerLimits};
///
/// let mut tenant = LimitSettings::default();
/// tenant.set(Limit::DeadlineMs, 200).unwrap();
/// let mut action = LimitSettings::default();
/// action.set(Limit::DeadlineMs, 900).unwrap();
///
/// let server = ServerLimits::default();
/// assert_eq!(server.in_force(Limit::DeadlineMs, &tenant, &action), 200);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerLimits {
    defaults: LimitSettings,
    ceilings: LimitSettings,
}

/// What one tenant may have of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
pub struct LimitInForce {
    /// The value of an Action that asks for none.
    pub default: u64,
    /// The most that an Action may ask for; of a limit that is the tenant's as a
    /// whole, the same value once more.
    pub max: u64,
}

impl ServerLimits {
    /// Defaults and ceilings as the operator gave them.
    ///
    /// # Errors
    /// When a ceiling is below its default, or is given for a limit of the server as a
    /// whole, which nobody can ask to have raised.
    pub fn new(defaults: LimitSettings, ceilings: LimitSettings) -> Result<Self, LimitError> {
        let limits = Self { defaults, ceilings };
        for (limit, ceiling) in limits.ceilings.iter() {
            if limit.spec().scope == LimitScope::Server {
                return Err(LimitError::NoCeiling(limit));
            }
            let default = limits.default_of(limit);
            if ceiling < default {
                return Err(LimitError::CeilingBelowDefault {
                    limit,
                    default,
                    ceiling,
                });
            }
        }
        Ok(limits)
    }

    /// The value unless a tenant or an Action has another.
    #[must_use]
    pub fn default_of(&self, limit: Limit) -> u64 {
        self.defaults.get(limit).unwrap_or(limit.spec().default)
    }

    /// The most that anybody may have.
    #[must_use]
    pub fn ceiling_of(&self, limit: Limit) -> u64 {
        let ceiling = self.ceilings.get(limit);
        ceiling.unwrap_or_else(|| self.default_of(limit))
    }

    /// The most that an Action of this tenant may have: the tenant's cap, never above
    /// the server's ceiling.
    #[must_use]
    pub fn highest(&self, limit: Limit, tenant: &LimitSettings) -> u64 {
        match limit.spec().scope {
            LimitScope::Execution => {
                let ceiling = self.ceiling_of(limit);
                tenant.get(limit).map_or(ceiling, |cap| cap.min(ceiling))
            }
            LimitScope::Tenant => {
                let value = tenant.get(limit).unwrap_or_else(|| self.default_of(limit));
                value.min(self.ceiling_of(limit))
            }
            LimitScope::Server => self.default_of(limit),
        }
    }

    /// The value for an Action of this tenant: what it asks for, or the server's
    /// default, and never more than is allowed now. So a cap that is lowered holds for
    /// Actions that were deployed before.
    #[must_use]
    pub fn in_force(&self, limit: Limit, tenant: &LimitSettings, action: &LimitSettings) -> u64 {
        let highest = self.highest(limit, tenant);
        match limit.spec().scope {
            LimitScope::Execution => {
                let value = action.get(limit).unwrap_or_else(|| self.default_of(limit));
                value.min(highest)
            }
            LimitScope::Tenant | LimitScope::Server => highest,
        }
    }

    /// What a tenant may have of every limit that isn't the server's own.
    #[must_use]
    pub fn of_tenant(&self, tenant: &LimitSettings) -> BTreeMap<Limit, LimitInForce> {
        let nothing = LimitSettings::default();
        let shared = Limit::ALL.iter().copied();
        shared
            .filter(|limit| limit.spec().scope != LimitScope::Server)
            .map(|limit| {
                let in_force = LimitInForce {
                    default: self.in_force(limit, tenant, &nothing),
                    max: self.highest(limit, tenant),
                };
                (limit, in_force)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: &[(Limit, u64)]) -> LimitSettings {
        let mut settings = LimitSettings::default();
        for (limit, value) in values {
            settings.set(*limit, *value).unwrap();
        }
        settings
    }

    fn nothing() -> LimitSettings {
        LimitSettings::default()
    }

    #[test]
    fn an_action_has_what_it_asks_for_up_to_cap_and_ceiling() {
        let server = ServerLimits::new(
            settings(&[(Limit::Commands, 10)]),
            settings(&[(Limit::Commands, 100)]),
        )
        .unwrap();
        let value = |tenant: &[(Limit, u64)], action: &[(Limit, u64)]| {
            server.in_force(Limit::Commands, &settings(tenant), &settings(action))
        };
        let commands = |value| [(Limit::Commands, value)];

        assert_eq!(value(&[], &[]), 10, "the default");
        assert_eq!(value(&[], &commands(100)), 100, "up to the ceiling");
        assert_eq!(value(&[], &commands(101)), 100, "never above the ceiling");
        assert_eq!(value(&commands(50), &commands(60)), 50, "nor the cap");
        assert_eq!(value(&commands(50), &[]), 10, "a cap raises no default");
        assert_eq!(value(&commands(5), &[]), 5, "it lowers one");
        assert_eq!(value(&commands(500), &commands(500)), 100);
    }

    #[test]
    fn a_tenants_own_limit_is_its_value_up_to_the_ceiling_whatever_an_action_says() {
        let server = ServerLimits::default();
        let entries = |value| settings(&[(Limit::CacheEntries, value)]);
        assert_eq!(
            server.in_force(Limit::CacheEntries, &nothing(), &entries(5)),
            200
        );
        assert_eq!(
            server.in_force(Limit::CacheEntries, &entries(7), &nothing()),
            7
        );
        assert_eq!(
            server.in_force(Limit::CacheEntries, &entries(900), &nothing()),
            200
        );
    }

    #[test]
    fn a_limit_of_the_server_is_the_same_for_everybody_and_has_no_ceiling() {
        let module = settings(&[(Limit::ModuleBytes, 1 << 20)]);
        let server = ServerLimits::new(module.clone(), nothing()).unwrap();
        let other = settings(&[(Limit::ModuleBytes, 1 << 16)]);
        assert_eq!(server.in_force(Limit::ModuleBytes, &other, &other), 1 << 20);
        assert!(!server.of_tenant(&other).contains_key(&Limit::ModuleBytes));
        let error = ServerLimits::new(nothing(), module).unwrap_err();
        assert_eq!(error, LimitError::NoCeiling(Limit::ModuleBytes));
    }

    #[test]
    fn the_ceiling_is_the_default_unless_it_is_raised_and_never_below_it() {
        let raised = settings(&[(Limit::LogLines, 2_000)]);
        let server = ServerLimits::new(raised.clone(), nothing()).unwrap();
        assert_eq!(server.ceiling_of(Limit::LogLines), 2_000);
        let error = ServerLimits::new(raised, settings(&[(Limit::LogLines, 1_999)])).unwrap_err();
        assert!(error.to_string().contains("2000"), "{error}");
        assert!(error.to_string().contains("1999"), "{error}");
    }
}
