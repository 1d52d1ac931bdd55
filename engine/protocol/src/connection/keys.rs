//! The traffic keys in use: sealing, opening, the limits of a key (PROTOCOL.md#traffic-keys).

use crate::crypto::noise::Secrets;
use crate::crypto::{AeadKey, NotAuthentic, Suite};
use crate::time::Instant;
use crate::wire::{ConnectionId, Flags, flags};
use core::mem::offset_of;

/// Which endpoint of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The endpoint that connects.
    Client,
    /// The endpoint that accepts.
    Server,
}

/// The secrets of a connection's traffic, to decrypt captures with. They also allow forging datagrams.
#[derive(Clone)]
pub struct TrafficSecrets {
    /// The connection's id.
    pub id: ConnectionId,
    /// The AEAD.
    pub suite: Suite,
    /// Value of the key phase bit: 0 or [`flags::REKEY`].
    pub phase: Flags,
    /// For what the client sends.
    pub client_to_server: [u8; 32],
    /// For what the server sends.
    pub server_to_client: [u8; 32],
}

impl core::fmt::Debug for TrafficSecrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TrafficSecrets({})", self.id)
    }
}

/// The keys of one endpoint for both directions.
#[derive(Debug)]
pub(super) struct KeyPair {
    pub(super) seal: AeadKey,
    pub(super) open: AeadKey,
}

impl KeyPair {
    pub(super) fn derive(role: Role, suite: Suite, secrets: &Secrets) -> Self {
        let (client_to_server, server_to_client) = secrets.traffic_keys(suite);
        match role {
            Role::Client => KeyPair { seal: client_to_server, open: server_to_client },
            Role::Server => KeyPair { seal: server_to_client, open: client_to_server },
        }
    }
}

/// The keys in use. What each datagram needs comes first.
#[derive(Debug)]
#[repr(C)]
pub(super) struct TrafficKeys {
    /// Values of the key phase bit.
    open_phase: Flags,
    seal_phase: Flags,
    pub(super) role: Role,
    pub(super) suite: Suite,
    /// Packets that the key may still seal.
    seals_left: u64,
    sealed_bytes: u64,
    open: AeadKey,
    seal: AeadKey,
    pub(super) secrets: Secrets,
    /// When the key for sealing came into use.
    since: Instant,
}

impl TrafficKeys {
    pub(super) const SEAL_KEY_AT: usize = offset_of!(TrafficKeys, seal);

    pub(super) fn new(role: Role, suite: Suite, secrets: Secrets, now: Instant) -> Self {
        let KeyPair { seal, open } = KeyPair::derive(role, suite, &secrets);
        TrafficKeys {
            role,
            suite,
            secrets,
            open,
            seal,
            open_phase: 0,
            seal_phase: 0,
            seals_left: suite.packets_per_key_max(),
            sealed_bytes: 0,
            since: now,
        }
    }

    /// The secrets for a capture.
    pub(super) fn traffic_secrets(&self, id: ConnectionId) -> TrafficSecrets {
        let (client_to_server, server_to_client) = self.secrets.split();
        TrafficSecrets {
            id,
            suite: self.suite,
            phase: self.open_phase,
            client_to_server: *client_to_server,
            server_to_client: *server_to_client,
        }
    }

    /// Derives the keys that follow these after a key agreement with result `shared`.
    pub(super) fn next(&self, shared: &[u8; 32]) -> (Secrets, KeyPair) {
        let secrets = self.secrets.next(shared);
        let pair = KeyPair::derive(self.role, self.suite, &secrets);
        (secrets, pair)
    }

    /// The key phase bit of what is sealed now.
    #[inline]
    pub(super) fn seal_phase(&self) -> Flags {
        self.seal_phase
    }

    /// The key phase bit of what the key in use opens.
    #[inline]
    pub(super) fn open_phase(&self) -> Flags {
        self.open_phase
    }

    /// Whether the key may seal one more packet.
    #[inline]
    pub(super) fn can_seal(&self) -> bool {
        self.seals_left > 0
    }

    /// Bytes sealed under the key.
    pub(super) fn sealed_bytes(&self) -> u64 {
        self.sealed_bytes
    }

    /// When the key for sealing came into use.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Seals `body` in place; it ends with room for the tag.
    #[inline]
    pub(super) fn seal(&mut self, nonce: [u8; 12], associated: &[u8], body: &mut [u8]) {
        assert!(self.seals_left > 0, "a key seals no more packets than its suite allows");
        self.seals_left -= 1;
        self.sealed_bytes += body.len() as u64;
        self.seal.seal(nonce, associated, body);
    }

    /// Opens what was sealed in [`Self::open_phase`].
    #[inline]
    pub(super) fn open<'a>(
        &self,
        nonce: [u8; 12],
        associated: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], NotAuthentic> {
        self.open.open(nonce, associated, sealed)
    }

    /// Uses a new key for sealing from now on.
    pub(super) fn replace_seal(&mut self, seal: AeadKey, now: Instant) {
        self.seal = seal;
        self.seal_phase ^= flags::REKEY;
        self.seals_left = self.suite.packets_per_key_max();
        self.sealed_bytes = 0;
        self.since = now;
        self.check();
    }

    /// Uses a new key for opening from now on. Returns the former one.
    pub(super) fn replace_open(&mut self, open: AeadKey) -> AeadKey {
        self.open_phase ^= flags::REKEY;
        self.check();
        std::mem::replace(&mut self.open, open)
    }

    fn check(&self) {
        assert!((self.seal_phase | self.open_phase) & !flags::REKEY == 0, "the key phase is one bit");
    }

    #[cfg(test)]
    pub(super) fn set_seals_left(&mut self, packets: u64) {
        self.seals_left = packets;
    }
}
