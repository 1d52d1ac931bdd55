//! Descriptions come and go as introductions, which the server carries.

use super::Mesh;
use crate::description::Description;
use crate::limits::{INTRODUCTIONS_AT_ONCE, INTRODUCTIONS_PER_SECOND};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::EntityId;

/// Time that an introduction takes of what the server grants.
const TURN: Duration = Duration::from_millis(1_000 / INTRODUCTIONS_PER_SECOND);

/// Keeps the pace that the server allows: it drops what comes faster.
pub(super) struct Pace {
    /// When as many as allowed at once can leave again.
    rested_at: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Pace { rested_at: now }
    }

    /// When the next may leave.
    pub(super) fn deadline(&self) -> Instant {
        let spare = TURN * (INTRODUCTIONS_AT_ONCE as u32 - 1);
        Instant::from_nanos(self.rested_at.as_nanos().saturating_sub(spare.as_nanos() as u64))
    }

    fn take(&mut self, now: Instant) {
        self.rested_at = self.rested_at.max(now) + TURN;
    }
}

impl Mesh {
    /// Takes the bytes of an introduction that the server brought, and the entity that it names as the sender. Players that
    /// were not named by [`Self::join`] are not listened to: they try again.
    pub fn introduced(&mut self, now: Instant, from: EntityId, bytes: &[u8]) {
        let Mesh { peers, identity, local, random, stats, .. } = self;
        stats.introductions_in += 1;
        let Some(description) = Description::decode(bytes) else {
            stats.introductions_malformed += 1;
            return;
        };
        if description.session != identity.session {
            stats.introductions_of_other_meshes += 1;
            return;
        }
        let Some(peer) = peers.values_mut().find(|peer| peer.entity == from && !peer.is_leaving()) else {
            stats.introductions_of_strangers += 1;
            return;
        };
        peer.described(now, description, identity, local, random, stats);
        self.take_events(now);
    }

    /// The next introduction to send over the server: the entity of the player that it is for, and its bytes.
    pub fn poll_introduction(&mut self, now: Instant) -> Option<(EntityId, Vec<u8>)> {
        if self.pace.deadline().max(self.gathered_at) > now {
            return None;
        }
        let Mesh { peers, identity, local, .. } = self;
        // The one that has waited longest comes first.
        let peer = peers.values_mut().min_by_key(|peer| peer.description_deadline())?;
        let bytes = peer.poll_description(now, identity, local)?;
        self.pace.take(now);
        self.stats.introductions_out += 1;
        Some((peer.entity, bytes))
    }
}
