//! Tickets with which players may use the relay of a gateway (PROTOCOL.md#relays).

use super::key::{GATEWAY_MAC_BYTES, GatewayKey};
use crate::crypto::{hmac_sha256, hmac_sha256_verifies_start};
use core::fmt;

/// A ticket, in bytes.
pub const RELAY_TICKET_BYTES: usize = 32;
/// The half of a ticket that is no secret, in bytes.
pub const RELAY_TICKET_PUBLIC_BYTES: usize = 16;

const LABEL: &[u8] = b"ringshard 1 relay";

/// The right to use relays for a while. The server of the game makes it with the key that it shares with its gateways, and
/// gives it to a player over the player's session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RelayTicket {
    /// When it expires, and a name.
    public: [u8; RELAY_TICKET_PUBLIC_BYTES],
    secret: [u8; GATEWAY_MAC_BYTES],
}

impl RelayTicket {
    /// A ticket that is good until `expires`, in seconds since 1970. Relays count what they do for each `name`, such as the
    /// number of a player.
    pub fn issue(key: &GatewayKey, expires: u64, name: [u8; 8]) -> Self {
        let mut public = [0; RELAY_TICKET_PUBLIC_BYTES];
        public[..8].copy_from_slice(&expires.to_le_bytes());
        public[8..].copy_from_slice(&name);
        Self::of_public(key, public)
    }

    /// The ticket of which `public` is the half that is no secret.
    pub fn of_public(key: &GatewayKey, public: [u8; RELAY_TICKET_PUBLIC_BYTES]) -> Self {
        RelayTicket { public, secret: key.mac(&[LABEL, &public]) }
    }

    /// Its bytes: the public half, then the secret one.
    pub fn to_bytes(&self) -> [u8; RELAY_TICKET_BYTES] {
        let mut bytes = [0; RELAY_TICKET_BYTES];
        bytes[..RELAY_TICKET_PUBLIC_BYTES].copy_from_slice(&self.public);
        bytes[RELAY_TICKET_PUBLIC_BYTES..].copy_from_slice(&self.secret);
        bytes
    }

    /// The ticket with these bytes.
    pub fn from_bytes(bytes: [u8; RELAY_TICKET_BYTES]) -> Self {
        let (public, secret) = bytes.split_at(RELAY_TICKET_PUBLIC_BYTES);
        RelayTicket {
            public: public.try_into().expect("half of a ticket"),
            secret: secret.try_into().expect("half of a ticket"),
        }
    }

    /// The half that is no secret.
    pub const fn public(&self) -> &[u8; RELAY_TICKET_PUBLIC_BYTES] {
        &self.public
    }

    /// When it expires, in seconds since 1970.
    pub fn expires(&self) -> u64 {
        u64::from_le_bytes(*self.public.first_chunk().expect("a public half has 16 bytes"))
    }

    /// Whom it names.
    pub fn name(&self) -> [u8; 8] {
        *self.public.last_chunk().expect("a public half has 16 bytes")
    }

    /// The MAC of `message` under its secret half.
    pub fn mac(&self, message: &[u8]) -> [u8; GATEWAY_MAC_BYTES] {
        *hmac_sha256(&self.secret, &[message]).first_chunk().expect("a MAC has 32 bytes")
    }

    /// Whether `mac` is the MAC of `message`, in constant time.
    pub fn verifies(&self, message: &[u8], mac: &[u8]) -> bool {
        mac.len() == GATEWAY_MAC_BYTES && hmac_sha256_verifies_start(&self.secret, &[message], mac)
    }
}

impl fmt::Debug for RelayTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelayTicket(until {}, secret)", self.expires())
    }
}
