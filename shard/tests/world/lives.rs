//! The life of a player as its game and its client see it: each event once and in order, however it ends.

use crate::small_world::*;
use ringshard::game::shard::Shard;
use ringshard::game::simulation::WorldConfig;
use ringshard::game::{Game, LeaveReason};
use ringshard::world::exchange::Command;
use ringshard_protocol::connection::sealed_len;
use ringshard_protocol::limits::{RESUME_PERIOD, TIMEOUT_DEFAULT};
use ringshard_protocol::link::Link;
use ringshard_protocol::link::Path;
use ringshard_protocol::time::Duration;
use ringshard_world::messages::{Input, kinds};
use ringshard_world::{EntityId, EntityKind};

const SECOND: Duration = Duration::from_secs(1);

fn events(world: &World) -> Vec<LifeEvent> {
    let of_core = |core: usize| world.simulation(core).game().events.iter().map(|&(_, event)| event);
    (0..world.cores.len()).flat_map(of_core).collect()
}

/// Disconnects the first client with any reason.
fn disconnect_with(world: &mut World, reason: u8) {
    let mut player = world.players.remove(0);
    let (mut session, mut resources) = player.client.into_connection().expect("it is connected");
    let sequence = session.begin_datagram(&mut resources.random);
    let frames = [1, 6 << 3, reason];
    let path = Path::new(0, player.server);
    let room = player.link.reserve(path, sealed_len(frames.len())).expect("there is room");
    session.seal(sequence, &frames, room).expect("the key is fresh");
    player.link.submit();
}

/// Any reason of a client ends its session and its player, even a reason that only servers use.
#[test]
fn any_reason_of_a_disconnect_ends_the_session() {
    let mut world = World::new(1, "delay=5ms");
    for reason in 0..=20 {
        world.join(1);
        world.run_for(SECOND / 2);
        assert_eq!(world.total(|stats| stats.players), 1, "reason {reason}");
        disconnect_with(&mut world, reason);
        world.run_for(SECOND / 10);
        let left = (world.total(|stats| stats.players), world.total(|stats| stats.suspended));
        assert_eq!((left, world.total(|stats| stats.entities)), ((0, 0), 0), "reason {reason}");
    }
    let once = [LifeEvent::Joined, LifeEvent::Gone(LeaveReason::Left)];
    assert_eq!(events(&world), once.repeat(21));
}

#[test]
fn a_silent_client_resumes_with_its_player_and_its_view() {
    let mut world = World::new(2, "delay=20ms");
    world.reconnect = true;
    world.join(4);
    world.run_for(2 * SECOND);
    let (ids, tick) = (world.ids(0..4), world.players[0].view.tick());
    for silence in [20, 25, 40] {
        world.network.set_conditions(conditions("loss=100%"));
        world.run_for(silence * SECOND);
        assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.suspended)), (0, 4));
        world.network.set_conditions(conditions("delay=20ms"));
        world.run_for(8 * SECOND);
    }
    assert_eq!(world.ids(0..4), ids);
    for player in 0..4 {
        assert_eq!(world.seen_by(player), world.ids((0..4).filter(|&other| other != player)));
        assert!(world.players[player].view.tick() > tick + 100 * 60, "the view continues");
        assert_eq!(world.players[player].resumed, [false, true, true, true]);
    }
    assert_eq!(world.total(|stats| stats.invalid_messages), 0);
    let (agreed, differ) = world.digests();
    assert!(agreed > 50 && differ == 0, "{agreed} digests agree, {differ} do not");
    let of_one = [&[LifeEvent::Joined][..], &[LifeEvent::Suspended, LifeEvent::Resumed].repeat(3)].concat();
    let events = events(&world);
    assert_eq!(events.len(), 4 * of_one.len());
    assert_eq!(events.iter().filter(|event| **event == LifeEvent::Resumed).count(), 12);
}

