use std::{collections::BTreeMap, fs};

use proptest::prelude::*;

use super::{record::BLOCK_BYTES, *};

type State = BTreeMap<Vec<u8>, Vec<u8>>;

fn apply(state: &mut State, writes: &Writes) {
    for (key, value) in writes {
        match value {
            Some(value) => drop(state.insert(key.clone(), value.clone())),
            None => drop(state.remove(key)),
        }
    }
}

fn put(key: &str, value: &str) -> Writes {
    Writes::from([(key.into(), Some(value.into()))])
}

/// Opens the log of a database that has `state` on the disk; answers what it then has.
fn open(folder: &Path, mut state: State) -> (Result<WriteAheadLog>, State) {
    let store = |writes: &Writes| {
        apply(&mut state, writes);
        Ok(())
    };
    (WriteAheadLog::open(folder, store, || Ok(())), state)
}

/// What a database that has lost everything gets back.
fn replayed(folder: &Path) -> State {
    let (log, state) = open(folder, State::new());
    log.unwrap();
    state
}

/// What befalls a log.
#[derive(Debug, Clone)]
enum Event {
    /// Changes are stored.
    Append(Vec<Writes>),
    /// sled has put some of its own accord on the disk, as in how many per cent.
    SledWrites(usize),
    GoOn,
    Settle,
    /// The machine goes down while the next event takes place, of which these blocks get
    /// to the disk.
    PowerLoss(Vec<bool>),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let key = (0..6_u8).prop_map(|number| vec![b'k', number]);
    let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..900));
    let writes = prop::collection::btree_map(key, value, 1..4);
    let event = prop_oneof![
        6 => prop::collection::vec(writes, 1..3).prop_map(Event::Append),
        2 => (0..=100_usize).prop_map(Event::SledWrites),
        2 => Just(Event::GoOn),
        1 => Just(Event::Settle),
        3 => prop::collection::vec(any::<bool>(), 16).prop_map(Event::PowerLoss),
    ];
    prop::collection::vec(event, 1..60)
}

/// A log, the database behind it, and a disk that forgets what it wasn't told to keep.
struct World {
    folder: tempfile::TempDir,
    log: WriteAheadLog,
    /// The states that there were, oldest first. Those before the first are gone.
    states: Vec<State>,
    /// Which of them sled has on the disk.
    on_disk: usize,
    /// Which of them was the last when the log went on in the other file.
    at_go_on: usize,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), State::new()).0.unwrap();
        Self {
            folder,
            log,
            states: vec![State::new()],
            on_disk: 0,
            at_go_on: 0,
        }
    }

    fn latest(&self) -> usize {
        self.states.len() - 1
    }

    fn files(&self) -> Vec<Vec<u8>> {
        let file = |name| fs::read(self.folder.path().join(name)).unwrap_or_default();
        ["0", "1"].map(file).to_vec()
    }

    fn carry_out(&mut self, event: &Event) {
        match event {
            Event::Append(batches) => {
                self.log.append(batches).unwrap();
                let mut state = self.states[self.latest()].clone();
                batches.iter().for_each(|writes| apply(&mut state, writes));
                self.states.push(state);
            }
            Event::SledWrites(per_cent) => {
                self.on_disk += (self.latest() - self.on_disk) * per_cent / 100;
            }
            Event::GoOn => {
                self.on_disk = self.on_disk.max(self.at_go_on);
                self.log.go_on().unwrap();
                self.at_go_on = self.latest();
            }
            Event::Settle => {
                self.on_disk = self.latest();
                self.log.settle().unwrap();
                self.at_go_on = self.latest();
            }
            Event::PowerLoss(_) => {}
        }
    }

    /// The machine goes down while `event` takes place, and comes up again.
    fn lose_power(&mut self, event: &Event, written: &[bool]) {
        let acknowledged = self.latest();
        let before = self.files();
        self.carry_out(event);
        let after = self.files();
        for (name, (mut before, after)) in ["0", "1"].iter().zip(before.into_iter().zip(after)) {
            before.resize(after.len(), 0);
            let blocks = before
                .chunks_mut(BLOCK_BYTES)
                .zip(after.chunks(BLOCK_BYTES));
            for ((old, new), is_written) in blocks
                .filter(|(old, new)| old != new)
                .zip(written.iter().chain(&[true]).cycle())
            {
                if *is_written {
                    old.copy_from_slice(new);
                }
            }
            fs::write(self.folder.path().join(name), before).unwrap();
        }

        let on_disk = self.states[self.on_disk.min(acknowledged)].clone();
        let (log, state) = open(self.folder.path(), on_disk);
        self.log = log.unwrap();

        let possible = &self.states[acknowledged..];
        assert!(
            possible.contains(&state),
            "{state:?} is none of {possible:?}"
        );
        self.states = vec![state];
        (self.on_disk, self.at_go_on) = (0, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whenever the power is lost, and whichever blocks of the last write are on the disk:
    /// everything that was appended is there, and the last is whole or not at all.
    #[test]
    fn no_power_loss_takes_what_was_appended_or_leaves_a_part(events in events()) {
        let mut world = World::new();
        let mut events = events.into_iter();
        while let Some(event) = events.next() {
            match (event, events.clone().next()) {
                (Event::PowerLoss(written), Some(next)) => {
                    events.next();
                    world.lose_power(&next, &written);
                }
                (event, _) => world.carry_out(&event),
            }
        }
        world.lose_power(&Event::SledWrites(0), &[]);
    }
}

#[test]
fn a_file_that_is_damaged_before_its_end_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), State::new()).0.unwrap();
    for number in 0..3 {
        log.append(&[put("key", &number.to_string())]).unwrap();
    }
    let path = folder.path().join("0");
    let whole = fs::read(&path).unwrap();

    for record in 0..3 {
        for byte in [0, 5, 9, 13, 17, 25, 40] {
            let mut bytes = whole.clone();
            bytes[record * BLOCK_BYTES + byte] ^= 1;
            fs::write(&path, bytes).unwrap();
            let opened = open(folder.path(), State::new()).0;
            if record < 2 {
                let error = opened.unwrap_err().to_string();
                let expected = format!("{} is damaged at byte {}", path.display(), record * 512);
                assert!(error.contains(&expected), "{error}");
            } else {
                // As if the machine had gone down in the midst of it.
                opened.unwrap();
            }
        }
    }
}

