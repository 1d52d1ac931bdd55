//! What has begun and is not done yet, counted in all and per network.

use crate::limits::Refused;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

/// Places for what begins. At most one entry per place.
#[derive(Debug)]
pub(super) struct Openings {
    taken: Rc<Taken>,
    all_max: usize,
    per_network_max: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: Cell<usize>,
    networks: RefCell<HashMap<IpAddr, usize>>,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Opening {
    taken: Rc<Taken>,
    network: Option<IpAddr>,
}

impl Openings {
    pub(super) fn new(all_max: usize, per_network_max: usize) -> Openings {
        Openings { taken: Rc::default(), all_max, per_network_max }
    }

    /// Takes a place. Without a network, only the number in all counts: see [`crate::limits::Limits::network`].
    ///
    /// # Errors
    /// If too many have begun and are not done.
    pub(super) fn begin(&self, network: Option<IpAddr>) -> Result<Opening, Refused> {
        let all = self.taken.all.get();
        if all >= self.all_max {
            return Err(Refused::Full);
        }
        if let Some(network) = network {
            let mut networks = self.taken.networks.borrow_mut();
            let of_network = networks.get(&network).copied().unwrap_or(0);
            if of_network >= self.per_network_max {
                return Err(Refused::AddressFull);
            }
            networks.insert(network, of_network + 1);
        }
        self.taken.all.set(all + 1);
        Ok(Opening { taken: Rc::clone(&self.taken), network })
    }

    /// How many places are taken.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.taken.all.get()
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.taken.all.set(self.taken.all.get() - 1);
        let Some(network) = self.network else { return };
        let mut networks = self.taken.networks.borrow_mut();
        match networks[&network] - 1 {
            0 => _ = networks.remove(&network),
            left => _ = networks.insert(network, left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_per_network_and_come_back() {
        let openings = Openings::new(4, 2);
        let (one, other) = (Some([10, 0, 0, 1].into()), Some([10, 0, 0, 2].into()));
        let held = [openings.begin(one).unwrap(), openings.begin(one).unwrap()];
        assert_eq!(openings.begin(one).unwrap_err(), Refused::AddressFull);
        let others = [openings.begin(other).unwrap(), openings.begin(None).unwrap()];
        assert_eq!(openings.begin(None).unwrap_err(), Refused::Full);
        drop((held, others));
        assert!(openings.taken.networks.borrow().is_empty());
        assert_eq!(openings.count(), 0);
    }
}
