//! The traffic keys of a connection, and how they change (S5).
//!
//! ```text
//! asker                                            answerer
//!   | RekeyRequest: fresh public key ---------------> |  derives; opens both phases from here on
//!   | <-------------- RekeyResponse: fresh public key |
//!   derives; seals in the new phase                   |
//!   | first datagram in the new phase --------------> |  seals in the new phase, too
//! ```
//! Each new pair of secrets comes from the one before and from a new exchange, so that who learns one neither knows what
//! was before nor what comes after. Numbers go on: a nonce is never used twice with a key in any case. What fails only
//! leaves the old keys in use.

use crate::crypto::noise::Secrets;
use crate::crypto::{AeadKey, NotAuthentic, PublicKey, SecretKey, Suite};
use crate::limits::{REKEY_BYTES, REKEY_PERIOD, REKEY_PERIOD_MIN};
use crate::time::{Duration, Instant};
use crate::wire::{ConnectionId, Flags, REKEY_NAME_BYTES, flags};

/// Which end of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The one that connects.
    Client,
    /// The one that is connected to.
    Server,
}

#[derive(Debug)]
struct Pair {
    seal: AeadKey,
    open: AeadKey,
}

/// What the traffic of a connection is sealed with right now: for captures that are to be read. Whoever has it can forge,
/// too.
#[derive(Clone)]
pub struct TrafficSecrets {
    /// The connection's name.
    pub id: ConnectionId,
    /// The AEAD in use.
    pub suite: Suite,
    /// Value of the key phase bit: 0 or [`flags::REKEY`].
    pub phase: Flags,
    /// Of what the client sends.
    pub client_to_server: [u8; 32],
    /// Of what the server sends.
    pub server_to_client: [u8; 32],
}

impl core::fmt::Debug for TrafficSecrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TrafficSecrets({})", self.id)
    }
}

#[derive(Debug)]
pub(super) struct Keys {
    role: Role,
    suite: Suite,
    secrets: Secrets,
    open: AeadKey,
    seal: AeadKey,
    /// Value of the key phase bit under each of the two.
    open_phase: Flags,
    seal_phase: Flags,
    /// Packets that the key may still seal; bytes that it has sealed, and since when.
    seals_left: u64,
    sealed_bytes: u64,
    since: Instant,
    /// A change of keys that is under way, or has just been.
    change: Option<Change>,
    answered_at: Option<Instant>,
    /// Changes that this end has completed.
    pub(super) changes: u64,
}

#[derive(Debug)]
enum Change {
    /// Asked then, not answered. The same key is asked with until it is: an answer that comes late is as good.
    Asked { ephemeral: SecretKey, name: [u8; REKEY_NAME_BYTES], asked_at: Instant },
    /// Asker: derived and in use for sealing; the peer has not been heard in the new phase.
    Switched { open: Box<AeadKey> },
    /// Answerer: derived, to be used as soon as the peer does; until then the former secrets hold.
    Answered(Box<Derived>),
    /// The peer has been heard in the new phase: what was sealed before may still be on its way, until then.
    Lingering { open: Box<AeadKey>, until: Instant },
}

/// What an answerer will use as soon as the asker does.
#[derive(Debug)]
struct Derived {
    request: [u8; 32],
    secrets: Secrets,
    open: AeadKey,
    seal: AeadKey,
}

/// What a request for new keys calls for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// This public key.
    Key([u8; 32]),
    /// The answer that was given before.
    Again,
    /// Nothing: a request of our own goes first, or it comes too soon.
    Nothing,
    /// No correct end sends such a key.
    Weak,
}

/// What an answer to a request for new keys came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answered {
    /// The new keys are in use.
    Switched,
    /// It is not for the request that waits.
    Ignored,
    /// No correct end sends such a key.
    Weak,
}

impl Keys {
    pub(super) fn new(role: Role, suite: Suite, secrets: Secrets, now: Instant) -> Self {
        let Pair { seal, open } = pair(role, suite, &secrets);
        Keys {
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
            change: None,
            answered_at: None,
            changes: 0,
        }
    }

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

    pub(super) fn role(&self) -> Role {
        self.role
    }

    pub(super) fn suite(&self) -> Suite {
        self.suite
    }

    /// The key phase bit of what is sealed now.
    #[inline]
    pub(super) fn seal_phase(&self) -> Flags {
        self.seal_phase
    }

