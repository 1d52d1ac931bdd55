//! What can change while an endpoint runs: limits, and networks that are denied or not limited.

use super::networks::Networks;
use crate::gateway::GatewayKey;
use core::net::IpAddr;

/// The limits of an endpoint. All rates are per endpoint: a server divides its own rates among its cores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Key exchanges per second.
    pub handshakes_per_second: u64,
    /// Key exchanges per second for one IPv4 address, or one IPv6 /64.
    pub address_handshakes_per_second: u64,
    /// Key exchanges at once for one IPv4 address, or one IPv6 /64.
    pub address_handshakes_at_once: u64,
    /// Messages per second that a client may send; None for no limit.
    pub connection_messages_per_second: Option<u64>,
    /// Bytes per second that a client may send; None for no limit.
    pub connection_bytes_per_second: Option<u64>,
    /// Bytes of messages per second that are sent to a client; None for no limit.
    pub connection_send_bytes_per_second: Option<u64>,
    /// Clients in these networks cannot connect, and are disconnected.
    pub denied: Networks,
    /// Clients in these networks are never denied, and not limited by address.
    pub allowed: Networks,
    /// The gateways that may vouch for the addresses of their clients.
    pub gateways: Vec<GatewayKey>,
}

impl Default for Policy {
    /// Only the limits of the endpoint as a whole: for tests and load generators, whose clients share an address.
    fn default() -> Self {
        Policy {
            handshakes_per_second: u64::MAX,
            address_handshakes_per_second: u64::MAX,
            address_handshakes_at_once: u64::MAX,
            connection_messages_per_second: None,
            connection_bytes_per_second: None,
            connection_send_bytes_per_second: None,
            denied: Networks::default(),
            allowed: Networks::default(),
            gateways: Vec::new(),
        }
    }
}

impl Policy {
    /// Whether clients at `address` may not connect.
    pub fn denies(&self, address: IpAddr) -> bool {
        self.denied.contain(address) && !self.allowed.contain(address)
    }
}

#[cfg(test)]
mod tests {
    use super::super::networks::tests::network;
    use super::*;

    #[test]
    fn the_allowed_are_not_denied() {
        let policy = Policy {
            denied: [network("0.0.0.0/0"), network("::/0")].into_iter().collect(),
            allowed: [network("198.51.100.0/24")].into_iter().collect(),
            ..Policy::default()
        };
        assert!(policy.denies("203.0.113.1".parse().unwrap()) && policy.denies("::1".parse().unwrap()));
        assert!(
            !policy.denies("198.51.100.3".parse().unwrap()) && !policy.denies("::ffff:198.51.100.3".parse().unwrap())
        );
    }
}
