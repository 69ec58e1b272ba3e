//! What machine code depends on.

use std::hash::{Hash as _, Hasher};

use sha2::{Digest as _, Sha256};
use wasmtime::{Config, Engine};

use crate::module::hex;

/// The settings that decide what code a module becomes, and why each. The engine that
/// runs code and the one that makes it in another process both begin with these; how
/// memory is allocated is the first one's matter and changes nothing of the code.
pub(crate) fn code_settings() -> Config {
    let mut settings = Config::new();
    settings
        // Guests are preempted by epochs: about 10 % slower code, where fuel costs
        // up to three times as much.
        .epoch_interruption(true)
        // Component-model concurrency more than doubles the cost of a call, and a
        // trigger's handler is one plain call.
        .concurrency_support(false)
        // The same bits on every machine, so that an execution can be repeated.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // What no guest toolchain needs is off.
        .wasm_memory64(false)
        .memory_init_cow(true);
    settings
}

/// A text of 64 hexadecimal digits that two engines share exactly when code made by one
/// can be run by the other: the same version of this crate and of wasmtime, the same
/// settings, a processor with the same features.
///
/// This crate's version is part of it, because an update may make something else of the
/// same module. wasmtime's is so down to the patch: code must not outlive a fix of the
/// compiler that made it.
pub(crate) fn compatibility(engine: &Engine) -> String {
    let mut hasher = Collector(Sha256::new());
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hex(&hasher.0.finalize())
}

/// `Hash` into SHA-256: the standard library's hashers may change with its version, and
/// 64 bits are few for something that decides what is run.
struct Collector(Sha256);

impl Hasher for Collector {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .first_chunk()
            .map_or(0, |first| u64::from_be_bytes(*first))
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{InstanceAllocationStrategy, PoolingAllocationConfig};

    use super::*;

    #[test]
    fn how_memory_is_allocated_changes_nothing_of_the_code_and_a_setting_does() {
        let plain = Engine::new(&code_settings()).unwrap();
        let mut pool = PoolingAllocationConfig::new();
        pool.total_memories(1).total_tables(1).total_stacks(1);
        let mut pooling = code_settings();
        pooling.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let pooling = Engine::new(&pooling).unwrap();
        let mut other = code_settings();
        other.epoch_interruption(false);
        let other = Engine::new(&other).unwrap();

        assert_eq!(compatibility(&plain), compatibility(&pooling));
        assert_ne!(compatibility(&plain), compatibility(&other));
    }
}
