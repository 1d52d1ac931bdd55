//! What the figures measure. Each measurement is a world of its own, and the same in each run.

use crate::skirmish::{Counts, Input, RADIUS, Running, Shot, Skirmish, running, shooting};
use ringshard::game::simulation::{WorldConfig, WorldStats};
use ringshard_client::ClientStats;
use ringshard_testing::{Duration, World, small};
use ringshard_world::messages::{NO_LEAD, TimedInput};

pub const SECOND: Duration = Duration::from_secs(1);
/// Time until every client is in the world and its clocks have settled.
const SETTLING: Duration = Duration::from_secs(8);

pub fn world(cores: usize, network: &str, seed: u64) -> World<Skirmish> {
    World::new(cores, network, seed, |_| Skirmish::new())
}

fn run_about(world: &mut World<Skirmish>, time: Duration) {
    world.pass(time, |number, scene| running(number, scene.tick().wrapping_add(1)));
}

fn counts(world: &World<Skirmish>) -> Counts {
    let mut sum = Counts::default();
    for counts in (0..world.cores()).map(|core| world.game(core).counts) {
        sum.in_time += counts.in_time;
        sum.repeated += counts.repeated;
        sum.strange += counts.strange;
        sum.claims += counts.claims;
        sum.granted += counts.granted;
        sum.granted_without_rewind += counts.granted_without_rewind;
        sum.suspended += counts.suspended;
        sum.resumed += counts.resumed;
        sum.left += counts.left;
    }
    sum
}

/// The sum of a counter over all clients.
fn clients(world: &World<Skirmish>, counter: impl Fn(&ClientStats) -> u64) -> u64 {
    (0..world.clients()).map(|client| counter(world.client(client).stats())).sum()
}

/// Counters that are 0 where both ends keep the protocol.
pub fn violations(world: &World<Skirmish>) -> u64 {
    let of_server = |stats: &WorldStats| stats.invalid_messages + stats.messages_outside + stats.digests_differ;
    world.total(of_server) + clients(world, |stats| stats.snapshots_refused + stats.malformed + stats.ignored)
}

/// Players that run about.
#[derive(Debug)]
pub struct Running60 {
    /// Predicted ticks, and those of them that the server corrected.
    pub predicted: u64,
    pub mispredicted: u64,
    /// Inputs that were taken for their tick, ticks without one, and anything else.
    pub in_time: u64,
    pub missed: u64,
    pub strange: u64,
    /// Datagrams per second to the player that got most.
    pub datagrams_per_second: f64,
    /// Frames past the newest snapshot, of all frames.
    pub starved: u64,
    pub frames: u64,
    pub violations: u64,
}

impl Running60 {
    pub fn mispredicted_percent(&self) -> f64 {
        percent(self.mispredicted, self.predicted)
    }

    pub fn in_time_percent(&self) -> f64 {
        percent(self.in_time, self.in_time + self.missed)
    }
}

pub fn percent(part: u64, of: u64) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

pub fn players_that_run(players: usize, time: Duration, network: &str) -> Running60 {
    let mut world = world(1, network, 1);
    (0..players).for_each(|_| _ = world.join(b""));
    run_about(&mut world, SETTLING);
    let stats = |world: &World<Skirmish>| {
        let of_clients = [
            clients(world, |stats| stats.predicted),
            clients(world, |stats| stats.mispredicted),
            clients(world, |stats| stats.starved),
            clients(world, |stats| stats.frames),
        ];
        let datagrams: Vec<_> = (0..players).map(|client| world.datagrams(client).0).collect();
        (of_clients, counts(world), datagrams)
    };
    let before = stats(&world);
    run_about(&mut world, time);
    let after = stats(&world);
    let [predicted, mispredicted, starved, frames] = std::array::from_fn(|at| after.0[at] - before.0[at]);
    let most = after.2.iter().zip(&before.2).map(|(after, before)| after - before).max().unwrap_or(0);
    Running60 {
        predicted,
        mispredicted,
        in_time: after.1.in_time - before.1.in_time,
        missed: after.1.repeated - before.1.repeated,
        strange: after.1.strange,
        datagrams_per_second: most as f64 / time.as_secs_f64(),
        starved,
        frames,
        violations: violations(&world),
    }
}

