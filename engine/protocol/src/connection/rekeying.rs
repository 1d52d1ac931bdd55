//! Rekeying: how a connection changes its traffic keys (PROTOCOL.md#rekeying).
//!
//! ```text
//! requester                                        responder
//!   | RekeyRequest: fresh public key ---------------> |  derives; opens both phases from here on
//!   | <-------------- RekeyResponse: fresh public key |
//!   derives; seals in the new phase                   |
//!   | first datagram in the new phase --------------> |  seals in the new phase, too
//! ```
//! Each new pair of secrets comes from the one before and from a new key agreement: an attacker who learns one pair
//! knows neither earlier nor later ones. Sequences continue, so a nonce is never used twice with a key. After any
//! failure the old keys stay in use.

use super::keys::{KeyPair, Role, TrafficKeys};
use crate::crypto::noise::Secrets;
use crate::crypto::{AeadKey, NotAuthentic, PublicKey, SecretKey};
use crate::limits::{REKEY_BYTES, REKEY_PERIOD, REKEY_PERIOD_MIN};
use crate::time::{Duration, Instant};
use crate::wire::{Flags, REKEY_NAME_BYTES};
use core::mem::offset_of;

/// A rekey that is not over. PROTOCOL.md's *steady* is the absence of one.
#[derive(Debug)]
enum Rekey {
    /// Asked, and not answered. The request is repeated with the same key, so that a late answer is as good as an early
    /// one.
    Asked { ephemeral: SecretKey, name: [u8; REKEY_NAME_BYTES], asked_at: Instant },
    /// Requester: seals in the new phase. The peer has not been heard in it yet.
    Switched { open: Box<AeadKey> },
    /// Responder: the new keys are derived, and come into use when the peer uses them.
    Answered(Box<DerivedKeys>),
    /// The peer was heard in the new phase. The old key still opens late datagrams until then.
    Lingering { open: Box<AeadKey>, until: Instant },
}

/// What a responder uses as soon as the requester does.
#[derive(Debug)]
struct DerivedKeys {
    request: [u8; 32],
    secrets: Secrets,
    pair: KeyPair,
}

/// What to do about a RekeyRequest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RequestOutcome {
    /// Answer with this public key.
    Answer([u8; 32]),
    /// Repeat the answer.
    AnswerAgain,
    /// Ignore it: a request of our own has priority, or it comes too soon.
    Ignore,
    /// A violation: no correct endpoint sends such a key.
    WeakKey,
}

/// What a RekeyResponse did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ResponseOutcome {
    /// The new keys are in use.
    Switched,
    /// Nothing: it does not answer the outstanding request.
    Ignored,
    /// A violation: no correct endpoint sends such a key.
    WeakKey,
}

/// The traffic keys of a connection and the rekey in progress.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Rekeying {
    keys: TrafficKeys,
    rekey: Option<Rekey>,
    /// When the last request was answered.
    answered_at: Option<Instant>,
    /// Completed rekeys.
    completed: u64,
}

impl Rekeying {
    /// Where the key for sealing lies. Everything in front of it is for opening, or small.
    pub(super) const SEAL_KEY_AT: usize = offset_of!(Rekeying, keys) + TrafficKeys::SEAL_KEY_AT;

    pub(super) fn new(keys: TrafficKeys) -> Self {
        Rekeying { keys, rekey: None, answered_at: None, completed: 0 }
    }

    /// The keys in use.
    #[inline]
    pub(super) fn keys(&self) -> &TrafficKeys {
        &self.keys
    }

    /// Completed rekeys.
    pub(super) fn completed(&self) -> u64 {
        self.completed
    }

    /// Seals `body` in place under the key in use; it ends with room for the tag.
    #[inline]
    pub(super) fn seal(&mut self, nonce: [u8; 12], associated: &[u8], body: &mut [u8]) {
        self.keys.seal(nonce, associated, body);
    }

