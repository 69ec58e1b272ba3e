//! Asks a risk service about a login, and refuses those that it thinks dangerous.
//!
//! The one idea: the answer of another service decides, and a service that doesn't
//! answer keeps nobody out. The Action's `allowed_hosts` must list the service's host;
//! its secrets are `RISK_URL`, such as `https://risk.example.com/score`, and `RISK_KEY`.

use actions_sdk::{
    http::{self, Request},
    log,
    post_login::{Api, Event},
};
use serde::Deserialize;
use serde_json::json;

/// From which score on a login is refused. Scores go to 100.
const REFUSED_FROM: u8 = 90;

#[derive(Deserialize)]
struct Risk {
    score: u8,
}

#[actions_sdk::post_login]
fn risk_score(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
    let secret = |name: &str| event.secrets().get(name);
    let url = secret("RISK_URL").ok_or("the Action has no secret RISK_URL")?;
    let key = secret("RISK_KEY").ok_or("the Action has no secret RISK_KEY")?;

    match ask(&url, &key, event) {
        Ok(risk) if risk.score >= REFUSED_FROM => {
            api.access().deny("This login looks dangerous.");
        }
        Ok(risk) => api
            .access_token()
            .set_custom_claim("https://example.com/risk", risk.score),
        // A call that the host denied is a mistake in the Action's settings.
        Err(error) if error.is_denied() => return Err(error.into()),
        Err(error) => log::warn(format!("the risk service gave no score: {error}")),
    }
    Ok(())
}

fn ask(url: &str, key: &str, event: &Event) -> Result<Risk, http::Error> {
    Request::post(url)
        .header("Authorization", format!("Bearer {key}"))
        .json(&json!({
            "user": event.user().user_id(),
            "ip": event.request().ip(),
        }))
        .send()?
        .json()
}

#[cfg(test)]
mod tests {
    use actions_sdk::{http::ErrorKind, testing::http::Answer};

    use super::*;

    const URL: &str = "https://risk.example.com/score";

    /// What the Action does when the service answers so.
    fn run(answer: Answer) -> (actions_sdk::Result<()>, actions_sdk::testing::Recorded) {
        let event = Event::builder()
            .set("/user/user_id", "auth0|ada")
            .set("/request/ip", "203.0.113.7")
            .secret("RISK_URL", URL)
            .secret("RISK_KEY", "k3y")
            .allowed_host("risk.example.com")
            .answer(answer.to("POST", URL))
            .build();
        let mut api = Api::recording(&event);
        let result = risk_score(&event, &mut api);
        (result, api.recorded())
    }

    #[test]
    fn a_low_score_becomes_a_claim() {
        let (result, did) = run(Answer::json(&json!({"score": 7})));

        result.unwrap();
        assert_eq!(did.access_token_claims["https://example.com/risk"], 7);
        assert_eq!(did.denial, None);
        let [call] = did.http_calls.as_slice() else {
            panic!("{:?}", did.http_calls)
        };
        let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(body, json!({"user": "auth0|ada", "ip": "203.0.113.7"}));
        let key = ("authorization".to_owned(), "Bearer k3y".to_owned());
        assert!(call.headers.contains(&key));
    }

    #[test]
    fn a_high_score_refuses_the_login() {
        assert!(run(Answer::json(&json!({"score": 89}))).1.denial.is_none());
        assert!(run(Answer::json(&json!({"score": 90}))).1.denial.is_some());
    }

    #[test]
    fn a_service_that_is_down_keeps_nobody_out() {
        for answer in [
            Answer::failure(ErrorKind::TimedOut),
            Answer::failure(ErrorKind::Unreachable),
            Answer::text("try later").status(503),
            Answer::text("no JSON"),
        ] {
            let (result, did) = run(answer);

            result.unwrap();
            assert_eq!(did.denial, None);
            assert_eq!(did.logs.len(), 1);
        }
    }

    #[test]
    fn a_host_that_is_not_allowed_fails_the_action() {
        let event = Event::builder()
            .secret("RISK_URL", URL)
            .secret("RISK_KEY", "k3y")
            .build();
        let mut api = Api::recording(&event);

        risk_score(&event, &mut api).unwrap_err();

        let did = api.recorded();
        assert_eq!(did.refusals.len(), 1);
        assert_eq!(did.refusals[0].code, "host_not_allowed");
        assert_eq!(did.http_calls, []);
    }
}
