//! Where a datagram comes from.

use crate::link::Path;
use core::net::{IpAddr, SocketAddr};

/// A client behind a gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    /// The client's address, for which the gateway vouches.
    pub(super) address: SocketAddr,
    /// The name of the gateway's key.
    pub(super) gateway: u64,
}

/// Where a datagram comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    /// The way that it came, and that answers go.
    pub(super) path: Path,
    /// The client, if a gateway vouches for it.
    pub(super) origin: Option<Origin>,
}

impl Sender {
    /// The client's address: the peer of the path or, if a gateway vouches for it, the address behind the gateway. Limits
    /// and deny lists are for this one.
    pub(super) fn address(&self) -> SocketAddr {
        self.origin.map_or(self.path.peer, |origin| origin.address)
    }

    pub(super) fn ip(&self) -> IpAddr {
        self.address().ip()
    }

    /// What a cookie is bound to.
    pub(super) fn addresses(&self) -> [SocketAddr; 2] {
        [self.path.peer, self.address()]
    }
}
