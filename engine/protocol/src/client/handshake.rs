//! An attempt to connect, from the first Connect to the server's Accepted (PROTOCOL.md#client-handshake). Until then no
//! answer is authentic, and none ends the attempt.

use super::config::ClientConfig;
use super::events::CloseReason;
use crate::connection::{Resources, prologue};
use crate::crypto::noise::{Initiator, ResumeKey, Secrets};
use crate::crypto::{NotAuthentic, PublicKey, Suite};
use crate::limits::*;
use crate::time::{Duration, Instant};
use crate::wire::{Accepted, Connect, ConnectionParameters, Cookie, Denied, DeniedReason, Options};

/// An attempt to connect.
#[derive(Debug)]
pub(super) struct Handshake {
    initiator: Initiator,
    /// The key of the session to resume.
    resumes: Option<ResumeKey>,
    connect: Connect,
    started_at: Instant,
    pub(super) retry_at: Instant,
    retry_after: Duration,
    tries: u32,
    /// When a cookie last caused a Connect at once.
    cookie_at: Option<Instant>,
    /// Whether an answer did not fit the pinned key.
    pub(super) wrong_key: bool,
    /// The last denial. It may be forged.
    denied: Option<Denied>,
    /// When the server last answered that it is busy.
    busy_at: Option<Instant>,
}

impl Handshake {
    pub(super) fn begin(
        config: &ClientConfig,
        server: &PublicKey,
        now: Instant,
        resumable: Option<(u8, ResumeKey)>,
        resources: &mut Resources,
    ) -> Result<Self, NotAuthentic> {
        let options = Options { pre_shared_key: config.pre_shared.is_some() };
        let suites = config.suites.bits();
        let (initiator, noise) = Initiator::begin(
            server,
            resources.draw_secret(),
            &prologue(suites, options),
            config.pre_shared.clone(),
            &resumable.map_or([0; RESUME_TOKEN_BYTES], |(_, key)| key.token),
        )?;
        let core = resumable.map(|(core, _)| core);
        let mut connect = Connect { core, tag: 0, suites, options, cookie: [0; COOKIE_BYTES], noise };
        connect.tag = Connect::tag_of(connect.client_key());
        Ok(Handshake {
            initiator,
            resumes: resumable.map(|(_, key)| key),
            connect,
            started_at: now,
            retry_at: now,
            retry_after: CONNECT_RETRY_FIRST,
            tries: 0,
            cookie_at: None,
            wrong_key: false,
            denied: None,
            busy_at: None,
        })
    }

    pub(super) fn tag(&self) -> u64 {
        self.connect.tag
    }

    /// Writes the Connect that is due, and schedules the next.
    pub(super) fn transmit(&mut self, now: Instant, datagram: &mut [u8]) {
        assert!(datagram.len() == CONNECT_BYTES, "the caller asks for the size first");
        assert!(now >= self.retry_at, "a Connect leaves when it is due");
        datagram.copy_from_slice(&self.connect.encode());
        self.tries += 1;
        // Jitter: clients that began together must not all retry together.
        let jitter = u32::from(self.connect.client_key()[31 - self.tries as usize % 16] % 128);
        self.retry_at = now + self.retry_after * (192 + jitter) / 256;
        self.retry_after = (self.retry_after * 2).min(CONNECT_RETRY_MAX);
    }

    pub(super) fn cookie(&mut self, now: Instant, cookie: &Cookie) {
        if self.connect.cookie == cookie.cookie {
            return;
        }
        self.connect.cookie = cookie.cookie;
        // Cookies can be forged: they must not each cause a Connect.
        if self.cookie_at.is_none_or(|at| now.since(at) >= CONNECT_RETRY_FIRST) {
            self.cookie_at = Some(now);
            self.retry_at = now;
        }
    }

    /// The server denies the client. `random` spreads clients that were all told to wait at the same time.
    pub(super) fn denied(&mut self, now: Instant, denied: &Denied, random: u32) {
        self.denied = Some(*denied);
        if denied.reason == DeniedReason::Busy {
            self.busy_at = Some(now);
        }
        let wait = Duration::from_millis(denied.wait_ms.into()).min(BUSY_WAIT_MAX);
        if !wait.is_zero() {
            // Once to twice as long as the server says.
            self.retry_at = self.retry_at.max(now + wait + wait * (random % 256) / 256);
        }
    }

    /// Opens the server's Accepted; None if it does not fit the pinned key or the Connect.
    pub(super) fn finish(&mut self, accepted: &Accepted) -> Option<(Secrets, ConnectionParameters, Suite)> {
        let (secrets, payload) = self.initiator.finish(&accepted.noise).ok()?;
        let parameters = ConnectionParameters::decode(&payload).ok()?;
        let suite = Suite::from_bit(parameters.suite)?;
        let offered = self.connect.suites & parameters.suite != 0;
        if !offered || parameters.resumed && self.resumes.is_none() {
            return None;
        }
        let secrets = match &self.resumes {
            Some(key) if parameters.resumed => secrets.resuming(key),
            _ => secrets,
        };
        Some((secrets, parameters, suite))
    }

    /// When the attempt ends without success. A server that says that it is busy gets more time.
    pub(super) fn gives_up_at(&self) -> Instant {
        let busy_until = self.busy_at.map(|at| at + CONNECT_TIMEOUT).unwrap_or(Instant::ZERO);
        (self.started_at + CONNECT_TIMEOUT).max(busy_until.min(self.started_at + BUSY_TIMEOUT))
    }

    /// Why the attempt failed, as far as the answers tell. None of them is authentic.
    pub(super) fn failure(&self) -> CloseReason {
        match self.denied {
            _ if self.wrong_key => CloseReason::WrongKey,
            Some(Denied { reason, server_version, .. }) => CloseReason::Denied(reason, server_version),
            None => CloseReason::Unreachable(self.tries),
        }
    }
}
