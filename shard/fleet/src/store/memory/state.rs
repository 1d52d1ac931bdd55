//! A store without a clock: the time comes in with each call. It does what etcd does, revision for revision.

use crate::store::{Change, Commit, Committed, Condition, Lease, Listing, Record, StoreError, Write};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::time::Duration;

/// Changes that are kept for watches. Older ones are forgotten.
const HISTORY_MAX: usize = 100_000;

/// Keys, leases and the history of a store.
#[derive(Debug)]
pub struct MemoryState {
    revision: u64,
    /// Changes before this revision are forgotten.
    compacted: u64,
    records: BTreeMap<String, Record>,
    leases: BTreeMap<Lease, Granted>,
    leases_made: i64,
    /// No lease ends before this time.
    no_end_before: Duration,
    /// Changes since `compacted`, each with the time at which it happened.
    history: VecDeque<(Duration, Change)>,
}

#[derive(Debug)]
struct Granted {
    time: Duration,
    expires_at: Duration,
    keys: BTreeSet<String>,
}

impl Default for MemoryState {
    fn default() -> Self {
        // etcd begins with revision 1, too.
        MemoryState {
            revision: 1,
            compacted: 0,
            records: BTreeMap::new(),
            leases: BTreeMap::new(),
            leases_made: 0,
            no_end_before: Duration::ZERO,
            history: VecDeque::new(),
        }
    }
}

impl MemoryState {
    /// The revision of the latest write.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The record of a key.
    pub fn get(&self, key: &str) -> Option<&Record> {
        self.records.get(key)
    }

