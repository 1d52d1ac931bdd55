//! The record of the zones, and how it changes.

use super::Keys;
use crate::model::{ZoneError, Zones};
use crate::store::{Commit, Committed, Condition, Record, Store, StoreError};

/// How often a change is tried again, because another was faster.
const ATTEMPTS_MAX: usize = 8;

/// Why the zones stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum ZoneChangeError {
    /// The store does not answer or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// They cannot be changed so.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// Another condition did not hold.
    #[error("the registry has changed meanwhile")]
    Refused,
    /// Others changed the zones all the time.
    #[error("others change the zones at the same time: try again")]
    Contended,
    /// What the registry has cannot be read by this version.
    #[error("this version cannot read {0} in the registry: {1}")]
    Unreadable(String, serde_json::Error),
}

/// The record of the zones.
#[derive(Clone)]
pub struct ZoneRecord {
    store: Store,
    keys: Keys,
}

impl ZoneRecord {
    /// The record in this store.
    pub fn new(store: Store, keys: Keys) -> Self {
        ZoneRecord { store, keys }
    }

    /// The zones as they are now.
    ///
    /// # Errors
    /// [`ZoneChangeError`].
    pub async fn read(&self) -> Result<Zones, ZoneChangeError> {
        self.read_record().await.map(|(zones, _)| zones)
    }

    /// Changes the zones as `change` does, together with `also` and under its conditions. `change` gives whether it has changed
    /// anything; if not, nothing is written. It is called again when another change was faster. Gives whether something changed.
    ///
    /// # Errors
    /// [`ZoneChangeError`].
    pub async fn change(
        &self,
        also: Commit,
        change: impl Fn(&mut Zones) -> Result<bool, ZoneError>,
    ) -> Result<bool, ZoneChangeError> {
        let key = self.keys.zones();
        for _ in 0..ATTEMPTS_MAX {
            let (mut zones, record) = self.read_record().await?;
            if !change(&mut zones)? {
                return Ok(false);
            }
            let condition = Condition::unchanged(record.as_ref());
            let value = serde_json::to_vec(&zones).expect("zones are plain data");
            let write = Commit::put(&*key, value, None).when(&*key, condition).and(also.clone());
            match self.store.commit(write).await? {
                Committed::Done { .. } => return Ok(true),
                // Its own condition comes first.
                Committed::Refused { found } => {
                    if found.first().is_some_and(|found| Condition::unchanged(found.as_ref()) == condition) {
                        return Err(ZoneChangeError::Refused);
                    }
                }
            }
        }
        Err(ZoneChangeError::Contended)
    }

    async fn read_record(&self) -> Result<(Zones, Option<Record>), ZoneChangeError> {
        let key = self.keys.zones();
        let Some(record) = self.store.get(&key).await? else { return Ok((Zones::default(), None)) };
        let zones = serde_json::from_slice(&record.value).map_err(|error| ZoneChangeError::Unreadable(key, error))?;
        Ok((zones, Some(record)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, Owner, RunId};
    use crate::store::MemoryStore;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn of_two_hosts_that_take_a_zone_one_is_refused() {
        let store = Store::Memory(MemoryStore::default());
        let zones = ZoneRecord::new(store.clone(), Keys::new("/f/"));
        let area = "0,0..100,100".parse().unwrap();
        assert!(zones.change(Commit::default(), |zones| zones.create(&name("a"), area).map(|()| true)).await.unwrap());
        let take = |host: &'static str, run| {
            let zones = zones.clone();
            async move {
                let also = Commit::default();
                zones.change(also, |zones| zones.take(&name("a"), None, &name(host), RunId(run)).map(|()| true)).await
            }
        };
        let (one, other) = tokio::join!(take("h1", 1), take("h2", 2));
        assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|&&is_ok| is_ok).count(), 1, "{one:?} {other:?}");
    }

    #[tokio::test]
    async fn who_follows_the_zones_sees_each_change() {
        let store = Store::Memory(MemoryStore::default());
        let zones = ZoneRecord::new(store.clone(), Keys::new("/f/"));
        let mut reader = crate::registry::follow_zones(store, Keys::new("/f/"), 1);
        assert!(reader.loaded().await.zones.is_empty());
        for (zone, area) in [("a", "0,0..100,100"), ("b", "100,0..200,100")] {
            let area = area.parse().unwrap();
            zones.change(Commit::default(), |zones| zones.create(&name(zone), area).map(|()| true)).await.unwrap();
            reader.directory.wait_for(|directory| directory.zones.zones.contains_key(&name(zone))).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_zone_is_taken_over_only_when_its_host_has_no_lease_any_more() {
        let store = Store::Memory(MemoryStore::default());
        let keys = Keys::new("/f/");
        let zones = ZoneRecord::new(store.clone(), keys.clone());
        let area = "0,0..100,100".parse().unwrap();
        let change = |zones: &mut Zones| {
            zones.create(&name("a"), area)?;
            zones.take(&name("a"), None, &name("h1"), RunId(1)).map(|()| true)
        };
        zones.change(Commit::default(), change).await.unwrap();
        let record = keys.record(&name("h1"));
        store.commit(Commit::put(&*record, b"alive".to_vec(), None)).await.unwrap();
        let gone = || Commit::default().when(&*record, Condition::Absent);
        let from = Owner { host: name("h1"), run: Some(RunId(1)) };
        let take = |zones: &mut Zones| zones.take(&name("a"), Some(&from), &name("h2"), RunId(2)).map(|()| true);
        assert!(matches!(zones.change(gone(), take).await, Err(ZoneChangeError::Refused)));
        store.commit(Commit::delete(&*record)).await.unwrap();
        assert!(zones.change(gone(), take).await.unwrap());
        assert_eq!(zones.read().await.unwrap().owned_by(&name("h2"), RunId(2)).count(), 1);
    }
}