    /// Opens what carries `phase`. If it is the first of a new phase, the old key stays for the time that `linger`
    /// gives.
    #[inline]
    pub(super) fn open<'a>(
        &mut self,
        now: Instant,
        phase: Flags,
        nonce: [u8; 12],
        associated: &[u8],
        sealed: &'a mut [u8],
        linger: impl FnOnce() -> Duration,
    ) -> Result<&'a mut [u8], NotAuthentic> {
        if phase == self.keys.open_phase() {
            return self.keys.open(nonce, associated, sealed);
        }
        self.open_other_phase(now, nonce, associated, sealed, linger())
    }

    #[cold]
    fn open_other_phase<'a>(
        &mut self,
        now: Instant,
        nonce: [u8; 12],
        associated: &[u8],
        sealed: &'a mut [u8],
        linger: Duration,
    ) -> Result<&'a mut [u8], NotAuthentic> {
        let key = match self.rekey.as_ref() {
            Some(Rekey::Lingering { open, until }) if *until > now => return open.open(nonce, associated, sealed),
            Some(Rekey::Switched { open }) => open,
            Some(Rekey::Answered(derived)) => &derived.pair.open,
            _ => return Err(NotAuthentic),
        };
        let plaintext = key.open(nonce, associated, sealed)?;
        self.peer_switched(now, now + linger);
        Ok(plaintext)
    }

    /// The peer seals in the new phase.
    fn peer_switched(&mut self, now: Instant, linger_until: Instant) {
        let open = match self.rekey.take() {
            Some(Rekey::Switched { open }) => *open,
            Some(Rekey::Answered(derived)) => {
                let DerivedKeys { secrets, pair, .. } = *derived;
                self.keys.secrets = secrets;
                self.keys.replace_seal(pair.seal, now);
                pair.open
            }
            _ => unreachable!("the peer cannot use keys that are not derived"),
        };
        let former = self.keys.replace_open(open);
        assert!(self.keys.seal_phase() == self.keys.open_phase(), "both directions have the new keys");
        self.rekey = Some(Rekey::Lingering { open: Box::new(former), until: linger_until });
        self.completed += 1;
    }

    /// Whether to ask for new keys.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.is_steady(now) && (self.keys.sealed_bytes() >= REKEY_BYTES || now.since(self.keys.since()) >= REKEY_PERIOD)
    }

    /// Whether to repeat a request that was ignored, or whose answer is lost.
    pub(super) fn should_ask_again(&mut self, now: Instant) -> bool {
        match &mut self.rekey {
            Some(Rekey::Asked { asked_at, .. }) if *asked_at + REKEY_PERIOD_MIN <= now => {
                *asked_at = now;
                true
            }
            _ => false,
        }
    }

    /// When [`Self::is_due`] or [`Self::should_ask_again`] becomes true by time.
    pub(super) fn deadline(&self) -> Instant {
        match &self.rekey {
            Some(Rekey::Asked { asked_at, .. }) => *asked_at + REKEY_PERIOD_MIN,
            Some(Rekey::Switched { .. } | Rekey::Answered(_)) => Instant::NEVER,
            Some(Rekey::Lingering { .. }) | None => self.keys.since() + REKEY_PERIOD,
        }
    }

    fn is_steady(&self, now: Instant) -> bool {
        match self.rekey.as_ref() {
            None => true,
            Some(Rekey::Lingering { until, .. }) => *until <= now,
            Some(_) => false,
        }
    }

    /// Asks for new keys. Returns the public key to send. None during a rekey, or so soon after one that the peer would
    /// ignore it.
    pub(super) fn ask(&mut self, now: Instant, ephemeral: SecretKey) -> Option<[u8; 32]> {
        let too_soon = self.completed > 0 && now.since(self.keys.since()) < 2 * REKEY_PERIOD_MIN;
        if too_soon || !self.is_steady(now) {
            return None;
        }
        assert!(self.keys.seal_phase() == self.keys.open_phase(), "a rekey begins when the last is complete");
        let public = *ephemeral.public().as_bytes();
        self.rekey = Some(Rekey::Asked { ephemeral, name: request_name(&public), asked_at: now });
        Some(public)
    }

    /// A RekeyRequest arrives. `draw` gives a fresh key, or None when peers cause too many key agreements. At most one
    /// request in [`REKEY_PERIOD_MIN`] costs a key agreement, whatever its outcome.
    pub(super) fn requested(
        &mut self,
        now: Instant,
        request: &[u8; 32],
        draw: impl FnOnce() -> Option<SecretKey>,
    ) -> RequestOutcome {
        match self.rekey.as_ref() {
            // Both endpoints asked: the server's request has priority.
            Some(Rekey::Asked { .. }) if self.keys.role == Role::Server => return RequestOutcome::Ignore,
            Some(Rekey::Answered(derived)) if derived.request == *request => return RequestOutcome::AnswerAgain,
            Some(Rekey::Answered(_) | Rekey::Switched { .. }) => return RequestOutcome::Ignore,
            Some(Rekey::Lingering { until, .. }) if *until > now => return RequestOutcome::Ignore,
            _ => {}
        }
        if self.answered_at.is_some_and(|at| now.since(at) < REKEY_PERIOD_MIN) {
            return RequestOutcome::Ignore;
        }
        let Some(ephemeral) = draw() else { return RequestOutcome::Ignore };
        self.answered_at = Some(now);
        let Ok(shared) = ephemeral.diffie_hellman(&PublicKey::from_bytes(*request)) else {
            return RequestOutcome::WeakKey;
        };
        let (secrets, pair) = self.keys.next(&shared);
        self.rekey = Some(Rekey::Answered(Box::new(DerivedKeys { request: *request, secrets, pair })));
        RequestOutcome::Answer(*ephemeral.public().as_bytes())
    }

    /// A RekeyResponse to the request named `to` arrives.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        to: [u8; REKEY_NAME_BYTES],
        response: &[u8; 32],
    ) -> ResponseOutcome {
        let Some(Rekey::Asked { ephemeral, name, .. }) = &self.rekey else { return ResponseOutcome::Ignored };
        if to != *name {
            return ResponseOutcome::Ignored;
        }
        let Ok(shared) = ephemeral.diffie_hellman(&PublicKey::from_bytes(*response)) else {
            return ResponseOutcome::WeakKey;
        };
        let (secrets, pair) = self.keys.next(&shared);
        self.keys.secrets = secrets;
        self.keys.replace_seal(pair.seal, now);
        assert!(self.keys.seal_phase() != self.keys.open_phase(), "the requester seals in the new phase first");
        self.rekey = Some(Rekey::Switched { open: Box::new(pair.open) });
        ResponseOutcome::Switched
    }

    /// The peer acknowledged our response in the old phase. A requester that uses a response acknowledges it in the new
    /// phase, so this one answered a late copy of a dropped request: the keys stay as they are.
    pub(super) fn response_acknowledged(&mut self) {
        if let Some(Rekey::Answered(_)) = self.rekey {
            self.rekey = None;
        }
    }
}

