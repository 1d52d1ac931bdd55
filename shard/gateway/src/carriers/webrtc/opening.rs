//! Peers whose channel is not open yet, counted per network.

use super::bounds::{OPENING_PEERS_MAX, OPENING_PEERS_PER_ADDRESS_MAX};
use crate::limits::{Refused, network_of};
use std::collections::HashMap;
use std::net::IpAddr;

/// At most [`OPENING_PEERS_MAX`] entries.
#[derive(Default)]
pub(super) struct Opening {
    networks: HashMap<IpAddr, usize>,
    all: usize,
}

impl Opening {
    /// A peer begins.
    ///
    /// # Errors
    /// If too many have begun and are not done.
    pub(super) fn begin(&mut self, from: IpAddr) -> Result<(), Refused> {
        if self.all >= OPENING_PEERS_MAX {
            return Err(Refused::Full);
        }
        let of_network = self.networks.entry(network_of(from)).or_default();
        if *of_network >= OPENING_PEERS_PER_ADDRESS_MAX {
            return Err(Refused::AddressFull);
        }
        *of_network += 1;
        self.all += 1;
        Ok(())
    }

    /// A peer that began has opened its channel, or is gone.
    ///
    /// # Panics
    /// If no peer of this network has begun.
    pub(super) fn done(&mut self, from: IpAddr) {
        let network = network_of(from);
        let of_network = self.networks.get_mut(&network).expect("a peer that is done has begun");
        *of_network -= 1;
        if *of_network == 0 {
            self.networks.remove(&network);
        }
        self.all -= 1;
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.all
    }
}
