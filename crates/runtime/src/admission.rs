//! Who may run Actions now, and who waits: so many in all, so many of one share, and
//! of those that wait the shares in turn.
//!
//! A tenant whose Actions use up their time fills its own places and its own queue.
//! A neighbour waits for the next place that gets free anywhere, never behind the
//! other's queue.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU32},
    time::Duration,
};

use tokio::sync::oneshot;

/// Those whose executions are counted together: one tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// What the share is known by. Two of the same name are the same share.
    pub name: Arc<str>,
    /// Its places: how many of its triggers may run at once.
    pub places_max: u32,
}

/// How many may run and wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdmissionConfig {
    /// Places in all.
    pub(crate) places_max: u32,
    /// Those of one share that may wait.
    pub(crate) waiting_max: usize,
    /// The longest wait.
    pub(crate) wait_max: Duration,
}

/// There is no place, and there will not be one soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// The share's own executions take all its places.
    #[error("too many Actions of this tenant run at once")]
    Share,
    /// All places of the server are taken.
    #[error("too many Actions run at once")]
    Server,
    /// As many modules wait to be compiled as may, in all or of this share; or the wait was
    /// too long.
    #[error("too many modules wait to be compiled")]
    Compiler,
}

/// How many run and wait at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occupancy {
    /// Places that are taken.
    pub in_flight: usize,
    /// Those that wait for one.
    pub waiting: usize,
}

/// The places of one engine.
pub(crate) struct Admission(Arc<Inner>);

struct Inner {
    config: AdmissionConfig,
    state: Mutex<State>,
}

struct State {
    free: u32,
    /// The shares that have somebody running or waiting, so their number is bounded
    /// by the places and those who wait.
    shares: HashMap<Arc<str>, ShareState>,
    /// The shares that have somebody waiting and a place of their own left, each once,
    /// next in turn first.
    in_turn: VecDeque<Arc<str>>,
}

#[derive(Default)]
struct ShareState {
    places_max: u32,
    in_flight: u32,
    /// Its executions that go on in the long lane.
    in_long_lane: Arc<AtomicU32>,
    waiting: VecDeque<oneshot::Sender<Place>>,
    is_in_turn: bool,
}

/// Who gets the next free place.
struct Next {
    share: Arc<str>,
    in_long_lane: Arc<AtomicU32>,
    waiting: oneshot::Sender<Place>,
}

/// The right to run one sandbox at a time. When it is dropped, and the sandbox is gone
/// that was running, whoever is next has it.
pub struct Place(Arc<Held>);

/// What keeps a place taken. A sandbox has one, too: it may live on for a tick after
/// its caller has left.
pub(crate) struct Held {
    admission: Arc<Inner>,
    share: Arc<str>,
    in_long_lane: Arc<AtomicU32>,
}

impl Admission {
    pub(crate) fn new(config: AdmissionConfig) -> Self {
        Self(Arc::new(Inner {
            config,
            state: Mutex::new(State {
                free: config.places_max,
                shares: HashMap::new(),
                in_turn: VecDeque::new(),
            }),
        }))
    }

