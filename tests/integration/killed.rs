//! A server that is killed in the midst of its work, again and again.

use std::{
    collections::HashMap,
    env,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};

use crate::harness::{
    Client, PASSWORD, POST_LOGIN, Tenant, User, process::ServerProcess, scripted,
};

/// How often it is killed; `cargo xtask soak` sets more.
const ROUNDS: &str = "CLAIMSMITH_TEST_KILLS";
const ROUNDS_USUALLY: usize = 5;
/// How many roles of earlier rounds are left to be looked for.
const ROLES_KEPT: usize = 300;
/// An API that gives refresh tokens.
const OFFLINE_API: &str = "https://offline.example.com/";
/// One admin asks as often as it can.
const BUSY_ADMIN: [&str; 2] = ["--limit", "admin_requests_per_s=100000"];
/// The Actions that are bound in changing orders.
const ACTIONS: [&str; 3] = ["one", "two", "three"];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_each_kill_and_nothing_is_there_in_part() {
    let rounds = env::var(ROUNDS).map_or(ROUNDS_USUALLY, |text| text.parse().unwrap());
    let mut server = ServerProcess::start(&BUSY_ADMIN).await;
    let world = World::set_up(&server).await;
    let mut seen = Seen::default();
    for round in 0..rounds {
        let token = server.management_token().await;
        // Killed after another number of answers each time, always in the midst of some.
        let enough = 20 + round * 13 % 60;
        let work = Work {
            tenant: &server,
            world: &world,
            token: &token,
            round,
            answers: Mutex::default(),
            enough,
            kill: &|| server.kill(),
        };
        tokio::join!(
            work.create_roles(0),
            work.create_roles(1),
            work.change_a_client(),
            work.reorder(),
            work.deploy(),
            work.log_in(),
            work.refresh(),
        );
        let answers = work.answers.into_inner().unwrap();
        assert!(answers.count >= enough, "round {round}: {answers:?}");
        seen.add(answers);

        server = server.kill_and_restart();
        seen.check(&server, &world, round).await;
    }
}

/// What is worked on.
struct World {
    app: Client,
    user: User,
    actions: Vec<String>,
}

impl World {
    async fn set_up(server: &ServerProcess) -> Self {
        let api = server.api(OFFLINE_API).with("allow_offline_access", true);
        api.create().await;
        let app = server
            .client("app")
            .grant_types(&["password", "refresh_token"])
            // Without leeway each is good exactly once.
            .with(
                "refresh_token",
                json!({"rotation_type": "rotating", "expiration_type": "expiring", "leeway": 0}),
            );
        let app = app.create().await;
        let user = server.user("ada@example.com").create().await;
        let mut actions = Vec::new();
        for name in ACTIONS {
            let claim = json!([["access_token", format!("https://example.com/{name}"), name]]);
            actions.push(server.deploy(POST_LOGIN, scripted(name, claim)).await);
        }
        Self { app, user, actions }
    }
}

/// What was answered before the server was killed, and what was asked and may be there.
#[derive(Debug, Default)]
struct Answers {
    count: usize,
    roles: Vec<String>,
    /// Asked for when the server went away.
    roles_maybe: Vec<String>,
    counter: u64,
    versions: u64,
    /// Refresh tokens that nobody used.
    unused: Vec<String>,
}

/// The loops of one round, which end when the server is gone.
struct Work<'a> {
    tenant: &'a Tenant,
    world: &'a World,
    token: &'a str,
    round: usize,
    answers: Mutex<Answers>,
    enough: usize,
    kill: &'a dyn Fn(),
}