/// The first datagram of a connection may resume its session and end it: the ones before it were lost.
#[test]
fn a_client_that_resumes_and_leaves_at_once_leaves_no_body() {
    let mut world = World::new(1, "delay=20ms");
    world.reconnect = true;
    world.join(1);
    world.run_for(2 * SECOND);
    let client = world.players[0].link.local();
    let towards_server = |world: &World, text: &str| {
        world.network.set_conditions_between(client, address(0), conditions(text));
    };
    world.network.set_conditions(conditions("loss=100%"));
    world.run_for(TIMEOUT_DEFAULT + SECOND);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.suspended)), (0, 1));
    world.network.set_conditions(conditions("delay=20ms"));
    while world.cores[0].endpoint().connections() == 0 {
        world.run_for(STEP);
    }
    towards_server(&world, "loss=100%");
    world.run_for(SECOND / 20);
    assert!(world.players[0].client.is_connected() && world.total(|stats| stats.suspended) == 1);
    towards_server(&world, "delay=20ms");
    disconnect_with(&mut world, 0);
    world.run_for(SECOND / 10);
    assert_eq!((world.total(|stats| stats.suspended), world.total(|stats| stats.entities)), (0, 0));
    assert_eq!(events(&world), [LifeEvent::Joined, LifeEvent::Suspended, LifeEvent::Gone(LeaveReason::Left)]);
}

#[test]
fn a_client_that_stays_away_too_long_starts_again_and_sees() {
    let mut world = World::new(1, "delay=20ms");
    world.reconnect = true;
    world.join(2);
    world.players[1].pace = 255;
    world.run_for(5 * SECOND);
    let former = world.players[0].id;
    world.network.set_conditions_between(world.players[0].link.local(), address(0), conditions("loss=100%"));
    world.network.set_conditions_between(address(0), world.players[0].link.local(), conditions("loss=100%"));
    world.run_for(TIMEOUT_DEFAULT + RESUME_PERIOD + 5 * SECOND);
    assert_eq!(world.total(|stats| stats.entities), 1, "the player is gone");
    world.network.set_conditions_between(world.players[0].link.local(), address(0), conditions("delay=20ms"));
    world.network.set_conditions_between(address(0), world.players[0].link.local(), conditions("delay=20ms"));
    world.run_for(12 * SECOND);
    assert!(world.players[0].id.is_some() && world.players[0].id != former);
    assert_eq!(world.players[0].resumed, [false, false]);
    assert_eq!(world.seen_by(0), world.ids(1..2));
    let events = &world.simulation(0).game().events;
    let of_former: Vec<_> = events.iter().filter(|(id, _)| Some(*id) == former).map(|&(_, event)| event).collect();
    assert_eq!(of_former, [LifeEvent::Joined, LifeEvent::Suspended, LifeEvent::Gone(LeaveReason::TimedOut)]);
}

#[test]
fn a_stopping_server_ends_each_life_once_including_suspended_ones() {
    let mut world = World::new(1, "delay=5ms");
    world.join(3);
    world.run_for(SECOND);
    let silent = world.players[0].link.local();
    world.network.set_conditions_between(silent, address(0), conditions("loss=100%"));
    world.run_for(TIMEOUT_DEFAULT + SECOND);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.suspended)), (2, 1));
    world.lifecycle.drain();
    world.run_for(SECOND);
    assert_eq!(world.total(|stats| stats.players), 2, "players may stay while the server drains");
    world.lifecycle.stop();
    world.run_for(3 * SECOND);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.suspended)), (0, 0));
    let ends = events(&world).iter().filter(|event| **event == LifeEvent::Gone(LeaveReason::ShuttingDown)).count();
    assert_eq!((ends, world.total(|stats| stats.entities)), (3, 0));
}

