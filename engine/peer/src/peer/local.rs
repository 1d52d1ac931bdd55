//! The addresses at which this host may be reached.

use crate::candidate::{Candidate, CandidateKind};
use crate::limits::CANDIDATES_MAX;
use crate::outbox::Via;
use std::net::SocketAddr;

/// The addresses at which this host may be reached, as far as they are known.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Local {
    /// Those of the host itself. The socket sends from the first of each family.
    pub(crate) host: Vec<SocketAddr>,
    /// Those that STUN servers saw.
    pub(crate) reflexive: Vec<SocketAddr>,
    /// That of the relay.
    pub(crate) relayed: Option<SocketAddr>,
    /// Whether peers learn of the relay alone.
    pub(crate) relay_only: bool,
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
            Via::Relay => self.relayed,
        }
    }

    /// The way of a datagram that the checks send from `source`.
    pub(crate) fn via(&self, source: SocketAddr) -> Via {
        if self.relayed == Some(source) { Via::Relay } else { Via::Socket }
    }

    /// What peers are told.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let candidate = |kind| move |address| Candidate { kind, address };
        let direct = if self.relay_only { 0 } else { CANDIDATES_MAX };
        let relayed = self.relayed.into_iter().map(candidate(CandidateKind::Relayed));
        let host = self.host.iter().copied().map(candidate(CandidateKind::Host)).take(direct);
        let reflexive = self.reflexive.iter().copied().map(candidate(CandidateKind::Reflexive)).take(direct);
        // The relay comes first: it is the one that no limit may cut off.
        relayed.chain(reflexive).chain(host).take(CANDIDATES_MAX).collect()
    }

    /// What the checks begin from.
    pub(crate) fn for_ice(&self) -> impl Iterator<Item = is::Candidate> {
        let (four, six) = (self.host.iter().find(|host| host.is_ipv4()), self.host.iter().find(|host| host.is_ipv6()));
        let bases = four.into_iter().chain(six).filter(|_| !self.relay_only);
        let host = bases.map(|&base| is::Candidate::host(base, "udp"));
        let relayed = self.relayed.and_then(|address| Some((address, self.base(address)?)));
        let relayed = relayed.into_iter().map(|(address, base)| is::Candidate::relayed(address, base, "udp"));
        host.chain(relayed).filter_map(Result::ok)
    }
}