    /// Whether the key may seal one more packet.
    #[inline]
    pub(super) fn can_seal(&self) -> bool {
        self.seals_left > 0
    }

    #[inline]
    pub(super) fn seal(&mut self, nonce: [u8; 12], associated: &[u8], body: &mut [u8]) {
        self.seals_left -= 1;
        self.sealed_bytes += body.len() as u64;
        self.seal.seal(nonce, associated, body);
    }

    /// Opens what carries `phase`. `linger` says for how long the old key is kept when this is the first of a new phase.
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
        if phase == self.open_phase {
            return self.open.open(nonce, associated, sealed);
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
        match self.change.as_ref() {
            Some(Change::Lingering { open, until }) if *until > now => open.open(nonce, associated, sealed),
            Some(Change::Switched { open }) => {
                let plaintext = open.open(nonce, associated, sealed)?;
                self.peer_changed(now, now + linger);
                Ok(plaintext)
            }
            Some(Change::Answered(answered)) => {
                let plaintext = answered.open.open(nonce, associated, sealed)?;
                self.peer_changed(now, now + linger);
                Ok(plaintext)
            }
            _ => Err(NotAuthentic),
        }
    }

    /// The peer seals in the new phase.
    fn peer_changed(&mut self, now: Instant, linger_until: Instant) {
        let open = match self.change.take() {
            Some(Change::Switched { open }) => *open,
            Some(Change::Answered(answered)) => {
                let Derived { secrets, open, seal, .. } = *answered;
                self.secrets = secrets;
                self.use_seal(seal, now);
                open
            }
            other => {
                self.change = other;
                return;
            }
        };
        let former = std::mem::replace(&mut self.open, open);
        self.open_phase ^= flags::REKEY;
        self.change = Some(Change::Lingering { open: Box::new(former), until: linger_until });
        self.changes += 1;
    }

    fn use_seal(&mut self, seal: AeadKey, now: Instant) {
        self.seal = seal;
        self.seal_phase ^= flags::REKEY;
        self.seals_left = self.suite.packets_per_key_max();
        self.sealed_bytes = 0;
        self.since = now;
    }

    /// Whether new keys should be asked for.
    pub(super) fn are_due(&self, now: Instant) -> bool {
        self.is_idle(now) && (self.sealed_bytes >= REKEY_BYTES || now.since(self.since) >= REKEY_PERIOD)
    }

    /// Whether a request that was refused, or lost its answer, should be made again.
    pub(super) fn should_ask_again(&mut self, now: Instant) -> bool {
        match &mut self.change {
            Some(Change::Asked { asked_at, .. }) if *asked_at + REKEY_PERIOD_MIN <= now => {
                *asked_at = now;
                true
            }
            _ => false,
        }
    }

    /// When [`Self::are_due`] is true by time, or [`Self::should_ask_again`].
    pub(super) fn deadline(&self) -> Instant {
        match &self.change {
            Some(Change::Asked { asked_at, .. }) => *asked_at + REKEY_PERIOD_MIN,
            Some(Change::Switched { .. } | Change::Answered(_)) => Instant::NEVER,
            Some(Change::Lingering { .. }) | None => self.since + REKEY_PERIOD,
        }
    }

    fn is_idle(&self, now: Instant) -> bool {
        match self.change.as_ref() {
            None => true,
            Some(Change::Lingering { until, .. }) => *until <= now,
            Some(_) => false,
        }
    }

    /// Asks for new keys: gives the public key to send. None while a change is under way, or so soon after one that the
    /// peer would not answer.
    pub(super) fn ask(&mut self, now: Instant, ephemeral: SecretKey) -> Option<[u8; 32]> {
        let too_soon = self.changes > 0 && now.since(self.since) < 2 * REKEY_PERIOD_MIN;
        if too_soon || !self.is_idle(now) {
            return None;
        }
        let public = *ephemeral.public().as_bytes();
        self.change = Some(Change::Asked { ephemeral, name: name_of(&public), asked_at: now });
        Some(public)
    }

