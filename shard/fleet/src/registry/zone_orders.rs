//! Orders of operators about zones. An order and its entry in the audit are written together or not at all.

use super::operator::{Occasion, Operator};
use super::zone_record::ZoneChangeError;
use crate::model::{Area, Changed, Cut, Host, HostState, Name, Owner, ZoneError, Zones};
use crate::store::{Commit, Condition, Record};

/// How often a change is tried again, because others were faster.
const ATTEMPTS_MAX: usize = 8;

impl Operator {
    /// All zones.
    ///
    /// # Errors
    /// [`ZoneChangeError`].
    pub async fn zones(&self) -> Result<Zones, ZoneChangeError> {
        self.zone_record().read().await
    }

    /// Adds a zone. A host that is ready takes it.
    ///
    /// # Errors
    /// [`ZoneChangeError`], here and below.
    pub async fn create_zone(&self, zone: &Name, area: Area, occasion: &Occasion) -> Result<(), ZoneChangeError> {
        let changed = Changed::ZoneCreated { zone: zone.clone(), area };
        self.change_zones(changed, occasion, |zones| zones.create(zone, area).map(|()| true)).await.map(|_| ())
    }

    /// Removes a zone that nobody owns.
    pub async fn remove_zone(&self, zone: &Name, occasion: &Occasion) -> Result<(), ZoneChangeError> {
        let changed = Changed::ZoneRemoved { zone: zone.clone() };
        self.change_zones(changed, occasion, |zones| zones.remove(zone).map(|()| true)).await.map(|_| ())
    }

    /// Cuts a zone in two.
    pub async fn split_zone(
        &self,
        zone: &Name,
        at: Cut,
        new: &Name,
        occasion: &Occasion,
    ) -> Result<(), ZoneChangeError> {
        let changed = Changed::ZoneSplit { zone: zone.clone(), at, new: new.clone() };
        self.reshape(zone, changed, occasion, |zones| zones.split(zone, at, new).map(|()| true)).await
    }

    /// Makes one zone of two.
    pub async fn merge_zones(&self, zone: &Name, with: &Name, occasion: &Occasion) -> Result<(), ZoneChangeError> {
        let changed = Changed::ZonesMerged { zone: zone.clone(), with: with.clone() };
        self.reshape(zone, changed, occasion, |zones| zones.merge(zone, with).map(|()| true)).await
    }

    /// Orders the owner of a zone to hand it over to another host. Gives whether that changed anything.
    pub async fn move_zone(&self, zone: &Name, to: &Name, occasion: &Occasion) -> Result<bool, ZoneChangeError> {
        let changed = Changed::ZoneMove { zone: zone.clone(), to: to.clone() };
        let order = self.order(occasion);
        self.change_zones(changed, occasion, |zones| zones.order_move(zone, to, order.clone())).await
    }

    /// Takes back the order to hand a zone over. Gives whether there was one.
    pub async fn keep_zone(&self, zone: &Name, occasion: &Occasion) -> Result<bool, ZoneChangeError> {
        let changed = Changed::ZoneStays { zone: zone.clone() };
        self.change_zones(changed, occasion, |zones| zones.stop_move(zone)).await
    }

    /// Changes the zones while the owner of this one has its lease, and does not end. What is saved of a zone has its name, and only an owner that
    /// lives saves it under the new names: who takes it over would not find all of it.
    async fn reshape(
        &self,
        zone: &Name,
        changed: Changed,
        occasion: &Occasion,
        change: impl Fn(&mut Zones) -> Result<bool, ZoneError>,
    ) -> Result<(), ZoneChangeError> {
        let audit = self.audit_commit(changed, occasion);
        let owner_of = |zones: &Zones| zones.zones.get(zone).and_then(|zone| zones.owner(zone));
        for _ in 0..ATTEMPTS_MAX {
            let owner = owner_of(&self.zones().await?);
            let lives = match &owner {
                Some(owner) => self.while_it_lives(zone, owner).await?,
                None => Commit::default(),
            };
            let change = |zones: &mut Zones| match &owner {
                Some(owner) if owner_of(zones).as_ref() != Some(owner) => {
                    Err(ZoneError::NotOwner(zone.clone(), owner.host.clone()))
                }
                _ => change(zones),
            };
            match self.zone_record().change(lives.and(audit.clone()), change).await {
                // Its owner has written its record meanwhile, as it does all the time.
                Err(ZoneChangeError::Refused) => {}
                done => return done.map(drop),
            }
        }
        Err(ZoneChangeError::Contended)
    }

