//! What a store holds and reports.

use std::collections::BTreeMap;

/// A lease of a store. The records under it vanish with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Lease(pub i64);

/// The value of a key, and when it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The value.
    pub value: Vec<u8>,
    /// The revision at which the key came into being.
    pub created: u64,
    /// The revision at which it was last written.
    pub modified: u64,
    /// The lease that it is under.
    pub lease: Option<Lease>,
}

/// All records below a prefix, at one revision.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Listing {
    /// The revision of the store.
    pub revision: u64,
    /// The records, by key.
    pub records: BTreeMap<String, Record>,
}

/// One change of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The revision at which it happened.
    pub revision: u64,
    /// The key.
    pub key: String,
    /// What it holds from then on. None: the key is gone.
    pub record: Option<Record>,
}

/// What a watch reports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchEvent {
    /// Changes, in the order in which they happened. All changes of one revision come together.
    Changed(Vec<Change>),
    /// There is no change up to this revision that was not reported.
    Progress {
        /// The revision of the store.
        revision: u64,
    },
}
