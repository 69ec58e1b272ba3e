//! The zoo of `tests/guests/zoo` against a whole server, beside a tenant who means well.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
};

use claimsmith_model::Limit;
use serde_json::{Value, json};

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, Client, Reply, Tenant, TestServer,
    actions::{ActionFixture, module},
    command_line::run_module,
    guest,
    process::ServerProcess,
    scripted, server_limits,
};

/// How many hostile requests are under way at once: more than the machine that runs the
/// tests has cores.
const LANES: usize = 4;
/// How often the whole zoo runs after the server has reached its working size.
const ROUNDS: u64 = 3;
/// How much larger than after its first round the server may be in the end, in bytes. What
/// still grows then is bounded: 2 MiB of each of 32 memories that the pool keeps for the
/// next execution of the same module, 20 MiB of its databases' caches, and what its
/// allocator keeps.
const GROWTH_BYTES_MAX: u64 = 96 << 20;

/// One of the zoo with a tenant of its own.
struct Beast {
    name: String,
    outcome: String,
    tenant: Tenant,
    job: Client,
}

/// What was seen of one of the zoo.
#[derive(Default)]
struct Sightings {
    outcomes: BTreeSet<String>,
    memory_bytes: u64,
}

#[tokio::test]
async fn beside_the_zoo_a_neighbours_tokens_are_right_and_the_servers_memory_comes_back() {
    let server = ServerProcess::start(&[]).await;
    let zoo = cage_all(&server).await;
    let neighbour = Neighbour::move_in(&server).await;
    let sightings = RefCell::default();
    round(0, &zoo, &neighbour, &sightings).await;
    let before = server.resident_bytes();

    for seed in 1..=ROUNDS {
        round(seed, &zoo, &neighbour, &sightings).await;
    }

    let after = server.resident_bytes();
    assert!(
        after < before + GROWTH_BYTES_MAX,
        "{before} bytes, then {after}"
    );
    let taken: u64 = sightings
        .borrow()
        .values()
        .map(|seen| seen.memory_bytes)
        .sum();
    assert!(
        taken > 4 * GROWTH_BYTES_MAX,
        "the zoo took only {taken} bytes, of which nobody would see whether they came back"
    );
    for beast in &zoo {
        let seen = &sightings.borrow()[&beast.name].outcomes;
        assert!(seen.contains(&beast.outcome), "{}: {seen:?}", beast.name);
        // On a machine that has no time for it, any guest may end at its deadline.
        let others = seen.iter().filter(|other| **other != beast.outcome);
        let others: Vec<_> = others.filter(|other| *other != "deadline").collect();
        assert!(others.is_empty(), "{}: {seen:?}", beast.name);
    }
    server.get("/healthz").await.expect(200);
}

/// Gives each of the zoo a tenant in which it is bound alone.
async fn cage_all(server: &ServerProcess) -> Vec<Beast> {
    let mut zoo = Vec::new();
    for entry in entries() {
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        let name = text("beast");
        let url = format!("http://{name}.zoo.example.com/");
        let tenant = server.create_tenant(&name, &url).await;
        tenant.api(API).create().await;
        let job = tenant.job().await;
        tenant
            .bind(
                CREDENTIALS_EXCHANGE,
                [beast(&text("module"), &text("script"))],
            )
            .await;
        zoo.push(Beast {
            name,
            outcome: text("outcome"),
            tenant,
            job,
        });
    }
    zoo
}

/// Lets each of the zoo run once, in an order that the seed gives, and the neighbour ask
/// for tokens until that is done.
async fn round(
    seed: u64,
    zoo: &[Beast],
    neighbour: &Neighbour<'_>,
    sightings: &RefCell<BTreeMap<String, Sightings>>,
) {
    let mut order: Vec<&Beast> = zoo.iter().collect();
    order.sort_by_cached_key(|beast| {
        let mut hasher = DefaultHasher::new();
        (seed, &beast.name).hash(&mut hasher);
        hasher.finish()
    });
    let waiting = RefCell::new(VecDeque::from(order));
    let lanes_left = Cell::new(LANES);
    let lane = || async {
        loop {
            let next = waiting.borrow_mut().pop_front();
            let Some(beast) = next else { break };
            let (outcome, memory_bytes) = let_loose(beast).await;
            let mut sightings = sightings.borrow_mut();
            let seen = sightings.entry(beast.name.clone()).or_default();
            seen.outcomes.insert(outcome);
            seen.memory_bytes += memory_bytes;
        }
        lanes_left.set(lanes_left.get() - 1);
    };
    let good_traffic = async {
        // At least once, and as long as the zoo is loose.
        loop {
            neighbour.ask().await;
            if lanes_left.get() == 0 {
                break;
            }
        }
    };
    tokio::join!(lane(), lane(), lane(), lane(), good_traffic);
}

