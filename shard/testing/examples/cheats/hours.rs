//! Honest players for many hours: what the server refuses them is refused wrongly.
//!
//! A player wanders with the ready-made step among hills, houses and water, and says where it is. Its inputs go through the
//! server's own buffer. The network is a model of datagrams: each has its own delay, and some are lost. Nothing is encrypted, so
//! thousands of hours take minutes.

use crate::land::{land, part, wander};
use rand_chacha::rand_core::SeedableRng;
use ringshard::game::PlayerId;
use ringshard::game::authority::{Limits, Refusals, Validator, weight};
use ringshard::game::input_buffer::InputBuffer;
use ringshard_protocol::crypto::Csprng;
use ringshard_terrain::Terrain;
use ringshard_terrain::movement::{Steering, Walker, step};
use ringshard_world::claim::Claim;
use ringshard_world::messages::TimedInput;
use ringshard_world::{Pose, Refusal};
use std::sync::atomic::{AtomicU64, Ordering};

/// Ticks of an hour.
pub const HOUR: u64 = 3_600 * 60;
/// Ticks after which a player begins anew at another place.
const LIFE: u64 = 60 * 60;
/// Inputs that a client remembers to send again: a power of two.
const REMEMBERED: usize = 64;

/// What happens to the datagrams from a client to the server.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// The shortest and the longest time that one takes, in ticks.
    pub delay: [f32; 2],
    /// The share that is lost.
    pub loss: f32,
    /// How many ticks ahead of the server the client makes its inputs.
    pub ahead: u32,
    /// How many of the last inputs a message has.
    pub repeats: u32,
}

/// 200 ms there and back, 80 ms more or less, and one in twenty datagrams is lost. What a client then makes of it: it is as far
/// ahead as its longest delays.
pub const BAD: Weather = Weather { delay: [3.6, 8.4], loss: 0.05, ahead: 10, repeats: 6 };

/// What became of the players.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    pub ticks: u64,
    /// Ticks without an input of the player.
    pub missed: u64,
    /// Refusals by reason.
    pub refused: [u64; Refusal::ALL.len()],
    /// Players with any refusal, and those whose score went above the one at which players are put out.
    pub suspected: u64,
    pub put_out: u64,
    pub lives: u64,
    pub score_max: f32,
}

impl Sum {
    fn add(&mut self, other: &Sum) {
        self.ticks += other.ticks;
        self.missed += other.missed;
        self.refused.iter_mut().zip(other.refused).for_each(|(sum, count)| *sum += count);
        self.suspected += other.suspected;
        self.put_out += other.put_out;
        self.lives += other.lives;
        self.score_max = self.score_max.max(other.score_max);
    }

    /// Claims that were refused.
    pub fn refusals(&self) -> u64 {
        self.refused.iter().sum()
    }
}

/// Lets honest players play for so many hours in all, on all processors.
pub fn play(hours: f64, weather: Weather, put_out_above: f32) -> Sum {
    let lives = ((hours * HOUR as f64) / LIFE as f64).ceil() as u64;
    let next = AtomicU64::new(0);
    let work = || {
        let mut sum = Sum::default();
        let mut lands: Vec<Option<Terrain>> = (0..8).map(|_| None).collect();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= lives {
                return sum;
            }
            let seed = number % lands.len() as u64;
            let terrain = lands[seed as usize].get_or_insert_with(|| land(seed));
            sum.add(&live(terrain, number, weather, put_out_above));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut sum = Sum::default();
        workers.into_iter().for_each(|worker| sum.add(&worker.join().expect("no claim makes it panic")));
        sum
    })
}

/// A message under way: when it arrives, and its newest input.
#[derive(Clone, Copy)]
struct UnderWay {
    at: f32,
    newest: u32,
}

struct Client {
    walker: Walker,
    steering: Steering,
    made: [Claim; REMEMBERED],
}

impl Client {
    fn new(terrain: &Terrain, limits: &Limits, random: &mut Csprng) -> Client {
        let point = [1_000.0 + part(random) * 22_000.0, 3_000.0 + part(random) * 20_000.0, 6_000.0];
        let mut walker = Walker::at(point);
        (0..400).for_each(|_| step(terrain, &limits.tuning, &mut walker, &Steering::default()));
        Client { walker, steering: Steering::default(), made: [Claim::default(); REMEMBERED] }
    }

    fn make(&mut self, terrain: &Terrain, limits: &Limits, random: &mut Csprng, tick: u32) {
        wander(random, &mut self.steering);
        step(terrain, &limits.tuning, &mut self.walker, &self.steering);
        self.made[tick as usize % REMEMBERED] = Claim::of(&self.walker.pose());
    }
}

fn live(terrain: &Terrain, number: u64, weather: Weather, put_out_above: f32) -> Sum {
    let (limits, random) = (Limits::default(), &mut Csprng::seed_from_u64(number));
    let (mut validator, player) = (Validator::new(), PlayerId::of_number(1 << 16).expect("a number of a player"));
    let mut client = Client::new(terrain, &limits, random);
    let mut own = Pose { leap: 0, ..Pose::at(client.walker.point) };
    validator.place(player, own.point, 0);
    let mut inputs = InputBuffer::new(Claim::default(), 0);
    let mut under_way: Vec<UnderWay> = Vec::new();
    let mut sum = Sum { lives: 1, ..Sum::default() };
    let mut refusals = Refusals::default();
    for tick in 1..=LIFE as u32 {
        let newest = tick + weather.ahead;
        client.make(terrain, &limits, random, newest);
        if part(random) >= weather.loss {
            let [least, most] = weather.delay;
            under_way.push(UnderWay { at: tick as f32 + least + part(random) * (most - least), newest });
        }
        under_way.retain(|message| {
            let has_arrived = message.at <= tick as f32;
            if has_arrived {
                for input in (message.newest - weather.repeats + 1).max(weather.ahead + 1)..=message.newest {
                    let timed = TimedInput { input: client.made[input as usize % REMEMBERED], view_delay: 0 };
                    inputs.offer(input, timed, None);
                }
            }
            !has_arrived
        });
        let taken = inputs.take(tick);
        sum.ticks += 1;
        sum.missed += u64::from(taken.age > 0);
        if taken.age > 0 || !taken.input.apply(&mut own) {
            continue;
        }
        if let Err(violation) = validator.check(terrain, &limits, player, own.point, tick.into()) {
            sum.refused[violation.why.number()] += 1;
            refusals.add(violation.why, weight(violation.why), tick.into());
            sum.score_max = sum.score_max.max(refusals.score_at(tick.into()));
        }
    }
    sum.suspected = u64::from(sum.refusals() > 0);
    sum.put_out = u64::from(sum.score_max > put_out_above);
    sum
}
