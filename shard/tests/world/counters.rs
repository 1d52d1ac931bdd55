//! Every counter of a world moves when what it counts happens: a counter that nothing moves would report that all is well.

use crate::cores::*;
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::jobs::{JobSettings, Jobs};
use ringshard::runtime::player_list::PlayerList;
use ringshard::runtime::service::Service;
use ringshard::runtime::stages::Stages;
use ringshard::world::rewind::{Beyond, RewindSettings};
use ringshard_protocol::Endpoint;
use ringshard_protocol::connection::ChannelQuality;
use ringshard_protocol::endpoint::Event as SessionEvent;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId, Message};
use ringshard_world::contract::Schema;
use ringshard_world::messages::{InputHeader, Introduction, kinds};
use ringshard_world::{EntityId, Refusal};
use std::collections::BTreeMap;
use std::sync::{Mutex, mpsc};

/// A simulation.
struct Limited {
    simulation: Simulation<Row>,
    /// The rate of unreliable messages to the client whose message comes next.
    bytes_per_second: Option<u64>,
}

impl Service for Limited {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: SessionEvent) {
        self.simulation.event(now, endpoint, event);
    }

    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        if let Some(limit) = self.bytes_per_second.take() {
            let quality = ChannelQuality { bytes_per_second: Some(limit), ..ChannelQuality::default() };
            endpoint.set_channel_quality(now, from, Channel::UNRELIABLE, quality);
        }
        self.simulation.message(now, endpoint, from, message);
    }

    fn exchange(&mut self, now: Instant, stages: &mut Stages) -> usize {
        self.simulation.exchange(now, stages)
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.simulation.tick(now, endpoint);
    }

    fn replicate(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        self.simulation.replicate(now, endpoint)
    }

    fn deadline(&self) -> Instant {
        self.simulation.deadline()
    }
}

type World = Cores<Limited>;

fn world(cores: usize, entities_max: usize) -> World {
    let config = WorldConfig { entities_max, visible_max: 32, ..WorldConfig::default() };
    Cores::new(cores, "delay=20ms", config, |simulation| Limited { simulation, bytes_per_second: None })
}

/// A world in which some players have entered.
fn inhabited(cores: usize, players: usize) -> World {
    let mut world = world(cores, 64);
    world.join(players, Habits::default());
    world.run_for(Duration::from_secs(1));
    assert!(world.players.iter().all(|player| player.is_inside), "they have entered");
    world
}

/// All counters, over all cores.
fn counters(world: &World) -> BTreeMap<&'static str, u64> {
    let mut sums = BTreeMap::new();
    for core in &world.cores {
        core.service().simulation.stats().entries().for_each(|(name, count)| *sums.entry(name).or_default() += count);
    }
    sums
}

/// What `happens` adds to a counter.
fn added(world: &mut World, name: &str, happens: impl FnOnce(&mut World)) -> u64 {
    let before = counters(world)[name];
    happens(world);
    counters(world)[name] - before
}

fn wait(world: &mut World) {
    world.run_for(Duration::from_millis(200));
}

/// Counters, and the test in which they move.
type Check = (&'static [&'static str], fn());

