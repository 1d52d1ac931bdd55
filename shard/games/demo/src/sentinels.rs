//! A sentinel in each zone of a fleet: it shows how many seconds the zone has lived, at whatever hosts. It stands where the
//! zone is nearest to the middle of the map.

use crate::Demo;
use ringshard::game::{OwnZone, Shard};
use ringshard_world::character::Character;
use ringshard_world::character::{EntityKind, buffs};
use ringshard_world::limits::TICKS_PER_SECOND;
use ringshard_world::{EntityId, Pose};
use std::collections::BTreeMap;

/// How far inside of its zone a sentinel stands, in units.
const INSIDE: f32 = 300.0;
/// Ticks for which it cannot be hurt: a year.
const YEAR_TICKS: u64 = 365 * 86_400 * TICKS_PER_SECOND as u64;

/// The sentinels of a core: those of all zones are at core 0.
#[derive(Default)]
pub struct Sentinels(BTreeMap<String, EntityId>);

impl Sentinels {
    /// Once a second, all zones grow older.
    pub fn tick(&self, shard: &mut Shard<Demo>) {
        if shard.tick().is_multiple_of(TICKS_PER_SECOND.into()) {
            for id in self.0.values() {
                if let Some(shown) = shard.entities.shown_mut(*id) {
                    shown.score += 1;
                }
            }
        }
    }

    /// What must outlast the host: the seconds that the zone has lived.
    pub fn save(&self, shard: &Shard<Demo>, zone: &OwnZone, bytes: &mut Vec<u8>) {
        let shown = self.0.get(&zone.name).and_then(|id| shard.entities.shown(*id));
        if let Some(shown) = shown {
            bytes.extend_from_slice(&shown.score.to_le_bytes());
        }
    }

    /// Despawns the sentinel of a zone.
    pub fn lose(&mut self, shard: &mut Shard<Demo>, zone: &OwnZone) {
        if let Some(id) = self.0.remove(&zone.name) {
            shard.entities.despawn(id);
        }
    }
}

impl Demo {
    /// Spawns the sentinel of a zone, which is as old as the zone.
    pub(crate) fn gain_sentinel(&mut self, shard: &mut Shard<Self>, zone: &OwnZone, saved: &[Vec<u8>]) {
        if shard.core() != 0 {
            return;
        }
        let seconds = saved.first().and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let shown = Character { score: seconds, ..Character::new(EntityKind::Npc, 0) };
        let post = post(zone, shard.map().size());
        let pose = Pose::at([post[0], post[1], self.rules.terrain.height(post[0], post[1])]);
        // Without room for it, the zone has none.
        let Ok(id) = shard.entities.spawn(pose, shown) else { return };
        let until = shard.tick() + YEAR_TICKS;
        self.buffs.apply(&mut shard.entities, id, buffs::INVULNERABLE, 1, until);
        self.sentinels.0.insert(zone.name.clone(), id);
    }
}

/// The point of a zone that is nearest to the middle of the map, a little inside.
fn post(zone: &OwnZone, size: [f32; 3]) -> [f32; 2] {
    let [min, max] = zone.area;
    [0, 1].map(|axis| {
        let inside = INSIDE.min((max[axis] - min[axis]) / 2.0);
        (size[axis] / 2.0).clamp(min[axis] + inside, max[axis] - inside).clamp(0.0, size[axis])
    })
}