    /// The peer asks for new keys. `draw` gives a fresh key, or None when too many exchanges are asked for. At most one request in [`REKEY_PERIOD_MIN`] costs a key exchange, whatever comes of it.
    pub(super) fn requested(
        &mut self,
        now: Instant,
        request: &[u8; 32],
        draw: impl FnOnce() -> Option<SecretKey>,
    ) -> Answer {
        match self.change.as_ref() {
            // Both asked at once: the server's request goes first.
            Some(Change::Asked { .. }) if self.role == Role::Server => return Answer::Nothing,
            Some(Change::Answered(answered)) if answered.request == *request => return Answer::Again,
            Some(Change::Answered(_) | Change::Switched { .. }) => return Answer::Nothing,
            Some(Change::Lingering { until, .. }) if *until > now => return Answer::Nothing,
            _ => {}
        }
        if self.answered_at.is_some_and(|at| now.since(at) < REKEY_PERIOD_MIN) {
            return Answer::Nothing;
        }
        let Some(ephemeral) = draw() else { return Answer::Nothing };
        self.answered_at = Some(now);
        let Ok(shared) = ephemeral.diffie_hellman(&PublicKey::from_bytes(*request)) else { return Answer::Weak };
        let secrets = self.secrets.next(&shared);
        let Pair { seal, open } = pair(self.role, self.suite, &secrets);
        self.change = Some(Change::Answered(Box::new(Derived { request: *request, secrets, open, seal })));
        Answer::Key(*ephemeral.public().as_bytes())
    }

    /// The peer has answered the request named `to`.
    pub(super) fn answered(&mut self, now: Instant, to: [u8; REKEY_NAME_BYTES], response: &[u8; 32]) -> Answered {
        let Some(Change::Asked { ephemeral, name, .. }) = &self.change else { return Answered::Ignored };
        if to != *name {
            return Answered::Ignored;
        }
        let Ok(shared) = ephemeral.diffie_hellman(&PublicKey::from_bytes(*response)) else { return Answered::Weak };
        self.secrets = self.secrets.next(&shared);
        let Pair { seal, open } = pair(self.role, self.suite, &self.secrets);
        self.use_seal(seal, now);
        self.change = Some(Change::Switched { open: Box::new(open) });
        Answered::Switched
    }

    /// The peer has acknowledged our answer. Had it been of use, the acknowledgment would have come in the new phase: it
    /// answered a late copy of a request that had been dropped, and the keys stay as they are.
    pub(super) fn answer_acknowledged(&mut self) {
        if let Some(Change::Answered(_)) = self.change {
            self.change = None;
        }
    }
}

/// What a response names a request by.
pub(super) fn name_of(request: &[u8; 32]) -> [u8; REKEY_NAME_BYTES] {
    *request.first_chunk().expect("a key is longer than its name")
}

