//! Orders of operators about zones. An order and its entry in the audit are written together or not at all.

use super::operator::{Occasion, Operator};
use super::zone_record::ZoneChangeError;
use crate::model::{Area, Changed, Cut, Name, ZoneError, Zones};

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
        self.change_zones(changed, occasion, |zones| zones.split(zone, at, new).map(|()| true)).await.map(|_| ())
    }

    /// Makes one zone of two.
    pub async fn merge_zones(&self, zone: &Name, with: &Name, occasion: &Occasion) -> Result<(), ZoneChangeError> {
        let changed = Changed::ZonesMerged { zone: zone.clone(), with: with.clone() };
        self.change_zones(changed, occasion, |zones| zones.merge(zone, with).map(|()| true)).await.map(|_| ())
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