impl Work<'_> {
    /// Notes an answer, and kills the server after enough of them.
    fn note(&self, note: impl FnOnce(&mut Answers)) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut answers);
        answers.count += 1;
        if answers.count == self.enough {
            (self.kill)();
        }
    }

    async fn create_roles(&self, who: usize) {
        for number in 0.. {
            let name = format!("role {} {who} {number}", self.round);
            let body = json!({"name": name, "description": "whole"});
            let answer = self.tenant.try_manage("POST", "roles", self.token, body);
            match answer.await {
                Some(answer) => {
                    answer.expect(200);
                    self.note(|answers| answers.roles.push(name));
                }
                None => return self.note(|answers| answers.roles_maybe.push(name)),
            }
        }
    }

    async fn change_a_client(&self) {
        let path = format!("clients/{}", self.world.app.id);
        for number in 1_u64.. {
            let number = number + 1_000_000 * (self.round as u64 + 1);
            let body = json!({"client_metadata": {"counter": number.to_string()}});
            let answer = self.tenant.try_manage("PATCH", &path, self.token, body);
            let Some(answer) = answer.await else { return };
            answer.expect(200);
            self.note(|answers| answers.counter = number);
        }
    }

    /// Binds the Actions in one order after another.
    async fn reorder(&self) {
        for first in (0..ACTIONS.len()).cycle() {
            let mut order = self.world.actions.clone();
            order.rotate_left(first);
            let bindings = order
                .iter()
                .map(|id| json!({"ref": {"type": "action_id", "value": id}, "on_error": "deny"}));
            let body = json!({"bindings": bindings.collect::<Vec<_>>()});
            let path = "actions/triggers/post-login/bindings";
            let answer = self.tenant.try_manage("PATCH", path, self.token, body);
            let Some(answer) = answer.await else { return };
            answer.expect(200);
            self.note(|_| {});
        }
    }

    /// Deploys one version after another of the first Action.
    async fn deploy(&self) {
        let path = format!("actions/actions/{}", self.world.actions[0]);
        let deploy = format!("{path}/deploy");
        for number in 0.. {
            let claim = format!("{} {number}", self.round);
            let script = json!([["access_token", "https://example.com/one", claim]]).to_string();
            let secrets = json!({"secrets": [{"name": "SCRIPT", "value": script}]});
            let answer = self.tenant.try_manage("PATCH", &path, self.token, secrets);
            let Some(answer) = answer.await else { return };
            answer.expect(200);
            let answer = self
                .tenant
                .try_manage("POST", &deploy, self.token, Value::Null);
            let Some(answer) = answer.await else { return };
            let version = answer.expect(200)["number"].as_u64().unwrap();
            self.note(|answers| answers.versions = version);
        }
    }

    /// Logs in, and keeps the refresh tokens.
    async fn log_in(&self) {
        while let Some(token) = self.login().await {
            self.note(|answers| answers.unused.push(token));
        }
    }

    /// Logs in once, and exchanges each refresh token for the next.
    async fn refresh(&self) {
        let Some(mut token) = self.login().await else {
            return;
        };
        while let Some(next) = exchange(self.tenant, &self.world.app, &token).await {
            token = next["refresh_token"].as_str().unwrap().to_owned();
            self.note(|_| {});
        }
    }

    async fn login(&self) -> Option<String> {
        let World { app, user, .. } = self.world;
        let parameters = [
            ("grant_type", "password"),
            ("client_id", &app.id),
            ("client_secret", &app.secret),
            ("username", &user.email),
            ("password", PASSWORD),
            ("audience", OFFLINE_API),
            ("scope", "offline_access"),
        ];
        let answer = self.tenant.try_token(&parameters).await?.expect(200);
        Some(answer["refresh_token"].as_str().unwrap().to_owned())
    }
}

/// The answer to a refresh token; nothing when the server is gone.
async fn exchange(tenant: &Tenant, app: &Client, token: &str) -> Option<Value> {
    let parameters = [
        ("grant_type", "refresh_token"),
        ("client_id", app.id.as_str()),
        ("client_secret", &app.secret),
        ("refresh_token", token),
    ];
    Some(tenant.try_token(&parameters).await?.json())
}

/// What was answered in all rounds.
#[derive(Debug, Default)]
struct Seen {
    roles: Vec<String>,
    /// Deleted, so that there is place for others.
    deleted: Vec<String>,
    latest: Answers,
}

impl Seen {
    fn add(&mut self, answers: Answers) {
        let before = std::mem::replace(&mut self.latest, answers);
        self.roles.append(&mut self.latest.roles);
        self.latest.counter = self.latest.counter.max(before.counter);
        self.latest.versions = self.latest.versions.max(before.versions);
    }

