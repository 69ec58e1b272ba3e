//! Lets the users of a service of the tenant's own log in.
//!
//! The one idea: the service checks the password, and its answer becomes the profile.
//! The connection's `allowed_hosts` must list the service's host; its `configuration` has
//! `USERS_URL`, such as `https://users.example.com`, and `USERS_KEY`.
//!
//! What the service answers: `POST /login` the profile, or 401 for a wrong password and
//! 404 for an unknown user; `GET /users?identifier=…` the profile or 404; `POST /users`
//! 201, or 409 when there is such a user and 422 when it doesn't want one.

use actions_sdk::{
    custom_database::{CreateError, Login, LoginError, Lookup, NewUser, Profile},
    event::Secrets,
    http::{Request, Response},
};
use serde_json::{Map, Value, json};

#[actions_sdk::database_login]
fn log_in(login: &Login) -> Result<Profile, LoginError> {
    let service = Service::of(&login.secrets())?;
    let answer = service
        .post("/login")
        .json(&json!({
            "identifier": login.identifier(),
            "password": login.password(),
        }))
        .send()?;
    match answer.status() {
        200 => Ok(answer.json()?),
        401 => Err(LoginError::WrongCredentials),
        404 => Err(LoginError::UnknownUser),
        _ => Err(unexpected(&answer).into()),
    }
}

#[actions_sdk::database_get_user]
fn get_user(lookup: &Lookup) -> actions_sdk::Result<Option<Profile>> {
    let service = Service::of(&lookup.secrets())?;
    let answer = service
        .get("/users")
        .query("identifier", lookup.identifier())
        .send()?;
    match answer.status() {
        200 => Ok(Some(answer.json()?)),
        404 => Ok(None),
        _ => Err(unexpected(&answer).into()),
    }
}

#[actions_sdk::database_create]
fn create(new_user: &NewUser) -> Result<Option<Profile>, CreateError> {
    let service = Service::of(&new_user.secrets())?;
    let answer = service
        .post("/users")
        .json(&json!({
            "email": new_user.email(),
            "password": new_user.password(),
            "metadata": new_user.get::<Map<String, Value>>("user_metadata"),
        }))
        .send()?;
    match answer.status() {
        // The service tells nothing of the user; the server asks `get_user`.
        201 => Ok(None),
        409 => Err(CreateError::UserExists),
        422 => Err(CreateError::Rejected(answer.text()?.to_owned())),
        _ => Err(unexpected(&answer).into()),
    }
}

/// The tenant's own service.
struct Service {
    url: String,
    key: String,
}

impl Service {
    fn of(secrets: &Secrets<'_>) -> actions_sdk::Result<Self> {
        let secret = |name: &str| {
            let missing = || format!("the connection's configuration has no {name}");
            secrets.get(name).ok_or_else(missing)
        };
        Ok(Self {
            url: secret("USERS_URL")?,
            key: secret("USERS_KEY")?,
        })
    }

    fn get(&self, path: &str) -> Request {
        self.with_key(Request::get([self.url.as_str(), path].concat()))
    }

    fn post(&self, path: &str) -> Request {
        self.with_key(Request::post([self.url.as_str(), path].concat()))
    }

    fn with_key(&self, request: Request) -> Request {
        request.header("Authorization", ["Bearer ", &self.key].concat())
    }
}

fn unexpected(answer: &Response) -> String {
    format!("the user service answered {}", answer.status())
}

#[cfg(test)]
mod tests {
    use actions_sdk::{
        http::ErrorKind,
        testing::{
            ScriptBuilder,
            http::{Answer, PreparedAnswer},
        },
    };

    use super::*;

    const URL: &str = "https://users.example.com";

    fn ready<S>(builder: ScriptBuilder<S>, answer: PreparedAnswer) -> S {
        builder
            .secret("USERS_URL", URL)
            .secret("USERS_KEY", "k3y")
            .allowed_host("users.example.com")
            .answer(answer)
            .build()
    }

    fn login(answer: Answer) -> Login {
        let builder = Login::builder("ada@example.com", "correct horse");
        ready(
            builder,
            answer.to("POST", "https://users.example.com/login"),
        )
    }

    #[test]
    fn the_services_answer_is_the_profile() {
        let login = login(Answer::json(&json!({"user_id": "7", "name": "Ada"})));

        let profile = log_in(&login).unwrap();

        assert_eq!(profile, Profile::new("7").set("name", "Ada"));
        let calls = login.recorded().http_calls;
        let body: Value = serde_json::from_slice(&calls[0].body).unwrap();
        let expected = json!({"identifier": "ada@example.com", "password": "correct horse"});
        assert_eq!(body, expected);
        let key = ("authorization".to_owned(), "Bearer k3y".to_owned());
        assert!(calls[0].headers.contains(&key));
    }

    #[test]
    fn a_wrong_password_an_unknown_user_and_a_failure_are_three_things() {
        let error = |answer| log_in(&login(answer)).unwrap_err();

        let wrong = error(Answer::text("").status(401));
        assert!(matches!(wrong, LoginError::WrongCredentials), "{wrong:?}");
        let unknown = error(Answer::text("").status(404));
        assert!(matches!(unknown, LoginError::UnknownUser), "{unknown:?}");
        for answer in [
            Answer::text("try later").status(503),
            Answer::text("no JSON"),
            Answer::failure(ErrorKind::TimedOut),
        ] {
            let failed = error(answer);
            assert!(matches!(failed, LoginError::Failed(_)), "{failed:?}");
        }
    }

    #[test]
    fn a_user_is_looked_up_by_what_they_log_in_with() {
        let found = |answer: Answer| {
            let url = "https://users.example.com/users?identifier=ada%40example.com";
            get_user(&ready(
                Lookup::builder("ada@example.com"),
                answer.to("GET", url),
            ))
        };

        let profile = found(Answer::json(&json!({"user_id": "7"}))).unwrap();
        assert_eq!(profile, Some(Profile::new("7")));
        assert_eq!(found(Answer::text("").status(404)).unwrap(), None);
        assert!(found(Answer::text("").status(500)).is_err());
    }

    #[test]
    fn a_new_user_is_taken_or_not() {
        let created = |answer: Answer| {
            let user = Map::from_iter([("email".to_owned(), json!("ada@example.com"))]);
            let builder = NewUser::builder(user, "correct horse");
            create(&ready(
                builder,
                answer.to("POST", "https://users.example.com/users"),
            ))
        };

        assert_eq!(created(Answer::text("").status(201)).unwrap(), None);
        let exists = created(Answer::text("").status(409));
        assert!(matches!(exists, Err(CreateError::UserExists)));
        let rejected = created(Answer::text("too short").status(422));
        assert!(matches!(rejected, Err(CreateError::Rejected(why)) if why == "too short"));
        let failed = created(Answer::text("").status(500));
        assert!(matches!(failed, Err(CreateError::Failed(_))));
    }
}
