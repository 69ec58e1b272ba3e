//! Uploads that were good modules once, and ones that never were: a bounded number, the
//! same ones every time. None may be the server's fault, and the engine must go on. It
//! compiles in processes of their own, as a server does: some of these end their compiler.
use std::path::PathBuf;

use arbitrary::Unstructured;
use claimsmith_fuzz::{Laboratory, Verdict};
use claimsmith_runtime::CodeSetup;
use wasm_smith::{Component, Config, Module};

use crate::harness::actions::module;

/// Core modules as compilers wrote them, for the server to turn into components.
const GUESTS: [&str; 3] = ["both-triggers", "c", "zoo"];
/// Small components, written by hand.
const COMPONENTS: [&str; 4] = ["hoarder", "instances", "re-entrance", "table-bomb"];

#[test]
fn modules_with_changed_bytes_are_refused_or_run() {
    let mut tally = Tally::new();
    let mut random = Random(1);

    for guest in GUESTS {
        let whole = module(guest);
        for changes in [1, 2, 8] {
            for _ in 0..20 {
                tally.upload(&changed(&whole, changes, &mut random));
            }
        }
    }
    for component in COMPONENTS {
        let whole = component_of(component);
        for changes in [1, 2, 8] {
            for _ in 0..25 {
                tally.upload(&changed(&whole, changes, &mut random));
            }
        }
    }

    tally.assert_all_kinds();
}

#[test]
fn modules_that_end_early_or_go_on_as_another_are_refused_or_run() {
    let mut tally = Tally::new();
    let mut random = Random(2);
    let modules: Vec<_> = GUESTS.into_iter().map(module).collect();
    let components: Vec<_> = COMPONENTS.into_iter().map(component_of).collect();

    for family in [modules, components] {
        for _ in 0..60 {
            let (one, other) = (random.pick(&family), random.pick(&family));
            let cut = random.below(one.len());
            tally.upload(&one[..cut]);
            let joint = random.below(other.len());
            tally.upload(&[&one[..cut], &other[joint..]].concat());
            // A piece twice, which keeps more of the whole in order.
            let end = cut + random.below((one.len() - cut).min(64));
            tally.upload(&[&one[..end], &one[cut..]].concat());
        }
    }

    assert!(tally.refused > 300, "{tally:?}");
    tally.assert_a_good_module_runs();
}

#[test]
fn made_up_modules_start_inside_a_component_that_serves_both_triggers() {
    let mut tally = Tally::new();
    let mut random = Random(3);
    let host = component_of("start-loop");

    for _ in 0..120 {
        let bytes = random.bytes(2_048);
        let config = Config {
            max_imports: 0,
            ..Config::default()
        };
        let made_up = Module::new(config, &mut Unstructured::new(&bytes)).unwrap();
        tally.upload(&with_another_instance(&host, &made_up.to_bytes()));
    }

    tally.assert_all_kinds_but_failing();
}

#[test]
fn made_up_components_are_refused() {
    let mut tally = Tally::new();
    let mut random = Random(4);

    for _ in 0..120 {
        let bytes = random.bytes(2_048);
        let made_up = Component::new(Config::default(), &mut Unstructured::new(&bytes)).unwrap();
        tally.upload(&made_up.to_bytes());
    }

    // None of them has a trigger's handler by chance.
    assert_eq!((tally.failed, tally.succeeded), (0, 0), "{tally:?}");
    tally.assert_a_good_module_runs();
}

/// What became of all uploads.
#[derive(Debug)]
struct Tally {
    laboratory: Laboratory,
    refused: u32,
    failed: u32,
    succeeded: u32,
}

impl Tally {
    fn new() -> Self {
        let worker =
            claimsmith_server::compiler(env!("CARGO_BIN_EXE_claimsmith-under-test").into());
        Self {
            laboratory: Laboratory::new(CodeSetup {
                worker: Some(worker),
                folder: None,
            }),
            refused: 0,
            failed: 0,
            succeeded: 0,
        }
    }

    fn upload(&mut self, bytes: &[u8]) {
        match self.laboratory.upload(bytes) {
            Verdict::Refused => self.refused += 1,
            Verdict::Failed => self.failed += 1,
            Verdict::Succeeded => self.succeeded += 1,
        }
    }

    /// The mutations are neither so crude that none is taken nor so gentle that all run.
    #[track_caller]
    fn assert_all_kinds(&self) {
        assert!(self.failed > 0, "{self:?}");
        self.assert_all_kinds_but_failing();
    }

    #[track_caller]
    fn assert_all_kinds_but_failing(&self) {
        assert!(self.refused > 0 && self.succeeded > 0, "{self:?}");
        self.assert_a_good_module_runs();
    }

    #[track_caller]
    fn assert_a_good_module_runs(&self) {
        let verdict = self.laboratory.upload(&module("both-triggers"));
        assert_eq!(verdict, Verdict::Succeeded, "{self:?}");
    }
}

/// A module with some bytes changed: a bit turned over, or another byte altogether.
fn changed(module: &[u8], changes: usize, random: &mut Random) -> Vec<u8> {
    let mut changed = module.to_vec();
    for _ in 0..changes {
        if changed.is_empty() {
            break;
        }
        let place = random.below(changed.len());
        if random.below(2) == 0 {
            changed[place] ^= 1 << random.below(8);
        } else {
            changed[place] = random.byte();
        }
    }
    changed
}

/// A component with another core module at its end, which it instantiates. The component
/// must have two core modules itself.
fn with_another_instance(component: &[u8], module: &[u8]) -> Vec<u8> {
    let mut whole = component.to_vec();
    // The section of a core module, its length in five bytes of LEB128.
    whole.push(1);
    whole.extend((0..5).map(|group| {
        let more = if group < 4 { 0x80 } else { 0 };
        u8::try_from((module.len() >> (7 * group)) & 0x7f).unwrap() | more
    }));
    whole.extend_from_slice(module);
    // The section of core instances, of four bytes: one, of module 2, with no arguments.
    whole.extend([2, 4, 1, 0, 2, 0]);
    whole
}

fn component_of(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests/zoo/wat");
    wat::parse_file(folder.join(name).with_extension("wat")).unwrap()
}

/// SplitMix64: the same numbers every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &'a [Vec<u8>]) -> &'a [u8] {
        &from[self.below(from.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}
