//! What is counted of HTTP: requests and connections.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use claimsmith_model::Histogram;

use super::{
    NANOS_FROM_100_US,
    counters::{Counters, OTHER},
};

/// Routes that are told apart; more than the server has.
const ROUTES_MAX: usize = 256;
const METHODS: &[&str] = &["GET", "POST", "PATCH", "PUT", "DELETE", OTHER];
const STATUS_CLASSES: &[&str] = &["2xx", "3xx", "4xx", "5xx", OTHER];

/// Counts requests and connections.
#[derive(Debug, Default)]
pub struct HttpCounters {
    /// Swapped whole when a route is asked for the first time; read without a lock.
    routes: ArcSwap<HashMap<Box<str>, Arc<Route>>>,
    connections: AtomicU64,
    connections_open: AtomicU64,
}

/// What is counted of one route.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) answers: Counters<2>,
    pub(super) duration: Histogram,
}

impl HttpCounters {
    /// Counts an answered request. `route` is the template (`/api/v2/clients/{id}`),
    /// never the path, which callers choose; `None` when the path is none of ours.
    pub fn answered(&self, route: Option<&str>, method: &str, status: u16, duration: Duration) {
        let class = match status / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => OTHER,
        };
        let name = route.unwrap_or(OTHER);
        let count = |route: &Route| {
            route.answers.add([method, class], 1);
            route.duration.note_duration(duration);
        };
        match self.routes.load().get(name) {
            Some(route) => count(route),
            None => count(&self.add_route(name)),
        }
    }

    /// Counts a connection, as open until the answer is dropped.
    #[must_use]
    pub fn connected(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.connections_open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn connections_open(&self) -> u64 {
        self.connections_open.load(Ordering::Relaxed)
    }

    /// The routes that were asked for, in the order of their names.
    pub(super) fn routes(&self) -> Vec<(Box<str>, Arc<Route>)> {
        let routes = self.routes.load();
        let mut routes: Vec<_> = routes
            .iter()
            .map(|(name, route)| (name.clone(), Arc::clone(route)))
            .collect();
        routes.sort_by(|(one, _), (other, _)| one.cmp(other));
        routes
    }

    /// Adds a route that was not asked for before; one too many isn't kept.
    fn add_route(&self, name: &str) -> Arc<Route> {
        let new = Arc::new(Route {
            answers: Counters::new([METHODS, STATUS_CLASSES]),
            duration: Histogram::new(NANOS_FROM_100_US),
        });
        self.routes.rcu(|routes| {
            let mut routes = HashMap::clone(routes);
            if routes.len() < ROUTES_MAX {
                let entry = routes.entry(name.into());
                entry.or_insert_with(|| Arc::clone(&new));
            }
            routes
        });
        // Another request may have been first with it.
        self.routes.load().get(name).map_or(new, Arc::clone)
    }
}

/// An open connection; it is counted as such until this is dropped.
#[derive(Debug)]
pub struct OpenConnection(Arc<HttpCounters>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(counters: &HttpCounters) -> Vec<(String, [&'static str; 2], u64)> {
        let routes = counters.routes();
        let samples = routes.iter().flat_map(|(name, route)| {
            let counted = route.answers.samples().filter(|(_, count)| *count > 0);
            counted.map(|(labels, count)| (name.to_string(), labels, count))
        });
        samples.collect()
    }

    #[test]
    fn requests_are_counted_by_route_method_and_class_of_status() {
        let counters = HttpCounters::default();
        let moment = Duration::from_millis(1);
        counters.answered(Some("/oauth/token"), "POST", 200, moment);
        counters.answered(Some("/oauth/token"), "POST", 401, moment);
        counters.answered(Some("/oauth/token"), "POST", 400, moment);
        counters.answered(None, "BREW", 418, moment);

        let expected = [
            ("/oauth/token".to_owned(), ["POST", "2xx"], 1),
            ("/oauth/token".to_owned(), ["POST", "4xx"], 2),
            ("other".to_owned(), ["other", "4xx"], 1),
        ];
        assert_eq!(answered(&counters), expected);
    }

    #[test]
    fn a_connection_is_open_until_it_is_dropped() {
        let counters = Arc::new(HttpCounters::default());
        let first = counters.connected();
        let second = counters.connected();
        drop(first);

        assert_eq!(
            (counters.connections(), counters.connections_open()),
            (2, 1)
        );
        drop(second);
        assert_eq!(
            (counters.connections(), counters.connections_open()),
            (2, 0)
        );
    }
}