/// A snapshot names the last input that its state contains, however many other players the same slice serves.
#[test]
fn the_state_of_a_snapshot_contains_the_input_that_it_names() {
    for others in [0, 8, 15, 40] {
        let mut world = World::new(1, "delay=7ms");
        world.join(others + 1);
        world.run_for(SECOND);
        world.players.iter_mut().for_each(|player| {
            (player.pace, player.inputs) = (100, 0);
            player.own_positions.clear();
        });
        world.players.iter_mut().for_each(|player| player.inputs = 1000);
        world.run_for(3 * SECOND);
        let map = world.simulation(0).shard().map();
        let (mut right, mut wrong) = (0, 0);
        for &(input, position) in &world.players[others].own_positions {
            let Some(position) = position.filter(|_| input > 1000) else { continue };
            // Each input walks one unit.
            let walked = map.quantise([0.0, HERE[1] + f32::from(input - 1000), 0.0]).y;
            *if walked.abs_diff(position.y) <= 1 { &mut right } else { &mut wrong } += 1;
        }
        assert!(right > 100 && wrong == 0, "behind {others} others: {right} right, {wrong} wrong");
    }
}

#[test]
fn a_player_without_a_body_still_sees_and_can_get_another_body() {
    let config = WorldConfig { entities_max: 4, ..small() };
    let mut world = World::of(1, "delay=5ms", config, |_| Row { sends_ids: true, ..Row::default() });
    world.join(2);
    world.run_for(SECOND);
    let former = world.players[0].id.unwrap();
    world.players[0].actions = DIE;
    world.players[1].pace = 255;
    world.run_for(SECOND / 4);
    (world.players[0].actions, world.players[0].pace) = (0, 0);
    let tick = world.players[0].view.tick();
    // Other players come and go until one gets the slot of the body that is gone.
    for _ in 0..8 {
        world.join(1);
        world.run_for(SECOND / 2);
        let newest = world.players.last().unwrap();
        let mut others = [world.ids(1..2), newest.id.into_iter().collect()].concat();
        others.sort_unstable();
        assert_eq!(world.seen_by(0), others);
        if newest.id.unwrap().index == former.index {
            break;
        }
        world.players.last_mut().unwrap().client.disconnect();
        world.run_for(SECOND / 2);
        world.players.pop();
    }
    let successor = world.players.last().unwrap().id.unwrap();
    assert!(successor.index == former.index && successor != former, "{successor:?} has the slot of {former:?}");
    assert!(world.players[0].view.tick() > tick + 60, "the view continues");
    let is_for =
        |generation: u8| move |message: &&Vec<u8>| message[2] == generation && message[1] == former.index as u8;
    assert_eq!(
        world.players[0].inbox.iter().filter(is_for(successor.generation)).count(),
        0,
        "the player receives messages for another"
    );
    assert!(world.players.last().unwrap().inbox.iter().filter(is_for(successor.generation)).count() > 10);

    world.players[0].id = None;
    world.run_for(SECOND);
    let body = world.players[0].id.expect("the player has another body");
    assert!(body != former && world.players[0].view.entity(body).is_some());
    assert_eq!(world.total(|stats| stats.players), 3);
    world.players[0].client.disconnect();
    world.run_for(SECOND);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.entities)), (2, 2));
}

/// Snapshot numbers belong to the session: a client that lost its slot in the world, but not its session, continues with
/// its numbers.
#[test]
fn a_silent_client_that_lost_its_slot_can_enter_again_and_sees() {
    let config = WorldConfig { entities_max: 2, ..small() };
    let mut world = World::of(1, "delay=5ms", config, |_| Row::default());
    world.reconnect = true;
    world.join(2);
    world.players[1].pace = 255;
    world.run_for(5 * SECOND);
    let (former, tick) = (world.players[0].id, world.players[0].view.tick());
    let between = |world: &World, text: &str| {
        let silent = world.players[0].link.local();
        world.network.set_conditions_between(silent, address(0), conditions(text));
        world.network.set_conditions_between(address(0), silent, conditions(text));
    };
    between(&world, "loss=100%");
    world.run_for(TIMEOUT_DEFAULT + SECOND);
    // Another player takes the slot and leaves it again.
    world.join(1);
    world.run_for(2 * SECOND);
    assert!(world.players[2].id.is_some(), "a connected player goes before a suspended one");
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.suspended)), (2, 0));
    world.players[2].client.disconnect();
    world.run_for(SECOND);
    between(&world, "delay=5ms");
    world.run_for(10 * SECOND);
    let player = &world.players[0];
    assert_eq!(player.resumed, [false, true], "the session is resumed");
    assert!(player.id.is_some() && player.id != former, "the player has another body");
    assert!(player.view.tick() > tick + 20 * 60, "the view continues");
    assert_eq!(world.seen_by(0), world.ids(1..2));
    let (agreed, differ) = world.digests();
    assert!(agreed > 50 && differ == 0, "{agreed} digests agree, {differ} do not");
    let events = &world.simulation(0).game().events;
    let of_former: Vec<_> = events.iter().filter(|(id, _)| Some(*id) == former).map(|&(_, event)| event).collect();
    assert_eq!(of_former, [LifeEvent::Joined, LifeEvent::Suspended, LifeEvent::Gone(LeaveReason::TimedOut)]);
    // The server keeps nothing of a player that is gone.
    world.players[0].client.disconnect();
    world.run_for(SECOND);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.entities)), (1, 1));
}

