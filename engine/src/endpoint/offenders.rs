//! Whose datagrams were dropped last, by reason: enough for a log that says where a flood seems to come from, at the price
//! of one store. Addresses can be forged: it is a hint.

use core::net::SocketAddr;

macro_rules! offences {
    ($($(#[$doc:meta])* $offence:ident = $name:literal,)*) => {
        /// What an offender did; each is the drop reason of the same name.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Offence {
            $($(#[$doc])* $offence,)*
        }

        const NAMES: &[&str] = &[$($name),*];
    };
}

offences! {
    Malformed = "malformed",
    Unexpected = "unexpected",
    UnknownConnection = "unknown_connection",
    WrongFlags = "wrong_flags",
    Replayed = "replayed",
    NotAuthentic = "not_authentic",
    OverBudget = "over_budget",
    Denied = "denied_address",
    IllBehaved = "ill_behaved",
    AddressBudget = "address_budget",
    StrangerBudget = "stranger_budget",
    HandshakeQueueFull = "handshake_queue_full",
}

/// The last offender by each reason.
#[derive(Clone, Copy, Default, Debug)]
pub struct Offenders([Option<SocketAddr>; NAMES.len()]);

impl Offenders {
    #[inline]
    pub(super) fn note(&mut self, offence: Offence, peer: SocketAddr) {
        self.0[offence as usize] = Some(peer);
    }

    /// The drop reasons that somebody was noted for, with who it was last.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        NAMES.iter().zip(self.0).filter_map(|(name, peer)| Some((*name, peer?)))
    }
}
