//! Compiled modules in memory.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::CompiledAction;

/// Compiled modules by content: those in use anywhere, and as many idle ones as
/// fit, oldest first to go.
#[derive(Debug, Default)]
pub(crate) struct CodeCache {
    by_content: HashMap<String, CompiledAction>,
    oldest_first: VecDeque<String>,
}

impl CodeCache {
    /// The module with that digest.
    pub(crate) fn get(&self, sha256: &str) -> Option<CompiledAction> {
        self.by_content.get(sha256).cloned()
    }

    /// Adds a module. Of those that nothing else holds, `idle_bytes_max` stay.
    pub(crate) fn insert(&mut self, action: &CompiledAction, idle_bytes_max: usize) {
        let sha256 = action.info().sha256.clone();
        if self
            .by_content
            .insert(sha256.clone(), action.clone())
            .is_none()
        {
            self.oldest_first.push_back(sha256);
        }
        self.evict(idle_bytes_max);
    }

    /// How many modules are in it, and the bytes of their machine code.
    pub(crate) fn size(&self) -> (usize, usize) {
        let code_bytes = self.by_content.values().map(|action| action.0.code_bytes);
        (self.by_content.len(), code_bytes.sum())
    }

    fn evict(&mut self, idle_bytes_max: usize) {
        let is_idle = |action: &CompiledAction| Arc::strong_count(&action.0) == 1;
        let mut idle_bytes: usize = self
            .by_content
            .values()
            .filter(|a| is_idle(a))
            .map(|a| a.0.code_bytes)
            .sum();
        let Self {
            by_content,
            oldest_first,
        } = self;
        oldest_first.retain(|sha256| {
            let evicted =
                idle_bytes > idle_bytes_max && by_content.get(sha256).is_some_and(is_idle);
            if evicted && let Some(action) = by_content.remove(sha256) {
                idle_bytes = idle_bytes.saturating_sub(action.0.code_bytes);
            }
            !evicted
        });
    }
}
