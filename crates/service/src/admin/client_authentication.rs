//! How a client proves who it is: the properties `token_endpoint_auth_method` and
//! `client_authentication_methods`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_keys::check_client_key;
use claimsmith_model::{
    AssertionAlgorithm, Client, ClientCredential, ClientPublicKey, Timestamp,
    TokenEndpointAuthMethod,
};
use serde_json::{Value, json};

use crate::{
    ServiceError,
    fields::{Fields, Problem, Read, list, object, one_of, open_object, text},
    token::hash::sha256,
};

/// Two to change keys without a gap, and as many again for a second system.
pub(super) const CREDENTIALS_MAX: usize = 4;
const NAME_CHARS_MAX: usize = 255;
const KEY_ID_CHARS_MAX: usize = 128;
/// RSA with 8192 bits has 1,500 characters.
const PEM_CHARS_MAX: usize = 4_096;

const AUTH_METHODS: [(&str, TokenEndpointAuthMethod); 4] = [
    ("none", TokenEndpointAuthMethod::None),
    (
        "client_secret_post",
        TokenEndpointAuthMethod::ClientSecretPost,
    ),
    (
        "client_secret_basic",
        TokenEndpointAuthMethod::ClientSecretBasic,
    ),
    ("private_key_jwt", TokenEndpointAuthMethod::PrivateKeyJwt),
];

const ALGORITHMS: [(&str, AssertionAlgorithm); 4] = [
    ("RS256", AssertionAlgorithm::RS256),
    ("PS256", AssertionAlgorithm::PS256),
    ("ES256", AssertionAlgorithm::ES256),
    ("EdDSA", AssertionAlgorithm::EdDSA),
];

/// Reads both properties. Keys mean `private_key_jwt`; another method forgets the keys that
/// were in force.
pub(super) fn apply(
    client: &mut Client,
    fields: &mut Fields,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let before = client.token_endpoint_auth_method;
    // `null` leaves it to the other property, as in the reference product.
    let method = fields.optional("token_endpoint_auth_method", one_of(&AUTH_METHODS))?;
    let given = fields.optional("client_authentication_methods", methods)?;
    if let Some(given) = given {
        if method.is_some_and(|method| method != TokenEndpointAuthMethod::PrivateKeyJwt) {
            return Err(ServiceError::invalid(
                "a client with client_authentication_methods has the token_endpoint_auth_method \
                 private_key_jwt: leave that out, or make it null",
            ));
        }
        client.credentials =
            credentials(&client.credentials, given, now).map_err(|problem| problem.under(PLACE))?;
        client.token_endpoint_auth_method = TokenEndpointAuthMethod::PrivateKeyJwt;
    } else if let Some(method) = method {
        client.token_endpoint_auth_method = method;
    }
    if client.token_endpoint_auth_method != TokenEndpointAuthMethod::PrivateKeyJwt {
        if before == TokenEndpointAuthMethod::PrivateKeyJwt {
            client.credentials.clear();
        }
    } else if client.credentials.is_empty() {
        return Err(ServiceError::invalid(format!(
            "a client with private_key_jwt needs a public key: give {PLACE}"
        )));
    }
    Ok(())
}

const PLACE: &str = "client_authentication_methods.private_key_jwt.credentials";

/// One of the list: a key that is there already, or a new one.
enum Given {
    Kept(String),
    New(ClientCredential),
}

fn methods(value: Value) -> Read<Vec<Given>> {
    object(|fields| {
        fields.required(
            "private_key_jwt",
            object(|fields| fields.required("credentials", list(1..=CREDENTIALS_MAX, credential))),
        )
    })(value)
}

fn credential(value: Value) -> Read<Given> {
    object(|fields| {
        let id = fields.optional("id", text(1..=KEY_ID_CHARS_MAX))?;
        match (key(fields)?, id) {
            (Some(new), _) => Ok(Given::New(new)),
            (None, Some(id)) => Ok(Given::Kept(id)),
            (None, None) => Err(Problem::new(
                "give a key as `pem` or `jwk`, or the `id` of one that is there",
            )),
        }
    })(value)
    .map_err(|problem| problem.and_expects("anyOf", || one_of_these(&["id", "pem", "jwk"])))
}

/// A key that isn't one of those that are there.
pub(super) fn new_key(value: Value) -> Read<ClientCredential> {
    object(|fields| {
        let no_key = || Problem::new("give a key as `pem` or `jwk`");
        key(fields)?.ok_or_else(no_key)
    })(value)
    .map_err(|problem| problem.and_expects("anyOf", || one_of_these(&["pem", "jwk"])))
}

/// What a credential can't be without.
fn one_of_these(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| json!({ "required": [name] }))
        .collect()
}