fn pair(role: Role, suite: Suite, secrets: &Secrets) -> Pair {
    let (client_to_server, server_to_client) = secrets.traffic_keys(suite);
    match role {
        Role::Client => Pair { seal: client_to_server, open: server_to_client },
        Role::Server => Pair { seal: server_to_client, open: client_to_server },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> (Keys, Keys) {
        let secrets = || Secrets::from_split([1; 32], [2; 32]);
        let keys = |role| Keys::new(role, Suite::ChaCha20Poly1305, secrets(), Instant::ZERO);
        (keys(Role::Client), keys(Role::Server))
    }

    fn secret(byte: u8) -> SecretKey {
        SecretKey::from_bytes([byte; 32])
    }

    /// A datagram from one end, under its phase.
    fn sealed(from: &mut Keys) -> (Flags, Vec<u8>) {
        let mut body = vec![7; 40];
        from.seal([9; 12], b"header", &mut body);
        (from.seal_phase(), body)
    }

    fn opens(to: &mut Keys, now: Instant, (phase, body): &(Flags, Vec<u8>)) -> bool {
        to.open(now, *phase, [9; 12], b"header", &mut body.clone(), || Duration::from_secs(1)).is_ok()
    }

    fn crosses(from: &mut Keys, to: &mut Keys) -> bool {
        let datagram = sealed(from);
        opens(to, Instant::ZERO, &datagram)
    }

    #[test]
    fn keys_change_while_datagrams_cross() {
        let (mut client, mut server) = ends();
        let late = sealed(&mut server);
        let request = client.ask(Instant::ZERO, secret(3)).unwrap();
        assert!(crosses(&mut client, &mut server), "the request itself goes under the old key");
        let Answer::Key(response) = server.requested(Instant::ZERO, &request, || Some(secret(4))) else {
            panic!("answered")
        };
        assert_eq!(server.requested(Instant::ZERO, &request, || Some(secret(5))), Answer::Again);
        assert!(crosses(&mut server, &mut client), "the answer goes under the old key");
        assert_eq!(client.answered(Instant::ZERO, name_of(&request), &response), Answered::Switched);
        assert_eq!(client.answered(Instant::ZERO, name_of(&request), &response), Answered::Ignored, "once");
        assert_eq!((client.seal_phase(), server.seal_phase()), (flags::REKEY, 0));
        assert!(crosses(&mut server, &mut client), "the server has not heard the new phase yet");
        assert!(crosses(&mut client, &mut server) && server.seal_phase() == flags::REKEY);
        assert!(crosses(&mut server, &mut client) && crosses(&mut client, &mut server));
        assert!(opens(&mut client, Instant::ZERO, &late), "a late one of the old phase");
        assert!(!opens(&mut client, Instant::ZERO + Duration::from_secs(1), &late), "too late");
        assert_eq!((client.changes, server.changes), (1, 1));
    }

    #[test]
    fn the_server_wins_when_both_ask() {
        let (mut client, mut server) = ends();
        let from_client = client.ask(Instant::ZERO, secret(3)).unwrap();
        let from_server = server.ask(Instant::ZERO, secret(4)).unwrap();
        assert_eq!(server.requested(Instant::ZERO, &from_client, || Some(secret(5))), Answer::Nothing);
        let Answer::Key(response) = client.requested(Instant::ZERO, &from_server, || Some(secret(6))) else {
            panic!("answered")
        };
        assert_eq!(server.answered(Instant::ZERO, name_of(&from_server), &response), Answered::Switched);
        assert!(crosses(&mut server, &mut client) && crosses(&mut client, &mut server));
        assert_eq!(client.seal_phase(), flags::REKEY);
    }

    #[test]
    fn a_peer_cannot_ask_for_one_exchange_after_the_other() {
        let (mut client, mut server) = ends();
        let mut answers = 0;
        for second in 0..60 {
            let now = Instant::ZERO + Duration::from_secs(second);
            client.change = None;
            server.change = None;
            let request = client.ask(now, secret(second as u8 + 1)).unwrap();
            answers += u32::from(matches!(server.requested(now, &request, || Some(secret(99))), Answer::Key(_)));
        }
        assert_eq!(answers, 6);
    }

    #[test]
    fn a_weak_public_key_is_found_out_once_and_changes_nothing() {
        let (mut client, mut server) = ends();
        assert_eq!(server.requested(Instant::ZERO, &[0; 32], || Some(secret(1))), Answer::Weak);
        let no_exchange = || panic!("a weak key is tried once");
        assert_eq!(server.requested(Instant::ZERO, &[0; 32], no_exchange), Answer::Nothing);
        let request = client.ask(Instant::ZERO, secret(3)).unwrap();
        assert_eq!(client.answered(Instant::ZERO, name_of(&request), &[0; 32]), Answered::Weak);
        let other = *secret(4).public().as_bytes();
        assert_eq!(client.answered(Instant::ZERO, [7; 8], &other), Answered::Ignored, "to another request");
        assert!(crosses(&mut client, &mut server) && crosses(&mut server, &mut client));
    }

    #[test]
    fn a_key_seals_no_more_than_it_may() {
        let (mut client, _) = ends();
        client.seals_left = 1;
        assert!(client.can_seal());
        sealed(&mut client);
        assert!(!client.can_seal());
    }

    #[test]
    fn an_answer_that_nobody_waits_for_changes_nothing_for_long() {
        let (mut client, mut server) = ends();
        let request = client.ask(Instant::ZERO, secret(3)).unwrap();
        client.change = None;
        assert!(matches!(server.requested(Instant::ZERO, &request, || Some(secret(4))), Answer::Key(_)));
        assert!(crosses(&mut client, &mut server));
        server.answer_acknowledged();
        let later = Instant::ZERO + REKEY_PERIOD_MIN;
        let request = client.ask(later, secret(5)).unwrap();
        let Answer::Key(response) = server.requested(later, &request, || Some(secret(6))) else { panic!("answered") };
        assert_eq!(client.answered(later, name_of(&request), &response), Answered::Switched);
        assert!(crosses(&mut client, &mut server) && crosses(&mut server, &mut client));
    }

    #[test]
    fn a_request_that_was_refused_is_made_again() {
        let (mut client, _) = ends();
        client.ask(Instant::ZERO, secret(3)).unwrap();
        assert!(!client.should_ask_again(Instant::ZERO) && client.deadline() == Instant::ZERO + REKEY_PERIOD_MIN);
        assert!(client.should_ask_again(client.deadline()));
    }
}