    async fn check(&mut self, server: &ServerProcess, world: &World, round: usize) {
        let found = roles(server).await;
        for name in &self.roles {
            assert!(found.contains_key(name), "round {round}: {name} is gone");
        }
        for name in &self.deleted {
            assert!(!found.contains_key(name), "round {round}: {name} is back");
        }
        for name in std::mem::take(&mut self.latest.roles_maybe) {
            // Whole: its name is taken if and only if it is there.
            let body = json!({"name": name, "description": "whole"});
            let again = server.manage("POST", "roles", body).await;
            let expected = if found.contains_key(&name) { 409 } else { 200 };
            assert_eq!(again.status, expected, "round {round}: {name}");
            self.roles.push(name);
        }
        // A tenant has a thousand at most.
        let too_many = self.roles.len().saturating_sub(ROLES_KEPT);
        for name in self.roles.drain(..too_many) {
            if let Some(id) = found.get(&name) {
                let path = format!("roles/{id}");
                let deleted = server.manage("DELETE", &path, Value::Null).await;
                assert!(deleted.status.is_success(), "{}", deleted.text);
                self.deleted.push(name);
            }
        }

        let path = format!("clients/{}", world.app.id);
        let client = server.manage("GET", &path, Value::Null).await.expect(200);
        let counter = client["client_metadata"]["counter"].as_str();
        let counter: u64 = counter.map_or(0, |text| text.parse().unwrap());
        assert!(counter >= self.latest.counter, "round {round}: {counter}");

        self.check_actions(server, world, round).await;
        for token in std::mem::take(&mut self.latest.unused) {
            let first = exchange(server, &world.app, &token).await.unwrap();
            assert!(first["access_token"].is_string(), "round {round}: {first}");
            let second = exchange(server, &world.app, &token).await.unwrap();
            assert_eq!(second["error"], "invalid_grant", "round {round}: {second}");
        }
    }

    async fn check_actions(&self, server: &ServerProcess, world: &World, round: usize) {
        let path = "actions/triggers/post-login/bindings";
        let bindings = server.manage("GET", path, Value::Null).await.expect(200);
        let bindings = bindings["bindings"].as_array().unwrap().clone();
        // One of the orders, or as it was before the first.
        let bound: Vec<&str> = bindings
            .iter()
            .map(|binding| binding["action"]["id"].as_str().unwrap())
            .collect();
        let is_an_order = (0..ACTIONS.len()).any(|first| {
            let mut order = world.actions.clone();
            order.rotate_left(first);
            order == bound
        });
        assert!(is_an_order || bound.is_empty(), "round {round}: {bound:?}");
        for id in &world.actions {
            let path = format!("actions/actions/{id}");
            let action = server.manage("GET", &path, Value::Null).await.expect(200);
            let version = &action["deployed_version"];
            assert_eq!(version["deployed"], true, "round {round}: {action}");
            let number = version["number"].as_u64().unwrap();
            let path = format!("{path}/versions/{}", version["id"].as_str().unwrap());
            server.manage("GET", &path, Value::Null).await.expect(200);
            if *id == world.actions[0] {
                assert!(number >= self.latest.versions, "round {round}: {action}");
            }
        }
        // They run, too.
        let login = server.login(&world.app, &world.user).audience(OFFLINE_API);
        let reply = login.send().await.expect_token();
        for (name, id) in ACTIONS.iter().zip(&world.actions) {
            let claim = &reply.claims()[format!("https://example.com/{name}").as_str()];
            let is_bound = bound.contains(&id.as_str());
            assert_eq!(claim.is_string(), is_bound, "round {round}: {name} {claim}");
        }
    }
}

/// All roles by their names, with their identifiers.
async fn roles(server: &ServerProcess) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for page in 0.. {
        let path = format!("roles?per_page=100&page={page}");
        let roles = server.manage("GET", &path, Value::Null).await.expect(200);
        let roles = roles.as_array().unwrap();
        for role in roles {
            assert_eq!(role["description"], "whole");
            let text = |name: &str| role[name].as_str().unwrap().to_owned();
            found.insert(text("name"), text("id"));
        }
        if roles.len() < 100 {
            break;
        }
    }
    found
}
