//! Whose datagrams were dropped last, by reason: enough for a log that says where a flood seems to come from, at the price
//! of one store. Addresses can be forged: it is a hint.

use core::net::SocketAddr;

macro_rules! offences {
    ($($(#[$doc:meta])* $offence:ident = $name:literal,)*) => {
        /// What an offender did; each is the counter of the same name, of a drop or of a denial.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Offence {
            $($(#[$doc])* $offence,)*
        }

        const NAMES: &[&str] = &[$($name),*];
    };
}

offences! {
    BadSize = "bad_size",
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
    DeniedVersion = "denied_version",
    DeniedFull = "denied_full",
    DeniedKey = "denied_key",
    DeniedCipher = "denied_cipher",
    DeniedDraining = "denied_draining",
    DeniedPreSharedKey = "denied_pre_shared_key",
    DeniedBusy = "denied_busy",
}

/// The last offender by each reason.
#[derive(Clone, Copy, Default, Debug)]
pub struct Offenders([Option<SocketAddr>; NAMES.len()]);

impl Offenders {
    #[inline]
    pub(super) fn note(&mut self, offence: Offence, peer: SocketAddr) {
        self.0[offence as usize] = Some(peer);
    }

    /// The counters that an address was noted for, with the last such address.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        NAMES.iter().zip(self.0).filter_map(|(name, peer)| Some((*name, peer?)))
    }
}
