//! A user service of the kind that the example `user-database` asks, with users of its own.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};
use url::form_urlencoded;

use super::service::read;

/// What callers must send as their key.
pub(crate) const KEY: &str = "k3y of the user service";

/// A user service on a free port of this machine.
#[derive(Debug)]
pub(crate) struct UserService {
    address: SocketAddr,
    store: Arc<Mutex<Store>>,
}

#[derive(Debug, Default)]
struct Store {
    /// Password and profile by what the user logs in with.
    users: BTreeMap<String, (String, Value)>,
    is_down: bool,
    requests: usize,
}

impl UserService {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = Self {
            address: listener.local_addr().unwrap(),
            store: Arc::default(),
        };
        let store = Arc::clone(&service.store);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    // A caller that hangs up is no matter of the test's.
                    let _ = serve(stream, &store).await;
                });
            }
        });
        service
    }

    /// What stands for it in a list of allowed hosts, and its URL.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Keeps a user, in place of one with the same identifier.
    pub(crate) fn keep(&self, identifier: &str, password: &str, profile: Value) {
        let user = (password.to_owned(), profile);
        self.store().users.insert(identifier.to_owned(), user);
    }

    /// Lets it answer 503 from now on, or not any more.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.store().is_down = is_down;
    }

    /// How often it was asked.
    pub(crate) fn requests(&self) -> usize {
        self.store().requests
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }
}

async fn serve(mut stream: TcpStream, store: &Mutex<Store>) -> std::io::Result<()> {
    let request = read(&mut stream).await?;
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or_default();
    let (status, answer) = store.lock().unwrap().answer(head, body);
    let answer = answer.to_string();
    let length = answer.len();
    let text = format!("HTTP/1.1 {status} -\r\nContent-Length: {length}\r\n\r\n{answer}");
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

impl Store {
    fn answer(&mut self, head: &str, body: &str) -> (u16, Value) {
        self.requests += 1;
        let key = format!("authorization: bearer {KEY}").to_ascii_lowercase();
        if !head.to_ascii_lowercase().lines().any(|line| line == key) {
            return (403, json!("the key is wrong"));
        }
        if self.is_down {
            return (503, json!("try later"));
        }
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let asked: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        match (method, path) {
            ("POST", "/login") => match self.users.get(text("identifier")) {
                None => (404, json!("nobody")),
                Some((password, _)) if password != text("password") => (401, json!("no")),
                Some((_, profile)) => (200, profile.clone()),
            },
            ("GET", "/users") => {
                let mut query = form_urlencoded::parse(query.as_bytes());
                let identifier = query.find(|(name, _)| name == "identifier");
                let found = identifier.and_then(|(_, value)| self.users.get(value.as_ref()));
                found.map_or((404, json!("nobody")), |(_, profile)| {
                    (200, profile.clone())
                })
            }
            ("POST", "/users") => {
                let (email, password) = (text("email").to_owned(), text("password").to_owned());
                if self.users.contains_key(&email) {
                    return (409, json!("there is one"));
                }
                if password.len() < 8 {
                    return (422, json!("too short"));
                }
                let profile = json!({
                    "user_id": format!("new-{}", self.users.len()),
                    "email": email,
                    "user_metadata": asked["metadata"],
                });
                self.users.insert(email, (password, profile));
                (201, json!("made"))
            }
            _ => (400, json!("what?")),
        }
    }
}
