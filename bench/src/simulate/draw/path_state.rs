//! What a path is like for a while.

use crate::random::Dice;
use ringshard_link::conditions::{BurstLoss, Chance, Conditions, RateLimit, Reorder};
use ringshard_protocol::time::Duration;

/// Sizes of which larger datagrams vanish: below every size that is probed for, and below the usual one.
const MTUS: [usize; 9] = [512, 576, 800, 1199, 1200, 1300, 1407, 1420, 1471];

/// What a path is like, there and back, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// In a word.
    pub kind: Kind,
    /// From the client to the server.
    pub there: Conditions,
    /// From the server to the client.
    pub back: Conditions,
    /// Until it changes.
    pub lasts: Duration,
}

/// Kinds of weather.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Nothing happens to datagrams, except that they take their time.
    Clear,
    /// Some of them get lost, late, twice, out of order or damaged.
    Rough,
    /// A slow line with a queue.
    Narrow,
    /// Large datagrams vanish.
    BlackHole,
    /// Nothing passes, for less than the timeout.
    Outage,
    /// Nothing passes, for longer than the timeout.
    Blackout,
    /// Nothing passes in one direction.
    OneWay,
}

impl Weather {
    /// Clear, with this delay each way.
    pub fn clear(delay: Duration) -> Weather {
        let clear = Conditions::none(delay);
        Weather { kind: Kind::Clear, there: clear, back: clear, lasts: Duration::from_secs(5) }
    }

    /// Draws what comes next over a path with this delay.
    pub fn draw(dice: &mut Dice, delay: Duration) -> Weather {
        let clear = Weather::clear(delay);
        let lasts = dice.millis(2_000, 30_000);
        match dice.between(0, 99) {
            ..20 => Weather { lasts, ..clear },
            ..65 => {
                let (there, back) = both_ways(dice, |dice| rough(dice, delay));
                Weather { kind: Kind::Rough, there, back, lasts }
            }
            ..78 => {
                let (there, back) = both_ways(dice, |dice| narrow(dice, delay));
                Weather { kind: Kind::Narrow, there, back, lasts }
            }
            ..86 => {
                let (there, back) = both_ways(dice, |dice| Conditions { mtu: Some(dice.pick(&MTUS)), ..clear.there });
                Weather { kind: Kind::BlackHole, there, back, lasts }
            }
            ..93 => Weather { kind: Kind::Outage, lasts: dice.millis(500, 14_000), ..dead(clear) },
            ..96 => Weather { kind: Kind::Blackout, lasts: blackout(dice), ..dead(clear) },
            _ => one_way(dice, clear),
        }
    }
}

impl Weather {
    /// One in which nothing passes, at least in one direction.
    pub fn draw_dead(dice: &mut Dice, delay: Duration) -> Weather {
        let clear = Weather::clear(delay);
        match dice.between(0, 2) {
            0 => Weather { kind: Kind::Outage, lasts: dice.millis(100, 10_000), ..dead(clear) },
            1 => Weather { kind: Kind::Blackout, lasts: dice.millis(15_500, 30_000), ..dead(clear) },
            _ => one_way(dice, clear),
        }
    }
}

/// Mostly shorter than a session can be resumed, sometimes longer.
fn blackout(dice: &mut Dice) -> Duration {
    if dice.chance(800) { dice.millis(15_500, 45_000) } else { dice.millis(60_000, 90_000) }
}

fn dead(clear: Weather) -> Weather {
    let dead = Conditions { loss: Chance::ALWAYS, ..clear.there };
    Weather { there: dead, back: dead, ..clear }
}

fn one_way(dice: &mut Dice, clear: Weather) -> Weather {
    let dead = Conditions { loss: Chance::ALWAYS, ..clear.there };
    let (there, back) = if dice.chance(500) { (dead, clear.back) } else { (clear.there, dead) };
    Weather { kind: Kind::OneWay, there, back, lasts: dice.millis(500, 25_000) }
}

/// The same both ways, or each way its own.
fn both_ways(dice: &mut Dice, draw: impl Fn(&mut Dice) -> Conditions) -> (Conditions, Conditions) {
    let there = draw(dice);
    (there, if dice.chance(600) { there } else { draw(dice) })
}

/// Up to 30 % loss, and each of the others now and then.
fn rough(dice: &mut Dice, delay: Duration) -> Conditions {
    let mut conditions = Conditions::none(delay);
    let share = |dice: &mut Dice, per_mille: u64| Chance::per_million(dice.between(0, per_mille * 1000) as u32);
    if dice.chance(700) {
        let most = dice.pick(&[20, 100, 300]);
        conditions.loss = share(dice, most);
    }
    if dice.chance(250) {
        let mean_length = dice.magnitude(2, 40) as u32;
        conditions.burst = Some(BurstLoss { enter: share(dice, 20), mean_length });
    }
    if dice.chance(400) {
        let most = dice.pick(&[5, 30, 200]);
        conditions.jitter = dice.millis(0, most);
        conditions.keeps_order = dice.chance(400);
    }
    if dice.chance(300) {
        let hold_max = dice.pick(&[10, 100, 1_000, 2_000]);
        conditions.reorder = Some(Reorder { chance: share(dice, 100), hold_max: Duration::from_millis(hold_max) });
    }
    if dice.chance(300) {
        conditions.duplication = share(dice, 300);
    }
    if dice.chance(200) {
        conditions.corruption = share(dice, 50);
    }
    conditions
}

/// 128 kbit/s to 16 Mbit/s, with up to two seconds of queue, and perhaps some loss.
fn narrow(dice: &mut Dice, delay: Duration) -> Conditions {
    let bytes_per_second = dice.magnitude(16_000, 2_000_000);
    let queue_millis = dice.magnitude(20, 2_000);
    // A long queue before a line that then becomes slow would hold datagrams back for minutes.
    let queue_bytes = (bytes_per_second * queue_millis / 1000).clamp(3_000, 32_000);
    let loss = if dice.chance(300) { Chance::per_mille(dice.between(0, 50) as u32) } else { Chance::NEVER };
    Conditions { rate: Some(RateLimit { bytes_per_second, queue_bytes }), loss, ..Conditions::none(delay) }
}
