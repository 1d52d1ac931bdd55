//! Where a datagram comes from.

use crate::link::Path;
use core::net::{IpAddr, SocketAddr};

/// Where a datagram comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    /// The way that it came, and that answers go.
    pub(super) path: Path,
    /// The client's address: the peer of the path or, if a gateway vouches for it, the address behind the gateway. Limits
    /// and deny lists are for this one.
    pub(super) address: SocketAddr,
}

impl Sender {
    pub(super) fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// What a cookie is bound to.
    pub(super) fn addresses(&self) -> [SocketAddr; 2] {
        [self.path.peer, self.address]
    }

    /// The client's address, if it is behind a gateway.
    pub(super) fn origin(&self) -> Option<SocketAddr> {
        (self.address != self.path.peer).then_some(self.address)
    }
}
