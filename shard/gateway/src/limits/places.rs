//! How many there are, in all and per network.

use std::collections::HashMap;
use std::net::IpAddr;

/// Places of one kind.
#[derive(Debug)]
pub(super) struct Places {
    taken: usize,
    /// At most one entry per place.
    networks: HashMap<IpAddr, usize>,
    all_max: usize,
    per_network_max: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Full {
    All,
    Network,
}

impl Places {
    pub(super) fn new(all_max: usize, per_network_max: usize) -> Places {
        Places { taken: 0, networks: HashMap::new(), all_max, per_network_max }
    }

    pub(super) fn limit(&mut self, all_max: usize, per_network_max: usize) {
        (self.all_max, self.per_network_max) = (all_max, per_network_max);
    }

    /// Takes a place. Without a network, only the number in all counts.
    pub(super) fn take(&mut self, network: Option<IpAddr>) -> Result<(), Full> {
        if self.taken >= self.all_max {
            return Err(Full::All);
        }
        if let Some(network) = network {
            let of_network = self.networks.get(&network).copied().unwrap_or(0);
            if of_network >= self.per_network_max {
                return Err(Full::Network);
            }
            self.networks.insert(network, of_network + 1);
        }
        self.taken += 1;
        Ok(())
    }

    /// # Panics
    /// If no such place was taken.
    pub(super) fn give_back(&mut self, network: Option<IpAddr>) {
        assert!(self.taken > 0, "a place that is given back was taken");
        self.taken -= 1;
        let Some(network) = network else { return };
        match self.networks[&network] - 1 {
            0 => {
                self.networks.remove(&network);
            }
            left => {
                self.networks.insert(network, left);
            }
        }
    }

    pub(super) fn taken(&self) -> usize {
        self.taken
    }
}
