//! The property `refresh_token` of a client.

use claimsmith_model::RefreshTokenSettings;
use serde_json::Value;

use crate::fields::{Problem, Read, flag, integer, object, one_of};

/// Five years, the reference product's bound.
const LIFETIME_S_MAX: u32 = 157_788_000;
/// A minute, the reference product's bound: requests don't overlap for longer.
const LEEWAY_S_MAX: u32 = 60;

/// Reads the property. It is replaced as a whole, so what it leaves out has its default.
pub(super) fn read(value: Value) -> Read<RefreshTokenSettings> {
    object(|fields| {
        let default = RefreshTokenSettings::default();
        let rotation = [("rotating", true), ("non-rotating", false)];
        let rotating = fields.required("rotation_type", one_of(&rotation))?;
        let expiration = [("expiring", true), ("non-expiring", false)];
        let expiring = fields.required("expiration_type", one_of(&expiration))?;
        let leeway_s = fields.optional("leeway", integer(0..=LEEWAY_S_MAX))?;
        let mut lifetime = |lifetime: &str, infinite: &str, default: Option<u32>| {
            let seconds = fields.optional(lifetime, integer(1..=LIFETIME_S_MAX))?;
            let is_infinite = fields.optional(infinite, flag)?.unwrap_or(!expiring);
            Ok((!is_infinite).then_some(seconds.or(default)).flatten())
        };
        let lifetime_s = lifetime(
            "token_lifetime",
            "infinite_token_lifetime",
            default.lifetime_s,
        )?;
        let idle_lifetime_s = lifetime(
            "idle_token_lifetime",
            "infinite_idle_token_lifetime",
            default.idle_lifetime_s,
        )?;
        let settings = RefreshTokenSettings {
            rotating,
            leeway_s: leeway_s.unwrap_or(default.leeway_s),
            lifetime_s,
            idle_lifetime_s,
        };
        check(settings, expiring)?;
        Ok(settings)
    })(value)
}

fn check(settings: RefreshTokenSettings, expiring: bool) -> Read<()> {
    let (lifetime, idle) = (settings.lifetime_s, settings.idle_lifetime_s);
    let has_end = lifetime.is_some() || idle.is_some();
    if !expiring && has_end {
        return Err(Problem::new(
            "a `non-expiring` refresh token has no lifetime: leave infinite_token_lifetime and \
             infinite_idle_token_lifetime out, or make them true",
        ));
    }
    if expiring && !has_end {
        return Err(Problem::new(
            "an `expiring` refresh token ends some time: make infinite_token_lifetime or \
             infinite_idle_token_lifetime false",
        ));
    }
    if let (Some(lifetime), Some(idle)) = (lifetime, idle)
        && lifetime < idle
    {
        return Err(Problem::new(format!(
            "it must be no longer than token_lifetime, which is {lifetime}"
        ))
        .under("idle_token_lifetime"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(value: Value) -> RefreshTokenSettings {
        read(value).unwrap()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let given = json!({"rotation_type": "rotating", "expiration_type": "expiring"});
        assert_eq!(settings(given), RefreshTokenSettings::default());
        for missing in ["rotation_type", "expiration_type"] {
            let mut given = json!({"rotation_type": "rotating", "expiration_type": "expiring"});
            given.as_object_mut().unwrap().remove(missing);
            assert!(read(given).unwrap_err().to_string().contains(missing));
        }
    }

    #[test]
    fn everything_can_be_said() {
        let given = json!({
            "rotation_type": "non-rotating", "expiration_type": "expiring", "leeway": 60,
            "token_lifetime": 157_788_000, "infinite_token_lifetime": false,
            "idle_token_lifetime": 1, "infinite_idle_token_lifetime": false,
        });
        let expected = RefreshTokenSettings {
            rotating: false,
            leeway_s: 60,
            lifetime_s: Some(157_788_000),
            idle_lifetime_s: Some(1),
        };
        assert_eq!(settings(given), expected);
    }

    #[test]
    fn infinite_wins_over_a_number_so_that_what_was_read_can_be_sent() {
        let given = json!({
            "rotation_type": "rotating", "expiration_type": "non-expiring",
            "token_lifetime": 2_592_000, "infinite_token_lifetime": true,
            "idle_token_lifetime": 1_296_000, "infinite_idle_token_lifetime": true,
        });
        let settings = settings(given);
        assert_eq!(
            (settings.lifetime_s, settings.idle_lifetime_s),
            (None, None)
        );
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let with = |name: &str, expiration: &str, value: Value| {
            let mut given = json!({"rotation_type": "rotating", "expiration_type": expiration});
            given[name] = value;
            read(given).map_err(|problem| problem.to_string())
        };
        for (name, expiration, value) in [
            ("leeway", "expiring", json!(61)),
            ("token_lifetime", "expiring", json!(0)),
            ("token_lifetime", "expiring", json!(157_788_001)),
            ("token_lifetime", "expiring", json!(1_295_999)),
            ("infinite_token_lifetime", "non-expiring", json!(false)),
            ("lifetime", "expiring", json!(5)),
        ] {
            let refused = with(name, expiration, value).unwrap_err();
            let named = refused.contains(name) || refused.contains("idle_token_lifetime");
            assert!(named, "{name}: {refused}");
        }
        let mut endless = json!({"rotation_type": "rotating", "expiration_type": "expiring"});
        endless["infinite_token_lifetime"] = json!(true);
        assert!(read(endless.clone()).is_ok());
        endless["infinite_idle_token_lifetime"] = json!(true);
        assert!(read(endless).is_err());
    }
}
