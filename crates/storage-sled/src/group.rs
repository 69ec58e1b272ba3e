//! What changes have written that are stored together, before any of it is stored.

use std::collections::BTreeMap;

use claimsmith_storage::{
    StorageError,
    kv::{Entry, Reader, Writes},
};

type Result<T> = std::result::Result<T, StorageError>;

/// How many writes there are in a batch before the next change begins another one. Nobody
/// reads while a batch is stored, which takes some microseconds for each write.
pub(crate) const BATCH_WRITES: usize = 64;

/// A store with the writes of earlier changes laid over it: what a change reads that is
/// stored together with them.
pub(crate) struct Group<'a, R> {
    store: &'a R,
    /// In order: what later ones write counts. Each holds whole changes.
    batches: Vec<Writes>,
    bytes: usize,
}

impl<'a, R: Reader> Group<'a, R> {
    pub(crate) fn on(store: &'a R) -> Self {
        Self {
            store,
            batches: Vec::new(),
            bytes: 0,
        }
    }

    /// One more change's.
    pub(crate) fn add(&mut self, writes: Writes) {
        let entries = writes.iter();
        let lengths = entries.map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
        self.bytes += lengths.sum::<usize>();
        match self.batches.last_mut() {
            Some(batch) if batch.len() < BATCH_WRITES => batch.extend(writes),
            _ if writes.is_empty() => {}
            _ => self.batches.push(writes),
        }
    }

    /// How many bytes are written.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is to be stored, each batch as a whole.
    pub(crate) fn into_batches(self) -> Vec<Writes> {
        self.batches
    }

    fn with_prefix<'b>(&'b self, prefix: &[u8]) -> BTreeMap<&'b Vec<u8>, &'b Option<Vec<u8>>> {
        let of_batch = |batch: &'b Writes| {
            let from_there = batch.range(prefix.to_vec()..);
            from_there.take_while(|(key, _)| key.starts_with(prefix))
        };
        self.batches.iter().flat_map(of_batch).collect()
    }
}

impl<R: Reader> Reader for Group<'_, R> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let written = self.batches.iter().rev().find_map(|batch| batch.get(key));
        match written {
            Some(written) => Ok(written.clone()),
            None => self.store.get(key),
        }
    }

    fn scan(&self, prefix: &[u8], skip: usize, take: usize) -> Result<Vec<Entry>> {
        let written = self.with_prefix(prefix);
        if written.is_empty() {
            return self.store.scan(prefix, skip, take);
        }
        // As many more as may be deleted. Then whatever is inserted behind the last of them
        // comes after all that is asked for.
        let enough = skip.saturating_add(take).saturating_add(written.len());
        let mut entries: Writes = self
            .store
            .scan(prefix, 0, enough)?
            .into_iter()
            .map(|(key, value)| (key, Some(value)))
            .collect();
        let written = written.into_iter();
        entries.extend(written.map(|(key, value)| (key.clone(), value.clone())));
        let present = entries
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        Ok(present.skip(skip).take(take).collect())
    }

    fn count(&self, prefix: &[u8]) -> Result<usize> {
        let mut count = self.store.count(prefix)?;
        for (key, value) in self.with_prefix(prefix) {
            match (self.store.get(key)?.is_some(), value.is_some()) {
                (false, true) => count += 1,
                (true, false) => count = count.saturating_sub(1),
                _ => {}
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A store of entries that nothing changes.
    struct Entries(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Reader for Entries {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
            Ok(self.0.get(key).cloned())
        }

        fn scan(&self, prefix: &[u8], skip: usize, take: usize) -> Result<Vec<Entry>> {
            let entries = self.0.iter().filter(|(key, _)| key.starts_with(prefix));
            let entries = entries.skip(skip).take(take);
            Ok(entries.map(|(k, v)| (k.clone(), v.clone())).collect())
        }

        fn count(&self, prefix: &[u8]) -> Result<usize> {
            Ok(self.scan(prefix, 0, usize::MAX)?.len())
        }
    }

    fn entry(number: u8) -> Entry {
        (vec![b'k', number], vec![number])
    }

    /// Every way in which five keys can be stored, and be left, put or deleted: what is read
    /// through the group is what a store with its writes applied reads.
    #[test]
    fn a_group_reads_as_if_its_writes_were_stored() {
        const KEYS: u32 = 5;
        let outside = (b"other".to_vec(), b"left alone".to_vec());
        for case in 0..6_u32.pow(KEYS) {
            let mut stored = BTreeMap::from([outside.clone()]);
            let mut writes = Writes::new();
            for number in 0..KEYS {
                let (key, value) = entry(u8::try_from(number).unwrap());
                let choice = case / 6_u32.pow(number) % 6;
                if choice % 2 == 1 {
                    stored.insert(key.clone(), value);
                }
                match choice / 2 {
                    0 => {}
                    1 => drop(writes.insert(key, Some(b"new".to_vec()))),
                    _ => drop(writes.insert(key, None)),
                }
            }
            let mut applied = stored.clone();
            for (key, value) in &writes {
                match value {
                    Some(value) => drop(applied.insert(key.clone(), value.clone())),
                    None => drop(applied.remove(key)),
                }
            }
            let (stored, applied) = (Entries(stored), Entries(applied));
            let mut group = Group::on(&stored);
            group.add(writes);

            assert_eq!(group.count(b"k").unwrap(), applied.count(b"k").unwrap());
            for skip in 0..4 {
                for take in [0, 1, 2, usize::MAX] {
                    assert_eq!(
                        group.scan(b"k", skip, take).unwrap(),
                        applied.scan(b"k", skip, take).unwrap(),
                        "case {case}, skip {skip}, take {take}"
                    );
                }
            }
            for number in 0..5 {
                let (key, _) = entry(number);
                assert_eq!(group.get(&key).unwrap(), applied.get(&key).unwrap());
            }
            assert_eq!(
                group.scan(b"o", 0, 9).unwrap(),
                [(b"other".to_vec(), b"left alone".to_vec())]
            );
        }
    }

    #[test]
    fn the_last_of_a_groups_writes_to_a_key_counts_across_batches() {
        let store = Entries(BTreeMap::new());
        let mut group = Group::on(&store);
        let many = (0..BATCH_WRITES).map(|number| (format!("many {number}").into(), None));
        let (key, value) = entry(1);
        let last = Writes::from([(key.clone(), None)]);

        group.add(Writes::from([(key.clone(), Some(b"first".to_vec()))]));
        group.add(many.collect());
        group.add(Writes::from([(key.clone(), Some(value.clone()))]));
        assert_eq!(group.get(&key).unwrap(), Some(value.clone()));
        assert_eq!(group.scan(b"k", 0, 9).unwrap(), [(key.clone(), value)]);
        group.add(Writes::new());
        group.add(last.clone());

        assert_eq!(group.get(&key).unwrap(), None);
        assert_eq!(group.count(b"k").unwrap(), 0);
        assert_eq!(group.bytes(), 3 * key.len() + 5 + 1 + many_bytes());
        assert_eq!(group.into_batches().get(1..).unwrap(), [last]);
    }

    fn many_bytes() -> usize {
        (0..BATCH_WRITES)
            .map(|number| format!("many {number}").len())
            .sum()
    }
}
