//! What holds for every name and value, however it is spelt.
//!
//! The spellings are made from names known to be reserved, and admitted names are
//! read again by a small parser of this file's own, so that nothing here shares code
//! with the policy.

use std::sync::Arc;

use claimsmith_claims::{
    CLAIMS_BYTES_MAX, CLAIMS_MAX, Ledger, NAME_BYTES_MAX, Policy, ReservedNamespaces, TokenContext,
};
use claimsmith_model::{ClaimSettings, JsonObject, OnRefusal, PrivateNames, TokenKind};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

const RESERVED_DOMAINS: [&str; 3] = ["auth0.com", "webtask.io", "webtask.run"];
const RESTRICTED_NAMES: &str = "acr act active amr at_hash ath attest aud auth_time \
    authorization_details azp c_hash client_id cnf cty dest entitlements events exp groups gty \
    htm htu iat internalService iss jcard jku jti jwe jwk kid may_act mky nbf nonce object_id \
    org_id org_name orig origid permissions roles rph s_hash sid sip_callid sip_cseq_num \
    sip_date sip_from_tag sip_via_branch sub sub_jwk toe txn typ uuid vot vtm x5t#S256 scope";

fn ledger(private_names: PrivateNames) -> Ledger {
    let settings = ClaimSettings {
        private_names,
        on_refusal: OnRefusal::Drop,
    };
    let issuer_hosts = ["login.example.com", "127.0.0.1"].map(str::to_owned);
    let policy = Policy::new(settings, &issuer_hosts, &ReservedNamespaces::default());
    Arc::new(policy).ledger(TokenContext {
        kind: TokenKind::AccessToken,
        server_claims: Arc::new(["iss", "sub", "aud"]),
        own_api: false,
        scopes: Arc::new(["profile".to_owned(), "email".to_owned()]),
    })
}

fn is_admitted(private_names: PrivateNames, name: &str) -> bool {
    ledger(private_names).offer("a", name, &json!(1)).is_ok()
}

fn is_admitted_anywhere(name: &str) -> bool {
    is_admitted(PrivateNames::Refuse, name) || is_admitted(PrivateNames::Allow, name)
}

/// How one character of a reserved name is written.
fn respelt(c: char, way: u8) -> String {
    match way % 8 {
        0 => c.to_ascii_uppercase().to_string(),
        // Full-width forms stand at a fixed distance from ASCII.
        1 if c != ' ' => {
            char::from_u32(u32::from(c) + 0xFEE0).map_or_else(String::new, String::from)
        }
        2 if c == '.' => "。".to_owned(),
        3 => format!("%{:02X}", u32::from(c)),
        4 => format!("%{:02x}", u32::from(c.to_ascii_uppercase())),
        5 if c == '.' => "｡".to_owned(),
        _ => c.to_string(),
    }
}

/// A host of which each character is written in some way.
fn respelt_host(host: &str, ways: &[u8]) -> String {
    host.chars()
        .zip(ways.iter().chain(std::iter::repeat(&7)))
        .map(|(c, way)| respelt(c, *way))
        .collect()
}

/// The host of a name as the most lenient reader might find it: decoded, in lower
/// case, with full-width letters as ASCII, after any scheme and slashes, and for every
/// way to cut user information off.
fn lenient_hosts(name: &str) -> Vec<String> {
    let mut text = name.to_owned();
    for _ in 0..NAME_BYTES_MAX {
        text = decode_percent(&text);
    }
    let text: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .map(|c| match u32::from(c) {
            0x3002 | 0xFF61 => '.',
            wide @ 0xFF01..=0xFF5E => char::from_u32(wide - 0xFEE0).unwrap_or(c),
            _ => c,
        })
        .collect::<String>()
        .to_lowercase();
    let Some(rest) = text
        .strip_prefix("https:")
        .or_else(|| text.strip_prefix("http:"))
    else {
        return Vec::new();
    };
    let rest = rest.trim_start_matches(['/', '\\']);
    [&['/', '?', '#', '\\'][..], &['/'][..]]
        .into_iter()
        .flat_map(|ends| rest.split(ends).next().unwrap_or_default().split('@'))
        .map(|host| host.split([':', '?', '#', '\\']).next().unwrap_or_default())
        .map(|host| host.trim_matches('.').to_owned())
        .collect()
}