/// The name of a request in its response.
pub(super) fn request_name(request: &[u8; 32]) -> [u8; REKEY_NAME_BYTES] {
    *request.first_chunk().expect("a key is longer than its name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Suite;
    use crate::wire::flags;

    fn ends() -> (Rekeying, Rekeying) {
        let secrets = || Secrets::from_split([1; 32], [2; 32]);
        let keys = |role| TrafficKeys::new(role, Suite::ChaCha20Poly1305, secrets(), Instant::ZERO);
        let keys = |role| Rekeying::new(keys(role));
        (keys(Role::Client), keys(Role::Server))
    }

    fn secret(byte: u8) -> SecretKey {
        SecretKey::from_bytes([byte; 32])
    }

    /// A datagram from one end, under its phase.
    fn sealed(from: &mut Rekeying) -> (Flags, Vec<u8>) {
        let mut body = vec![7; 40];
        from.seal([9; 12], b"header", &mut body);
        (from.keys().seal_phase(), body)
    }

    fn opens(to: &mut Rekeying, now: Instant, (phase, body): &(Flags, Vec<u8>)) -> bool {
        to.open(now, *phase, [9; 12], b"header", &mut body.clone(), || Duration::from_secs(1)).is_ok()
    }

    fn crosses(from: &mut Rekeying, to: &mut Rekeying) -> bool {
        let datagram = sealed(from);
        opens(to, Instant::ZERO, &datagram)
    }

    #[test]
    fn keys_change_while_datagrams_cross() {
        let (mut client, mut server) = ends();
        let late = sealed(&mut server);
        let request = client.ask(Instant::ZERO, secret(3)).unwrap();
        assert!(crosses(&mut client, &mut server), "the request itself goes under the old key");
        let RequestOutcome::Answer(response) = server.requested(Instant::ZERO, &request, || Some(secret(4))) else {
            panic!("answered")
        };
        assert_eq!(server.requested(Instant::ZERO, &request, || Some(secret(5))), RequestOutcome::AnswerAgain);
        assert!(crosses(&mut server, &mut client), "the answer goes under the old key");
        assert_eq!(client.answered(Instant::ZERO, request_name(&request), &response), ResponseOutcome::Switched);
        assert_eq!(client.answered(Instant::ZERO, request_name(&request), &response), ResponseOutcome::Ignored, "once");
        assert_eq!((client.keys().seal_phase(), server.keys().seal_phase()), (flags::REKEY, 0));
        assert!(crosses(&mut server, &mut client), "the server has not heard the new phase yet");
        assert!(crosses(&mut client, &mut server) && server.keys().seal_phase() == flags::REKEY);
        assert!(crosses(&mut server, &mut client) && crosses(&mut client, &mut server));
        assert!(opens(&mut client, Instant::ZERO, &late), "a late one of the old phase");
        assert!(!opens(&mut client, Instant::ZERO + Duration::from_secs(1), &late), "too late");
        assert_eq!((client.completed(), server.completed()), (1, 1));
    }

    #[test]
    fn the_server_has_priority_when_both_ask() {
        let (mut client, mut server) = ends();
        let from_client = client.ask(Instant::ZERO, secret(3)).unwrap();
        let from_server = server.ask(Instant::ZERO, secret(4)).unwrap();
        assert_eq!(server.requested(Instant::ZERO, &from_client, || Some(secret(5))), RequestOutcome::Ignore);
        let RequestOutcome::Answer(response) = client.requested(Instant::ZERO, &from_server, || Some(secret(6))) else {
            panic!("answered")
        };
        assert_eq!(server.answered(Instant::ZERO, request_name(&from_server), &response), ResponseOutcome::Switched);
        assert!(crosses(&mut server, &mut client) && crosses(&mut client, &mut server));
        assert_eq!(client.keys().seal_phase(), flags::REKEY);
    }

    #[test]
    fn a_peer_cannot_ask_for_one_key_agreement_after_another() {
        let (mut client, mut server) = ends();
        let mut answers = 0;
        for second in 0..60 {
            let now = Instant::ZERO + Duration::from_secs(second);
            client.rekey = None;
            server.rekey = None;
            let request = client.ask(now, secret(second as u8 + 1)).unwrap();
            answers +=
                u32::from(matches!(server.requested(now, &request, || Some(secret(99))), RequestOutcome::Answer(_)));
        }
        assert_eq!(answers, 6);
    }

    #[test]
    fn a_weak_public_key_is_detected_once_and_changes_nothing() {
        let (mut client, mut server) = ends();
        assert_eq!(server.requested(Instant::ZERO, &[0; 32], || Some(secret(1))), RequestOutcome::WeakKey);
        let no_agreement = || panic!("a weak key is tried once");
        assert_eq!(server.requested(Instant::ZERO, &[0; 32], no_agreement), RequestOutcome::Ignore);
        let request = client.ask(Instant::ZERO, secret(3)).unwrap();
        assert_eq!(client.answered(Instant::ZERO, request_name(&request), &[0; 32]), ResponseOutcome::WeakKey);
        let other = *secret(4).public().as_bytes();
        assert_eq!(client.answered(Instant::ZERO, [7; 8], &other), ResponseOutcome::Ignored, "to another request");
        assert!(crosses(&mut client, &mut server) && crosses(&mut server, &mut client));
    }

    #[test]
    fn a_key_seals_no_more_than_it_may() {
        let (mut client, _) = ends();
        client.keys.set_seals_left(1);
        assert!(client.keys().can_seal());
        sealed(&mut client);
        assert!(!client.keys().can_seal());
    }

    #[test]
    fn an_unwanted_answer_is_discarded() {
        let (mut client, mut server) = ends();
        let request = client.ask(Instant::ZERO, secret(3)).unwrap();
        client.rekey = None;
        assert!(matches!(server.requested(Instant::ZERO, &request, || Some(secret(4))), RequestOutcome::Answer(_)));
        assert!(crosses(&mut client, &mut server));
        server.response_acknowledged();
        let later = Instant::ZERO + REKEY_PERIOD_MIN;
        let request = client.ask(later, secret(5)).unwrap();
        let RequestOutcome::Answer(response) = server.requested(later, &request, || Some(secret(6))) else {
            panic!("answered")
        };
        assert_eq!(client.answered(later, request_name(&request), &response), ResponseOutcome::Switched);
        assert!(crosses(&mut client, &mut server) && crosses(&mut server, &mut client));
    }

    #[test]
    fn an_ignored_request_is_repeated() {
        let (mut client, _) = ends();
        client.ask(Instant::ZERO, secret(3)).unwrap();
        assert!(!client.should_ask_again(Instant::ZERO) && client.deadline() == Instant::ZERO + REKEY_PERIOD_MIN);
        assert!(client.should_ask_again(client.deadline()));
    }
}
