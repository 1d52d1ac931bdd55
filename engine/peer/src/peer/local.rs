//! The addresses at which this host may be reached.

use crate::address::own_relayed;
use crate::candidate::{Candidate, CandidateKind};
use crate::limits::CANDIDATES_MAX;
use crate::outbox::Via;
use crate::relay::ChannelName;
use std::net::SocketAddr;

/// The addresses at which this host may be reached, as far as they are known.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Local {
    /// Those of the host itself. The socket sends from the first of each family.
    pub(crate) host: Vec<SocketAddr>,
    /// Those that STUN servers saw.
    pub(crate) reflexive: Vec<SocketAddr>,
    /// The relay, and the own channel there, once it is open.
    pub(crate) relay: Option<(SocketAddr, ChannelName)>,
}

impl Local {
    /// What the checks call the socket, for peers at addresses like `peer`.
    pub(crate) fn base(&self, peer: SocketAddr) -> Option<SocketAddr> {
        self.host.iter().copied().find(|host| host.is_ipv4() == peer.is_ipv4())
    }

    /// The address that a datagram which came that way was sent to.
    pub(crate) fn destination(&self, via: Via, from: SocketAddr) -> Option<SocketAddr> {
        match via {
            Via::Socket => self.base(from),
            Via::Relay => self.relay.map(|_| own_relayed()),
        }
    }

    /// The way of a datagram that the checks send from `source`.
    pub(crate) fn via(&self, source: SocketAddr) -> Via {
        if source == own_relayed() { Via::Relay } else { Via::Socket }
    }

    /// What is said to peers.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let candidate = |kind| move |address| Candidate { kind, address };
        let host = self.host.iter().copied().map(candidate(CandidateKind::Host));
        let reflexive = self.reflexive.iter().copied().map(candidate(CandidateKind::Reflexive));
        // The reflexive ones come first: most players need them.
        reflexive.chain(host).take(CANDIDATES_MAX).collect()
    }

    /// What the checks begin from.
    pub(crate) fn for_ice(&self) -> impl Iterator<Item = is::Candidate> {
        let (four, six) = (self.host.iter().find(|host| host.is_ipv4()), self.host.iter().find(|host| host.is_ipv6()));
        let bases = four.into_iter().chain(six);
        let host = bases.clone().map(|&base| is::Candidate::host(base, "udp"));
        let local = self.relay.and(bases.clone().next());
        let relayed = local.into_iter().map(|&local| is::Candidate::relayed(own_relayed(), local, "udp"));
        host.chain(relayed).filter_map(Result::ok)
    }
}
