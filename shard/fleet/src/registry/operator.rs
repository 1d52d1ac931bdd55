//! Orders to hosts, and the audit. An order and its entry in the audit are written together or not at all.

use super::Keys;
use super::zone_record::ZoneRecord;
use crate::model::{AuditEntry, Changed, DrainOrder, Host, Name, Order, Orders, RunId};
use crate::store::{Commit, Committed, Condition, Record, Store, StoreError};
use serde::de::DeserializeOwned;

/// How often a change is tried again, because another operator was faster.
const ATTEMPTS_MAX: usize = 8;
/// Longest reason and longest name of an operator, in characters.
const TEXT_CHARACTERS_MAX: usize = 200;

/// An order that was not given.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The store does not answer or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such host.
    #[error("no live host is named {0}: `ringshard fleet list` shows those that are")]
    NoHost(Name),
    /// The host has started again since it was looked at.
    #[error("{0} has started again since it was looked at: `ringshard fleet show {0}` shows it as it is now")]
    OtherRun(Name),
    /// Others changed the orders of the host all the time.
    #[error("others change the orders of {0} at the same time: try again")]
    Contended(Name),
    /// What the registry has cannot be read by this version.
    #[error("this version cannot read {0} in the registry: {1}")]
    Unreadable(String, serde_json::Error),
}

/// Gives orders to the hosts of a fleet, in the name of one operator.
#[derive(Clone)]
pub struct Operator {
    store: Store,
    keys: Keys,
    by: String,
}

/// When and why an order is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Occasion {
    /// The time, in milliseconds since 1970.
    pub at_ms: u64,
    /// A random number. It keeps apart what is written in the same millisecond.
    pub random: u64,
    /// Why. Empty: nobody says.
    pub reason: String,
}

impl Operator {
    /// Gives orders in the name of `by`: best the name of a person and of the program.
    pub fn new(store: Store, keys: Keys, by: &str) -> Self {
        Operator { store, keys, by: short(by) }
    }