    /// The condition that the owner of a zone has not changed its record, and has its lease.
    async fn while_it_lives(&self, zone: &Name, owner: &Owner) -> Result<Commit, ZoneChangeError> {
        let is_there = |record: &Record| {
            let host = serde_json::from_slice::<Host>(&record.value);
            host.is_ok_and(|host| host.run == owner.run && host.state != HostState::Draining)
        };
        let record = self.host_record(&owner.host).await?.filter(is_there);
        let record = record.ok_or_else(|| ZoneError::OwnerEnds(zone.clone(), owner.host.clone()))?;
        Ok(Commit::default().when(self.host_key(&owner.host), Condition::Modified(record.modified)))
    }

    async fn change_zones(
        &self,
        changed: Changed,
        occasion: &Occasion,
        change: impl Fn(&mut Zones) -> Result<bool, ZoneError>,
    ) -> Result<bool, ZoneChangeError> {
        let audit = self.audit_commit(changed, occasion);
        self.zone_record().change(audit, change).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunId;
    use crate::registry::Keys;
    use crate::store::{MemoryStore, Store};
    use serde_json::json;

    #[tokio::test]
    async fn a_zone_whose_owner_has_no_lease_keeps_its_shape() {
        let (store, keys) = (Store::Memory(MemoryStore::new()), Keys::new("/f/"));
        let operator = Operator::new(store.clone(), keys.clone(), "anna");
        let name = |text: &str| -> Name { text.parse().unwrap() };
        let mut random = 0;
        let mut occasion = || {
            random += 1;
            Occasion { at_ms: 1, random, reason: String::new() }
        };
        operator.create_zone(&name("a"), "0,0..100,100".parse().unwrap(), &occasion()).await.unwrap();
        operator.split_zone(&name("a"), Cut::X(50.0), &name("b"), &occasion()).await.expect("nobody has it");
        for zone in ["a", "b"] {
            let take = |zones: &mut Zones| zones.take(&name(zone), None, &name("h"), RunId(1)).map(|()| true);
            operator.zone_record().change(Commit::default(), take).await.unwrap();
        }
        let record = |run, state| {
            let host = json!({
                "name": "h", "run": RunId(run), "region": "eu", "address": "a:1", "key": "", "version": "2", "capacity": 1,
                "state": state,
            });
            Commit::put(&*keys.record(&name("h")), serde_json::to_vec(&host).unwrap(), None)
        };
        for found in [None, Some((2, "ready")), Some((1, "draining"))] {
            if let Some((run, state)) = found {
                store.commit(record(run, state)).await.unwrap();
            }
            let fault = operator.merge_zones(&name("a"), &name("b"), &occasion()).await.unwrap_err();
            assert!(matches!(fault, ZoneChangeError::Zone(ZoneError::OwnerEnds(..))), "{fault}");
            let fault = operator.split_zone(&name("a"), Cut::X(20.0), &name("c"), &occasion()).await.unwrap_err();
            assert!(matches!(fault, ZoneChangeError::Zone(ZoneError::OwnerEnds(..))), "{fault}");
        }
        store.commit(record(1, "ready")).await.unwrap();
        operator.merge_zones(&name("a"), &name("b"), &occasion()).await.unwrap();
        assert_eq!(operator.zones().await.unwrap().zones.len(), 1);
    }
}
