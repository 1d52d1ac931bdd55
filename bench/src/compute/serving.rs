//! A world whose players walk, and the CPU time that serving them takes.

use super::crowd::{Crowd, id_of};
use super::options::Arguments;
use super::row::Row;
use crate::scenario::option_name;
use rand_chacha::rand_core::SeedableRng;
use ringshard::game::character::KINDS;
use ringshard::game::simulation::INTEREST_PERIOD;
use ringshard::runtime::tick::TICKS_PER_SECOND;
use ringshard::world::exchange::Change;
use ringshard::world::replication::viewer::{PlayerReport, Scratch};
use ringshard::world::replication::{Encoder, Happenings, Pacing, Replica, Viewer};
use ringshard::world::visibility::Visibility;
use ringshard_demo::Layout;
use ringshard_protocol::crypto::Csprng;
use ringshard_terrain::Terrain;
use ringshard_world::character::Character;
use ringshard_world::messages::{Owner, SnapshotHeader};
use ringshard_world::{Fields, Map};
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::time::Duration;

/// Ticks until a snapshot is acknowledged: 50 ms.
pub const ROUND_TRIP: u16 = 3;
/// Ticks before the measurement starts.
const WARM_UP: u32 = 90;
/// Up to this distance an entity is near, in units.
pub const NEAR: f32 = 5_000.0;
/// Most bytes of a snapshot's header with its owner block.
pub const HEADER_BYTES_MAX: usize = SnapshotHeader::BYTES + 3 + <Own as Fields>::BYTES_MAX;

ringshard_world::wire! {
    /// The own state of a player: where it is.
    pub struct Own { pub x: f32, pub y: f32, pub z: f32 }
}

impl Own {
    pub fn at([x, y, z]: [f32; 3]) -> Own {
        Own { x, y, z }
    }
}

pub struct ComputeRun {
    pub map: Map,
    pub random: Csprng,
    pub crowd: Crowd,
    pub replica: Replica<Character>,
    pub visibility: Visibility,
    pub encoder: Encoder,
    pub happenings: Happenings,
    pub viewers: Vec<Viewer<Own>>,
    pub message: Vec<u8>,
    /// Snapshots written for each viewer.
    pub numbers: Vec<u16>,
    pub layout: Layout,
}

impl ComputeRun {
    pub fn new(arguments: &Arguments, terrain: &Arc<Terrain>, layout: Layout, clients: usize) -> Self {
        let map = *terrain.map();
        let mut random = Csprng::seed_from_u64(1);
        let crowd = Crowd::new(terrain, layout, clients, arguments.moving, &mut random);
        let viewer = |index: usize| {
            let mut viewer = Viewer::new(Own::default(), index as u32, 0);
            viewer.gaze.body = Some(id_of(index));
            viewer
        };
        ComputeRun {
            viewers: (0..clients).map(viewer).collect(),
            message: vec![0; HEADER_BYTES_MAX + arguments.snapshot_bytes],
            numbers: vec![0; clients],
            visibility: Visibility::new(&map, clients, arguments.visible, NEAR, &KINDS),
            happenings: Happenings::new(clients),
            replica: Replica::new(clients, 0, Character::default()),
            encoder: Encoder::new(clients),
            crowd,
            map,
            random,
            layout,
        }
    }

    pub fn run(mut self, arguments: &Arguments) -> Row {
        let pacing = Pacing { bytes_max: arguments.snapshot_bytes, ..Pacing::default() };
        let mut ticks = Vec::new();
        let mut sums = [Duration::ZERO; 4];
        let (mut bytes, mut entries, mut encoded) = (0, 0, 0);
        for tick in 1..=WARM_UP + arguments.ticks {
            let before = (self.encoder.taken, self.encoder.encoded);
            let (changes, stepped) = self.step(tick);
            let began = busy();
            self.take(tick, &changes);
            let moved = busy();
            self.look(tick);
            let looked = busy();
            let written = self.write(tick, &pacing);
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
    pub fn step(&mut self, tick: u32) -> (Vec<Change<Character>>, Duration) {
        let Self { crowd, random, .. } = self;
        crowd.steer(tick, random);
        let began = busy();
        crowd.step();
        let stepped = busy() - began;
        (crowd.changes(), stepped)
    }

    pub fn take(&mut self, tick: u32, changes: &[Change<Character>]) {
        self.encoder.clear();
        changes.iter().for_each(|change| self.replica.apply(tick, change));
        self.visibility.note(changes);
        self.visibility.refresh(&self.replica);
    }

    pub fn look(&mut self, tick: u32) {
        for (number, viewer) in self.viewers.iter_mut().enumerate() {
            if tick <= 1 || (tick + number as u32).is_multiple_of(INTEREST_PERIOD) {
                let from = self.map.quantise(self.crowd.point(number));
                self.visibility.update(viewer, &self.replica, from, &[], |_| false);
            }
        }
    }

    pub fn write(&mut self, tick: u32, pacing: &Pacing) -> usize {
        let mut scratch = Scratch::default();
        let mut bytes = 0;
        for at in 0..self.viewers.len() {
            if let Some(next) = self.viewers.get(at + 1) {
                next.prefetch(None);
            }
            let Self { replica, encoder, happenings, message, crowd, viewers, numbers, .. } = self;
            let (viewer, number) = (&mut viewers[at], &mut numbers[at]);
            if *number >= ROUND_TRIP {
                viewer.acknowledge(tick, *number - ROUND_TRIP, u64::MAX);
            }
            let owner = Owner { body: Some(id_of(at)), own: Own::at(crowd.point(at)) };
            let report = PlayerReport { owner: &owner, lead: 0, input_age: 0 };
            let len = viewer.snapshot(tick, &report, pacing, replica, encoder, happenings, &mut scratch, message);
            *number += u16::from(len > 0);
            bytes += len;
        }
        bytes
    }
}

/// CPU time of this thread. Unlike elapsed time, it does not depend on other programs.
pub fn busy() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
