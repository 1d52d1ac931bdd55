//! How many there are, in all and per network.

use std::collections::HashMap;
use std::net::IpAddr;

/// Places of one kind.
#[derive(Debug)]
pub struct Places {
    taken: usize,
    /// At most one entry per place.
    networks: HashMap<IpAddr, usize>,
    all_max: usize,
    per_network_max: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// All are taken.
    All,
    /// The network has as many as it may have.
    Network,
}

impl Places {
    /// So many places in all, and so many for each network.
    pub fn new(all_max: usize, per_network_max: usize) -> Places {
        Places { taken: 0, networks: HashMap::new(), all_max, per_network_max }
    }

    /// Takes other numbers. Places that are taken stay.
    pub fn limit(&mut self, all_max: usize, per_network_max: usize) {
        (self.all_max, self.per_network_max) = (all_max, per_network_max);
    }

    /// Takes a place. Without a network, only the number in all counts.
    ///
    /// # Errors
    /// There is none left.
    pub fn take(&mut self, network: Option<IpAddr>) -> Result<(), Full> {
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

    /// Gives a place back.
    ///
    /// # Panics
    /// If no such place was taken.
    pub fn give_back(&mut self, network: Option<IpAddr>) {
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

    /// Places that are taken.
    pub fn taken(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_fills_before_the_rest_does_and_a_place_that_is_given_back_is_free() {
        let mut places = Places::new(3, 2);
        let (one, other) = (Some([10, 0, 0, 1].into()), Some([10, 0, 0, 2].into()));
        assert_eq!([places.take(one), places.take(one), places.take(one)], [Ok(()), Ok(()), Err(Full::Network)]);
        assert_eq!(places.take(other), Ok(()));
        assert_eq!([places.take(Some([10, 0, 0, 3].into())), places.take(None)], [Err(Full::All); 2]);
        places.give_back(one);
        assert_eq!(places.take(one), Ok(()));
        assert_eq!(places.taken(), 3);
    }

    #[test]
    fn no_entry_is_left_of_a_network_without_places() {
        let mut places = Places::new(10, 1);
        let network = Some([10, 0, 0, 1].into());
        places.take(network).unwrap();
        places.give_back(network);
        assert!(places.networks.is_empty());
    }
}
