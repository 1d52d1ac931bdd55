//! Who may enter: tickets, guests, and one client for each account.

use super::letter::Place;
use crate::AccountId;
use crate::tickets::{Identity, TicketVerifier};
use ringshard_requests::ticket::TicketParts;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Names of accounts that were let in and are not in the world yet. Further names are forgotten; such a player is named by
/// its account's id.
const NAMES_MAX: usize = 65_536;

/// Who may enter.
pub struct Gate {
    verifier: TicketVerifier,
    requires_ticket: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The name of each account that was let in.
    names: HashMap<AccountId, String>,
    /// Where each account is in the world.
    places: HashMap<AccountId, Place>,
}

/// The decision about a client that wants to enter.
pub(super) enum Verdict {
    Account(Identity),
    Guest,
    Refused,
}

impl Gate {
    /// A gate whose tickets `verifier` checks. Without `requires_ticket`, it also lets in clients without a ticket,
    /// as guests.
    pub fn new(verifier: TicketVerifier, requires_ticket: bool) -> Gate {
        Gate { verifier, requires_ticket, state: Mutex::default() }
    }

    /// The verifier of the tickets.
    pub fn verifier(&self) -> &TicketVerifier {
        &self.verifier
    }

    pub(super) fn judge(&self, ticket: &[u8], from: IpAddr) -> Verdict {
        // Bytes that are not a ticket are a guest's. They do not count as a bad ticket.
        if !self.requires_ticket && TicketParts::read(ticket).is_err() {
            return Verdict::Guest;
        }
        match self.verifier.verify(unix_millis(), ticket, from) {
            Ok(identity) => {
                let mut state = self.state();
                if state.names.len() < NAMES_MAX || state.names.contains_key(&identity.account) {
                    state.names.insert(identity.account, identity.name.clone());
                }
                Verdict::Account(identity)
            }
            Err(_) => Verdict::Refused,
        }
    }

    /// An account is in the world at this place. Gives its name, and the place where it was before, if it did not leave it.
    pub(super) fn entered(&self, account: AccountId, place: Place) -> (String, Option<Place>) {
        let mut state = self.state();
        let name = state.names.remove(&account).unwrap_or_else(|| account.to_string());
        (name, state.places.insert(account, place))
    }

    /// An account has left this place.
    pub(super) fn left(&self, account: AccountId, place: Place) {
        let mut state = self.state();
        if state.places.get(&account) == Some(&place) {
            state.places.remove(&account);
        }
    }

    /// Where an account is in the world.
    pub(super) fn place(&self, account: AccountId) -> Option<Place> {
        self.state().places.get(&account).copied()
    }

    /// The accounts that are in the world.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.state().places.keys().copied().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
