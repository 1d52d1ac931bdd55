//! Which addresses were named in the log.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

/// Addresses that are remembered. When that many were named, the log names all of them anew.
const ADDRESSES_MAX: usize = 4_096;
/// Lines in the log per minute.
const LINES_MAX: u32 = 60;

/// Allows one line per address, and a bounded number per minute.
#[derive(Default, Debug)]
pub(super) struct Complaints {
    named: HashSet<IpAddr>,
    minute: u64,
    lines: u32,
}

impl Complaints {
    /// Whether to log a refusal of `from` at `now`, in milliseconds since 1970.
    pub(super) fn allow(&mut self, now: u64, from: IpAddr) -> bool {
        let minute = now / 60_000;
        if minute != self.minute {
            (self.minute, self.lines) = (minute, 0);
        }
        let network = network(from);
        if self.lines >= LINES_MAX || self.named.contains(&network) {
            return false;
        }
        if self.named.len() >= ADDRESSES_MAX {
            self.named.clear();
        }
        self.named.insert(network);
        self.lines += 1;
        true
    }
}

/// The address; of IPv6, the /64, because one host has all of it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}
