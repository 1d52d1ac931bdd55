//! Players roam over the sample map: they run, jump, climb, slide and swim. Counts how often the server corrects what their
//! clients predicted.
//!
//! ```text
//! cargo run --release -p ringshard-demo --example roam -- [--minutes N] [--players N] [--network CONDITIONS] [--json]
//! ```
//! By default 64 players roam for 10 simulated minutes, over a network that delays by 30 ms and loses nothing. The exit status
//! is 1 if a prediction was corrected that the network does not explain: the clients' inputs were all there in time.

use ringshard::game::simulation::WorldConfig;
use ringshard_demo::{Demo, Layout};
use ringshard_demo_rules::{Input, Own};
use ringshard_terrain::file::VolumeKind;
use ringshard_terrain::movement::{Gait, keys};
use ringshard_testing::{Duration, Scene, World, small};
use std::process::ExitCode;
use std::sync::Arc;

/// Ticks for which a player keeps its direction.
const STRETCH: u32 = 90;
/// Seconds until every client is in the world and its clocks have settled.
const SETTLING: u64 = 8;

struct Options {
    minutes: u64,
    players: usize,
    network: String,
    json: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options { minutes: 10, players: 64, network: "delay=30ms".into(), json: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
        match word.as_str() {
            "--minutes" => options.minutes = number(value()?)?,
            "--players" => options.players = number(value()?)? as usize,
            "--network" => options.network = value()?,
            "--json" => options.json = true,
            _ => return Err(format!("there is no option {word}")),
        }
    }
    Ok(options)
}

/// What a player does in a tick: the same in each run, and different for each player.
fn roaming(number: usize, scene: &Scene<'_, ringshard_demo_rules::DemoRules>) -> Input {
    let stretch = scene.tick() / STRETCH + number as u32 * 7_919;
    let dice = stretch.wrapping_mul(0x9E37_79B9) ^ stretch.wrapping_mul(0x85EB_CA6B) >> 13;
    let mut pressed = if dice & 3 == 0 { 0 } else { keys::RUN };
    pressed |= if dice & 0x70 == 0 { keys::JUMP } else { 0 };
    pressed |= if dice & 0x380 == 0 { keys::DIVE } else { 0 };
    Input { forward: 127, left: (dice >> 10) as i8 / 2, yaw: (dice >> 16) as u16, keys: pressed, ..Input::default() }
}

/// Takes a third of the players to the lake, and a third to steep slopes. The others stay in their towns.
fn scatter(world: &mut World<Demo>) {
    world.act(0, |_, shard| {
        let (terrain, players) = (shard.terrain().clone(), shard.players().collect::<Vec<_>>());
        let lake = terrain.columns().volumes.iter().find(|it| it.kind == VolumeKind::Water as u32);
        let lake = *lake.expect("the sample map has a lake");
        let steep = (0..1_000_000_u32).filter_map(|number| {
            let [x, y] = [7_919, 104_729].map(|by| 5_000.0 + (number.wrapping_mul(by) % 190_000) as f32);
            let (height, [along_x, along_y]) = terrain.ground(x, y);
            (along_x.hypot(along_y) > 1.2).then_some([x, y, height + 50.0])
        });
        let mut steep = steep.collect::<Vec<_>>().into_iter().cycle();
        for (number, player) in players.into_iter().enumerate() {
            let middle = [0, 1].map(|axis| (lake.low[axis] + lake.high[axis]) / 2.0 + number as f32 * 20.0);
            let point = match number % 3 {
                0 => [middle[0], middle[1], lake.high[2] - 100.0],
                1 => steep.next().expect("the sample map has cliffs"),
                _ => continue,
            };
            let own = shard.own_mut(player).expect("it is in the world");
            *own = Own { leap: own.leap.wrapping_add(1), ..Own::at(point) };
        }
    });
}

/// What was counted.
#[derive(Default)]
struct Counts {
    gaits: [u64; 4],
    /// Ticks in which a player wanted to run and hardly moved: something was in its way.
    held_up: u64,
    ticks: u64,
}

impl Counts {
    fn add(&mut self, own: &Own) {
        self.ticks += 1;
        self.gaits[own.walker().gait() as usize] += 1;
        let [x, y] = own.velocity;
        self.held_up += u64::from(own.walker().gait() == Gait::Ground && x.hypot(y) < 200.0);
    }
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("roam: {error}; see the head of its source");
            return ExitCode::from(2);
        }
    };
    let terrain = Arc::new(ringshard_maps::sample_terrain(7));
    let config = WorldConfig { terrain, ..small() };
    let game = |start: ringshard::game::GameStart| Demo::new(start.terrain, Layout::Towns, 0);
    let mut world = World::with_config(1, &options.network, 1, config, game);
    (0..options.players).for_each(|_| _ = world.join(b""));
    world.pass(Duration::from_secs(SETTLING), roaming);
    scatter(&mut world);
    world.pass(Duration::from_secs(1), roaming);
    let sums = |world: &World<Demo>| {
        let of_clients = |counter: fn(&ringshard_client::ClientStats) -> u64| {
            (0..world.clients()).map(|client| counter(world.client(client).stats())).sum::<u64>()
        };
        let missed = world.total(|stats| stats.inputs_missed);
        [of_clients(|stats| stats.predicted), of_clients(|stats| stats.mispredicted), missed]
    };
    let before = sums(&world);
    let mut counts = Counts::default();
    for _ in 0..options.minutes * 60 {
        world.pass(Duration::from_secs(1), roaming);
        for client in 0..world.clients() {
            world.client(client).scene().own().into_iter().for_each(|own| counts.add(own));
        }
    }
    let after = sums(&world);
    let [predicted, corrected, missed] = std::array::from_fn(|at| after[at] - before[at]);
    let share = |part: u64| 100.0 * part as f64 / counts.ticks.max(1) as f64;
    let [ground, air, slide, swim] = counts.gaits.map(share);
    let held_up = share(counts.held_up);
    if options.json {
        println!(
            "{{\"predicted\":{predicted},\"corrected\":{corrected},\"inputs_missed\":{missed},\"ground\":{ground:.2},\
             \"air\":{air:.2},\"slide\":{slide:.2},\"swim\":{swim:.2},\"held_up\":{held_up:.2}}}"
        );
    } else {
        println!("{} players, {} simulated minutes, {}", options.players, options.minutes, options.network);
        println!("  predicted ticks          {predicted:>10}");
        println!("  corrected                {corrected:>10}");
        println!("  inputs missed by server  {missed:>10}");
        println!("  on the ground {ground:.1} %, in the air {air:.1} %, sliding {slide:.1} %, swimming {swim:.1} %");
        println!("  held up by a wall or a slope {held_up:.1} %");
    }
    if corrected > missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
