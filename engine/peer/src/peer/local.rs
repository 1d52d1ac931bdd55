//! The addresses at which this host may be reached.

use super::lane::Lane;
use crate::address::{are_of_one_family, one_of_each_family};
use crate::candidate::{Candidate, CandidateKind};
use crate::limits::CANDIDATES_MAX;
use crate::outbox::Via;
use crate::relay::ChannelAt;
use std::net::SocketAddr;

/// The addresses at which this host may be reached, as far as they are known.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Local {
    /// Those of the host itself. The socket of each family sends from the first of that family.
    pub(crate) host: Vec<SocketAddr>,
    /// Those that STUN servers saw.
    pub(crate) reflexive: Vec<SocketAddr>,
    /// The own channel, at the address of the relay that sends to this host.
    pub(crate) channel: Option<ChannelAt>,
    /// The own channel, at each address of the relay.
    pub(crate) relays: Vec<ChannelAt>,
}

impl Local {
    /// What the checks call the socket that reaches addresses like `peer`.
    fn base(&self, peer: SocketAddr) -> Option<SocketAddr> {
        self.host.iter().copied().find(|&host| are_of_one_family(host, peer))
    }

    /// What the checks call the own end of the own relay.
    fn own_relay(&self) -> Option<SocketAddr> {
        self.relays.first().map(|channel| channel.relay)
    }

    /// What the checks call the place that a datagram came to on this way.
    pub(crate) fn destination(&self, via: Via, from: SocketAddr) -> Option<SocketAddr> {
        match via {
            Via::Socket | Via::TheirRelay(_) => self.base(from),
            Via::OwnRelay => self.own_relay(),
        }
    }

    /// What is said to peers.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let candidate = |kind| move |address| Candidate { kind, address };
        let host = self.host.iter().copied().map(candidate(CandidateKind::Host));
        // A host without a NAT is seen at an address of its own.
        let seen = self.reflexive.iter().copied().filter(|seen| !self.host.contains(seen));
        let reflexive = seen.map(candidate(CandidateKind::Reflexive));
        // The reflexive ones come first: most players need them.
        reflexive.chain(host).take(CANDIDATES_MAX).collect()
    }

    /// What the checks begin from.
    pub(crate) fn for_ice(&self) -> impl Iterator<Item = is::Candidate> {
        let bases = one_of_each_family(&self.host);
        let relayed = self.own_relay().zip(bases.first().copied());
        let relayed = relayed.map(|(relay, base)| is::Candidate::relayed(relay, base, Lane::OwnRelay.protocol()));
        let host = bases
            .into_iter()
            .flat_map(|base| [Lane::Direct, Lane::TheirRelay].map(|lane| is::Candidate::host(base, lane.protocol())));
        host.chain(relayed).filter_map(Result::ok)
    }
}
