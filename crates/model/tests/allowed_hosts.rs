//! What holds for every text that claims to be a host.

use claimsmith_model::{AllowedHosts, Origin};
use proptest::prelude::*;

/// Texts that look like hosts, and some that nearly do.
fn authority() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9.*:@/%\\[\\]-]{0,20}",
        "([a-c]{1,2}\\.){0,3}[a-c]{1,2}(\\.test)?\\.?(:[0-9]{1,5})?",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn an_entry_reads_back_as_what_it_was_and_allows_what_it_says(
        entry in ("(http://|https://|)(\\*\\.)?", authority()).prop_map(|(a, b)| a + &b),
    ) {
        let Ok(hosts) = AllowedHosts::parse(&[&entry]) else { return Ok(()) };

        let texts: Vec<_> = hosts.texts().collect();
        prop_assert_eq!(&AllowedHosts::parse(&texts).unwrap(), &hosts);
        let (is_https, rest) = match texts[0].strip_prefix("http://") {
            Some(rest) => (false, rest),
            None => (true, texts[0].as_str()),
        };
        match rest.strip_prefix("*.") {
            None => prop_assert!(hosts.allow(&Origin::parse(is_https, rest).unwrap())),
            Some(domain) => {
                prop_assert!(!hosts.allow(&Origin::parse(is_https, domain).unwrap()));
                let below = Origin::parse(is_https, &format!("x.{domain}"));
                prop_assert!(below.is_err() || hosts.allow(&below.unwrap()));
            }
        }
    }

    #[test]
    fn an_origin_reads_back_as_what_it_was(is_https: bool, authority in authority()) {
        let Ok(origin) = Origin::parse(is_https, &authority) else { return Ok(()) };

        prop_assert_eq!(Origin::parse(is_https, &origin.authority()), Ok(origin));
    }

    #[test]
    fn nothing_is_allowed_that_no_entry_names(
        entry in "(\\*\\.)?([a-b]{1,2}\\.){1,2}test",
        host in "([a-b]{1,2}\\.){1,3}test",
        is_https: bool,
    ) {
        let hosts = AllowedHosts::parse(&[&entry]).unwrap();
        let origin = Origin::parse(is_https, &host).unwrap();

        let is_named = match entry.strip_prefix('*') {
            None => entry == host,
            Some(suffix) => host.ends_with(suffix),
        };
        prop_assert_eq!(hosts.allow(&origin), is_https && is_named);
    }
}