fn decode_percent(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        let digits = rest
            .get(at + 1..at + 3)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match digits {
            Some(byte) if byte.is_ascii() => {
                decoded.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            _ => {
                decoded.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    decoded + rest
}

fn is_reserved_domain(host: &str) -> bool {
    host == "login.example.com"
        || RESERVED_DOMAINS
            .iter()
            .any(|domain| host == *domain || host.ends_with(&format!(".{domain}")))
}

/// Names put together from the pieces that dangerous names are made of.
fn dangerous_name() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "https",
        "http",
        "HTTPS",
        "ｈttps",
        "://",
        ":",
        "/",
        "\\",
        "@",
        "?",
        "#",
        "auth0",
        "Auth0",
        ".",
        "com",
        "COM",
        "webtask",
        "io",
        "run",
        "%2e",
        "%2E",
        "%61uth0",
        "%2561",
        "。",
        "．",
        "ａ",
        ":443",
        "urn:",
        "URN:",
        "urn:auth0",
        "sub",
        "aud",
        "ｓub",
        "evil",
        "example",
        "login",
        "x",
        "xn--",
        "\t",
        " ",
        "\n",
        "\u{200b}",
        "\u{ad}",
        "[::1]",
        "127.0.0.1",
        "ß",
        "ü",
        "-",
        "_",
        "role",
        "undefined",
        "[",
        "]",
        "<",
        "\"",
        "%",
        "%zz",
        "0x7f.1",
    ]);
    let beginning = select(vec![
        "", "https://", "http://", "HTTPS://", "https:", "urn:", "//",
    ]);
    (beginning, vec(pieces, 0..10))
        .prop_map(|(beginning, pieces)| beginning.to_owned() + &pieces.concat())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        vec(any::<char>(), 0..40)
            .prop_map(|text| Value::from(text.into_iter().collect::<String>())),
        (0..60_000_usize).prop_map(|length| Value::from("\u{1}x\"ä".repeat(length / 4))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((vec(any::<char>(), 0..6), inner), 0..4).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(key, value)| (key.into_iter().collect::<String>(), value))
                    .collect()
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_spelling_of_a_reserved_domain_is_admitted(
        domain in select(RESERVED_DOMAINS.to_vec()),
        subdomain in select(vec!["", "acme.", "a.b.", "ACME.", "xn--bcher-kva.", "bücher.", "1.", "_x."]),
        ways in vec(any::<u8>(), 0..14),
        scheme in select(vec![
            "https://", "http://", "HTTP://", "hTTps://", "https:", "https:/", "https:///", "https:////",
            "https:\\\\", "http:\\/", "ｈttps://", "https%3A//",
        ]),
        user in select(vec!["", "", "", "user@", "user:password@", "example.com@", "@", ":@"]),
        dots in select(vec!["", "", ".", "..", "。"]),
        port in select(vec!["", "", ":443", ":8443", ":", ":0443"]),
        end in select(vec!["", "/", "/role", "?role", "#role", "\\role", "/größe", "/@example.com"]),
        long_path in select(vec![0_usize, 0, 0, 100, 10_000]),
    ) {
        let host = respelt_host(domain, &ways);
        let path = if long_path == 0 { String::new() } else { format!("/{}", "x".repeat(long_path)) };
        let name = format!("{scheme}{user}{subdomain}{host}{dots}{port}{end}{path}");

        prop_assert!(!is_admitted_anywhere(&name), "{name:?}");
    }

    #[test]
    fn white_space_and_invisible_characters_open_no_way_around(
        name in select(vec!["https://auth0.com/role", "urn:auth0:role", "sub", "https://example.com/role", "role"]),
        c in select(vec![' ', '\t', '\n', '\r', '\0', '\u{7f}', '\u{85}', '\u{a0}', '\u{ad}', '\u{200b}', '\u{200d}', '\u{202e}', '\u{2028}', '\u{2060}', '\u{3000}', '\u{fe0f}', '\u{feff}', '\u{e0041}']),
        at in 0..20_usize,
    ) {
        let mut spelling: Vec<char> = name.chars().collect();
        spelling.insert(at.min(spelling.len()), c);
        let spelling: String = spelling.into_iter().collect();

        prop_assert!(!is_admitted_anywhere(&spelling), "{spelling:?}");
    }

    #[test]
    fn no_form_of_the_issuers_ip_address_is_admitted(
        host in select(vec![
            "127.0.0.1", "127.0.1", "127.1", "2130706433", "0x7f000001", "0X7F.1", "0177.0.0.1",
            "017700000001", "0x7f.0x0.0x0.0x1", "127.0.0.0x1", "１２７.0.0.1", "127。0。0。1", "%31%32%37.0.0.1",
            "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "127.0.0.1.",
        ]),
        port in select(vec!["", ":80", ":3000"]),
    ) {
        let name = format!("http://{host}{port}/role");

        prop_assert!(!is_admitted_anywhere(&name), "{name:?}");
    }

    #[test]
    fn no_spelling_of_a_restricted_name_is_admitted(
        name in select(RESTRICTED_NAMES.split_whitespace().collect::<Vec<_>>()),
        ways in vec(select(vec![0_u8, 1, 7]), 0..20),
    ) {
        let spelling = respelt_host(name, &ways);

        prop_assert!(!is_admitted_anywhere(&spelling), "{spelling:?}");
    }

    #[test]
    fn no_spelling_of_a_reserved_urn_is_admitted(
        ways in vec(any::<u8>(), 0..10),
        scheme in select(vec!["urn:", "URN:", "Urn:", "ｕrn:", "urn%3a"]),
        end in select(vec!["", ":", ":role", "-x:role", ".com:role", "x:role", "%3Arole"]),
    ) {
        let name = format!("{scheme}{}{end}", respelt_host("auth0", &ways));

        prop_assert!(!is_admitted_anywhere(&name), "{name:?}");
    }

    #[test]
    fn an_admitted_name_is_neither_restricted_nor_in_a_reserved_domain_to_any_reader(
        name in dangerous_name(),
        private_names in select(vec![PrivateNames::Refuse, PrivateNames::Allow]),
    ) {
        if is_admitted(private_names, &name) {
            for host in lenient_hosts(&name) {
                prop_assert!(!is_reserved_domain(&host), "{name:?} reads as {host:?}");
            }
            let lower = name.trim().to_lowercase();
            prop_assert!(!lower.starts_with("urn:auth0"), "{name:?}");
            for restricted in RESTRICTED_NAMES.split_whitespace() {
                prop_assert!(lower != restricted.to_lowercase(), "{name:?}");
            }
            prop_assert!(name.len() <= NAME_BYTES_MAX);
            if private_names == PrivateNames::Refuse {
                let scheme = lower.split(':').next().unwrap();
                prop_assert!(matches!(scheme, "http" | "https" | "urn"), "{name:?}");
            }
        }
    }

    #[test]
    fn ordinary_namespaced_names_are_admitted_in_both_settings(
        label in vec(select(('a'..='z').chain('0'..='9').collect::<Vec<_>>()), 1..20),
        path in vec(select("abcXYZ019/-_.~:@!$&'()*+,;=äß中".chars().collect::<Vec<_>>()), 0..40),
        scheme in select(vec!["http", "https"]),
    ) {
        let label: String = label.into_iter().collect();
        let path: String = path.into_iter().collect();
        let name = format!("{scheme}://{label}.example/{path}");

        prop_assert!(is_admitted(PrivateNames::Refuse, &name), "{name:?}");
        prop_assert!(is_admitted(PrivateNames::Allow, &name), "{name:?}");
    }

    #[test]
    fn any_text_at_all_gets_the_same_answer_twice(
        name in vec(any::<char>(), 0..60),
        value in vec(any::<char>(), 0..60),
    ) {
        let name: String = name.into_iter().collect();
        let value: String = value.into_iter().collect();
        let offer = || ledger(PrivateNames::Allow).offer_json("a", &name, &value);

        prop_assert_eq!(offer(), offer());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn sealed_claims_stay_within_the_size_limit_and_are_counted_exactly(
        offers in vec((0..8_u8, json_value()), 0..12),
    ) {
        let mut ledger = ledger(PrivateNames::Refuse);
        for (number, value) in &offers {
            // A refusal is one of the expected outcomes here.
            let _ = ledger.offer("a", &format!("https://example.com/\"{number}"), value);
        }
        let bytes = ledger.bytes();

        let (claims, refused) = ledger.seal(JsonObject::new());

        let text = serde_json::to_string(claims.custom()).unwrap();
        let count = claims.custom().len();
        prop_assert!(refused.is_empty());
        prop_assert!(bytes <= CLAIMS_BYTES_MAX);
        prop_assert!(text.len() <= CLAIMS_BYTES_MAX + 2 * CLAIMS_MAX + 1);
        prop_assert_eq!(text.len(), if count == 0 { 2 } else { bytes + 2 * count + 1 });
    }

    #[test]
    fn the_order_of_unrelated_claims_makes_no_difference(
        names in proptest::collection::hash_set(dangerous_name(), 0..12),
        rotation in 0..12_usize,
    ) {
        let sealed = |names: &[&String]| {
            let mut ledger = ledger(PrivateNames::Allow);
            for name in names {
                let _ = ledger.offer("a", name, &json!(name));
            }
            serde_json::to_string(&ledger.seal(JsonObject::new()).0).unwrap()
        };
        let mut names: Vec<&String> = names.iter().collect();
        let before = sealed(&names);

        let middle = rotation.min(names.len());
        names.rotate_left(middle);

        prop_assert_eq!(before, sealed(&names));
    }

    #[test]
    fn json_text_and_parsed_value_are_judged_alike(value in json_value()) {
        let (mut from_text, mut from_value) = (ledger(PrivateNames::Refuse), ledger(PrivateNames::Refuse));
        let name = "https://example.com/x";

        let text_verdict = from_text.offer_json("a", name, &value.to_string());
        let value_verdict = from_value.offer("a", name, &value);

        let code = |refusal: claimsmith_model::Refusal| refusal.code;
        prop_assert_eq!(text_verdict.map(|_| ()).map_err(code), value_verdict.map_err(code));
        prop_assert_eq!(from_text.bytes(), from_value.bytes());
    }
}