const CHECKS: &[Check] = &[
    (
        &["ticks", "snapshots", "snapshot_bytes", "entries", "encoded", "input_messages", "inputs_taken"],
        ordinary_work_is_counted,
    ),
    (&["players", "joined", "entities", "known_entities", "entered"], entering_is_counted),
    (&["changes_published", "changes_received"], changes_between_cores_are_counted),
    (&["asks", "events_in", "events_out"], asks_and_events_are_counted),
    (
        &["introductions", "introductions_refused", "introductions_limited", "introductions_dropped"],
        introductions_are_counted,
    ),
    (&["pending"], clients_that_wait_are_counted),
    (&["refused", "wrong_schemas"], refused_clients_are_counted),
    (&["put_out"], players_that_are_put_out_are_counted),
    (&["restored", "restores_refused"], crate::checkpoints::a_player_comes_back_as_it_was),
    (&["suspended", "backlogs_overflowed"], suspended_players_and_full_backlogs_are_counted),
    (&["inputs_missed", "inputs_late", "inputs_early"], inputs_at_the_wrong_time_are_counted),
    (&["asks_refused"], asks_beyond_the_limit_are_counted),
    (&["invalid_messages", "messages_outside"], messages_that_are_not_taken_are_counted),
    (&["left"], entities_that_leave_the_sight_are_counted),
    (&["digests_agreed", "digests_differ"], digests_are_counted),
    (&["digests_unknown", "digests_skipped"], digests_that_cannot_be_compared_are_counted),
    (&["late_ticks", "sheds", "shed_level"], late_ticks_are_counted),
    (&["snapshot_padding_bytes"], snapshots_to_different_addresses_are_not_padded),
    (&["snapshots_unsent"], snapshots_that_find_no_room_are_counted),
    (&["changes_overflowed"], changes_that_find_no_room_are_counted),
    (&["commands_refused"], commands_that_find_no_room_are_counted),
    (
        &["rewinds", "rewinds_clamped_path", "rewinds_clamped_max", "rewinds_refused"],
        rewinds_are_counted_by_what_became_of_them,
    ),
    (
        &[
            "services_knocks",
            "services_tickets_refused",
            "services_knocking",
            "services_messages_in",
            "services_refused",
            "services_messages_out",
            "services_dropped",
        ],
        crate::services::what_goes_between_clients_and_services_is_counted,
    ),
    (&["jobs_given", "jobs_refused", "jobs_done", "jobs_outstanding"], jobs_are_counted),
    (
        &[
            "refused_speed",
            "refused_teleport",
            "refused_ground",
            "refused_wall",
            "refused_flight",
            "refused_water",
            "refused_no_go",
            "refused_unknown",
            "refused_cooldown",
            "refused_cost",
            "refused_range",
            "refused_sight",
            "refused_state",
            "refused_target",
            "refused_busy",
            "refused_view",
            "refused_flood",
            "refused_game",
        ],
        refusals_are_counted_by_reason_and_player,
    ),
    (&["input_messages_refused"], a_flood_of_inputs_is_dropped_and_counted),
];

/// A new counter needs a check.
#[test]
fn every_counter_has_a_check() {
    let mut checked: Vec<&str> = CHECKS.iter().flat_map(|(names, _)| *names).copied().collect();
    let mut all: Vec<&str> = counters(&world(1, 64)).into_keys().collect();
    checked.sort_unstable();
    all.sort_unstable();
    assert_eq!(checked, all);
}

#[test]
fn ordinary_work_is_counted() {
    let mut world = inhabited(1, 3);
    world.players[0].habits.by = 10;
    wait(&mut world);
    let before = counters(&world);
    world.run_for(Duration::from_secs(1));
    let after = counters(&world);
    let added = |name: &str| after[name] - before[name];
    assert!(added("ticks").abs_diff(60) <= 1);
    for name in ["input_messages", "inputs_taken"] {
        assert!(added(name).abs_diff(180) <= 6, "{} {name}", added(name));
    }
    let (snapshots, bytes, entries) = (added("snapshots"), added("snapshot_bytes"), added("entries"));
    assert!(snapshots.abs_diff(180) <= 6 && bytes > snapshots * 10, "{snapshots} snapshots with {bytes} bytes");
    assert!(entries > 100 && added("encoded") < entries, "{entries} entries");
}

#[test]
fn entering_is_counted() {
    let world = inhabited(2, 3);
    let counters = counters(&world);
    // Each of the two cores knows all three, and each player sees all three.
    let expected = [("players", 3), ("joined", 3), ("entities", 3), ("known_entities", 6), ("entered", 9)];
    assert_eq!(expected.map(|(name, _)| (name, counters[name])), expected);
}

#[test]
fn changes_between_cores_are_counted() {
    let mut world = inhabited(2, 2);
    world.players[0].habits.by = 10;
    wait(&mut world);
    let published = added(&mut world, "changes_published", |world| world.run_for(Duration::from_secs(1)));
    let received = added(&mut world, "changes_received", |world| world.run_for(Duration::from_secs(1)));
    assert!(published.abs_diff(60) <= 3 && received.abs_diff(60) <= 3, "{published} published, {received} received");
}

