//! `compute`: what serving a world costs without a network: no socket, no cipher, no client. One core does all of it, and
//! its own processor time is what counts.

use crate::interrupt;
use crate::report::grouped;
use crate::scenario::{number_in, option_name};
use crate::verdict::Verdict;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard::game::simulation::INTEREST_PERIOD;
use ringshard::runtime::tick::TICKS_PER_SECOND;
use ringshard::world::exchange::Change;
use ringshard::world::replication::viewer::Scratch;
use ringshard::world::replication::{Encoder, Pacing, Replica, Viewer};
use ringshard::world::store::Rate;
use ringshard::world::visibility::Visibility;
use ringshard_demo::Layout;
use ringshard_demo::{WALK_MAX, spawn_point};
use ringshard_protocol::crypto::Csprng;
use ringshard_world::entity::states;
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use ringshard_world::{EntityId, EntityKind, Map, State};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Ticks after which a snapshot is acknowledged: 50 ms.
const ROUND_TRIP: u16 = 3;
/// Ticks before anything is measured.
const WARM_UP: u32 = 90;
/// Ticks for which one walks, or rests.
const MOOD: u32 = 120;

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Players, of each run.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_value = "1000,5000,10000")]
    clients: Vec<usize>,
    /// Where they are, of each run; default: all there are.
    #[arg(long, value_enum, value_delimiter = ',')]
    layouts: Vec<Layout>,
    /// Share of them that walks at a time.
    #[arg(long, value_name = "SHARE", default_value_t = 0.33, value_parser = share)]
    moving: f64,
    /// Entities that a player sees at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    visible: usize,
    /// Bytes that a player is told at most per tick.
    #[arg(long, value_name = "BYTES", default_value_t = 500)]
    snapshot_bytes: usize,
    /// Ticks measured.
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    ticks: u32,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn share(text: &str) -> Result<f64, String> {
    number_in(text, 0.0..=1.0)
}

/// One run.
#[derive(Clone, Debug, Serialize)]
struct Row {
    clients: usize,
    layout: String,
    /// All of a tick, on one core: median and 99th percentile.
    tick_ms: f64,
    tick_p99_ms: f64,
    /// Of that: taking in what moved and sorting it into the grid, looking around, and writing snapshots.
    move_ms: f64,
    look_ms: f64,
    write_ms: f64,
    entries_per_client: f64,
    ns_per_client: f64,
    ns_per_entry: f64,
    encoded_share: f64,
    bits_per_entry: f64,
    kilobytes_per_client_s: f64,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let layouts = match arguments.layouts.is_empty() {
        true => vec![Layout::Uniform, Layout::Towns, Layout::Crowd],
        false => arguments.layouts.clone(),
    };
    if let Some(clients) = arguments.clients.iter().find(|&&clients| !(1..=WORLD_ENTITIES_MAX).contains(&clients)) {
        return Err(format!("--clients has {clients}; each is 1 to {WORLD_ENTITIES_MAX}"));
    }
    let mut rows = Vec::new();
    println!("compute: serving a world, on one core, without a network");
    println!(
        "  {:>7} {:<8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8} {:>6} {:>7}",
        "players",
        "layout",
        "tick ms",
        "p99 ms",
        "move ms",
        "look ms",
        "write ms",
        "entries",
        "ns/client",
        "ns/entry",
        "encoded",
        "bits",
        "KB/s"
    );
    for layout in layouts {
        for &clients in &arguments.clients {
            if interrupt::is_requested() {
                break;
            }
            let row = Bench::new(arguments, layout, clients).run(arguments);
            println!(
                "  {:>7} {:<8} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.1} {:>9} {:>9.1} {:>7.1}% {:>6.0} {:>7.2}",
                row.clients,
                row.layout,
                row.tick_ms,
                row.tick_p99_ms,
                row.move_ms,
                row.look_ms,
                row.write_ms,
                row.entries_per_client,
                grouped(row.ns_per_client),
                row.ns_per_entry,
                row.encoded_share * 100.0,
                row.bits_per_entry,
                row.kilobytes_per_client_s
            );
            rows.push(row);
        }
    }
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &rows)?;
    }
    Ok(Verdict::of_computed(Vec::new()))
}

struct Walker {
    id: EntityId,
    point: [f32; 3],
    home: [f32; 3],
    velocity: [f32; 2],
}

struct Bench {
    map: Map,
    random: Csprng,
    walkers: Vec<Walker>,
    replica: Replica,
    neighbourhood: Visibility,
    encoder: Encoder,
    viewers: Vec<Viewer>,
    /// Snapshots written for each viewer.
    numbers: Vec<u16>,
    layout: Layout,
    moving: f64,
}

