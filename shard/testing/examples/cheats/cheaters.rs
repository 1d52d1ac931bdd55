//! Clients that cheat, against the server of a game that lets clients say where their characters are.
//!
//! A cheater runs straight ahead on level ground, as an honest client would, and changes what it says. The server sets characters
//! back, and puts a player out above a score.

use crate::said::{Decided, Input, Own, Said};
use ringshard::game::authority::Policy;
use ringshard::game::simulation::WorldConfig;
use ringshard_terrain::movement::{Steering, Tuning, Walker, keys, step};
use ringshard_terrain::{Plan, Terrain};
use ringshard_testing::{Duration, World, small};
use ringshard_world::claim::Claim;
use ringshard_world::messages::TimedInput;
use ringshard_world::{Pose, Refusal};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// A tick, and a little more than half of one.
const TICK: Duration = Duration::from_nanos(16_666_667);
/// Where characters enter.
const SPAWN: [f32; 3] = [2_000.0, 5_000.0, 0.0];
/// A wall, which only cheats pass.
const WALL: f32 = 4_000.0;
/// Above this score, players are put out.
pub const SCORE_MAX: f32 = 100.0;

/// What a client does that it must not.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Cheat {
    /// It goes so many times as fast.
    Speed(f32),
    /// Once a second it is so many units farther.
    Teleport(f32),
    /// It rises, and stays up there.
    Fly,
    /// It goes on through a wall.
    Wall,
    /// It sends so many input messages per tick.
    Flood(u32),
    /// It says that it sees the present when it shoots.
    View,
}

impl Cheat {
    /// The reasons for which it is refused.
    pub fn reasons(&self) -> &'static [Refusal] {
        match self {
            Cheat::Speed(_) => &[Refusal::Speed, Refusal::Teleport],
            Cheat::Teleport(_) => &[Refusal::Teleport, Refusal::Speed],
            Cheat::Fly => &[Refusal::Flight],
            Cheat::Wall => &[Refusal::Wall],
            Cheat::Flood(_) => &[Refusal::Flood],
            Cheat::View => &[Refusal::View],
        }
    }
}

/// What became of a cheater.
#[derive(Clone, Debug)]
pub struct Caught {
    pub cheat: Cheat,
    /// Ticks from the first cheat to the first refusal.
    pub refused_after: Option<u64>,
    /// Ticks to the end of its presence.
    pub put_out_after: Option<u64>,
    /// Refusals for its reasons, and for others.
    pub refusals: u64,
    pub others: u64,
    /// What it gained at most until then.
    pub gain: f64,
}

/// How a cheater moves, and where the server has it.
struct Runner {
    terrain: Arc<Terrain>,
    walker: Walker,
    own: Rc<Cell<Own>>,
    cheat: Cheat,
    began: u32,
}

impl Runner {
    /// What it says in a tick.
    fn input(&mut self, tick: u32) -> Input {
        let own = self.own.get();
        if own.leap == 0 {
            return Input::default();
        }
        if own.leap != self.walker.leap {
            // The server has set it back.
            self.walker = Walker { point: own.point, velocity: own.velocity, leap: own.leap, ..Walker::default() };
        }
        let before = self.walker.point;
        let steering = Steering { forward: 127, keys: keys::RUN, ..Steering::default() };
        step(&self.terrain, &Tuning::default(), &mut self.walker, &steering);
        if tick >= self.began {
            self.cheat(tick, before);
        }
        let pose = Pose { leap: self.walker.leap, ..self.walker.pose() };
        Input { claim: Claim::of(&pose), fire: self.cheat == Cheat::View && tick.is_multiple_of(4) }
    }

    fn cheat(&mut self, tick: u32, before: [f32; 3]) {
        let point = &mut self.walker.point;
        match self.cheat {
            Cheat::Speed(times) => point[0] = before[0] + (point[0] - before[0]) * times,
            Cheat::Teleport(by) if (tick - self.began).is_multiple_of(60) => point[0] += by,
            Cheat::Fly => {
                point[2] = (before[2] + 6.0).min(400.0);
                (self.walker.gait, self.walker.velocity[2]) = (0, 0.0);
            }
            Cheat::Wall => point[0] = before[0] + 10.0,
            _ => {}
        }
    }
}

fn level() -> Arc<Terrain> {
    let mut plan = Plan::flat([102_400.0, 6_400.0], [1, 1, 1], [2, 1, 1]);
    plan.add_box([WALL, 0.0, -10.0], [WALL + 20.0, 4_000.0, 900.0]);
    Arc::new(Terrain::of(&plan).expect("the plan is possible"))
}

/// A network, and how far ahead of the newest snapshot inputs must be to arrive in time.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    pub network: &'static str,
    pub ahead: u32,
}

/// 40 ms from one end to the other and back.
pub const NEAR: Path = Path { network: "delay=20ms", ahead: 8 };
/// 200 ms, 80 ms more or less, of which one in twenty datagrams is lost in each direction.
pub const FAR: Path = Path { network: "delay=60ms,jitter=80ms,loss=5%", ahead: 28 };

/// A cheater in its world.
struct Trial {
    world: World<Said>,
    raw: usize,
    own: Rc<Cell<Own>>,
    cheat: Cheat,
    path: Path,
    /// The tick of the first cheat, and of the first refusal for it.
    began: u32,
    refused_at: Option<u64>,
}