#[test]
fn asks_and_events_are_counted() {
    let mut world = inhabited(1, 3);
    world.players[0].habits.talks = true;
    world.run_for(Duration::from_secs(1));
    world.players[0].habits.talks = false;
    wait(&mut world);
    let counters = counters(&world);
    // One in four ticks. All three see the one that talks.
    assert!(counters["asks"].abs_diff(15) <= 1);
    assert!(counters["events_in"].abs_diff(15) <= 1);
    assert_eq!(counters["events_out"], 3 * counters["events_in"]);
    assert_eq!(world.players[0].answers.len() as u64, counters["asks"]);
    for player in &world.players {
        assert_eq!(player.events.len() as u64, counters["events_in"], "each event is heard once by each who sees it");
    }
    // From now on all three hear of every tick.
    let now = world.network.now();
    world.players[0].ask(now, Ask::Flood);
    wait(&mut world);
    let sent = added(&mut world, "events_out", |world| world.run_for(Duration::from_secs(1)));
    assert!(sent.abs_diff(180) <= 3 && sent.is_multiple_of(3), "{sent}");
}

#[test]
fn introductions_are_counted() {
    let mut world = inhabited(1, 2);
    let bodies = [0, 1].map(|player| world.players[player].body().expect("it has a body"));
    let even = bodies.into_iter().find(|body| body.index.is_multiple_of(2)).expect("one of two neighbours is even");
    let odd = bodies.into_iter().find(|body| !body.index.is_multiple_of(2)).expect("one of two neighbours is odd");
    let gone = EntityId { generation: even.generation.wrapping_add(1), ..even };
    let now = world.network.now();
    for (player, times) in [(even, 1), (odd, 2), (gone, 40)] {
        let introduction = Introduction { player, bytes: b"hello" };
        for _ in 0..times {
            world.players[0].write(now, Channel::RELIABLE_ORDERED, |writer| introduction.write(writer));
        }
    }
    wait(&mut world);
    let counters = counters(&world);
    let names = ["introductions", "introductions_refused", "introductions_dropped", "introductions_limited"];
    assert_eq!(names.map(|name| counters[name]), [1, 2, 29, 11]);
}

#[test]
fn clients_that_wait_are_counted() {
    let mut world = inhabited(1, 1);
    world.join(1, Habits::default());
    world.players[1].ticket = WAIT;
    wait(&mut world);
    wait(&mut world);
    assert_eq!((counters(&world)["pending"], counters(&world)["players"]), (1, 1));
}

#[test]
fn refused_clients_are_counted() {
    let mut world = world(1, 64);
    world.join(2, Habits::default());
    world.players[0].ticket = b"unknown";
    world.players[1].schema = Schema([1; 7]);
    world.run_for(Duration::from_secs(1));
    let counters = counters(&world);
    // They ask again and again.
    assert!((2..=5).contains(&counters["refused"]), "{}", counters["refused"]);
    assert!((2..=5).contains(&counters["wrong_schemas"]), "{}", counters["wrong_schemas"]);
    assert_eq!((counters["joined"], counters["players"]), (0, 0));
}

#[test]
fn players_that_are_put_out_are_counted() {
    let mut world = inhabited(1, 2);
    let put_out = added(&mut world, "put_out", |world| {
        world.players[0].enters = false;
        let now = world.network.now();
        world.players[0].ask(now, Ask::PutMeOut);
        wait(world);
    });
    assert_eq!((put_out, world.players[0].is_inside, counters(&world)["players"]), (1, false, 1));
}

#[test]
fn suspended_players_and_full_backlogs_are_counted() {
    let mut world = inhabited(1, 2);
    let now = world.network.now();
    world.players[1].ask(now, Ask::Flood);
    // A link at another address: what the client sends does not matter, it gets nothing and answers nothing.
    let silent = std::net::SocketAddr::from(([10, 9, 9, 9], 1));
    let mut gone = world.players.remove(0);
    gone.link = ringshard_link::sim::SimLink::new(world.network.clone(), silent);
    world.run_for(Duration::from_secs(20));
    assert_eq!(counters(&world)["suspended"], 1);
    world.run_for(Duration::from_secs(10));
    assert_eq!((counters(&world)["suspended"], counters(&world)["backlogs_overflowed"]), (0, 1));
}

