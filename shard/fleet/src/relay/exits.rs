//! The clients at the last node of their route. Each has a socket of its own to its host, so the host sees each as an address of
//! its own, and validates it as any other (PROTOCOL.md#migration).

use super::outbox::ExitId;
use super::wire::Hops;
use crate::topology::PlaceId;
use ringshard_protocol::crypto::ReplayWindow;
use std::collections::HashMap;
use std::time::Duration;

/// A client of which nothing comes for this time, from neither side, is forgotten.
const LIFETIME: Duration = Duration::from_secs(60);
/// One whose host has sent nothing of a session is forgotten after this time, even if it goes on sending.
const UNANSWERED_LIFETIME: Duration = Duration::from_secs(10);

/// The clients.
#[derive(Debug)]
pub(super) struct Exits {
    exits: HashMap<ExitId, Exit>,
    ids: HashMap<(PlaceId, u64), ExitId>,
    most: usize,
    next: u64,
}

/// A client.
#[derive(Debug)]
pub(super) struct Exit {
    /// Its edge, and its id there.
    pub(super) client: (PlaceId, u64),
    pub(super) host: PlaceId,
    /// The way that its newest datagram came, reversed.
    pub(super) back: Hops,
    /// Number of the last datagram to the client. It goes on where an earlier socket of the same client may have ended.
    pub(super) sent: u64,
    /// What came from the client.
    window: ReplayWindow,
    is_answered: bool,
    opened_at: Duration,
    heard_at: Duration,
}

impl Exits {
    /// At most so many clients.
    pub(super) fn new(most: usize) -> Self {
        Exits { exits: HashMap::new(), ids: HashMap::new(), most, next: 0 }
    }

    /// Clients now.
    pub(super) fn len(&self) -> usize {
        self.exits.len()
    }

    /// The socket of a client, if it has one.
    pub(super) fn id(&self, client: (PlaceId, u64)) -> Option<ExitId> {
        self.ids.get(&client).copied()
    }

    /// A new one. None: there are too many.
    pub(super) fn open(&mut self, client: (PlaceId, u64), host: PlaceId, back: Hops, now: Duration) -> Option<ExitId> {
        if self.exits.len() >= self.most {
            return None;
        }
        self.next += 1;
        let id = ExitId(self.next);
        // A million datagrams per second would be needed to come to a number twice.
        let sent = now.as_micros() as u64;
        let window = ReplayWindow::default();
        self.exits
            .insert(id, Exit { client, host, back, sent, window, is_answered: false, opened_at: now, heard_at: now });
        self.ids.insert(client, id);
        Some(id)
    }

    /// Notes a datagram of the client that came this way. False: it came before. Only the newest one decides the way back.
    pub(super) fn heard(&mut self, id: ExitId, number: u64, back: Hops, now: Duration) -> bool {
        let Some(exit) = self.exits.get_mut(&id) else { return false };
        if !exit.window.is_fresh(number) {
            return false;
        }
        if number > exit.window.highest() {
            exit.back = back;
        }
        exit.window.commit(number);
        exit.heard_at = now;
        true
    }

    /// The client that the host has sent something to, of a session or not.
    pub(super) fn answered(&mut self, id: ExitId, is_of_session: bool, now: Duration) -> Option<&mut Exit> {
        let exit = self.exits.get_mut(&id)?;
        exit.is_answered |= is_of_session;
        exit.heard_at = now;
        exit.sent += 1;
        Some(exit)
    }

    /// Forgets clients that are silent, and those of hosts that are gone. Gives which.
    pub(super) fn expire(&mut self, now: Duration, is_host: impl Fn(PlaceId) -> bool) -> Vec<ExitId> {
        let mut gone = Vec::new();
        let Exits { exits, ids, .. } = self;
        exits.retain(|id, exit| {
            let ends_at = match exit.is_answered {
                true => exit.heard_at + LIFETIME,
                false => exit.opened_at + UNANSWERED_LIFETIME,
            };
            let stays = now < ends_at && is_host(exit.host);
            if !stays {
                ids.remove(&exit.client);
                gone.push(*id);
            }
            stays
        });
        gone
    }
}