/// A key with what is said of it, if there is one.
fn key(fields: &mut Fields) -> Read<Option<ClientCredential>> {
    let name = fields.optional("name", text(0..=NAME_CHARS_MAX))?;
    fields.optional("credential_type", one_of(&[("public_key", ())]))?;
    let key_id = fields.optional("kid", text(1..=KEY_ID_CHARS_MAX))?;
    let algorithm = fields.optional("alg", one_of(&ALGORITHMS))?;
    let pem = fields.optional("pem", text(1..=PEM_CHARS_MAX))?;
    let jwk = fields.optional("jwk", open_object)?;
    let public_key = match (pem, jwk) {
        (Some(pem), None) => ClientPublicKey::Pem(pem),
        (None, Some(jwk)) => ClientPublicKey::Jwk(jwk),
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(Problem::new("give `pem` or `jwk`, not both")),
    };
    let of_jwk = |member: &str| match &public_key {
        ClientPublicKey::Jwk(jwk) => jwk.get(member).cloned(),
        ClientPublicKey::Pem(_) => None,
    };
    let algorithm = match (algorithm, of_jwk("alg")) {
        (Some(algorithm), _) => algorithm,
        (None, Some(of_jwk)) => one_of(&ALGORITHMS)(of_jwk).map_err(|it| it.under("jwk.alg"))?,
        (None, None) => AssertionAlgorithm::RS256,
    };
    let key_id = match (key_id, of_jwk("kid")) {
        (None, Some(of_jwk)) => {
            Some(text(1..=KEY_ID_CHARS_MAX)(of_jwk).map_err(|it| it.under("jwk.kid"))?)
        }
        (key_id, _) => key_id,
    };
    check_client_key(&public_key, algorithm).map_err(|error| Problem::new(error.to_string()))?;
    Ok(Some(ClientCredential {
        id: id_of(&public_key),
        name,
        key_id,
        algorithm,
        public_key,
        created_at: Timestamp::from_millis(0),
    }))
}

/// The list as it is to be: an `id` alone keeps what there is.
fn credentials(
    before: &[ClientCredential],
    given: Vec<Given>,
    now: Timestamp,
) -> Read<Vec<ClientCredential>> {
    let mut after: Vec<ClientCredential> = Vec::with_capacity(given.len());
    for (index, given) in given.into_iter().enumerate() {
        let at = |problem: Problem| problem.under(&format!("[{index}]"));
        let credential = match given {
            Given::Kept(id) => {
                let kept = before.iter().find(|credential| credential.id == id);
                let unknown = || at(Problem::new("the client has no key with this id"));
                kept.cloned().ok_or_else(unknown)?
            }
            Given::New(new) => {
                let earlier = before.iter().find(|credential| credential.id == new.id);
                ClientCredential {
                    created_at: earlier.map_or(now, |earlier| earlier.created_at),
                    ..new
                }
            }
        };
        if after.iter().any(|earlier| earlier.id == credential.id) {
            return Err(at(Problem::new("the same key stands in the list twice")));
        }
        after.push(credential);
    }
    Ok(after)
}

/// The same for the same key, so that sending one again changes nothing.
fn id_of(key: &ClientPublicKey) -> String {
    let text = match key {
        ClientPublicKey::Pem(pem) => pem.split_whitespace().collect::<String>(),
        ClientPublicKey::Jwk(jwk) => {
            let members = ["kty", "crv", "n", "e", "x", "y"].map(|name| jwk.get(name));
            let texts = members.map(|member| member.and_then(Value::as_str).unwrap_or_default());
            texts.join(".")
        }
    };
    format!("cred_{}", URL_SAFE_NO_PAD.encode(&sha256(&text)[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of RFC 8037 appendix A.
    fn jwk() -> Value {
        json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "one",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        })
    }

    fn read(credentials: &Value) -> Result<Vec<Given>, String> {
        let value = json!({"private_key_jwt": {"credentials": credentials}});
        methods(value).map_err(|problem| problem.to_string())
    }

    fn kept(before: &[ClientCredential], given: &Value) -> Result<Vec<ClientCredential>, String> {
        let now = Timestamp::from_millis(1);
        credentials(before, read(given)?, now).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_key_is_known_by_what_it_is_and_kept_by_its_id() {
        let first = kept(&[], &json!([{"name": "laptop", "jwk": jwk()}])).unwrap();
        assert_eq!(first[0].algorithm, AssertionAlgorithm::EdDSA);
        assert_eq!(first[0].key_id.as_deref(), Some("one"));
        assert!(first[0].id.starts_with("cred_"));

        let again = kept(&first, &json!([{"id": first[0].id}])).unwrap();
        assert_eq!(again, first);
        assert!(kept(&first, &json!([{"id": "cred_other"}])).is_err());
        let twice = kept(&first, &json!([{"id": first[0].id}, {"jwk": jwk()}]));
        assert!(twice.unwrap_err().contains("twice"));
    }

    #[test]
    fn what_is_no_public_key_of_its_algorithm_is_refused_with_the_reason() {
        let mut private = jwk();
        private["d"] = json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
        let mut other_curve = jwk();
        other_curve["crv"] = json!("X25519");
        let pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        for (credential, reason) in [
            (json!({"jwk": private}), "private"),
            (json!({"jwk": other_curve}), "not a key for its alg"),
            (
                json!({"jwk": jwk(), "alg": "RS256"}),
                "not a key for its alg",
            ),
            (json!({"jwk": jwk(), "alg": "HS256"}), "No enum match"),
            (json!({"jwk": jwk(), "pem": pem}), "not both"),
            (json!({"pem": pem}), "not a key for its alg"),
            (json!({"pem": "key"}), "can't be read"),
            (json!({"pem": pem.replace("PUBLIC", "PRIVATE")}), "private"),
            (json!({"name": "x"}), "give a key"),
        ] {
            let Err(refused) = read(&json!([credential])) else {
                panic!("{credential}");
            };
            assert!(refused.contains(reason), "{credential}: {refused}");
        }
        assert!(read(&json!([])).is_err());
        let five = vec![json!({"id": "cred_x"}); CREDENTIALS_MAX + 1];
        assert!(read(&json!(five)).is_err());
    }
}