#[test]
fn inputs_at_the_wrong_time_are_counted() {
    let mut world = inhabited(1, 2);
    let second = |world: &mut World| world.run_for(Duration::from_secs(1));
    world.players[0].habits.rests = true;
    wait(&mut world);
    let missed = added(&mut world, "inputs_missed", second);
    assert!(missed.abs_diff(60) <= 1, "{missed} missed");
    world.players[0].habits.rests = false;
    world.players[0].habits.off = -30;
    let late = added(&mut world, "inputs_late", second);
    assert!(late.abs_diff(60) <= 6, "{late} late: a copy does not count again");
    world.players[0].habits.off = 100;
    let early = added(&mut world, "inputs_early", second);
    assert!(early >= 4 * 55, "{early} early");
}

#[test]
fn asks_beyond_the_limit_are_counted() {
    let mut world = inhabited(1, 1);
    let now = world.network.now();
    (0..70).for_each(|_| world.players[0].ask(now, Ask::Forget));
    wait(&mut world);
    assert_eq!((counters(&world)["asks"], counters(&world)["asks_refused"]), (64, 6));
}

#[test]
fn messages_that_are_not_taken_are_counted() {
    let mut world = inhabited(1, 1);
    let now = world.network.now();
    for message in [&[kinds::SYNC_ENTITY_QUANTIZED][..], &[kinds::EVENT, 200], &[99], &[kinds::ASK, 1, 0, 77]] {
        world.players[0].write(now, Channel::RELIABLE_ORDERED, |writer| writer.raw(message));
    }
    wait(&mut world);
    assert_eq!((counters(&world)["invalid_messages"], counters(&world)["messages_outside"]), (4, 0));
    world.join(1, Habits::default());
    world.players[1].ticket = WAIT;
    world.run_for(Duration::from_millis(500));
    let now = world.network.now();
    world.players[1].ask(now, Ask::Leap);
    world.players[1].write(now, Channel::RELIABLE_ORDERED, |writer| writer.raw(&[kinds::EVENT, 0, 1, 0]));
    wait(&mut world);
    assert_eq!((counters(&world)["invalid_messages"], counters(&world)["messages_outside"]), (4, 2));
}

#[test]
fn entities_that_leave_the_sight_are_counted() {
    let mut world = inhabited(1, 3);
    let now = world.network.now();
    world.players[0].ask(now, Ask::Leap);
    world.run_for(Duration::from_secs(1));
    // The others see it no more, and it does not see the two others.
    assert_eq!(counters(&world)["left"], 4);
}

#[test]
fn digests_are_counted() {
    let mut world = inhabited(1, 1);
    world.run_for(Duration::from_secs(1));
    assert!(counters(&world)["digests_agreed"] >= 4 && counters(&world)["digests_differ"] == 0);
    world.players[0].habits.lies = true;
    world.run_for(Duration::from_secs(1));
    assert!(counters(&world)["digests_differ"] >= 4);
}

#[test]
fn digests_that_cannot_be_compared_are_counted() {
    let mut world = inhabited(1, 2);
    world.players[1].habits.by = 10;
    world.run_for(Duration::from_secs(2));
    // It says that it has the snapshots one after the other, each with a digest: more than a tick compares.
    world.players[0].habits.rests = true;
    world.run_for(Duration::from_secs(2));
    let now = world.network.now();
    let newest = world.players[0].view.received().expect("it has snapshots").0;
    let skipped = added(&mut world, "digests_skipped", |world| {
        for distance in (0..100).rev() {
            let received = Some((newest.wrapping_sub(distance), 0));
            let header = InputHeader { received, digest: Some(1), tick: 0 };
            let player = &mut world.players[0];
            player.write(now, Channel::RELIABLE_ORDERED, |writer| header.write(&Step::default(), &[], writer));
        }
        wait(world);
    });
    assert!(skipped > 0);
    // Nothing is acknowledged for so long that the entity's versions are forgotten.
    assert!(counters(&world)["digests_unknown"] > 0);
}

