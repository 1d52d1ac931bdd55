//! What is written together, and under which conditions.

use super::{Lease, Record};

/// Writes that happen all or not at all. They happen if all conditions hold.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Commit {
    /// Conditions, by key.
    pub conditions: Vec<(String, Condition)>,
    /// Writes, by key. No key is written twice.
    pub writes: Vec<(String, Write)>,
}

/// What a key must be for a commit to happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// There is no such key.
    Absent,
    /// It was last written at this revision.
    Modified(u64),
}

/// What happens to a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// It gets this value, and is under this lease from now on, or under none.
    Put {
        /// The value.
        value: Vec<u8>,
        /// The lease.
        lease: Option<Lease>,
    },
    /// It goes. If there is no such key, nothing happens.
    Delete,
}

/// What became of a commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Committed {
    /// It happened, at this revision.
    Done {
        /// The revision.
        revision: u64,
    },
    /// A condition did not hold, so nothing was written.
    Refused {
        /// What the keys of the conditions hold, in the order of the conditions.
        found: Vec<Option<Record>>,
    },
}

impl Condition {
    /// The condition that nobody has written to the key since it was read.
    pub fn unchanged(record: Option<&Record>) -> Condition {
        record.map_or(Condition::Absent, |record| Condition::Modified(record.modified))
    }
}

impl Commit {
    /// A commit that writes one key, without conditions.
    pub fn put(key: impl Into<String>, value: Vec<u8>, lease: Option<Lease>) -> Commit {
        Commit { conditions: Vec::new(), writes: vec![(key.into(), Write::Put { value, lease })] }
    }

    /// A commit that deletes one key, without conditions.
    pub fn delete(key: impl Into<String>) -> Commit {
        Commit { conditions: Vec::new(), writes: vec![(key.into(), Write::Delete)] }
    }

    /// The same, under one more condition.
    pub fn when(mut self, key: impl Into<String>, condition: Condition) -> Commit {
        self.conditions.push((key.into(), condition));
        self
    }

    /// The same, and the writes of `other`, under its conditions, too.
    pub fn and(mut self, other: Commit) -> Commit {
        self.conditions.extend(other.conditions);
        self.writes.extend(other.writes);
        self
    }
}