/// Runs one of the zoo. Answers how it ended, in the words of its execution record, and how
/// much memory it had.
async fn let_loose(beast: &Beast) -> (String, u64) {
    let reply = beast.tenant.exchange(&beast.job).send().await;
    let execution = beast.tenant.execution(&reply).await;
    let result = &execution.results()[0];
    let outcome = match &execution.0["outcome"] {
        Value::String(failed) if failed == "failed" => {
            assert_eq!(reply.answer.status, 400, "{}", reply.answer.text);
            let error = &result["error"];
            assert_eq!(error["blame"], "action", "{}: {error}", beast.name);
            &error["id"]
        }
        outcome => outcome,
    };
    let memory = &result["response"]["stats"]["memory_bytes_peak"];
    (
        outcome.as_str().unwrap().to_owned(),
        memory.as_u64().unwrap(),
    )
}

/// A tenant with two clients whose tokens differ, so that a mix-up would show.
struct Neighbour<'t> {
    tenant: &'t Tenant,
    clients: [(Client, Value); 2],
}

impl<'t> Neighbour<'t> {
    async fn move_in(tenant: &'t Tenant) -> Self {
        let script = json!([[
            "echo",
            "/client/metadata/department",
            "https://example.com/department"
        ]]);
        tenant
            .bind(CREDENTIALS_EXCHANGE, [scripted("department", script)])
            .await;
        let mut clients = Vec::new();
        for department in ["finance", "research"] {
            let client = tenant
                .client(department)
                .metadata("department", department)
                .may_call(API, &["read:reports"])
                .create()
                .await;
            let reply = tenant.exchange(&client).send().await.expect_token();
            let claims = lasting_claims(&reply);
            assert_eq!(claims["https://example.com/department"], department);
            clients.push((client, claims));
        }
        let clients = clients.try_into().unwrap_or_else(|_| unreachable!());
        Self { tenant, clients }
    }

    /// Gets a token for each client, with exactly the claims that it had in quiet times.
    async fn ask(&self) {
        for (client, claims) in &self.clients {
            let reply = self.tenant.exchange(client).send().await.expect_token();
            assert_eq!(lasting_claims(&reply), *claims);
        }
    }
}

/// The claims of a token without those that differ from one to the next.
fn lasting_claims(reply: &Reply) -> Value {
    let mut claims = reply.claims();
    for changing in ["iat", "exp", "jti"] {
        claims.as_object_mut().unwrap().remove(changing);
    }
    claims
}

/// The list of `zoo.json`.
fn entries() -> Vec<Value> {
    let list = fs::read(zoo_folder().join("zoo.json")).unwrap();
    serde_json::from_slice(&list).unwrap()
}

/// An Action of the zoo: a module, and the script for the one that takes any.
pub(crate) fn beast(module_name: &str, script: &str) -> ActionFixture {
    let bytes = match module_name.strip_suffix(".wat") {
        Some(_) => wat::parse_file(zoo_folder().join("wat").join(module_name)).unwrap(),
        None => module(module_name),
    };
    let action = ActionFixture {
        name: "beast".to_owned(),
        module: bytes,
        ..guest("zoo")
    };
    if script.is_empty() {
        action
    } else {
        action.secret("BEAST", script)
    }
}

fn zoo_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests/zoo")
}