    /// Takes a place, or waits for one in turn. Dropping the future gives up the wait.
    ///
    /// # Errors
    /// When the share's queue is full, or the longest wait is over.
    pub(crate) async fn enter(&self, share: &Share) -> Result<Place, Busy> {
        let waiting = {
            let mut state = self.0.lock();
            let State { free, shares, .. } = &mut *state;
            let own = shares.entry(Arc::clone(&share.name)).or_default();
            own.places_max = share.places_max.max(1);
            if *free > 0 && own.has_place() && own.waiting.is_empty() {
                *free -= 1;
                own.in_flight += 1;
                return Ok(self.0.place(&share.name, &own.in_long_lane));
            }
            if own.waiting.len() >= self.0.config.waiting_max {
                // Those who gave up are still in the queue.
                own.waiting.retain(|waiting| !waiting.is_closed());
            }
            if own.waiting.len() >= self.0.config.waiting_max {
                let busy = own.why_busy();
                state.forget_if_idle(&share.name);
                return Err(busy);
            }
            let (sender, receiver) = oneshot::channel();
            own.waiting.push_back(sender);
            state.take_turn(&share.name);
            receiver
        };
        // The share may have found places, or more of them than before.
        self.0.hand_out();
        match tokio::time::timeout(self.0.config.wait_max, waiting).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(self.0.lock().why_busy(&share.name)),
        }
    }

    /// How many run and wait.
    pub(crate) fn occupancy(&self) -> Occupancy {
        let state = self.0.lock();
        Occupancy {
            in_flight: (self.0.config.places_max - state.free) as usize,
            waiting: state
                .shares
                .values()
                .flat_map(|share| &share.waiting)
                .filter(|waiting| !waiting.is_closed())
                .count(),
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(self: &Arc<Self>, share: &Arc<str>, in_long_lane: &Arc<AtomicU32>) -> Place {
        Place(Arc::new(Held {
            admission: Arc::clone(self),
            share: Arc::clone(share),
            in_long_lane: Arc::clone(in_long_lane),
        }))
    }

    /// Gives free places to those who wait, the shares in turn.
    fn hand_out(self: &Arc<Self>) {
        loop {
            let Some(Next {
                share,
                in_long_lane,
                waiting,
            }) = self.lock().next()
            else {
                return;
            };
            // Whoever gave up meanwhile drops the place, which hands it on. That must
            // not happen under the lock.
            drop(waiting.send(self.place(&share, &in_long_lane)));
        }
    }
}

impl State {
    /// Books a place for the next one who waits.
    fn next(&mut self) -> Option<Next> {
        while self.free > 0 {
            let name = self.in_turn.pop_front()?;
            let Some(share) = self.shares.get_mut(&name) else {
                continue;
            };
            share.is_in_turn = false;
            if !share.has_place() {
                continue;
            }
            let waiting = loop {
                match share.waiting.pop_front() {
                    Some(waiting) if waiting.is_closed() => {}
                    waiting => break waiting,
                }
            };
            let Some(waiting) = waiting else {
                self.forget_if_idle(&name);
                continue;
            };
            share.in_flight += 1;
            let in_long_lane = Arc::clone(&share.in_long_lane);
            self.free -= 1;
            self.take_turn(&name);
            return Some(Next {
                share: name,
                in_long_lane,
                waiting,
            });
        }
        None
    }

    /// Puts a share that has somebody waiting, and could run them, behind the others.
    fn take_turn(&mut self, name: &Arc<str>) {
        if let Some(share) = self.shares.get_mut(name)
            && share.has_place()
            && !share.waiting.is_empty()
            && !share.is_in_turn
        {
            share.is_in_turn = true;
            self.in_turn.push_back(Arc::clone(name));
        }
    }

    fn forget_if_idle(&mut self, name: &str) {
        let is_idle = |share: &ShareState| share.in_flight == 0 && share.waiting.is_empty();
        if self.shares.get(name).is_some_and(is_idle) {
            self.shares.remove(name);
        }
    }

    fn why_busy(&self, name: &str) -> Busy {
        self.shares
            .get(name)
            .map_or(Busy::Server, ShareState::why_busy)
    }
}

impl ShareState {
    const fn has_place(&self) -> bool {
        self.in_flight < self.places_max
    }

    const fn why_busy(&self) -> Busy {
        if self.has_place() {
            Busy::Server
        } else {
            Busy::Share
        }
    }
}

impl Place {
    pub(crate) fn hold(&self) -> Arc<Held> {
        Arc::clone(&self.0)
    }
}

impl Held {
    /// The number of the share's executions that go on in the long lane.
    pub(crate) fn in_long_lane(&self) -> &AtomicU32 {
        &self.in_long_lane
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        {
            let mut state = self.admission.lock();
            state.free += 1;
            if let Some(share) = state.shares.get_mut(&self.share) {
                share.in_flight -= 1;
            }
            state.take_turn(&self.share);
            state.forget_if_idle(&self.share);
            if state.in_turn.is_empty() {
                return;
            }
        }
        self.admission.hand_out();
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.0.share).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn admission(places_max: u32, waiting_max: usize) -> Admission {
        Admission::new(AdmissionConfig {
            places_max,
            waiting_max,
            wait_max: Duration::from_secs(3_600),
        })
    }

    fn share(name: &str, places_max: u32) -> Share {
        Share {
            name: Arc::from(name),
            places_max,
        }
    }

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn a_share_runs_no_more_at_once_than_its_places() {
        let admission = admission(10, 10);
        let greedy = share("greedy", 2);
        let _first = admission.enter(&greedy).await.unwrap();
        let second = admission.enter(&greedy).await.unwrap();
        let mut third = pin!(admission.enter(&greedy));
        assert!(poll(third.as_mut()).is_pending());

        let _neighbour = admission.enter(&share("neighbour", 2)).await.unwrap();
        assert!(poll(third.as_mut()).is_pending());
        drop(second);

        assert!(poll(third.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn shares_that_wait_get_places_in_turn_whatever_the_length_of_their_queues() {
        let admission = admission(1, 100);
        let (greedy, modest) = (share("greedy", 9), share("modest", 9));
        let running = admission.enter(&greedy).await.unwrap();
        let mut greedy_1 = pin!(admission.enter(&greedy));
        let mut greedy_2 = pin!(admission.enter(&greedy));
        let mut modest_1 = pin!(admission.enter(&modest));
        assert!(poll(greedy_1.as_mut()).is_pending());
        assert!(poll(greedy_2.as_mut()).is_pending());
        assert!(poll(modest_1.as_mut()).is_pending());

        drop(running);
        let Poll::Ready(first) = poll(greedy_1.as_mut()) else {
            panic!("the first that waits is next");
        };
        drop(first);

        assert!(poll(greedy_2.as_mut()).is_pending());
        assert!(poll(modest_1.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_takes_no_place_with_him() {
        let admission = admission(1, 1);
        let tenant = share("tenant", 5);
        let running = admission.enter(&tenant).await.unwrap();
        {
            let mut gone = pin!(admission.enter(&tenant));
            assert!(poll(gone.as_mut()).is_pending());
        }
        let mut waiting = pin!(admission.enter(&tenant));
        assert!(
            poll(waiting.as_mut()).is_pending(),
            "the queue has room again"
        );

        drop(running);

        assert!(poll(waiting.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn a_place_that_was_handed_to_one_who_left_goes_on_to_the_next() {
        let admission = admission(1, 5);
        let tenant = share("tenant", 5);
        let running = admission.enter(&tenant).await.unwrap();
        let mut leaving = Box::pin(admission.enter(&tenant));
        let mut next = pin!(admission.enter(&tenant));
        assert!(poll(leaving.as_mut()).is_pending());
        assert!(poll(next.as_mut()).is_pending());

        drop(running);
        drop(leaving);

        assert!(poll(next.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn a_full_queue_is_told_whose_places_are_taken() {
        let admission = admission(2, 0);
        let _one = admission.enter(&share("one", 1)).await.unwrap();
        let at_its_cap = admission.enter(&share("one", 1)).await;
        let _two = admission.enter(&share("two", 1)).await.unwrap();
        let at_the_servers = admission.enter(&share("three", 1)).await;
        assert!(!admission.0.lock().shares.contains_key("three"));

        assert_eq!(at_its_cap.unwrap_err(), Busy::Share);
        assert_eq!(at_the_servers.unwrap_err(), Busy::Server);
    }

    #[tokio::test]
    async fn a_wait_ends() {
        let admission = Admission::new(AdmissionConfig {
            places_max: 1,
            waiting_max: 9,
            wait_max: Duration::ZERO,
        });
        let tenant = share("tenant", 1);
        let _running = admission.enter(&tenant).await.unwrap();

        assert_eq!(admission.enter(&tenant).await.unwrap_err(), Busy::Share);
        assert_eq!(
            admission.occupancy(),
            Occupancy {
                in_flight: 1,
                waiting: 0
            }
        );
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_share_that_neither_runs_nor_waits() {
        let admission = admission(2, 2);
        for number in 0..1_000 {
            drop(
                admission
                    .enter(&share(&number.to_string(), 1))
                    .await
                    .unwrap(),
            );
        }
        let tenant = share("tenant", 1);
        let running = admission.enter(&tenant).await.unwrap();
        {
            let mut gone = pin!(admission.enter(&tenant));
            assert!(poll(gone.as_mut()).is_pending());
        }
        drop(running);

        assert!(admission.0.lock().shares.is_empty());
    }

    #[tokio::test]
    async fn a_share_that_gets_more_places_uses_them_at_once() {
        let admission = admission(9, 9);
        let (before, after) = (share("tenant", 1), share("tenant", 3));
        let _running = admission.enter(&before).await.unwrap();
        let mut waiting = pin!(admission.enter(&before));
        assert!(poll(waiting.as_mut()).is_pending());

        let mut another = pin!(admission.enter(&after));

        assert!(poll(another.as_mut()).is_ready());
        assert!(poll(waiting.as_mut()).is_ready());
    }
}
