//! How many there are, in all, per network, and per site, which is a /48 of IPv6.

use super::{SITE_NETWORKS, site_of};
use std::collections::HashMap;
use std::net::IpAddr;

/// Places of one kind.
#[derive(Debug)]
pub struct Places {
    taken: usize,
    /// At most one entry per place, as in `sites`.
    networks: HashMap<IpAddr, usize>,
    sites: HashMap<IpAddr, usize>,
    all_max: usize,
    per_network_max: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// All are taken.
    All,
    /// The network, or its site, has as many as it may have.
    Network,
}

impl Places {
    /// So many places in all, and so many for each network. A site has those of 16 networks.
    pub fn new(all_max: usize, per_network_max: usize) -> Places {
        Places { taken: 0, networks: HashMap::new(), sites: HashMap::new(), all_max, per_network_max }
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
            let site = site_of(network);
            let of_site_max = self.per_network_max.saturating_mul(SITE_NETWORKS as usize);
            let is_site_full = site.is_some_and(|site| count(&self.sites, site) >= of_site_max);
            if is_site_full || count(&self.networks, network) >= self.per_network_max {
                return Err(Full::Network);
            }
            *self.networks.entry(network).or_default() += 1;
            if let Some(site) = site {
                *self.sites.entry(site).or_default() += 1;
            }
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
        decrease(&mut self.networks, network);
        if let Some(site) = site_of(network) {
            decrease(&mut self.sites, site);
        }
    }

    /// Places that are taken.
    pub fn taken(&self) -> usize {
        self.taken
    }
}

fn count(counts: &HashMap<IpAddr, usize>, network: IpAddr) -> usize {
    counts.get(&network).copied().unwrap_or(0)
}

/// No entry is left of a network without places.
fn decrease(counts: &mut HashMap<IpAddr, usize>, network: IpAddr) {
    match counts[&network] - 1 {
        0 => {
            counts.remove(&network);
        }
        left => {
            counts.insert(network, left);
        }
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
        for network in ["10.0.0.1", "2001:db8::"].map(|network| Some(network.parse().unwrap())) {
            places.take(network).unwrap();
            places.give_back(network);
            assert!(places.networks.is_empty() && places.sites.is_empty());
        }
    }

    #[test]
    fn a_customer_with_65_536_networks_has_the_places_of_16_and_its_neighbour_has_its_own() {
        let mut places = Places::new(100_000, 3);
        let network = |site: u16, number: u16| Some(IpAddr::from([0x2001, 0xdb8, site, number, 0, 0, 0, 0]));
        let taken = (0..=u16::MAX).filter(|&number| places.take(network(1, number)).is_ok()).count();
        assert_eq!(taken, 48);
        assert_eq!(places.take(network(1, 65_535)), Err(Full::Network));
        assert_eq!(places.take(network(2, 0)), Ok(()));
        places.give_back(network(1, 0));
        assert_eq!(places.take(network(1, 65_535)), Ok(()));
    }
}
