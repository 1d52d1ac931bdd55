//! How long new entities take to be known on other cores.

use super::server_core::Host;
use ringshard_world::EntityId;
use std::collections::HashSet;

/// How long entities take to be known on other cores.
#[derive(Default)]
pub struct Hops {
    pub known: HashSet<EntityId>,
    /// Which, whose, and the ticks of all cores when it was new.
    pub under_way: Vec<(EntityId, usize, Vec<u64>)>,
    pub ticks_max: u64,
}

impl Hops {
    pub fn look(&mut self, hosts: &[Host]) {
        let shard = |core: usize| hosts[core].core.service().shard();
        for owner in 0..hosts.len() {
            for id in shard(owner).entities.ids().filter(|id| self.known.insert(*id)) {
                self.under_way.push((id, owner, (0..hosts.len()).map(|core| shard(core).tick()).collect()));
            }
        }
        let Hops { known, under_way, ticks_max } = self;
        under_way.retain(|(id, owner, since)| {
            if !shard(*owner).entities.contains(*id) {
                return false;
            }
            let mut missing = false;
            for core in (0..hosts.len()).filter(|core| core != owner) {
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