/// Own states in snapshots.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// Snapshots whose state contains the input that their header names, and others.
    pub right: u64,
    pub wrong: u64,
}

/// Compares every snapshot of a player that is served behind `others` others.
pub fn acknowledged_behind(others: usize, time: Duration, network: &str) -> Acknowledged {
    let mut world = world(1, network, 2);
    (0..others).for_each(|_| _ = world.join(b""));
    let raw = world.join_raw(Some(b""));
    world.raw_mut(raw).0.input = Box::new(|tick| running(999, tick));
    world.raw_mut(raw).0.ahead = 12;
    run_about(&mut world, time);
    let mut counted = Acknowledged::default();
    for (header, owner) in &world.raw(raw).snapshots {
        let age = u32::from(header.input_age);
        if header.lead == NO_LEAD || header.input_age == u8::MAX {
            continue;
        }
        let expected = if age <= 15 { header.tick.wrapping_sub(age) } else { 0 };
        *if owner.own.mark == expected { &mut counted.right } else { &mut counted.wrong } += 1;
    }
    counted
}

/// Hits that honest clients claim.
pub fn honest_hits(players: usize, time: Duration, network: &str) -> Counts {
    let mut world = world(1, network, 3);
    (0..players).for_each(|_| _ = world.join(b""));
    run_about(&mut world, SETTLING);
    world.pass(time, shooting);
    counts(&world)
}

/// Shots of a cheater that claims to see its target where it was long ago, or will be.
#[derive(Debug, Default)]
pub struct Forged {
    pub shots: u64,
    /// Shots for which the world was rewound farther than the setting allows, or into the future.
    pub rewound_too_far: u64,
    /// Hits of shots that would have missed at every tick that an honest client could show.
    pub gained: u64,
    /// The same shots with honest claims: they show that this aim hits.
    pub honest_shots: u64,
    pub honest_hits: u64,
}

/// A shot that a raw client was told to make.
struct Told {
    is_honest: bool,
    tick: u32,
    /// The newest snapshot that the client acknowledges with it.
    acknowledged: u64,
}

/// A cheater that knows the whole past of its target shoots at where it was some ticks before, and claims to see it there.
pub fn forged_views(count: u64, network: &str) -> Forged {
    let mut world = world(1, network, 4);
    let target = world.join(b"");
    let cheater = world.join_raw(Some(b""));
    run_about(&mut world, SETTLING);
    let body = world.client(target).scene().body().expect("it is in the world");
    let cheat = world.raw(cheater).view.owner().body.expect("it is in the world");
    let player = world.act(0, |_, shard| shard.player_of(cheat)).expect("it is the cheater's body");
    world.raw_mut(cheater).0.sends_inputs = false;
    world.game_mut(0).watched = Some((player, body));
    run_about(&mut world, 4 * SECOND);
    let mut told = Vec::new();
    while (told.len() as u64) < 2 * count {
        run_about(&mut world, Duration::from_millis(20));
        let shot = shoot_at_the_past(&mut world, cheater, told.len() as u32);
        told.push(shot);
    }
    run_about(&mut world, SECOND);
    let game = world.game(0);
    let mut forged = Forged::default();
    for told in told {
        if let Some(shot) = game.shots.iter().find(|shot| shot.tick as u32 == told.tick) {
            count_shot(&mut forged, &told, shot, &game.trail);
        }
    }
    forged
}

/// What the server may add to the range that an honest client shows, for a path that varies by less than a tick.
const JITTER_TICKS: u64 = 3;