impl Bench {
    fn new(arguments: &Arguments, layout: Layout, clients: usize) -> Self {
        let map = Map::default();
        let mut random = Csprng::seed_from_u64(1);
        let walkers: Vec<_> = (0..clients)
            .map(|index| {
                let point = spawn_point(layout, &map, &mut random);
                let id = EntityId { index: index as u16, generation: 1 };
                Walker { id, point, home: point, velocity: [0.0; 2] }
            })
            .collect();
        Bench {
            viewers: walkers.iter().map(|walker| Viewer::new(walker.id)).collect(),
            numbers: vec![0; clients],
            neighbourhood: Visibility::new(&map, clients, arguments.visible, 5_000.0),
            replica: Replica::new(clients),
            encoder: Encoder::new(clients),
            walkers,
            map,
            random,
            layout,
            moving: arguments.moving,
        }
    }

    fn run(mut self, arguments: &Arguments) -> Row {
        let pacing = Pacing { bytes_max: arguments.snapshot_bytes, ..Pacing::default() };
        let mut ticks = Vec::new();
        let mut sums = [Duration::ZERO; 3];
        let (mut bytes, mut entries, mut encoded) = (0, 0, 0);
        for tick in 1..=WARM_UP + arguments.ticks {
            let before = (self.encoder.taken, self.encoder.encoded);
            let changes = self.walk(tick);
            let began = busy();
            self.take(tick, &changes);
            let moved = busy();
            self.look(tick);
            let looked = busy();
            let written = self.write(tick, &pacing);
            let done = busy();
            if tick > WARM_UP {
                ticks.push(done - began);
                for (sum, part) in sums.iter_mut().zip([moved - began, looked - moved, done - looked]) {
                    *sum += part;
                }
                bytes += written;
                entries += self.encoder.taken - before.0;
                encoded += self.encoder.encoded - before.1;
            }
        }
        ticks.sort_unstable();
        let clients = self.walkers.len();
        let count = f64::from(arguments.ticks);
        let each = clients as f64 * count;
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let [moving, looking, writing] = sums;
        let served = (looking + writing).as_nanos() as f64;
        Row {
            clients,
            layout: option_name(self.layout),
            tick_ms: ms(ticks[ticks.len() / 2]),
            tick_p99_ms: ms(ticks[ticks.len() * 99 / 100]),
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

    /// Everybody walks for a tick; not part of what is measured.
    fn walk(&mut self, tick: u32) -> Vec<Change> {
        let mut changes = Vec::new();
        for walker in &mut self.walkers {
            if tick % MOOD == u32::from(walker.id.index) % MOOD || tick == 1 {
                let walks = f64::from(self.random.next_u32()) < self.moving * f64::from(u32::MAX);
                let angle = self.random.next_u32() as f32;
                let speed = if walks { WALK_MAX } else { 0.0 };
                // Home again, lest the layout dissolves.
                let away = [walker.home[0] - walker.point[0], walker.home[1] - walker.point[1]];
                let angle = if away[0].hypot(away[1]) > 2_000.0 { away[1].atan2(away[0]) } else { angle };
                walker.velocity = [speed * angle.cos(), speed * angle.sin()];
            } else if walker.velocity == [0.0; 2] {
                continue;
            }
            for axis in 0..2 {
                walker.point[axis] += walker.velocity[axis] / TICKS_PER_SECOND as f32;
            }
            let moves = walker.velocity != [0.0; 2];
            let state = State {
                position: self.map.quantise(walker.point),
                velocity: [walker.velocity[0] as i16, walker.velocity[1] as i16, 0],
                rotation: [walker.velocity[1].atan2(walker.velocity[0]).to_degrees() as i16 as u16, 0, 0],
                states: states::ALIVE | if moves { states::MOVING } else { 0 },
                health: 255,
                kind: EntityKind::Player,
                ..State::NONE
            };
            changes.push(Change::State { id: walker.id, state, rate: Rate::Full });
        }
        changes
    }

    fn take(&mut self, tick: u32, changes: &[Change]) {
        self.encoder.clear();
        changes.iter().for_each(|change| self.replica.apply(tick, change));
        self.neighbourhood.rebuild(&self.replica);
    }

    fn look(&mut self, tick: u32) {
        for (number, viewer) in self.viewers.iter_mut().enumerate() {
            if tick <= 1 || (tick + number as u32).is_multiple_of(INTEREST_PERIOD) {
                self.neighbourhood.update(viewer, &self.replica);
            }
        }
    }

    fn write(&mut self, tick: u32, pacing: &Pacing) -> usize {
        let mut scratch = Scratch::default();
        let mut message = [0; 512];
        let mut bytes = 0;
        for at in 0..self.viewers.len() {
            if let Some(next) = self.viewers.get(at + 1) {
                next.prefetch();
            }
            let (viewer, number) = (&mut self.viewers[at], &mut self.numbers[at]);
            if *number >= ROUND_TRIP {
                viewer.acknowledge(tick, *number - ROUND_TRIP, u64::MAX, &self.replica);
            }
            let len = viewer.snapshot(tick, pacing, &self.replica, &mut self.encoder, &mut scratch, &mut message);
            *number += u16::from(len > 0);
            bytes += len;
        }
        bytes
    }
}

/// Processor time of this thread: others that share the machine do not count.
fn busy() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
