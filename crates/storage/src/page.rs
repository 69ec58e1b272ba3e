//! Parts of lists.

use claimsmith_model::{
    Client, ClientGrant, ClientId, Connection, Consent, ConsentId, Membership, Organization,
    Permission, RefreshGrant, ResourceServer, Role, Session, Timestamp, User,
};

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where it begins.
    pub start: Start,
    /// How many at most.
    pub take: usize,
}

/// Where a part of a list begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// After so many.
    Skip(usize),
    /// Behind a [place](Placed), whether what had it is still there or not: so nothing is
    /// missed or comes twice, whatever comes and goes between two parts. Everything is
    /// behind the empty text.
    Behind(String),
}

/// What stands in a list, at a place of its own for as long as it is there.
pub trait Placed {
    /// A text that is less than that of whatever stands behind it.
    fn place(&self) -> String;
}

impl Page {
    /// The whole list.
    pub const ALL: Self = Self::at(0, usize::MAX);

    /// What comes after the first `skip`, at most `take`.
    #[must_use]
    pub const fn at(skip: usize, take: usize) -> Self {
        Self {
            start: Start::Skip(skip),
            take,
        }
    }

    /// This part of a list that is there as a whole, and how long the whole is, or what
    /// is behind the place where the part begins.
    #[must_use]
    pub fn of<T: Placed>(self, all: Vec<T>) -> (Vec<T>, usize) {
        let (all, skip) = match self.start {
            Start::Skip(skip) => (all, skip),
            Start::Behind(place) => (behind(&place, all), 0),
        };
        let total = all.len();
        let part = all.into_iter().skip(skip).take(self.take);
        (part.collect(), total)
    }
}

/// What is behind a place, in the order of their places.
fn behind<T: Placed>(place: &str, all: Vec<T>) -> Vec<T> {
    let placed = all.into_iter().map(|item| (item.place(), item));
    let mut behind: Vec<_> = placed.filter(|(own, _)| own.as_str() > place).collect();
    behind.sort_by(|(one, _), (other, _)| one.cmp(other));
    behind.into_iter().map(|(_, item)| item).collect()
}

macro_rules! placed_by {
    ($($thing:ty => |$it:ident| $place:expr;)*) => {
        $(
            impl Placed for $thing {
                fn place(&self) -> String {
                    let $it = self;
                    $place
                }
            }
        )*
    };
}

placed_by! {
    Client => |it| it.client_id.to_string();
    ClientGrant => |it| it.id.to_string();
    ClientId => |it| it.to_string();
    Connection => |it| it.name.clone();
    Membership => |it| it.user.to_string();
    Organization => |it| it.id.to_string();
    Permission => |it| joined(&[&it.resource_server_identifier, &it.permission_name]);
    RefreshGrant => |it| in_time(it.created_at, it.id.as_str());
    ResourceServer => |it| it.identifier.clone();
    Role => |it| it.id.to_string();
    Session => |it| in_time(it.created_at, it.id.as_str());
    User => |it| it.user_id.to_string();
}

impl Placed for (ConsentId, Consent) {
    fn place(&self) -> String {
        let (_, consent) = self;
        let audience = consent.audience.as_deref().unwrap_or_default();
        let (user, client) = (consent.user_id.as_str(), consent.client_id.as_str());
        joined(&[user, client, audience])
    }
}

fn in_time(moment: Timestamp, id: &str) -> String {
    joined(&[&sortable(moment), id])
}

/// A text that sorts as the moments do, from 1970 on; earlier ones count as 1970.
pub(crate) fn sortable(moment: Timestamp) -> String {
    format!("{:015}", moment.as_millis().max(0))
}

/// What divides the parts is less than whatever may be in them.
fn joined(parts: &[&str]) -> String {
    parts.join("\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(name: &str) -> Permission {
        Permission {
            resource_server_identifier: "api".into(),
            permission_name: name.into(),
        }
    }

    fn names(permissions: Vec<Permission>) -> Vec<String> {
        let names = permissions.into_iter().map(|it| it.permission_name);
        names.collect()
    }

    #[test]
    fn a_part_begins_behind_a_place_also_when_nothing_has_it_any_more() {
        let all = || ["d", "a", "c"].map(permission).to_vec();
        let part = |place: String, take| {
            let start = Start::Behind(place);
            let (part, total) = Page { start, take }.of(all());
            (names(part), total)
        };

        assert_eq!(part(String::new(), 2), (vec!["a".into(), "c".into()], 3));
        let second = (vec!["c".to_owned(), "d".to_owned()], 2);
        assert_eq!(part(permission("a").place(), 2), second);
        assert_eq!(part(permission("b").place(), 2), second);
        assert_eq!(part(permission("d").place(), 2), (vec![], 0));
    }

    #[test]
    fn a_part_that_skips_keeps_the_order_that_there_is() {
        let all = ["d", "a", "c"].map(permission).to_vec();
        let (part, total) = Page::at(1, 9).of(all);
        assert_eq!((names(part), total), (vec!["a".into(), "c".into()], 3));
    }
}