/// A core that does not turn for two ticks finds slices that were not served.
#[test]
fn late_ticks_are_counted() {
    let mut world = inhabited(1, 1);
    for _ in 0..20 {
        world.run_for(Duration::from_millis(5));
        world.stalled = Some(0);
        world.run_for(Duration::from_millis(40));
        world.stalled = None;
    }
    let counters = counters(&world);
    assert!(counters["late_ticks"] > 6, "{}", counters["late_ticks"]);
    assert!(counters["sheds"] > 0 && counters["shed_level"] > 0);
}

/// Padding joins sends to one address. How much there is then, a test of the runs themselves checks.
#[test]
fn snapshots_to_different_addresses_are_not_padded() {
    let mut world = inhabited(1, 20);
    world.players[0].habits.by = 10;
    wait(&mut world);
    assert_eq!(counters(&world)["snapshot_padding_bytes"], 0);
}

#[test]
fn snapshots_that_find_no_room_are_counted() {
    let config = WorldConfig { entities_max: 64, visible_max: 32, ..WorldConfig::default() };
    let mut world: World =
        Cores::new(1, "delay=20ms", config, |simulation| Limited { simulation, bytes_per_second: Some(1) });
    world.join(1, Habits { by: 10, ..Habits::default() });
    // A burst leaves at once whatever the rate is.
    world.run_for(Duration::from_secs(20));
    let counters = counters(&world);
    assert!(counters["snapshots_unsent"] > 30 && counters["snapshots"] > 0, "{}", counters["snapshots_unsent"]);
}

#[test]
fn changes_that_find_no_room_are_counted() {
    let mut world = inhabited(2, 2);
    let now = world.network.now();
    world.players[0].ask(now, Ask::Disturb);
    wait(&mut world);
    assert_eq!(counters(&world)["changes_overflowed"], 0);
    world.stalled = Some(1);
    wait(&mut world);
    assert!(counters(&world)["changes_overflowed"] > 100);
}

#[test]
fn commands_that_find_no_room_are_counted() {
    let mut world = inhabited(2, 2);
    let body = world.players[1].body().expect("it has a body");
    let now = world.network.now();
    world.players[0].ask(now, Ask::Command { to: body, count: 9_000 });
    world.players[0].ask(now, Ask::Command { to: EntityId { index: u16::MAX, generation: 1 }, count: 1 });
    world.run_for(Duration::from_secs(1));
    // Half of 16,384 wait for each of two cores.
    assert_eq!(counters(&world)["commands_refused"], 9_000 - 8_192 + 1);
    assert_eq!(world.cores[1].service().simulation.game().commands, 8_192, "what was accepted arrives");
}

#[test]
fn rewinds_are_counted_by_what_became_of_them() {
    let all = ["rewinds", "rewinds_clamped_path", "rewinds_clamped_max", "rewinds_refused"];
    let counted = |max_ticks: f64, beyond: Beyond, shows: u32| {
        let rewind = RewindSettings { max_ticks, beyond };
        let config = WorldConfig { entities_max: 64, visible_max: 32, rewind, ..WorldConfig::default() };
        let mut world: World =
            Cores::new(1, "delay=20ms", config, |simulation| Limited { simulation, bytes_per_second: None });
        world.join(1, Habits { by: 10, shows: shows as u16, ..Habits::default() });
        world.run_for(Duration::from_secs(1));
        let (now, before) = (world.network.now(), counters(&world));
        world.players[0].ask(now, Ask::Aim);
        world.run_for(Duration::from_secs(1));
        let after = counters(&world);
        // What the newest snapshot shows is honest.
        assert_eq!(after["refused_view"], 0, "{shows} ticks before the input");
        all.map(|name| after[name] - before[name] > 50)
    };
    // What the newest snapshot shows; the future; and what is too long ago for the settings.
    assert_eq!(counted(63.0, Beyond::Clamp, AHEAD), [true, false, false, false]);
    assert_eq!(counted(63.0, Beyond::Clamp, 0), [true, true, false, false]);
    assert_eq!(counted(1.0, Beyond::Clamp, AHEAD), [true, false, true, false]);
    assert_eq!(counted(1.0, Beyond::Refuse, AHEAD), [true, false, false, true]);
}

