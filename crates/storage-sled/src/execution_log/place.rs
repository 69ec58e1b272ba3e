//! What is known of a bundle without opening it.

use claimsmith_model::{ActionId, ExecutionId, ExecutionRecord};
use claimsmith_storage::Sealer;

/// What stands for an Action: enough that it is rarely another's; records are looked at
/// anyway.
pub(super) type Tag = [u8; 8];

/// How much a bundle and its place take, which executions may be in it, and which Actions
/// ran in them.
///
/// ```text
/// BYTES (8)  LENGTH (1) FIRST  LENGTH (1) LAST  TAG (8) …
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) bytes: u64,
    /// The lowest and the highest identifier of an execution; empty in a bundle of events.
    first: Vec<u8>,
    last: Vec<u8>,
    pub(super) tags: Vec<Tag>,
}

impl Place {
    /// The place of a bundle with these records.
    pub(super) fn of<'a>(
        sealer: &Sealer,
        records: impl Iterator<Item = &'a ExecutionRecord>,
    ) -> Self {
        let mut place = Self::default();
        let mut actions: Vec<&ActionId> = Vec::new();
        for record in records {
            let id = record.id.as_str().as_bytes();
            if place.last.is_empty() || id < place.first.as_slice() {
                place.first = id.to_vec();
            }
            if id > place.last.as_slice() {
                place.last = id.to_vec();
            }
            for run in &record.runs {
                // One after another: the same few Actions run for all tokens of a tenant.
                if !actions.contains(&&run.action_id) {
                    actions.push(&run.action_id);
                }
            }
        }
        place.tags = actions
            .into_iter()
            .map(|it| Self::tag(sealer, it))
            .collect();
        place
    }

    /// What stands for an Action.
    pub(super) fn tag(sealer: &Sealer, action: &ActionId) -> Tag {
        let hidden = sealer.hide(&["action", action.as_str()]);
        hidden.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// Whether the bundle may have the record.
    pub(super) fn may_have(&self, id: &ExecutionId) -> bool {
        (self.first.as_slice()..=self.last.as_slice()).contains(&id.as_str().as_bytes())
    }

    pub(super) fn length(&self) -> usize {
        10 + self.first.len() + self.last.len() + size_of::<Tag>() * self.tags.len()
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut stored = Vec::with_capacity(self.length());
        stored.extend_from_slice(&self.bytes.to_be_bytes());
        for id in [&self.first, &self.last] {
            // An identifier has at most 128 bytes.
            stored.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
            stored.extend_from_slice(id);
        }
        stored.extend(self.tags.iter().flatten());
        stored
    }

    /// `None` when it isn't one.
    pub(super) fn read(stored: &[u8]) -> Option<Self> {
        let (bytes, rest) = stored.split_first_chunk::<8>()?;
        let (first, rest) = split_text(rest)?;
        let (last, rest) = split_text(rest)?;
        let (tags, []) = rest.as_chunks() else {
            return None;
        };
        Some(Self {
            bytes: u64::from_be_bytes(*bytes),
            first: first.to_vec(),
            last: last.to_vec(),
            tags: tags.to_vec(),
        })
    }
}

/// A text that its length stands before, and what follows it.
fn split_text(stored: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = stored.split_first()?;
    rest.split_at_checked(usize::from(*length))
}