#[test]
fn a_message_to_an_entity_does_not_reach_a_player_that_had_its_slot() {
    let config = WorldConfig { entities_max: 4, ..small() };
    let row = |_| Row { sends_ids: true, npcs_from: Some(150), ..Row::default() };
    let mut world = World::of(1, "delay=5ms", config, row);
    world.join(2);
    world.run_for(SECOND);
    let former = world.players[0].id.unwrap();
    world.players[0].actions = DIE;
    world.run_for(3 * SECOND);
    let npcs = world.players[0].view.entities().filter(|seen| seen.state().kind == EntityKind::Npc);
    let successor = npcs.map(|seen| seen.id()).find(|id| id.index == former.index);
    let successor = successor.expect("an NPC has the slot, and the player sees it");
    let messages = world.players[0].inbox.iter();
    let of_successor = messages.filter(|message| message[1..] == [successor.index as u8, successor.generation]).count();
    assert_eq!(of_successor, 0, "the player received messages to {successor:?}");
    assert!(world.players[1].inbox.len() > 100, "other players receive their messages");
}

/// Ticks have 32 bits on the wire: 828 days at 60 Hz.
#[test]
fn ticks_and_versions_continue_where_their_numbers_wrap() {
    let first_tick = (1 << 32) - 300;
    let mut world = World::of(2, "delay=20ms,loss=2%", WorldConfig { first_tick, ..small() }, |_| Row::default());
    world.join(6);
    world.players.iter_mut().for_each(|player| player.pace = 50);
    world.run_for(15 * SECOND);
    for player in 0..6 {
        assert!(world.players[player].view.tick() > 1 << 32, "the view continues to count");
        assert_eq!(world.seen_by(player), world.ids((0..6).filter(|&other| other != player)));
    }
    assert!(world.simulation(0).shard().tick() > 1 << 32);
    let (agreed, differ) = world.digests();
    assert!(agreed > 300 && differ == 0, "{agreed} digests agree, {differ} do not");
    // Players receive what changed, not everything again and again.
    world.players.iter_mut().for_each(|player| player.pace = 0);
    world.run_for(2 * SECOND);
    let before = world.total(|stats| stats.entries);
    world.run_for(2 * SECOND);
    assert!(world.total(|stats| stats.entries) - before < 200, "nothing moves");
}

/// Sends many commands to the other core in one tick, counts those that arrive, and checks their order.
#[derive(Default)]
struct Burst {
    core: usize,
    accepted: u32,
    arrived: u32,
    body: Option<EntityId>,
}

const BURST: u32 = 3_000;

impl Game for Burst {
    fn join(&mut self, _shard: &mut Shard) -> Option<EntityId> {
        None
    }

    fn input(&mut self, _shard: &mut Shard, _player: EntityId, _input: &Input) {}

    fn command(&mut self, _shard: &mut Shard, command: &Command) {
        assert_eq!(command.content(), self.arrived.to_le_bytes(), "in the order of sending");
        self.arrived += 1;
    }

