//! What changes have written that are stored together, before any of it is stored.

use std::mem;

use claimsmith_storage::{
    StorageError,
    kv::{Entry, Reader, Writes},
};

type Result<T> = std::result::Result<T, StorageError>;

/// A store with the writes of earlier changes laid over it: what a change reads that is
/// stored together with them.
pub(crate) struct Group<'a, R> {
    store: &'a R,
    writes: Writes,
}

impl<'a, R: Reader> Group<'a, R> {
    pub(crate) fn on(store: &'a R) -> Self {
        Self {
            store,
            writes: Writes::new(),
        }
    }

    /// One more change's.
    pub(crate) fn add(&mut self, writes: Writes) {
        self.writes.extend(writes);
    }

    /// How many keys are written.
    pub(crate) fn len(&self) -> usize {
        self.writes.len()
    }

    /// What is to be stored, of which nothing is left here.
    pub(crate) fn take(&mut self) -> Writes {
        mem::take(&mut self.writes)
    }

    fn with_prefix(&self, prefix: &[u8]) -> impl Iterator<Item = (&Vec<u8>, &Option<Vec<u8>>)> {
        self.writes
            .range(prefix.to_vec()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
    }
}

impl<R: Reader> Reader for Group<'_, R> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.store.get(key),
        }
    }

    fn scan(&self, prefix: &[u8], skip: usize, take: usize) -> Result<Vec<Entry>> {
        let written = self.with_prefix(prefix).count();
        if written == 0 {
            return self.store.scan(prefix, skip, take);
        }
        // As many more as may be deleted. Then whatever is inserted behind the last of them
        // comes after all that is asked for.
        let enough = skip.saturating_add(take).saturating_add(written);
        let mut entries: Writes = self
            .store
            .scan(prefix, 0, enough)?
            .into_iter()
            .map(|(key, value)| (key, Some(value)))
            .collect();
        entries.extend(
            self.with_prefix(prefix)
                .map(|(key, value)| (key.clone(), value.clone())),
        );
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
    fn the_last_of_a_groups_writes_to_a_key_counts() {
        let store = Entries(BTreeMap::new());
        let mut group = Group::on(&store);
        let (key, value) = entry(1);
        group.add(Writes::from([(key.clone(), Some(value))]));
        group.add(Writes::from([(key.clone(), None)]));

        assert_eq!(group.get(&key).unwrap(), None);
        assert_eq!(group.take(), Writes::from([(key, None)]));
    }
}
