//! A world whose players walk, and the CPU time that serving them takes.

use super::audience::{Audience, NEAR};
use super::crowd::{Crowd, id_of};
use super::options::Arguments;
use super::row::Row;
use crate::scenario::option_name;
use rand_chacha::rand_core::SeedableRng;
use ringshard::game::character::KINDS;
use ringshard::runtime::tick::TICKS_PER_SECOND;
use ringshard::world::exchange::Change;
use ringshard::world::replication::{Encoder, Replica};
use ringshard::world::visibility::Visibility;
use ringshard_demo::Layout;
use ringshard_protocol::crypto::Csprng;
use ringshard_terrain::Terrain;
use ringshard_world::Map;
use ringshard_world::character::Character;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::time::Duration;

/// Ticks before the measurement starts.
const WARM_UP: u32 = 90;

pub struct ComputeRun {
    map: Map,
    random: Csprng,
    crowd: Crowd,
    replica: Replica<Character>,
    visibility: Visibility,
    encoder: Encoder,
    audience: Audience,
    layout: Layout,
}

impl ComputeRun {
    pub fn new(arguments: &Arguments, terrain: &Arc<Terrain>, layout: Layout, clients: usize) -> Self {
        let map = *terrain.map();
        let mut random = Csprng::seed_from_u64(1);
        ComputeRun {
            crowd: Crowd::new(terrain, layout, clients, arguments.moving, &mut random),
            audience: Audience::new(arguments, (0..clients).map(id_of), clients),
            visibility: Visibility::new(&map, clients, arguments.visible, NEAR, &KINDS),
            replica: Replica::new(clients, 0, Character::default()),
            encoder: Encoder::new(clients),
            map,
            random,
            layout,
        }
    }

    pub fn run(mut self, arguments: &Arguments) -> Row {
        let mut ticks = Vec::new();
        let mut sums = [Duration::ZERO; 4];
        let (mut bytes, mut entries, mut encoded) = (0, 0, 0);
        for tick in 1..=WARM_UP + arguments.ticks {
            let before = (self.encoder.taken, self.encoder.encoded);
            let (changes, stepped) = self.step(tick);
            let began = busy();
            self.take(tick, &changes);
            let moved = busy();
            self.audience.look(tick, &self.map, &self.crowd, &self.replica, &mut self.visibility);
            let looked = busy();
            let written = self.audience.write(tick, &self.crowd, &self.replica, &mut self.encoder);
            let done = busy();
            if tick > WARM_UP {
                ticks.push(stepped + done - began);
                for (sum, part) in sums.iter_mut().zip([stepped, moved - began, looked - moved, done - looked]) {
                    *sum += part;
                }
                bytes += written;
                entries += self.encoder.taken - before.0;
                encoded += self.encoder.encoded - before.1;
            }
        }
        ticks.sort_unstable();
        let clients = self.crowd.len();
        let count = f64::from(arguments.ticks);
        let each = clients as f64 * count;
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let [stepping, moving, looking, writing] = sums;
        let served = (looking + writing).as_nanos() as f64;
        Row {
            clients,
            layout: option_name(self.layout),
            tick_ms: ms(ticks[ticks.len() / 2]),
            tick_p99_ms: ms(ticks[ticks.len() * 99 / 100]),
            step_ms: ms(stepping) / count,
            ns_per_step: stepping.as_nanos() as f64 / each,
            move_ms: ms(moving) / count,
            look_ms: ms(looking) / count,
            write_ms: ms(writing) / count,
            entries_per_client: entries as f64 / each,
            ns_per_client: served / each,
            ns_per_entry: writing.as_nanos() as f64 / entries.max(1) as f64,
            encoded_share: encoded as f64 / entries.max(1) as f64,
            bits_per_entry: bytes as f64 * 8.0 / entries.max(1) as f64,
            kilobytes_per_client_s: bytes as f64 / each * f64::from(TICKS_PER_SECOND) / 1e3,
        }
    }

    /// Steps all players by one tick. Gives what changed, and the time that the steps took.
    fn step(&mut self, tick: u32) -> (Vec<Change<Character>>, Duration) {
        let Self { crowd, random, .. } = self;
        crowd.steer(tick, random);
        let began = busy();
        crowd.step();
        let stepped = busy() - began;
        (crowd.changes(), stepped)
    }

    fn take(&mut self, tick: u32, changes: &[Change<Character>]) {
        self.encoder.clear();
        changes.iter().for_each(|change| self.replica.apply(tick, change));
        self.visibility.note(changes);
        self.visibility.refresh(&self.replica);
    }
}

/// CPU time of this thread. Unlike elapsed time, it does not depend on other programs.
pub fn busy() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
