//! Tickets for the players: an account for each, as a login would give it.

use super::Place;
use ringshard_services::AccountId;
use ringshard_services::tickets::{ServerKey, TicketIssuer};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes the tickets of all players.
#[derive(Clone)]
pub(super) struct Login(Option<Arc<TicketIssuer>>);

impl Login {
    /// With the key of a login. Without one, the players are guests.
    pub fn open(key: Option<&Path>) -> Result<Self, String> {
        let open = |path: &Path| {
            TicketIssuer::open(path).map_err(|error| format!("the key for tickets, {}: {error}", path.display()))
        };
        Ok(Login(key.map(open).transpose()?.map(Arc::new)))
    }

    /// What this player shows this server. A ticket is good once, and for 30 s.
    pub fn ticket(&self, player: u32, server: Place) -> Vec<u8> {
        let Some(issuer) = &self.0 else { return Vec::new() };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        let key = ServerKey(*server.key.as_bytes());
        issuer.issue(now, AccountId(u64::from(player) + 1), &format!("wanderer-{player}"), key).bytes
    }
}