    /// All records whose keys begin with `prefix`.
    pub fn list(&self, prefix: &str) -> Listing {
        let from = self
            .records
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix));
        Listing { revision: self.revision, records: from.map(|(key, record)| (key.clone(), record.clone())).collect() }
    }

    /// See [`Store::commit`](crate::store::Store::commit).
    ///
    /// # Errors
    /// [`StoreError::LeaseEnded`].
    pub fn commit(&mut self, now: Duration, commit: Commit) -> Result<Committed, StoreError> {
        let holds = |(key, condition): &(String, Condition)| {
            let modified = self.records.get(key).map(|record| record.modified);
            modified
                == match condition {
                    Condition::Absent => None,
                    Condition::Modified(revision) => Some(*revision),
                }
        };
        if !commit.conditions.iter().all(holds) {
            let found = commit.conditions.iter().map(|(key, _)| self.records.get(key).cloned()).collect();
            return Ok(Committed::Refused { found });
        }
        let keys: BTreeSet<_> = commit.writes.iter().map(|(key, _)| key).collect();
        assert_eq!(keys.len(), commit.writes.len(), "a commit writes no key twice");
        let has_ended = |(_, write): &(String, Write)| match write {
            Write::Put { lease: Some(lease), .. } => !self.leases.contains_key(lease),
            _ => false,
        };
        if commit.writes.iter().any(has_ended) {
            return Err(StoreError::LeaseEnded);
        }
        Ok(Committed::Done { revision: self.write(now, commit.writes) })
    }

    /// Writes at one revision, which is a new one unless nothing changes.
    fn write(&mut self, now: Duration, writes: Vec<(String, Write)>) -> u64 {
        let revision = self.revision + 1;
        for (key, write) in writes {
            let before = self.records.remove(&key);
            if let Some(granted) = before.as_ref().and_then(|before| self.leases.get_mut(&before.lease?)) {
                granted.keys.remove(&key);
            }
            let record = match write {
                Write::Put { value, lease } => {
                    let created = before.map_or(revision, |before| before.created);
                    Some(Record { value, created, modified: revision, lease })
                }
                Write::Delete if before.is_none() => continue,
                Write::Delete => None,
            };
            if let Some(record) = &record {
                if let Some(lease) = record.lease {
                    let granted = self.leases.get_mut(&lease).expect("the caller has checked the lease");
                    granted.keys.insert(key.clone());
                }
                self.records.insert(key.clone(), record.clone());
            }
            self.revision = revision;
            self.history.push_back((now, Change { revision, key, record }));
        }
        let forgotten = self.history.len().saturating_sub(HISTORY_MAX);
        if let Some((_, last)) = forgotten.checked_sub(1).and_then(|last| self.history.get(last)) {
            self.compact(last.revision);
        }
        self.revision
    }

    /// Forgets the changes before this revision.
    pub fn compact(&mut self, revision: u64) {
        self.compacted = self.compacted.max(revision.min(self.revision));
        while self.history.front().is_some_and(|(_, change)| change.revision < self.compacted) {
            self.history.pop_front();
        }
    }

    /// Makes a lease.
    pub fn grant(&mut self, now: Duration, time: Duration) -> Lease {
        self.leases_made += 1;
        let lease = Lease(self.leases_made);
        self.leases.insert(lease, Granted { time, expires_at: now + time, keys: BTreeSet::new() });
        self.no_end_before = self.no_end_before.min(now + time);
        lease
    }

    /// Lets a lease last its full time from now on.
    ///
    /// # Errors
    /// [`StoreError::LeaseEnded`].
    pub fn keep_alive(&mut self, now: Duration, lease: Lease) -> Result<(), StoreError> {
        let granted = self.leases.get_mut(&lease).ok_or(StoreError::LeaseEnded)?;
        granted.expires_at = now + granted.time;
        Ok(())
    }

    /// Lets every lease last its full time from now on, as etcd does after it was away.
    pub fn renew_all(&mut self, now: Duration) {
        for granted in self.leases.values_mut() {
            granted.expires_at = now + granted.time;
        }
    }

    /// Ends a lease, and deletes the records under it at one revision.
    pub fn revoke(&mut self, now: Duration, lease: Lease) {
        let keys = self.leases.get_mut(&lease).map(|granted| std::mem::take(&mut granted.keys));
        self.write(now, keys.into_iter().flatten().map(|key| (key, Write::Delete)).collect());
        self.leases.remove(&lease);
    }

    /// When the next lease ends, unless it is kept alive.
    pub fn next_expiry(&self) -> Option<Duration> {
        self.leases.values().map(|granted| granted.expires_at).min()
    }

    /// Ends the leases whose time is over.
    pub fn expire(&mut self, now: Duration) {
        if now < self.no_end_before {
            return;
        }
        while let Some(at) = self.next_expiry().filter(|at| *at <= now) {
            let due = self.leases.iter().find(|(_, granted)| granted.expires_at == at).map(|(lease, _)| *lease);
            self.revoke(at, due.expect("one of them ends then"));
        }
        self.no_end_before = self.next_expiry().unwrap_or(Duration::MAX);
    }

    /// The changes of keys with this prefix since revision `from`, as far as they happened at `until` or before.
    ///
    /// # Errors
    /// [`StoreError::Compacted`].
    pub fn changes(&self, prefix: &str, from: u64, until: Duration) -> Result<Vec<Change>, StoreError> {
        if from < self.compacted {
            return Err(StoreError::Compacted(self.compacted));
        }
        let first = self.history.partition_point(|(_, change)| change.revision < from);
        let seen = self.history.range(first..).take_while(|(at, _)| *at <= until).map(|(_, change)| change);
        Ok(seen.filter(|change| change.key.starts_with(prefix)).cloned().collect())
    }

    /// The revision of the store at this time.
    pub fn revision_at(&self, time: Duration) -> u64 {
        let later = self.history.partition_point(|(at, _)| *at <= time);
        self.history.get(later).map_or(self.revision, |(_, change)| change.revision - 1)
    }

    /// When the first change after this revision happened.
    pub fn changed_at(&self, revision: u64) -> Option<Duration> {
        let next = self.history.partition_point(|(_, change)| change.revision <= revision);
        self.history.get(next).map(|(at, _)| *at)
    }
}
