//! What a path is like for a while.

use crate::random::Random;
use ringshard_link::conditions::{BurstLoss, Chance, Conditions, RateLimit, Reorder};
use ringshard_protocol::time::Duration;

/// Path MTUs: below each probed size, and below the base size.
const MTUS: [usize; 9] = [512, 576, 800, 1199, 1200, 1300, 1407, 1420, 1471];

/// Conditions in both directions, and how long they last.
#[derive(Clone, Copy, Debug)]
pub struct PathState {
    pub kind: Kind,
    /// From the client to the server.
    pub there: Conditions,
    /// From the server to the client.
    pub back: Conditions,
    pub lasts: Duration,
}

/// Kinds of path states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Only delay.
    Clear,
    /// Datagrams get lost, delayed, duplicated, reordered or corrupted.
    Rough,
    /// A slow line with a queue.
    Narrow,
    /// Large datagrams are lost.
    BlackHole,
    /// All datagrams are lost, for less than the timeout.
    Outage,
    /// All datagrams are lost, for longer than the timeout.
    Blackout,
    /// All datagrams are lost in one direction.
    OneWay,
}

impl PathState {
    /// A clear path with this delay each way.
    pub fn clear(delay: Duration) -> PathState {
        let clear = Conditions::none(delay);
        PathState { kind: Kind::Clear, there: clear, back: clear, lasts: Duration::from_secs(5) }
    }

    /// Draws the next state of a path with this delay.
    pub fn draw(random: &mut Random, delay: Duration) -> PathState {
        let clear = PathState::clear(delay);
        let lasts = random.millis(2_000, 30_000);
        match random.between(0, 99) {
            ..20 => PathState { lasts, ..clear },
            ..65 => {
                let (there, back) = both_ways(random, |random| rough(random, delay));
                PathState { kind: Kind::Rough, there, back, lasts }
            }
            ..78 => {
                let (there, back) = both_ways(random, |random| narrow(random, delay));
                PathState { kind: Kind::Narrow, there, back, lasts }
            }
            ..86 => {
                let (there, back) =
                    both_ways(random, |random| Conditions { mtu: Some(random.pick(&MTUS)), ..clear.there });
                PathState { kind: Kind::BlackHole, there, back, lasts }
            }
            ..93 => PathState { kind: Kind::Outage, lasts: random.millis(500, 14_000), ..dead(clear) },
            ..96 => PathState { kind: Kind::Blackout, lasts: blackout(random), ..dead(clear) },
            _ => one_way(random, clear),
        }
    }
}

impl PathState {
    /// Draws a state in which at least one direction is dead.
    pub fn draw_dead(random: &mut Random, delay: Duration) -> PathState {
        let clear = PathState::clear(delay);
        match random.between(0, 2) {
            0 => PathState { kind: Kind::Outage, lasts: random.millis(100, 10_000), ..dead(clear) },
            1 => PathState { kind: Kind::Blackout, lasts: random.millis(15_500, 30_000), ..dead(clear) },
            _ => one_way(random, clear),
        }
    }
}

/// Mostly shorter than the resumption period, sometimes longer.
fn blackout(random: &mut Random) -> Duration {
    if random.chance(800) { random.millis(15_500, 45_000) } else { random.millis(60_000, 90_000) }
}

fn dead(clear: PathState) -> PathState {
    let dead = Conditions { loss: Chance::ALWAYS, ..clear.there };
    PathState { there: dead, back: dead, ..clear }
}

fn one_way(random: &mut Random, clear: PathState) -> PathState {
    let dead = Conditions { loss: Chance::ALWAYS, ..clear.there };
    let (there, back) = if random.chance(500) { (dead, clear.back) } else { (clear.there, dead) };
    PathState { kind: Kind::OneWay, there, back, lasts: random.millis(500, 25_000) }
}

/// The same in both directions, or different.
fn both_ways(random: &mut Random, draw: impl Fn(&mut Random) -> Conditions) -> (Conditions, Conditions) {
    let there = draw(random);
    (there, if random.chance(600) { there } else { draw(random) })
}

/// Up to 30 % loss, and each other impairment sometimes.
fn rough(random: &mut Random, delay: Duration) -> Conditions {
    let mut conditions = Conditions::none(delay);
    let share = |random: &mut Random, per_mille: u64| Chance::per_million(random.between(0, per_mille * 1000) as u32);
    if random.chance(700) {
        let most = random.pick(&[20, 100, 300]);
        conditions.loss = share(random, most);
    }
    if random.chance(250) {
        let mean_length = random.magnitude(2, 40) as u32;
        conditions.burst = Some(BurstLoss { enter: share(random, 20), mean_length });
    }
    if random.chance(400) {
        let most = random.pick(&[5, 30, 200]);
        conditions.jitter = random.millis(0, most);
        conditions.keeps_order = random.chance(400);
    }
    if random.chance(300) {
        let hold_max = random.pick(&[10, 100, 1_000, 2_000]);
        conditions.reorder = Some(Reorder { chance: share(random, 100), hold_max: Duration::from_millis(hold_max) });
    }
    if random.chance(300) {
        conditions.duplication = share(random, 300);
    }
    if random.chance(200) {
        conditions.corruption = share(random, 50);
    }
    conditions
}

/// 128 kbit/s to 16 Mbit/s, with up to two seconds of queue, sometimes with loss.
fn narrow(random: &mut Random, delay: Duration) -> Conditions {
    let bytes_per_second = random.magnitude(16_000, 2_000_000);
    let queue_millis = random.magnitude(20, 2_000);
    // A long queue in front of a line that gets slow would delay datagrams for minutes.
    let queue_bytes = (bytes_per_second * queue_millis / 1000).clamp(3_000, 32_000);
    let loss = if random.chance(300) { Chance::per_mille(random.between(0, 50) as u32) } else { Chance::NEVER };
    Conditions { rate: Some(RateLimit { bytes_per_second, queue_bytes }), loss, ..Conditions::none(delay) }
}