fn count_shot(forged: &mut Forged, told: &Told, shot: &Shot, trail: &[(u64, [f32; 2])]) {
    if told.is_honest {
        forged.honest_shots += 1;
        forged.honest_hits += u64::from(shot.hit);
        return;
    }
    forged.shots += 1;
    let ago = shot.tick as f64 - shot.granted;
    // While a tick runs, the newest known one is the one before.
    forged.rewound_too_far += u64::from(!(0.0..=16.0).contains(&ago));
    let shown = told.acknowledged.saturating_sub(3 + JITTER_TICKS)..=told.acknowledged + 1;
    let could_hit =
        trail.iter().filter(|(tick, _)| shown.contains(tick)).any(|(_, point)| shot.distance(*point) < RADIUS + 1.0);
    forged.gained += u64::from(shot.hit && !could_hit);
}

/// Every other shot is honest.
fn shoot_at_the_past(world: &mut World<Skirmish>, cheater: usize, draw: u32) -> Told {
    let is_honest = draw.is_multiple_of(2);
    let trail = &world.game(0).trail;
    let &(newest, _) = trail.last().expect("the target has a trail");
    let acknowledged = world.raw(cheater).view.tick();
    let seen = match is_honest {
        true => acknowledged.saturating_sub(2),
        false => newest - u64::from(draw * 7_919 % 120),
    };
    let &(_, point) = trail.iter().find(|(tick, _)| *tick == seen).expect("the trail is long enough");
    let own = world.raw(cheater).view.owner().own;
    let (raw, now) = world.raw_mut(cheater);
    let tick = newest as u32 + 14;
    // It stands, so that it knows from where it shoots.
    let aim = [point[0] - own.x, point[1] - own.y];
    let input = Input { mark: tick, fire: true, aim, ..Input::default() };
    let view_delay = (u64::from(tick) - seen) * 256;
    raw.send_inputs(now, tick, &[TimedInput { input, view_delay: view_delay as u16 }]);
    Told { is_honest, tick, acknowledged }
}

/// A player whose network is gone for a while.
#[derive(Debug)]
pub struct Outage {
    /// Whether the game has the same player with the same body.
    pub same_player: bool,
    pub same_body: bool,
    /// Whether the numbers of snapshots and the ticks went on.
    pub view_goes_on: bool,
    /// Events that the game told during the outage, and those that arrived, in order.
    pub told: u32,
    pub arrived: u32,
    pub in_order: bool,
    pub violations: u64,
    pub mispredicted_after: u64,
}

pub fn outage(time: Duration, network: &str) -> Outage {
    use crate::skirmish::Event;
    use ringshard::game::To;
    let mut world = world(2, network, 5);
    (0..8).for_each(|_| _ = world.join(b""));
    run_about(&mut world, SETTLING);
    let body = world.client(0).scene().body();
    let player = body.and_then(|body| world.act(0, |_, shard| shard.player_of(body))).expect("it is in the world");
    let tick = world.client(0).scene().tick();
    world.news(0);
    world.cut(0);
    let mut told = 0;
    let until = world.now() + time;
    while world.now() < until {
        world.act(0, |_, shard| {
            let event = Event::Told { value: told };
            let channel = ringshard_protocol::wire::Channel::RELIABLE_ORDERED;
            shard.tell(To::Player(player), channel, &event).expect("there is room");
        });
        told += 1;
        run_about(&mut world, SECOND / 10);
    }
    world.restore(0);
    run_about(&mut world, 15 * SECOND);
    let before = world.client(0).stats().mispredicted;
    run_about(&mut world, 10 * SECOND);
    let is_event = |news: &ringshard_testing::News<Running>| match news {
        ringshard_testing::News::Event(Event::Told { value }) => Some(*value),
        _ => None,
    };
    let arrived: Vec<_> = world.news(0).iter().filter_map(is_event).collect();
    let body_now = world.act(0, |_, shard| shard.body(player));
    Outage {
        same_player: world.act(0, |_, shard| shard.is_connected(player)) && world.game(0).counts.left == 0,
        same_body: body_now == body && world.client(0).scene().body() == body,
        view_goes_on: world.client(0).scene().tick().wrapping_sub(tick) as u64 > 60 * time.as_secs(),
        told,
        arrived: arrived.len() as u32,
        in_order: arrived.iter().copied().eq(0..told),
        violations: violations(&world),
        mispredicted_after: world.client(0).stats().mispredicted - before,
    }
}