/// A module that is the end of its compiler. In the types that it brings along, one
/// interface becomes another package's: the two packages then need each other, and
/// `wit-component` 0.254 goes round until its stack ends.
fn circle() -> Vec<u8> {
    let mut circle = module("zoo");
    let name = b"claimsmith:actions/access-token@";
    let place = circle.windows(name.len()).rposition(|here| here == name);
    circle[place.unwrap()] = b'k';
    circle
}

#[test]
fn an_author_is_told_of_such_a_module_in_the_same_words() {
    let folder = tempfile::tempdir().unwrap();
    let (module, event) = (folder.path().join("m.wasm"), folder.path().join("e.json"));
    fs::write(&module, circle()).unwrap();
    fs::write(&event, "{}").unwrap();

    let output = run_module(&module, &event, &[]);

    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("can't cope with this module"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_is_the_end_of_its_compiler_is_refused_and_the_next_one_is_taken() {
    let server = TestServer::start().await;
    let id = server.create_action("circle", CREDENTIALS_EXCHANGE).await;
    let refused = server.upload(&id, circle()).await.expect(400);
    server.upload(&id, module("zoo")).await.expect(200);

    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("can't cope with this module"), "{message}");
    server.get("/healthz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_its_execution_along() {
    for script in ["spin", "sleep 3600000", "calls"] {
        // One place; who waits for it gives up before what is in it would end by itself.
        let server = TestServer::start_within(server_limits([
            (Limit::DeadlineMs, 60_000),
            (Limit::TriggerDeadlineMs, 60_000),
            (Limit::ExecutionsInFlightTotal, 1),
            (Limit::ExecutionsWaiting, 1),
            (Limit::WaitMs, 30_000),
        ]))
        .await;
        let neighbour = server
            .create_tenant("acme", "https://login.acme.example")
            .await;
        neighbour.api(API).create().await;
        let (job, neighbours_job) = (server.job().await, neighbour.job().await);
        let echo = json!([["access_token", "https://example.com/here", true]]);
        neighbour
            .bind(CREDENTIALS_EXCHANGE, [scripted("good", echo)])
            .await;
        server
            .bind(CREDENTIALS_EXCHANGE, [beast("zoo", script)])
            .await;

        let exchange = || Box::pin(server.exchange(&job).send());
        let (mut one, mut two, mut three) = (exchange(), exchange(), exchange());
        // One of them has the place and one waits for it: the third is told so at once.
        let refused = tokio::select! {
            reply = &mut one => reply, reply = &mut two => reply, reply = &mut three => reply,
        };
        drop((one, two, three));
        let reply = neighbour.exchange(&neighbours_job).send().await;

        assert!(
            [429, 503].contains(&refused.answer.status.as_u16()),
            "{refused:?}"
        );
        assert_eq!(
            reply.expect_token().claims()["https://example.com/here"],
            true
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_as_large_as_may_be_is_taken_and_one_of_fifty_megabytes_is_not() {
    const MODULE_BYTES_MAX: usize = 32 << 20;
    let server = TestServer::start().await;
    let id = server.create_action("large", CREDENTIALS_EXCHANGE).await;

    for bytes in [MODULE_BYTES_MAX + 1, 50_000_000] {
        let refused = server.upload(&id, padded(module("zoo"), bytes)).await;
        let message = refused.expect(413)["message"].to_string();
        assert!(message.contains(&MODULE_BYTES_MAX.to_string()), "{message}");
    }
    let path = format!("actions/actions/{id}/deploy");
    server.manage("POST", &path, Value::Null).await.expect(400);

    let largest = padded(module("zoo"), MODULE_BYTES_MAX);
    server.upload(&id, largest).await.expect(200);
    server.manage("POST", &path, Value::Null).await.expect(200);
}

/// A module with a custom section at its end that makes it so long.
fn padded(mut module: Vec<u8>, bytes: usize) -> Vec<u8> {
    // An id, a length of five bytes in LEB128, and an empty name.
    let content = bytes - module.len() - 6;
    module.push(0);
    module.extend((0..5).map(|group| {
        let more = if group < 4 { 0x80 } else { 0 };
        u8::try_from((content >> (7 * group)) & 0x7f).unwrap() | more
    }));
    module.resize(bytes, 0);
    module
}
