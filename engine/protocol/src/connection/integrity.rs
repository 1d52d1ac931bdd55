//! The integrity check: a server asks whether its client is unaltered (PROTOCOL.md#integrity-check).

use super::keys::Role;
use crate::crypto::{Csprng, hmac_sha256, hmac_sha256_verifies};
use crate::wire::{INTEGRITY_NONCE_BYTES, IntegrityFrame};
use rand_chacha::rand_core::Rng;

/// An event of a connection for its driver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionEvent {
    /// Client: the server wants proof that this client is unaltered.
    IntegrityChallenge {
        /// Entry of the key table.
        index: u8,
        /// What the answer must cover.
        nonce: [u8; INTEGRITY_NONCE_BYTES],
    },
    /// Server: the client answered the outstanding challenge. True: correctly.
    IntegrityAnswer(bool),
}

/// What the answer must fit.
#[derive(Debug)]
struct Challenge {
    key: [u8; 32],
    nonce: [u8; INTEGRITY_NONCE_BYTES],
}

/// The integrity check of one connection.
#[derive(Debug)]
pub(super) struct IntegrityCheck {
    /// Binds answers to this connection's handshake.
    transcript: [u8; 32],
    /// Server: the outstanding challenge.
    challenge: Option<Box<Challenge>>,
    event: Option<ConnectionEvent>,
}

impl IntegrityCheck {
    pub(super) fn new(transcript: [u8; 32]) -> Self {
        IntegrityCheck { transcript, challenge: None, event: None }
    }

    /// A new challenge with entry `index` of the key table, which is `key`. None while another one is outstanding.
    pub(super) fn challenge(&mut self, index: u8, key: [u8; 32], random: &mut Csprng) -> Option<IntegrityFrame> {
        if self.challenge.is_some() {
            return None;
        }
        let mut nonce = [0; INTEGRITY_NONCE_BYTES];
        random.fill_bytes(&mut nonce);
        self.challenge = Some(Box::new(Challenge { key, nonce }));
        Some(IntegrityFrame::Challenge { index, nonce })
    }

    /// The answer to a challenge, with the entry of the key table that it named.
    pub(super) fn answer(&self, key: &[u8; 32], nonce: &[u8; INTEGRITY_NONCE_BYTES]) -> IntegrityFrame {
        let mac = hmac_sha256(key, &[&self.transcript, nonce]);
        IntegrityFrame::Answer { to: *nonce.first_chunk().expect("a nonce is longer than its name"), mac }
    }

    /// An Integrity frame arrives at `role`. False if that endpoint must not get it.
    pub(super) fn received(&mut self, frame: IntegrityFrame, role: Role) -> bool {
        match (frame, role) {
            (IntegrityFrame::Challenge { index, nonce }, Role::Client) => {
                self.event = Some(ConnectionEvent::IntegrityChallenge { index, nonce });
            }
            (IntegrityFrame::Answer { to, mac }, Role::Server) => {
                // A late answer to an earlier challenge says nothing about the outstanding one.
                let is_outstanding = |challenge: &mut Box<Challenge>| challenge.nonce.starts_with(&to);
                if let Some(challenge) = self.challenge.take_if(is_outstanding) {
                    let Challenge { key, nonce } = *challenge;
                    let correct = hmac_sha256_verifies(&key, &[&self.transcript, &nonce], &mac);
                    self.event = Some(ConnectionEvent::IntegrityAnswer(correct));
                }
            }
            _ => return false,
        }
        true
    }

    pub(super) fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.event.take()
    }
}