    fn tick(&mut self, shard: &mut Shard) {
        let own = *self.body.get_or_insert_with(|| shard.entities.spawn(EntityKind::Npc, 0, HERE).unwrap());
        let other = EntityId { index: if self.core == 0 { 512 } else { 0 }, generation: 1 };
        if shard.tick() == 10 {
            // Until a command is refused.
            while shard.command(other, own, 1, &self.accepted.to_le_bytes()).is_ok() {
                self.accepted += 1;
            }
        }
    }
}

#[test]
fn every_accepted_command_arrives_in_order() {
    let mut world = World::of(2, "delay=1ms", small(), |core| Burst { core, ..Burst::default() });
    world.run_for(SECOND);
    let game = |core: usize| world.simulation(core).game();
    assert!(game(0).accepted >= BURST && game(1).accepted >= BURST);
    assert_eq!((game(0).arrived, game(1).arrived), (game(1).accepted, game(0).accepted));
    assert_eq!(world.total(|stats| stats.commands_refused), 2, "each core counts the refused command");
}

/// Calls everything that a game can call with random arguments.
struct Wild(u64);

impl Wild {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 29
    }

    fn float(&mut self) -> f32 {
        match self.next() % 8 {
            0 => f32::NAN,
            1 => f32::INFINITY,
            2 => f32::NEG_INFINITY,
            3 => f32::MAX,
            4 => -1e30,
            _ => self.next() as f32 / 1e4,
        }
    }

    fn point(&mut self) -> [f32; 3] {
        [self.float(), self.float(), self.float()]
    }

    fn id(&mut self, shard: &Shard) -> EntityId {
        let known: Vec<_> = shard.entities.ids().take(20).collect();
        match self.next() % 3 {
            0 if !known.is_empty() => known[self.next() as usize % known.len()],
            _ => EntityId { index: self.next() as u16, generation: self.next() as u8 },
        }
    }
}

impl Game for Wild {
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId> {
        let point = self.point();
        shard.entities.spawn(EntityKind::Player, 63, point).ok()
    }

    fn input(&mut self, _shard: &mut Shard, _player: EntityId, _input: &Input) {}

    fn tick(&mut self, shard: &mut Shard) {
        for _ in 0..50 {
            let (id, other, point) = (self.id(shard), self.id(shard), self.point());
            match self.next() % 10 {
                0 => _ = shard.entities.spawn(EntityKind::Npc, 1, point),
                1 if shard.entities.len() > 200 => _ = shard.entities.despawn(id),
                2 => _ = shard.entities.set_point(id, point),
                3 => _ = shard.entities.set_velocity(id, point),
                4 => {
                    let counts = [0, 1, 255, 256, 257, 70_000, usize::MAX];
                    let (count, reach) = (counts[self.next() as usize % counts.len()], self.float());
                    let mut around = Vec::new();
                    shard.nearest(point, reach, count, &mut around);
                    assert!(around.len() <= count.min(256));
                }
                5 => {
                    let bytes = vec![0; self.next() as usize % 200];
                    let _ = shard.command(id, other, 9, &bytes);
                }
                6 => {
                    let len = [0, 1, 1_200, 65_536, 65_537, 200_000][self.next() as usize % 6];
                    let channel = ringshard_protocol::wire::Channel::new(self.next() as u8 % 16).unwrap();
                    shard.send(id, channel, &vec![kinds::GAME; len]);
                }
                7 => _ = shard.entities.apply_buff(id, 1 << (self.next() % 7), 1, self.next() % 100),
                8 => _ = shard.entities.set_variable(id, self.next() as usize % 64, self.next() as i32),
                _ => _ = shard.state(id),
            }
        }
    }
}

#[test]
fn no_argument_of_a_game_ends_the_process() {
    let mut world = World::of(2, "delay=5ms", small(), |core| Wild(core as u64 + 7));
    world.join(6);
    world.run_for(10 * SECOND);
    assert_eq!(world.digests().1, 0);
}
