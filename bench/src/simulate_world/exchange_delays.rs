//! How long new entities take to be known on other cores.

use super::server_core::ServerCore;
use ringshard_world::EntityId;
use std::collections::HashSet;

#[derive(Default)]
pub struct ExchangeDelays {
    pub known: HashSet<EntityId>,
    /// Entity, owner, and the ticks of all cores when it was new.
    pub under_way: Vec<(EntityId, usize, Vec<u64>)>,
    pub ticks_max: u64,
}

impl ExchangeDelays {
    pub fn look(&mut self, server_cores: &[ServerCore]) {
        let shard = |core: usize| server_cores[core].core.service().shard();
        for owner in 0..server_cores.len() {
            for id in shard(owner).entities.ids().filter(|id| self.known.insert(*id)) {
                self.under_way.push((id, owner, (0..server_cores.len()).map(|core| shard(core).tick()).collect()));
            }
        }
        let ExchangeDelays { known, under_way, ticks_max } = self;
        under_way.retain(|(id, owner, since)| {
            if !shard(*owner).entities.contains(*id) {
                return false;
            }
            let mut missing = false;
            for core in (0..server_cores.len()).filter(|core| core != owner) {
                match shard(core).look(*id) {
                    Some(_) => *ticks_max = (*ticks_max).max(shard(core).tick() - since[core]),
                    None => missing = true,
                }
            }
            missing
        });
        if known.len() > 100_000 {
            known.clear();
        }
    }
}
