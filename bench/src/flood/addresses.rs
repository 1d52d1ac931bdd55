//! Addresses: players, joining clients and the flood use separate subnets of 127.0.0.0/8.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use std::net::Ipv4Addr;

/// Clients that join during a flood share this address, as behind carrier-grade NAT.
pub const JOINER_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 9, 9, 9);
/// Hosts of the subnet that sends handshakes.
pub const HANDSHAKE_HOSTS: u8 = 254;

/// A host of the subnet that sends handshakes, modulo [`HANDSHAKE_HOSTS`].
pub fn handshake_source(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 77, 3, (number % usize::from(HANDSHAKE_HOSTS)) as u8 + 1)
}

/// A random address of 127.0.0.0/8, outside the subnets of players and joining clients.
fn random_source(random: &mut ChaCha8Rng) -> Ipv4Addr {
    loop {
        let [b, c, d, _] = random.next_u32().to_le_bytes();
        // The first and the last address of a network are not valid sources.
        let source = Ipv4Addr::new(127, b, c, d.clamp(1, 254));
        if !same_subnet(source, JOINER_ADDRESS) && !same_subnet(source, Ipv4Addr::LOCALHOST) {
            return source;
        }
    }
}

/// Forged addresses, each used for one burst of datagrams.
pub struct ForgedAddresses {
    burst: usize,
    left: usize,
    source: Ipv4Addr,
}

impl ForgedAddresses {
    pub fn new(burst: usize) -> Self {
        ForgedAddresses { burst, left: 0, source: Ipv4Addr::LOCALHOST }
    }

    /// The source address of the next datagram, and whether it begins a burst.
    pub fn next(&mut self, random: &mut ChaCha8Rng) -> (Ipv4Addr, bool) {
        let begins = self.left == 0;
        if begins {
            (self.source, self.left) = (random_source(random), self.burst);
        }
        self.left -= 1;
        (self.source, begins)
    }
}

/// Whether both are in the same /24.
fn same_subnet(one: Ipv4Addr, other: Ipv4Addr) -> bool {
    one.octets()[..3] == other.octets()[..3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;
    use std::collections::HashSet;

    #[test]
    fn forged_sources_cover_loopback_except_the_subnets_of_players_and_joiners() {
        let mut random = ChaCha8Rng::from_seed([7; 32]);
        let sources: HashSet<Ipv4Addr> = (0..200_000).map(|_| random_source(&mut random)).collect();
        assert!(sources.len() > 190_000, "{} of 200,000 differ", sources.len());
        for source in sources {
            assert!(source.is_loopback());
            assert!((1..=254).contains(&source.octets()[3]), "{source}");
            assert!(!same_subnet(source, JOINER_ADDRESS) && !same_subnet(source, Ipv4Addr::LOCALHOST), "{source}");
        }
    }

    #[test]
    fn a_burst_comes_from_one_address() {
        let mut random = ChaCha8Rng::from_seed([7; 32]);
        let mut forged = ForgedAddresses::new(3);
        let drawn: Vec<(Ipv4Addr, bool)> = (0..9).map(|_| forged.next(&mut random)).collect();
        for burst in drawn.chunks(3) {
            assert!(burst.iter().all(|(source, _)| *source == burst[0].0));
            assert_eq!([burst[0].1, burst[1].1, burst[2].1], [true, false, false]);
        }
        assert!(drawn[0].0 != drawn[3].0 && drawn[3].0 != drawn[6].0);
    }

    #[test]
    fn handshakes_come_from_every_host_of_one_subnet() {
        let hosts: HashSet<Ipv4Addr> = (0..1_000).map(handshake_source).collect();
        assert_eq!(hosts.len(), usize::from(HANDSHAKE_HOSTS));
        assert!(hosts.iter().all(|&host| same_subnet(host, Ipv4Addr::new(127, 77, 3, 1))));
        assert!(hosts.iter().all(|host| (1..=254).contains(&host.octets()[3])));
    }
}
