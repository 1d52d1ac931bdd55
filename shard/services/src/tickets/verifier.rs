//! Checks tickets.

use super::complaints::Complaints;
use super::counters::Counters;
use super::issuer::{IssuerKey, LIFETIME};
use super::server_key::ServerKey;
use super::used::UsedSecrets;
use crate::AccountId;
use crate::counters::count;
use ring::signature::{ED25519, UnparsedPublicKey};
use ringshard_requests::ticket::{NoTicket, TICKET_PREFIX, TicketParts};
use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How far the clock of an issuer may be from ours.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);
const SKEW_MILLIS: u64 = CLOCK_SKEW.as_millis() as u64;
/// Secrets in each of the two generations that are remembered.
const USED_SECRETS_MAX: usize = 65_536;

/// The account that a ticket is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// Its name, at most 32 bytes.
    pub name: String,
}

/// Why a ticket is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TicketRefusal {
    /// The bytes are not a ticket.
    #[error("{0}; log in again for a new one")]
    Malformed(NoTicket),
    /// No issuer that this server knows has signed it.
    #[error("the ticket has no signature of an issuer that this server knows; log in again for a new one")]
    Unsigned,
    /// It is for another server.
    #[error("the ticket is for another server; ask the login for one for this server")]
    OtherServer,
    /// It is too old.
    #[error("the ticket has expired; ask the login for a new one")]
    Expired,
    /// It was issued in the future.
    #[error("the ticket was issued in the future; the operator must set the clocks of login and server")]
    Early,
    /// It was used before.
    #[error("the ticket was used before; ask the login for a new one")]
    Used,
    /// It was issued before the server started, so it may have been used.
    #[error("the ticket is older than what this server remembers; ask the login for a new one")]
    BeforeStart,
}

/// Checks tickets for one server. Cheap enough for each entering client: about 100 us, of which most is the signature.
#[derive(Debug)]
pub struct TicketVerifier {
    server: ServerKey,
    own: Option<IssuerKey>,
    issuers: Vec<([u8; 8], IssuerKey)>,
    started: u64,
    state: Mutex<State>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct State {
    used: UsedSecrets,
    complaints: Complaints,
}

impl TicketVerifier {
    /// A verifier for the server with this key, which started at `started`, in milliseconds since 1970.
    ///
    /// Clocks of issuers may differ by [`CLOCK_SKEW`]. So tickets of the first seconds after a start are refused unless they
    /// come from `own`, the issuer on this host.
    pub fn new(server: ServerKey, own: Option<IssuerKey>, others: &[IssuerKey], started: u64) -> Self {
        let issuers = own.iter().chain(others).map(|key| (key.id(), *key)).collect();
        let used = UsedSecrets::new(started, USED_SECRETS_MAX);
        let state = Mutex::new(State { used, complaints: Complaints::default() });
        TicketVerifier { server, own, issuers, started, state, counters: Arc::default() }
    }

    /// The counters.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Checks a ticket that a client at `from` shows at `now`, in milliseconds since 1970, and uses it up.
    ///
    /// # Errors
    /// [`TicketRefusal`]. It is counted; the log has a line for the first of each address.
    pub fn verify(&self, now: u64, bytes: &[u8], from: IpAddr) -> Result<Identity, TicketRefusal> {
        let checked = self.check(now, bytes);
        count(self.counter(&checked));
        if let Err(refusal) = &checked
            && self.state().complaints.allow(now, from)
        {
            count(&self.counters.logged);
            tracing::warn!(address = %from, reason = %refusal, "refused a ticket");
        }
        checked
    }

    fn check(&self, now: u64, bytes: &[u8]) -> Result<Identity, TicketRefusal> {
        let TicketParts { fields, signed, signature } = TicketParts::read(bytes).map_err(TicketRefusal::Malformed)?;
        let known = self.issuers.iter().find(|(id, _)| *id == fields.key_id);
        let (_, issuer) = known.ok_or(TicketRefusal::Unsigned)?;
        let message = [TICKET_PREFIX, signed].concat();
        let key = UnparsedPublicKey::new(&ED25519, &issuer.0);
        key.verify(&message, signature).map_err(|_| TicketRefusal::Unsigned)?;
        if fields.server != self.server.0 {
            return Err(TicketRefusal::OtherServer);
        }
        if fields.issued > now.saturating_add(SKEW_MILLIS) {
            return Err(TicketRefusal::Early);
        }
        // Whatever an issuer writes, no ticket is valid for longer than the secrets are remembered.
        let expires = fields.expires.min(fields.issued.saturating_add(LIFETIME.as_millis() as u64));
        if expires.saturating_add(SKEW_MILLIS) < now {
            return Err(TicketRefusal::Expired);
        }
        let skew = if self.own == Some(*issuer) { 0 } else { SKEW_MILLIS };
        let mut state = self.state();
        if fields.issued <= state.used.forgotten().max(self.started + skew) {
            return Err(TicketRefusal::BeforeStart);
        }
        match state.used.insert(now, fields.issued, fields.secret) {
            true => Ok(Identity { account: AccountId(fields.account), name: fields.name.to_owned() }),
            false => Err(TicketRefusal::Used),
        }
    }

    fn counter(&self, checked: &Result<Identity, TicketRefusal>) -> &AtomicU64 {
        let counters = &self.counters;
        match checked {
            Ok(_) => &counters.accepted,
            Err(TicketRefusal::Malformed(_)) => &counters.malformed,
            Err(TicketRefusal::Unsigned) => &counters.unsigned,
            Err(TicketRefusal::OtherServer) => &counters.other_server,
            Err(TicketRefusal::Expired) => &counters.expired,
            Err(TicketRefusal::Early) => &counters.early,
            Err(TicketRefusal::Used) => &counters.used,
            Err(TicketRefusal::BeforeStart) => &counters.before_start,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
