use claimsmith_keys::{Expected, KeySet, TOKEN_BYTES_MAX, TokenType, VerifyError, generate};
use claimsmith_model::{SigningAlgorithm, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{
    ASYMMETRIC, AUDIENCE, ISSUER, KEYS, NOW_S, claims_with, expected, good_claims, now, sealed,
    signed, verify,
};

const ES256: SigningAlgorithm = SigningAlgorithm::ES256;

fn verify_with(changes: &[(&str, Value)]) -> Result<(), VerifyError> {
    verify(&signed(ES256, &claims_with(changes))).map(|_| ())
}

#[test]
fn a_good_token_of_each_algorithm_and_type_gives_its_claims() {
    for algorithm in ASYMMETRIC {
        for typ in [TokenType::Jwt, TokenType::AccessTokenJwt] {
            let claims =
                verify(&KEYS.sign(algorithm, typ, &sealed(&good_claims())).unwrap()).unwrap();
            assert_eq!(Value::Object(claims.as_object().clone()), good_claims());
            assert_eq!(claims.subject(), Some("reports@clients"));
            assert_eq!(claims.client_id(), Some("reports"));
            assert_eq!(claims.scope(), "read:users read:clients");
        }
    }
}

#[test]
fn a_token_is_good_until_the_second_it_expires() {
    let token = signed(ES256, &good_claims());
    let at = |after_s: i64, leeway_s: u32| {
        let expected = Expected {
            now: now().plus_seconds(after_s),
            leeway_s,
            ..expected()
        };
        KEYS.verify(&token, &expected).map(|_| ())
    };
    assert_eq!(at(59, 0), Ok(()));
    assert_eq!(at(60, 0), Err(VerifyError::Expired));
    assert_eq!(at(69, 10), Ok(()));
    assert_eq!(at(70, 10), Err(VerifyError::Expired));
}

#[test]
fn a_token_is_not_good_before_its_time() {
    let at = |not_before_s: i64, leeway_s: u32| {
        let token = signed(ES256, &claims_with(&[("nbf", json!(not_before_s))]));
        KEYS.verify(
            &token,
            &Expected {
                leeway_s,
                ..expected()
            },
        )
        .map(|_| ())
    };
    assert_eq!(at(NOW_S, 0), Ok(()));
    assert_eq!(at(NOW_S + 1, 0), Err(VerifyError::NotYetValid));
    assert_eq!(at(NOW_S + 10, 10), Ok(()));
    assert_eq!(at(NOW_S + 11, 10), Err(VerifyError::NotYetValid));
}

#[test]
fn a_token_of_another_issuer_or_for_another_audience_is_refused() {
    let other_issuer = [("iss", json!("https://login.example.com"))];
    let other_audience = [("aud", json!("https://login.example.com/api/v2"))];
    assert_eq!(verify_with(&other_issuer), Err(VerifyError::WrongIssuer));
    assert_eq!(
        verify_with(&other_audience),
        Err(VerifyError::WrongAudience)
    );
    assert_eq!(verify_with(&[("aud", json!(["a", AUDIENCE]))]), Ok(()));
    assert_eq!(
        verify_with(&[("aud", json!(["a", "b"]))]),
        Err(VerifyError::WrongAudience)
    );
    assert_eq!(
        verify_with(&[("aud", json!([]))]),
        Err(VerifyError::WrongAudience)
    );
}

#[test]
fn a_token_without_issuer_audience_or_expiry_is_refused() {
    for claim in ["iss", "aud", "exp"] {
        let missing = verify_with(&[(claim, Value::Null)]);
        assert_eq!(missing, Err(VerifyError::BadClaim(claim)));
    }
    let no_date = [("exp", json!("tomorrow"))];
    assert_eq!(verify_with(&no_date), Err(VerifyError::BadClaim("exp")));
    let no_date = [("nbf", json!("yesterday"))];
    assert_eq!(verify_with(&no_date), Err(VerifyError::BadClaim("nbf")));
}

#[test]
fn a_token_of_another_tenant_is_refused() {
    let other =
        KeySet::from_stored(&[generate(ES256, Timestamp::from_millis(0)).unwrap()]).unwrap();
    let token = other
        .sign(ES256, TokenType::Jwt, &sealed(&good_claims()))
        .unwrap();
    assert_eq!(verify(&token), Err(VerifyError::UnknownKey));
}

#[test]
fn a_past_id_token_tells_of_a_login_and_nothing_else_does() {
    let past = |changes: &[(&str, Value)]| {
        let token = signed(ES256, &claims_with(changes));
        KEYS.verify_past_id_token(&token, ISSUER).map(|_| ())
    };
    // The good claims are an access token's.
    let id_token = [("azp", Value::Null), ("client_id", Value::Null)];
    assert_eq!(past(&id_token), Ok(()));
    let [azp, client_id] = id_token;
    let with = |name, value| past(&[azp.clone(), client_id.clone(), (name, value)]);
    assert_eq!(with("exp", json!(1)), Ok(()));
    assert_eq!(with("aud", json!("some-client")), Ok(()));
    assert_eq!(with("azp", json!("client")), Err(VerifyError::WrongType));
    assert_eq!(
        with("client_id", json!("client")),
        Err(VerifyError::WrongType)
    );
    let elsewhere = json!("https://elsewhere.example/");
    assert_eq!(with("iss", elsewhere), Err(VerifyError::WrongIssuer));
    let token = signed(ES256, &claims_with(&[azp, client_id]));
    let unsigned = token.rsplit_once('.').unwrap().0;
    assert!(
        KEYS.verify_past_id_token(&format!("{unsigned}."), ISSUER)
            .is_err()
    );
}

#[test]
fn the_length_of_a_token_is_bounded() {
    let padded = |length: usize| {
        let token = signed(ES256, &good_claims());
        format!("{token}{}", "A".repeat(length - token.len()))
    };
    assert_eq!(
        verify(&padded(TOKEN_BYTES_MAX + 1)),
        Err(VerifyError::TooLong)
    );
    assert_eq!(
        verify(&padded(TOKEN_BYTES_MAX)),
        Err(VerifyError::BadSignature)
    );
}

proptest! {
    #[test]
    fn no_text_makes_verifying_panic_or_succeed(text in ".{0,80}", parts in "[a-zA-Z0-9_-]{0,40}(\\.[a-zA-Z0-9_-]{0,40}){0,4}") {
        prop_assert!(verify(&text).is_err());
        prop_assert!(verify(&parts).is_err());
    }
}
