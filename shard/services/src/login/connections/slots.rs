//! The places of the door for connections.

use ringshard_operation::admission::{Full, Places, network_of};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places.
#[derive(Debug)]
pub(super) struct Slots(Mutex<Places>);

/// One place. It is free again once this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    network: IpAddr,
}

impl Slots {
    pub(super) fn new(all_max: usize, per_network_max: usize) -> Arc<Slots> {
        Arc::new(Slots(Mutex::new(Places::new(all_max, per_network_max))))
    }

    pub(super) fn take(self: &Arc<Slots>, from: IpAddr) -> Result<Slot, Full> {
        let network = network_of(from);
        self.lock().take(Some(network))?;
        Ok(Slot { slots: Arc::clone(self), network })
    }

    /// Connections that have a place.
    pub(super) fn taken(&self) -> usize {
        self.lock().taken()
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().give_back(Some(self.network));
    }
}