#[test]
fn a_file_that_is_needed_and_gone_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), State::new()).0.unwrap();
    log.append(&[put("a", "1")]).unwrap();
    log.go_on().unwrap();
    log.append(&[put("b", "2")]).unwrap();
    drop(log);
    let first = folder.path().join("0");
    let bytes = fs::read(&first).unwrap();

    fs::remove_file(&first).unwrap();
    let error = open(folder.path(), State::new()).0.unwrap_err();
    assert!(
        error.to_string().contains(first.to_str().unwrap()),
        "{error}"
    );

    fs::write(&first, bytes).unwrap();
    assert_eq!(replayed(folder.path()).len(), 2);
}

#[test]
fn what_is_settled_is_not_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), State::new()).0.unwrap();
    log.append(&[put("key", "value")]).unwrap();
    log.settle().unwrap();

    assert_eq!(replayed(folder.path()), State::new());
    let mut log = open(folder.path(), State::new()).0.unwrap();
    log.append(&[put("other", "value")]).unwrap();
    assert_eq!(replayed(folder.path()).len(), 1);
}

#[test]
fn files_do_not_grow_for_good() {
    const LARGE: usize = 20 * 1024 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), State::new()).0.unwrap();
    let length = || -> u64 {
        let files = ["0", "1"].map(|name| folder.path().join(name).metadata());
        files.into_iter().flatten().map(|file| file.len()).sum()
    };
    log.append(&[Writes::from([(vec![1], Some(vec![0; LARGE]))])])
        .unwrap();
    assert!(log.is_full());
    assert!(length() > LARGE as u64);
    assert_eq!(replayed(folder.path())[&vec![1]].len(), LARGE);

    let mut log = open(folder.path(), State::new()).0.unwrap();
    for _ in 0..3 {
        while !log.is_full() {
            let writes = Writes::from([(vec![1], Some(vec![0; 100_000]))]);
            log.append(&[writes]).unwrap();
        }
        log.go_on().unwrap();
    }
    assert!(length() < 2 * 9 * 1024 * 1024, "{}", length());
}