/// Lets a client cheat for at most so many seconds.
pub fn caught(cheat: Cheat, path: Path, seconds: u32) -> Caught {
    let mut trial = Trial::new(cheat, path);
    trial.run(seconds);
    trial.caught()
}

impl Trial {
    fn new(cheat: Cheat, path: Path) -> Trial {
        let terrain = level();
        let config = WorldConfig { terrain: terrain.clone(), ..small() };
        let policy = Policy { corrects: true, puts_out_above: Some((SCORE_MAX, 1)) };
        let spawn = if cheat == Cheat::Wall { [WALL - 2_500.0, 2_000.0, 0.0] } else { SPAWN };
        let mut world = World::with_config(1, path.network, 11, config, |_| Said::new(policy, spawn));
        let raw = world.join_raw(Some(b"cheater"));
        // It enters, and runs honestly for a while.
        let (own, began) = (Rc::new(Cell::new(Own::default())), 60 * 4);
        let mut runner = Runner { terrain, walker: Walker::default(), own: own.clone(), cheat, began };
        let (client, _) = world.raw_mut(raw);
        (client.ahead, client.repeats) = (path.ahead, 12);
        client.input = Box::new(move |tick| runner.input(tick));
        Trial { world, raw, own, cheat, path, began, refused_at: None }
    }

    /// Lets time pass, until the player is put out or the time is over.
    fn run(&mut self, seconds: u32) {
        let until = u64::from(self.began + seconds * 60);
        while self.tick() < until && self.world.game(0).left.is_empty() {
            self.world.pass(TICK, |_, _| Input::default());
            self.act();
            if self.refused_at.is_none() && self.refusals() > 0 {
                self.refused_at = Some(self.tick());
            }
        }
    }

    fn tick(&self) -> u64 {
        self.world.simulation(0).shard().tick()
    }

    /// What the client does beside its inputs.
    fn act(&mut self) {
        let tick = self.tick() as u32;
        let is_cheating = tick >= self.began;
        let (client, now) = self.world.raw_mut(self.raw);
        if let Some((_, owner)) = client.newest() {
            self.own.set(owner.own);
        }
        // An honest client shows others a little behind its newest snapshot.
        let newest = client.view.tick() as u32;
        let ahead = client.server_tick(now).map_or(0, |known| known.wrapping_sub(newest)) + self.path.ahead;
        client.view_delay = if self.cheat == Cheat::View && is_cheating { 0 } else { (ahead + 4) as u16 * 256 };
        if let (Cheat::Flood(messages), true) = (self.cheat, is_cheating) {
            let input = TimedInput { input: Input::default(), view_delay: 0 };
            (1..messages).for_each(|ahead| client.send_inputs(now, tick + ahead, &[input]));
        }
    }

    fn counted(&self, why: Refusal) -> u64 {
        let name = format!("refused_{}", why.name().replace('-', "_"));
        let stats = self.world.stats(0);
        stats.entries().find(|(counter, _)| *counter == name).map_or(0, |(_, count)| count)
    }

    /// Refusals for the cheat.
    fn refusals(&self) -> u64 {
        self.cheat.reasons().iter().map(|why| self.counted(*why)).sum()
    }

    fn caught(&self) -> Caught {
        let began = u64::from(self.began);
        let all: u64 = Refusal::ALL.into_iter().map(|why| self.counted(why)).sum();
        let after = |tick: u64| tick.saturating_sub(began);
        Caught {
            cheat: self.cheat,
            refused_after: self.refused_at.map(after),
            put_out_after: self.world.game(0).left.first().map(|(tick, ..)| after(*tick)),
            refusals: self.refusals(),
            others: all - self.refusals(),
            gain: self.gain(),
        }
    }

    /// The most that it has had of its cheat.
    fn gain(&self) -> f64 {
        let (game, began) = (self.world.game(0), u64::from(self.began));
        let since = || game.decided.iter().filter(|decided| decided.tick >= began);
        let start = since().next().map_or(SPAWN, |decided| decided.point);
        // An honest runner goes on from where the cheat began.
        let ahead = |decided: &Decided| f64::from(decided.point[0] - start[0]) - 10.0 * (decided.tick - began) as f64;
        let most = |gains: &mut dyn Iterator<Item = f64>| gains.fold(0.0, f64::max);
        let jump = Tuning::default().jump_height();
        match self.cheat {
            Cheat::Speed(_) | Cheat::Teleport(_) => most(&mut since().map(ahead)),
            Cheat::Fly => most(&mut since().map(|decided| f64::from(decided.point[2] - jump))),
            Cheat::Wall => most(&mut since().map(|decided| f64::from(decided.point[0] - WALL))),
            Cheat::Flood(_) => {
                let stats = self.world.stats(0);
                stats.inputs_taken.saturating_sub(stats.ticks) as f64
            }
            Cheat::View => {
                let mean = |shots: &[(u64, f64)]| {
                    shots.iter().map(|(_, ago)| ago).sum::<f64>() / (shots.len() as f64).max(1.0)
                };
                let (honest, forged) = game.rewound.split_at(game.rewound.partition_point(|(tick, _)| *tick < began));
                (mean(honest) - mean(forged)).max(0.0)
            }
        }
    }
}
