//! A connection gets a place if it is within the limits of its network and of the door.

use super::super::counters::Counters;
use super::super::settings::LoginSettings;
use super::slots::{Slot, Slots};
use crate::counters::count;
use ringshard_operation::admission::{Arrivals, Full, network_of};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// The limits.
pub(super) struct Admission {
    arrivals: Mutex<Arrivals>,
    began: Instant,
    slots: Arc<Slots>,
    counters: Arc<Counters>,
}

impl Admission {
    pub(super) fn new(settings: &LoginSettings, counters: Arc<Counters>) -> Arc<Admission> {
        Arc::new(Admission {
            arrivals: Mutex::new(Arrivals::new(settings.connection_every, settings.connections_burst)),
            began: Instant::now(),
            slots: Slots::new(settings.connections_max, settings.connections_per_network_max),
            counters,
        })
    }

    /// A place for a client from this address, if there is one.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Slot> {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        if !arrivals.arrive(network_of(address), self.began.elapsed()) {
            count(&self.counters.connections_fast);
            return None;
        }
        drop(arrivals);
        match self.slots.take(address) {
            Ok(slot) => {
                count(&self.counters.connections);
                Some(slot)
            }
            Err(full) => {
                self.refused(full);
                None
            }
        }
    }

    /// Counts a connection for which there is no place.
    pub(super) fn refused(&self, full: Full) {
        match full {
            Full::All => count(&self.counters.connections_full),
            Full::Network => count(&self.counters.connections_network_full),
        }
    }

    /// Connections that have a place.
    pub(super) fn taken(&self) -> usize {
        self.slots.taken()
    }
}
