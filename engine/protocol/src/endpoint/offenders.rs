//! The last sender of a dropped datagram, for each reason. At the cost of one store, the log can say where a flood
//! seems to come from. Addresses can be forged, so it is a hint.

use core::net::SocketAddr;

macro_rules! offences {
    ($($(#[$doc:meta])* $offence:ident = $name:literal,)*) => {
        /// Why an address is noted: the drop or denial counter of the same name.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Offence {
            $($(#[$doc])* $offence,)*
        }

        const NAMES: &[&str] = &[$($name),*];
    };
}

offences! {
    BadSize = "bad_size",
    ForgedGateway = "forged_gateway",
    Malformed = "malformed",
    Unexpected = "unexpected",
    UnknownConnection = "unknown_connection",
    WrongFlags = "wrong_flags",
    Replayed = "replayed",
    NotAuthentic = "not_authentic",
    OverBudget = "over_budget",
    Denied = "denied_address",
    MisbehavingAddress = "misbehaving_address",
    AddressBudget = "address_budget",
    ReplyQueueFull = "reply_queue_full",
    HandshakeQueueFull = "handshake_queue_full",
    DeniedVersion = "denied_version",
    DeniedFull = "denied_full",
    DeniedKey = "denied_key",
    DeniedCipher = "denied_cipher",
    DeniedDraining = "denied_draining",
    DeniedPreSharedKey = "denied_pre_shared_key",
    DeniedBusy = "denied_busy",
}

/// The last offender for each reason.
#[derive(Clone, Copy, Default, Debug)]
pub struct Offenders([Option<SocketAddr>; NAMES.len()]);

impl Offenders {
    #[inline]
    pub(super) fn note(&mut self, offence: Offence, peer: SocketAddr) {
        self.0[offence as usize] = Some(peer);
    }

    /// The counters that have an offender, with its address.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        NAMES.iter().zip(self.0).filter_map(|(name, peer)| Some((*name, peer?)))
    }
}