/// Sessions that were resumed.
#[derive(Debug, Default)]
pub struct Resumes {
    pub resumed: u64,
    /// Players that the games lost, or that entered anew.
    pub lost: u64,
    pub violations: u64,
}

/// Outages of random players, moments and lengths, half of them with a new address, until `count` sessions were resumed.
pub fn resumes(count: u64, players: usize, cores: usize, network: &str) -> Resumes {
    const RETURN_STEPS: u64 = 4 * 15;
    let mut world = world(cores, network, 6 + cores as u64);
    (0..players).for_each(|_| _ = world.join(b""));
    run_about(&mut world, SETTLING);
    let mut draw = cores as u64;
    let mut next = |below: u64| {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (draw >> 33) % below
    };
    // When each player is back.
    let mut until = vec![None; players];
    let mut back_since = vec![0; players];
    let mut ended = false;
    for step in 0_u64.. {
        if !ended && counts(&world).resumed >= count {
            ended = true;
        }
        for (client, until) in until.iter_mut().enumerate() {
            match *until {
                Some(end) if step >= end => {
                    if next(2) == 0 {
                        world.move_address(client);
                    }
                    world.restore(client);
                    (*until, back_since[client]) = (None, step);
                }
                // A client that is back needs a while to connect: two outages one after the other would be one.
                None if !ended && step > back_since[client] + RETURN_STEPS && next(8) == 0 => {
                    world.cut(client);
                    // From a hiccup to most of the time in which a session can resume, in quarters of a second.
                    *until = Some(step + 4 + next(220));
                }
                _ => {}
            }
        }
        run_about(&mut world, SECOND / 4);
        if ended && until.iter().all(Option::is_none) {
            break;
        }
    }
    run_about(&mut world, 20 * SECOND);
    let counts = counts(&world);
    let joined: u64 = (0..cores).map(|core| u64::from(world.game(core).joined)).sum();
    let here = world.total(|stats| stats.players);
    let lost = counts.left + (joined - players as u64) + (players as u64 - here);
    Resumes { resumed: counts.resumed, lost, violations: violations(&world) }
}

/// Memory that a tick of the server and a frame of each client allocate.
pub fn allocations_per_second(players: usize, network: &str) -> u64 {
    let mut world = world(2, network, 11);
    (0..players).for_each(|_| _ = world.join(b""));
    run_about(&mut world, 60 * SECOND);
    (0..players).for_each(|client| _ = world.news(client));
    let info = allocation_counter::measure(|| run_about(&mut world, 5 * SECOND));
    info.count_total / 5
}

/// A world that has run for long.
#[derive(Debug)]
pub struct LongRun {
    pub clock_error_ticks: f64,
    pub in_time_percent: f64,
    pub mispredicted: u64,
    pub predicted: u64,
    pub violations: u64,
}

pub fn world_from_tick(first_tick: u64, network: &str) -> LongRun {
    let config = WorldConfig { first_tick, ..small() };
    let mut world = World::with_config(2, network, 12, config, |_| Skirmish::new());
    (0..6).for_each(|_| _ = world.join(b""));
    run_about(&mut world, 10 * SECOND);
    let before = counts(&world);
    run_about(&mut world, 20 * SECOND);
    let after = counts(&world);
    let tick = world.act(0, |_, shard| shard.tick()) as f64;
    let error = |client| {
        let clock = world.client(client).clock();
        // Clients count from the tick of 32 bits that they got first.
        let server = first_tick as f64 - f64::from(first_tick as u32) + clock.server;
        (server - tick).abs()
    };
    let (in_time, missed) = (after.in_time - before.in_time, after.repeated - before.repeated);
    LongRun {
        clock_error_ticks: (0..6).map(error).fold(0.0, f64::max),
        in_time_percent: percent(in_time, in_time + missed),
        mispredicted: clients(&world, |stats| stats.mispredicted),
        predicted: clients(&world, |stats| stats.predicted),
        violations: violations(&world) + after.strange,
    }
}
