//! What a game keeps of the zones of its host: see [`crate::runtime::fleet`].

use super::Simulation;
use crate::game::Game;
use crate::runtime::fleet::{FromCore, OwnZone, SavedPart};

/// Bytes that a game may save of a zone, on one core.
pub const ZONE_BYTES_MAX: usize = 128 * 1_024;

impl<G: Game> Simulation<G> {
    /// A zone is this host's from now on.
    pub(super) fn gain_zone(&mut self, zone: &OwnZone, saved: &[Vec<u8>]) {
        self.game.gain_zone(&mut self.shard, zone, saved);
    }

    /// Saves this core's part of a zone.
    pub(super) fn save_zone(&mut self, request: u64, zone: &OwnZone, is_lost: bool) {
        let bytes = self.saved(zone);
        if is_lost {
            self.game.lose_zone(&mut self.shard, zone);
        }
        self.shard.fleet.say(FromCore::ZoneSaved { request, bytes });
    }

    /// The core ends, and says what it has of its zones.
    pub(super) fn save_zones_at_last(&mut self) {
        let zones = std::mem::take(&mut self.zones_here);
        let zones = zones.iter().map(|zone| SavedPart { zone: zone.clone(), bytes: self.saved(zone) }).collect();
        self.shard.fleet.say(FromCore::Ends { zones });
    }

    fn saved(&mut self, zone: &OwnZone) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.game.save_zone(&mut self.shard, zone, &mut bytes);
        assert!(bytes.len() <= ZONE_BYTES_MAX, "a game saves at most {ZONE_BYTES_MAX} bytes of a zone on a core");
        bytes
    }
}
