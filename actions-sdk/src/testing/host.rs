//! The host of a native test: one event, and what the Action does to it.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Recorded;
#[cfg(feature = "http")]
use super::http::Prepared;
use crate::Refusal;
use crate::api::CacheEntry;
use crate::log::Level;

/// When the request of an event came that does not say: 2026-01-01T00:00:00Z.
const NOW_MS: u64 = 1_767_225_600_000;

/// Shared by an event and the api that records for it, so that the event shows
/// at once what the contract says it shows at once.
#[derive(Clone)]
pub(crate) struct Host(Rc<RefCell<State>>);

/// What the host of a native test knows.
#[derive(Clone)]
pub(crate) struct State {
    /// The event, without its secrets.
    pub(crate) event: Value,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) refused_claims: BTreeMap<String, Refusal>,
    pub(crate) cache: BTreeMap<String, CacheEntry>,
    #[cfg(feature = "http")]
    pub(crate) http: Prepared,
    /// When the request came, in milliseconds since 1970: time stands still here.
    pub(crate) now_ms: u64,
    pub(crate) recorded: Recorded,
}

/// Shows nothing of the event: it holds personal data, and the state secrets.
impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

thread_local! {
    /// Where log lines and HTTP calls go: to the newest host of the thread, since
    /// their functions have no handle.
    static NEWEST: RefCell<Weak<RefCell<State>>> = const { RefCell::new(Weak::new()) };
}

/// Records a log line; on stderr when there is no event to record it with.
pub(crate) fn write_log(level: Level, message: &str) {
    match with_newest(|state| state.recorded.logs.push((level, message.to_owned()))) {
        Some(()) => {}
        None => {
            #[expect(clippy::print_stderr, reason = "outside a test a line must not vanish")]
            {
                eprintln!("{level:?}: {message}");
            }
        }
    }
}

/// Does something with the newest host of the thread, if there is one.
pub(crate) fn with_newest<T>(work: impl FnOnce(&mut State) -> T) -> Option<T> {
    let state = NEWEST.with_borrow(Weak::upgrade)?;
    let mut state = state.borrow_mut();
    Some(work(&mut state))
}

impl State {
    /// A host with an event in the shape of the reference product's.
    pub(crate) fn new(event: Map<String, Value>) -> Self {
        let mut state = Self {
            event: Value::Object(event),
            secrets: BTreeMap::new(),
            refused_claims: BTreeMap::new(),
            cache: BTreeMap::new(),
            #[cfg(feature = "http")]
            http: Prepared::default(),
            now_ms: NOW_MS,
            recorded: Recorded::default(),
        };
        state.take_time();
        state.recorded.access_token_claims = state.read("/accessToken/customClaims");
        let scopes = [
            "/transaction/target_scopes",
            "/accessToken/scope",
            "/transaction/requested_scopes",
        ]
        .into_iter()
        .find(|pointer| state.event.pointer(pointer).is_some())
        .map(|pointer| state.read(pointer));
        state.set_scopes(scopes.unwrap_or_default());
        state
    }

    /// The same from JSON text, whose `secrets` are kept apart as in production.
    pub(crate) fn from_json(json: &str) -> crate::Result<Self> {
        let mut event: Map<String, Value> = match serde_json::from_str(json) {
            Ok(Value::Object(event)) => event,
            Ok(_) => return Err("the event must be a JSON object".into()),
            Err(error) => return Err(format!("the event is not JSON: {error}").into()),
        };
        let secrets = event
            .remove("secrets")
            .unwrap_or_else(|| Value::Object(Map::new()));
        let secrets = serde_json::from_value(secrets)
            .map_err(|_| "`secrets` of the event must be an object of texts")?;
        Ok(Self {
            secrets,
            ..Self::new(event)
        })
    }

    /// Takes when the request came out of the event, whose JSON form in production
    /// does not show it.
    fn take_time(&mut self) {
        let request = self.event.get_mut("request").and_then(Value::as_object_mut);
        let received_at_ms = request.and_then(|request| request.remove("received_at_ms"));
        self.now_ms = received_at_ms
            .and_then(|value| value.as_u64())
            .unwrap_or(NOW_MS);
    }

    /// The state that the next Action of the trigger starts from.
    pub(crate) fn of_next_action(&self) -> Self {
        let mut next = self.clone();
        for (part, changes) in [
            ("app_metadata", &self.recorded.app_metadata),
            ("user_metadata", &self.recorded.user_metadata),
        ] {
            for (key, value) in changes {
                next.put(&["user", part], key, value.clone());
            }
        }
        next.recorded = Recorded {
            access_token_claims: self.recorded.access_token_claims.clone(),
            id_token_claims: self.recorded.id_token_claims.clone(),
            scopes: self.recorded.scopes.clone(),
            cache: self.recorded.cache.clone(),
            ..Recorded::default()
        };
        next
    }

    pub(crate) fn read<T: DeserializeOwned + Default>(&self, pointer: &str) -> T {
        let found = self.event.pointer(pointer).cloned();
        found
            .and_then(|value| serde_json::from_value(value).ok())
            .unwrap_or_default()
    }

    /// Sets one key of the object at `path`, which is made where it is missing;
    /// `null` removes the key.
    pub(crate) fn put(&mut self, path: &[&str], key: &str, value: Value) {
        let mut object = as_object(&mut self.event);
        for part in path {
            object = as_object(object.entry(*part).or_insert(Value::Null));
        }
        if value.is_null() {
            object.remove(key);
        } else {
            object.insert(key.to_owned(), value);
        }
    }

    pub(crate) fn set_scopes(&mut self, scopes: Vec<String>) {
        self.put(&["transaction"], "target_scopes", scopes.clone().into());
        self.put(&["accessToken"], "scope", scopes.clone().into());
        self.recorded.scopes = scopes;
    }

    /// Notes a refusal and hands it on.
    pub(crate) fn refuse(&mut self, refusal: Refusal) -> Refusal {
        self.recorded.refusals.push(refusal.clone());
        refusal
    }
}

/// The value as an object, which it becomes if it isn't one.
pub(crate) fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("made an object above"),
    }
}

impl Host {
    pub(crate) fn new(state: State) -> Self {
        let host = Self(Rc::new(RefCell::new(state)));
        host.receive_logs();
        host
    }

    /// Makes this the host that gets the thread's log lines.
    pub(crate) fn receive_logs(&self) {
        NEWEST.set(Rc::downgrade(&self.0));
    }

    pub(crate) fn state(&self) -> Ref<'_, State> {
        self.0.borrow()
    }

    pub(crate) fn state_mut(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    pub(crate) fn field<T: DeserializeOwned + Default>(&self, pointer: &str) -> T {
        self.state().read(pointer)
    }

    pub(crate) fn text_entry(&self, pointer: &str, key: &str) -> Option<String> {
        let state = self.state();
        state
            .event
            .pointer(pointer)?
            .get(key)?
            .as_str()
            .map(str::to_owned)
    }

    pub(crate) fn json_entry(&self, pointer: &str, key: &str) -> Option<String> {
        let state = self.state();
        Some(state.event.pointer(pointer)?.get(key)?.to_string())
    }

    pub(crate) fn keys(&self, pointer: &str) -> Vec<String> {
        let map: BTreeMap<String, Value> = self.field(pointer);
        map.into_keys().collect()
    }
}
