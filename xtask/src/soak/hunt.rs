//! The zoo let loose beside the neighbour.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    io::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    neighbour::{Neighbour, Tokens},
    zoo::{Beast, Ending},
};

/// What came of letting the zoo loose.
#[derive(Default)]
pub(crate) struct Hunt {
    /// How each guest ended, and how often.
    pub(crate) endings: BTreeMap<String, Endings>,
    /// The neighbour's tokens meanwhile.
    pub(crate) tokens: Tokens,
}

/// How one guest's executions ended.
#[derive(Default)]
pub(crate) struct Endings {
    /// How they should.
    pub(crate) expected: String,
    /// How they did, and how often.
    pub(crate) outcomes: BTreeMap<String, usize>,
    /// How often there was no place.
    pub(crate) busy: usize,
    /// What should never have come of them.
    pub(crate) wrong: Vec<String>,
}

/// Makes so many executions on so many threads, in rounds of the whole zoo in an order that
/// the seed gives, while the neighbour asks for one token after another.
pub(crate) fn let_loose(
    zoo: &[Beast],
    neighbour: &Neighbour,
    executions: usize,
    seed: u64,
    lanes: usize,
) -> Hunt {
    let next = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    let endings = Mutex::new(BTreeMap::<String, Endings>::new());
    let tokens = thread::scope(|scope| {
        let tokens = scope.spawn(|| {
            let mut tokens = Tokens::default();
            let mut turn = 0;
            while !is_over.load(Ordering::Relaxed) {
                neighbour.ask(turn, &mut tokens);
                turn += 1;
            }
            tokens
        });
        let lanes: Vec<_> = (0..lanes)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(beast) =
                        pick(zoo, next.fetch_add(1, Ordering::Relaxed), executions, seed)
                    {
                        let ending = beast.run();
                        let mut endings = endings.lock().unwrap_or_else(PoisonError::into_inner);
                        note(&mut endings, beast, ending);
                        show(&endings, executions);
                    }
                })
            })
            .collect();
        for lane in lanes {
            // A lane that panicked has said so; the executions that it owes are missed below.
            let _ = lane.join();
        }
        is_over.store(true, Ordering::Relaxed);
        tokens.join().unwrap_or_default()
    });
    println!();
    Hunt {
        endings: endings.into_inner().unwrap_or_else(PoisonError::into_inner),
        tokens,
    }
}

/// The guest of one execution: in each round every one has its turn once.
fn pick(zoo: &[Beast], index: usize, executions: usize, seed: u64) -> Option<&Beast> {
    if index >= executions {
        return None;
    }
    let round = index.checked_div(zoo.len())?;
    let mut order: Vec<&Beast> = zoo.iter().collect();
    order.sort_by_cached_key(|beast| {
        let mut hasher = DefaultHasher::new();
        (seed, round, &beast.name).hash(&mut hasher);
        hasher.finish()
    });
    order.get(index % zoo.len()).copied()
}

fn note(endings: &mut BTreeMap<String, Endings>, beast: &Beast, ending: Ending) {
    let endings = endings.entry(beast.name.clone()).or_default();
    endings.expected.clone_from(&beast.expected);
    match ending {
        Ending::Outcome(outcome) => *endings.outcomes.entry(outcome).or_default() += 1,
        Ending::Busy => endings.busy += 1,
        Ending::Wrong(text) => endings.wrong.push(text),
    }
}

/// Shows on one line how far it is.
fn show(endings: &BTreeMap<String, Endings>, executions: usize) {
    let done: usize = endings.values().map(Endings::count).sum();
    print!("\r  {done} of {executions} hostile executions");
    // Only for the eye.
    let _ = std::io::stdout().flush();
}

impl Endings {
    /// How many executions these are.
    pub(crate) fn count(&self) -> usize {
        self.outcomes.values().sum::<usize>() + self.busy + self.wrong.len()
    }
}

impl Hunt {
    /// This and what came of a later one.
    pub(crate) fn and(mut self, later: Self) -> Self {
        for (name, endings) in later.endings {
            let all = self.endings.entry(name).or_default();
            all.expected = endings.expected;
            for (outcome, count) in endings.outcomes {
                *all.outcomes.entry(outcome).or_default() += count;
            }
            all.busy += endings.busy;
            all.wrong.extend(endings.wrong);
        }
        self.tokens.right.extend(later.tokens.right);
        self.tokens.wrong.extend(later.tokens.wrong);
        self
    }
}