#[test]
fn jobs_are_counted() {
    let (gate, at_the_gate) = mpsc::channel::<()>();
    let at_the_gate = Mutex::new(at_the_gate);
    let settings = JobSettings { workers: 1, per_core: 4, cpus: Vec::new() };
    // A job is done when the gate has gone.
    let work = move |()| {
        let _ = at_the_gate.lock().expect("one worker").recv();
    };
    let (mut ports, _workers) = Jobs::start(1, &settings, work).expect("a thread");
    let config = WorldConfig { entities_max: 64, visible_max: 32, ..WorldConfig::default() };
    let mut world: World = Cores::new(1, "delay=20ms", config, |simulation| {
        let simulation = simulation.with_jobs(ports.remove(0));
        Limited { simulation, bytes_per_second: None }
    });
    world.join(1, Habits::default());
    world.run_for(Duration::from_secs(1));
    let now = world.network.now();
    world.players[0].ask(now, Ask::Work { jobs: 10 });
    wait(&mut world);
    let counted = |world: &World| {
        let counters = counters(world);
        ["jobs_given", "jobs_refused", "jobs_done", "jobs_outstanding"].map(|name| counters[name])
    };
    assert_eq!(counted(&world), [4, 6, 0, 4]);
    drop(gate);
    for _ in 0..1000 {
        std::thread::sleep(std::time::Duration::from_millis(5));
        wait(&mut world);
        if counted(&world)[3] == 0 {
            break;
        }
    }
    assert_eq!(counted(&world), [4, 6, 4, 0]);
}

#[test]
fn refusals_are_counted_by_reason_and_player() {
    let mut world = inhabited(1, 2);
    let now = world.network.now();
    let times = |why: Refusal| why.number() as u8 + 1;
    Refusal::ALL.into_iter().for_each(|why| world.players[0].ask(now, Ask::Refuse { why, times: times(why) }));
    wait(&mut world);
    let counted = counters(&world);
    for why in Refusal::ALL {
        let name = format!("refused_{}", why.name().replace('-', "_"));
        assert_eq!(counted[name.as_str()], u64::from(times(why)), "{name}");
    }
    let simulation = &world.cores[0].service().simulation;
    let mut list = PlayerList { players: Vec::with_capacity(8), next_slot: 0 };
    assert!(!simulation.list_players(&mut list, 1) && list.players.len() == 1, "one slot at a time");
    while !simulation.list_players(&mut list, 1) {}
    let [one, other] = &list.players[..] else { panic!("two players: {list:?}") };
    assert_eq!(one.refusals, Refusal::ALL.map(|why| u32::from(times(why))));
    assert!(one.score > 50.0, "{}", one.score);
    assert_eq!((other.refusals, other.score), ([0; _], 0.0), "each player has its own");
    assert!(one.connection.is_some() && one.connection != other.connection);
}

#[test]
fn a_list_of_players_takes_no_more_than_it_has_room_for() {
    let world = inhabited(1, 3);
    let mut list = PlayerList { players: Vec::with_capacity(2), next_slot: 0 };
    let room = list.players.capacity();
    assert!(world.cores[0].service().simulation.list_players(&mut list, 128));
    assert_eq!(list.players.len(), room.min(3));
}

#[test]
fn a_flood_of_inputs_is_dropped_and_counted() {
    let mut world = inhabited(1, 2);
    let (now, mut scores) = (world.network.now(), [0.0; 2]);
    for _ in 0..900 {
        let header = InputHeader { received: None, digest: None, tick: 0 };
        world.players[0].write(now, Channel::RELIABLE_ORDERED, |writer| header.write(&Step::default(), &[], writer));
    }
    world.run_for(Duration::from_secs(1));
    let counted = counters(&world);
    assert!(counted["input_messages_refused"] > 200, "{}", counted["input_messages_refused"]);
    assert!((1..=62).contains(&counted["refused_flood"]), "{}: once per tick", counted["refused_flood"]);
    let mut list = PlayerList { players: Vec::with_capacity(8), next_slot: 0 };
    assert!(world.cores[0].service().simulation.list_players(&mut list, 128));
    list.players.iter().zip(&mut scores).for_each(|(row, score)| *score = row.score);
    assert!(scores[0] > 0.0 && scores[1] == 0.0, "{scores:?}");
}