    /// Puts a host into maintenance, or takes it out of it. The host need not be alive. Gives whether that changed anything;
    /// if not, nothing is written.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn set_maintenance(&self, host: &Name, on: bool, occasion: &Occasion) -> Result<bool, OrderError> {
        let order = self.order(occasion);
        let changed = Changed::Maintenance { host: host.clone(), on };
        self.change(host, changed, occasion, |orders| {
            let differs = orders.maintenance.is_some() != on;
            if differs {
                orders.maintenance = on.then(|| order.clone());
            }
            differs
        })
        .await
    }

    /// Tells the present run of a host to drain. Gives that run. Telling it twice changes nothing.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn drain(&self, host: &Name, occasion: &Occasion) -> Result<RunId, OrderError> {
        let run = self.present_run(host).await?;
        self.order_drain(host, run, occasion).await?;
        Ok(run)
    }

    /// Tells this run of a host to drain, which was looked at before. A host that has started again meanwhile goes on.
    ///
    /// # Errors
    /// [`OrderError::OtherRun`], or another one.
    pub async fn drain_run(&self, host: &Name, run: RunId, occasion: &Occasion) -> Result<(), OrderError> {
        if self.present_run(host).await? != run {
            return Err(OrderError::OtherRun(host.clone()));
        }
        // The order names the run: one that starts now does not obey it.
        self.order_drain(host, run, occasion).await
    }

    async fn present_run(&self, host: &Name) -> Result<RunId, OrderError> {
        let record: Option<Host> = self.read(&self.keys.record(host)).await?.map(|(host, _)| host);
        record.and_then(|host| host.run).ok_or_else(|| OrderError::NoHost(host.clone()))
    }

    async fn order_drain(&self, host: &Name, run: RunId, occasion: &Occasion) -> Result<(), OrderError> {
        let order = DrainOrder { run, order: self.order(occasion) };
        let changed = Changed::Drain { host: host.clone(), run };
        self.change(host, changed, occasion, |orders| {
            let differs = orders.drain.as_ref().is_none_or(|drain| drain.run != run);
            if differs {
                orders.drain = Some(order.clone());
            }
            differs
        })
        .await
        .map(drop)
    }

    /// The audit, oldest first: its latest `most` entries.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn audit(&self, most: usize) -> Result<Vec<AuditEntry>, OrderError> {
        let listing = self.store.list(&self.keys.audit()).await?;
        let latest = listing.records.iter().rev().take(most);
        let mut entries = latest
            .map(|(key, record)| {
                serde_json::from_slice(&record.value).map_err(|error| OrderError::Unreadable(key.clone(), error))
            })
            .collect::<Result<Vec<_>, _>>()?;
        entries.reverse();
        Ok(entries)
    }

    /// What writes the entry of the audit about a change.
    pub(super) fn audit_commit(&self, changed: Changed, occasion: &Occasion) -> Commit {
        let entry = AuditEntry { at_ms: occasion.at_ms, by: self.by.clone(), changed, reason: short(&occasion.reason) };
        let entry = serde_json::to_vec(&entry).expect("an entry is plain data");
        let key = self.keys.audit_entry(occasion.at_ms, occasion.random);
        Commit::put(&*key, entry, None).when(&*key, Condition::Absent)
    }

    pub(super) fn zone_record(&self) -> ZoneRecord {
        ZoneRecord::new(self.store.clone(), self.keys.clone())
    }

    /// Where the record of a host is.
    pub(super) fn host_key(&self, host: &Name) -> String {
        self.keys.record(host)
    }

    /// The record of a host. None: it is not alive.
    pub(super) async fn host_record(&self, host: &Name) -> Result<Option<Record>, StoreError> {
        self.store.get(&self.host_key(host)).await
    }

    pub(super) fn order(&self, occasion: &Occasion) -> Order {
        Order { by: self.by.clone(), at_ms: occasion.at_ms, reason: short(&occasion.reason) }
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<(T, Record)>, OrderError> {
        let Some(record) = self.store.get(key).await? else { return Ok(None) };
        let value = serde_json::from_slice(&record.value);
        value.map(|value| Some((value, record))).map_err(|error| OrderError::Unreadable(key.to_owned(), error))
    }

    /// Changes the orders of a host as `change` does, which gives whether it did.
    async fn change(
        &self,
        host: &Name,
        changed: Changed,
        occasion: &Occasion,
        change: impl Fn(&mut Orders) -> bool,
    ) -> Result<bool, OrderError> {
        let key = self.keys.orders(host);
        let audit = self.audit_commit(changed, occasion);
        for _ in 0..ATTEMPTS_MAX {
            let before: Option<(Orders, Record)> = self.read(&key).await?;
            let condition = Condition::unchanged(before.as_ref().map(|(_, record)| record));
            let mut orders = before.map(|(orders, _)| orders).unwrap_or_default();
            if !change(&mut orders) {
                return Ok(false);
            }
            let write = match orders.is_empty() {
                true => Commit::delete(&*key),
                false => Commit::put(&*key, serde_json::to_vec(&orders).expect("orders are plain data"), None),
            };
            let write = write.when(&*key, condition).and(audit.clone());
            if let Committed::Done { .. } = self.store.commit(write).await? {
                return Ok(true);
            }
        }
        Err(OrderError::Contended(host.clone()))
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(TEXT_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use serde_json::json;

    #[tokio::test]
    async fn a_host_that_started_again_is_not_drained_in_place_of_the_run_that_was_looked_at() {
        let (store, keys) = (Store::Memory(MemoryStore::new()), Keys::new("/f/"));
        let operator = Operator::new(store.clone(), keys.clone(), "anna");
        let occasion = Occasion { at_ms: 1, random: 1, reason: String::new() };
        let [name, other]: [Name; 2] = ["a", "b"].map(|text| text.parse().unwrap());
        let record = json!({
            "name": name, "run": RunId(2), "region": "eu", "address": "a:1", "key": "", "version": "2", "capacity": 1, "state": "ready",
        });
        let record = serde_json::to_vec(&record).unwrap();
        store.commit(Commit::put(&*keys.record(&name), record, None)).await.unwrap();
        let fault = operator.drain_run(&name, RunId(1), &occasion).await.unwrap_err();
        assert!(matches!(fault, OrderError::OtherRun(_)), "{fault}");
        assert!(store.get(&keys.orders(&name)).await.unwrap().is_none(), "nothing was ordered");
        operator.drain_run(&name, RunId(2), &occasion).await.unwrap();
        assert!(store.get(&keys.orders(&name)).await.unwrap().is_some());
        let fault = operator.drain_run(&other, RunId(2), &occasion).await.unwrap_err();
        assert!(matches!(fault, OrderError::NoHost(_)), "{fault}");
    }
}
