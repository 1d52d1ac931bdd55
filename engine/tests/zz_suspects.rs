//! Reproductions of suspected bugs in engine/src. Each asserts what should hold.
#![allow(missing_docs, unsafe_code)]
mod world;
use ringshard_engine::client::ClientEvent;
use ringshard_engine::crypto::noise::Secrets;
use ringshard_engine::crypto::{Csprng, Suite};
use ringshard_engine::limits::*;
use ringshard_engine::link::conditions::Conditions;
use ringshard_engine::link::sim::SimLink;
use ringshard_engine::session::*;
use ringshard_engine::time::{Duration, Instant};
use ringshard_engine::wire::*;
use ringshard_engine::{ClientConfig, EndpointConfig};
use rand_chacha::rand_core::SeedableRng;
use std::net::SocketAddr;
use world::*;

mod counting {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;
    pub struct Counting;
    #[global_allocator]
    static ALLOCATOR: Counting = Counting;
    thread_local! { pub static LIVE: Cell<i64> = const { Cell::new(0) }; }
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, l: Layout) -> *mut u8 { LIVE.set(LIVE.get() + l.size() as i64); unsafe { System.alloc(l) } }
        unsafe fn dealloc(&self, p: *mut u8, l: Layout) { LIVE.set(LIVE.get() - l.size() as i64); unsafe { System.dealloc(p, l) } }
    }
}

/// R1: after its amplification allowance is spent, a candidate path is never given up and its timer is always due.
#[test]
fn r1_a_candidate_that_may_not_be_challenged_any_more_leaves_the_timers_alone() {
    let mut world = World::connected(1);
    let stolen = world.sealed_by_client(0, b"s");
    let thief = SocketAddr::from(([10, 66, 0, 1], 1));
    world.network.send(thief, server_address(), &stolen);
    world.run_for(Duration::from_secs(4));
    let now = world.network.now();
    let wait = world.server.deadline().since(now);
    let mut wakes = 0;
    for ms in 1..=100u64 {
        let at = now + Duration::from_millis(ms);
        if world.server.deadline() <= at { wakes += 1; world.server.sweep(at); world.server.flush(at, &mut world.server_link); }
    }
    assert!(wakes < 5, "deadline in {wait:?}; woken {wakes} times in 100 ms for an idle connection");
}

/// R2: what a timed-out session keeps is freed by `sweep`, but `deadline` never says when.
#[test]
fn r2_the_deadline_covers_the_memory_of_suspended_sessions() {
    let mut world = World::connected(1);
    let id = world.id(0);
    world.network.set_conditions(DEAD);
    let now = world.network.now();
    world.server.send(now, id, Channel::RELIABLE_ORDERED, &[1; 200]).unwrap();
    world.run_for(TIMEOUT_DEFAULT + Duration::from_secs(1));
    assert!(world.server.message_bytes() > 0 && world.server.connections() == 0);
    let now = world.network.now();
    assert!(world.server.deadline() <= now + RESUME_PERIOD, "deadline {:?}", world.server.deadline());
}

/// R3: unreliable messages given up by time are not counted among the drops.
#[test]
fn r3_messages_given_up_by_time_are_counted() {
    let mut world = World::connected(1);
    world.network.set_conditions_between(world.clients[0].address, server_address(), Conditions { mtu: Some(1000), ..CLEAN });
    world.say(0, &noise(1, 2000));
    world.run_for(FRAGMENT_TIMEOUT + Duration::from_secs(1));
    assert_eq!(world.server.drops().fragments_abandoned, 1);
}

/// R4: one small datagram makes the receiver allocate slots for all numbers below, on each channel.
#[test]
fn r4_numbers_far_ahead_cost_little_memory() {
    let config = |role| SessionConfig { id: ConnectionId::new(0, 1, 7), role, suite: Suite::ChaCha20Poly1305, secrets: Secrets::from_split([5; 32], [6; 32]), heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT }, transport: TransportConfig::default() };
    let mut resources = Resources::new(0, Csprng::from_seed([4; 32]));
    let mut session = Session::new(config(Role::Server), Instant::ZERO, &mut resources.random);
    let mut buffer = [0; 64];
    let mut writer = FrameWriter::new(&mut buffer, 0);
    for channel in Channel::all().filter(|channel| channel.delivery().is_reliable()) {
        assert!(writer.numbered(channel, 4095, false, b""));
    }
    let used = writer.used();
    let before = counting::LIVE.get();
    let header = Header { connection: session.id(), channel: 0, flags: 0, sequence: 1 };
    let ingested = session.ingest(Instant::ZERO, &header, used, &mut buffer[..used], &mut resources);
    let cost = counting::LIVE.get() - before;
    assert!(matches!(ingested, Ok(Ingested::Messages(_))), "{ingested:?}");
    assert!(cost < 100_000, "{used} bytes of frames cost {cost} bytes, of which the pool knows {}", resources.pool.lent_bytes());
}

/// R5: when the window for fragmented messages is full, `deadline` is always past although there is nothing to do.
#[test]
fn r5_a_full_window_does_not_make_the_driver_spin() {
    let mut world = World::connected(1);
    let transport = TransportConfig { congestion: CongestionControl::Fixed { window_bytes: 10 << 20 }, ..Default::default() };
    let client = world.add_client_with(ClientConfig { transport, ..client_config() });
    world.run_until("in", |world| world.server.stats().joined == 2);
    for _ in 0..20 { world.say_on(client, Channel::RELIABLE_ORDERED, &noise(1, 60_000)); }
    world.network.set_conditions(DEAD);
    world.run_for(Duration::from_millis(100));
    let now = world.network.now();
    let client = &mut world.clients[client].client;
    client.advance(now);
    assert_eq!(client.transmit_len(now), None);
    let at = now + Duration::from_micros(10);
    client.advance(at);
    assert_eq!(client.transmit_len(at), None);
    assert!(client.deadline() > at, "deadline {:?}, now {at:?}, congestion {:?}", client.deadline(), client.session().unwrap().congestion());
}

/// R7: pieces of an unreliable message of the former connection are mixed with those of the resumed one.
#[test]
fn r7_pieces_of_messages_before_and_after_resumption_are_not_mixed() {
    let mut world = World::new(1, CLEAN);
    world.add_client_with(ClientConfig { reconnect: true, ..client_config() });
    world.run_until("connected", |world| world.server.stats().joined == 1);
    // So that there are channels to go on with.
    world.say_on(0, Channel::RELIABLE_ORDERED, b"reliable");
    world.run_for(Duration::from_secs(1));
    let address = world.clients[0].address;
    world.network.set_conditions_between(server_address(), address, DEAD);
    world.run_for(TIMEOUT_DEFAULT - Duration::from_secs(3));
    world.network.set_conditions_between(address, server_address(), Conditions { mtu: Some(1000), ..CLEAN });
    let (old, new) = (noise(1, 2000), noise(2, 2000));
    world.say(0, &old);
    world.run_for(Duration::from_millis(100));
    world.network.set_conditions(CLEAN);
    world.network.set_conditions_between(server_address(), address, DEAD);
    world.run_until("the client gave up", |world| !world.clients[0].client.is_connected());
    world.network.set_conditions(CLEAN);
    world.run_until("back", |world| world.clients[0].client.is_connected());
    world.run_for(Duration::from_millis(100));
    println!("{:?}", world.clients[0].events);
    assert!(world.clients[0].events.iter().any(|(_, e)| matches!(e, ClientEvent::Connected { resumed: true, .. })));
    world.clients[0].forget_inbox();
    world.say(0, &new);
    world.run_for(Duration::from_millis(200));
    let echo = &world.clients[0].inbox;
    assert_eq!(echo.len(), 1);
    assert!(echo[0] == new, "the echo is neither: first half new {}, second half old {}", echo[0][..1024] == new[..1024], echo[0][1200..] == old[1200..]);
}

/// R13: what an ending datagram struck is struck in the next datagram.
#[test]
fn r13_a_datagram_that_ends_the_connection_leaves_no_strikes_behind() {
    let config = |role| SessionConfig { id: ConnectionId::new(0, 1, 7), role, suite: Suite::ChaCha20Poly1305, secrets: Secrets::from_split([5; 32], [6; 32]), heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT }, transport: TransportConfig::default() };
    let mut resources = Resources::new(0, Csprng::from_seed([4; 32]));
    let mut session = Session::new(config(Role::Server), Instant::ZERO, &mut resources.random);
    let mut take = |sequence, frames: &mut [u8]| {
        let header = Header { connection: ConnectionId::new(0, 1, 7), channel: 0, flags: 0, sequence };
        let len = frames.len();
        session.ingest(Instant::ZERO, &header, len, frames, &mut resources)
    };
    let mut buffer = [0; 200];
    let mut writer = FrameWriter::new(&mut buffer, 0);
    assert!(writer.message(Channel::UNRELIABLE, &[7; 10]) && writer.numbered(Channel::RELIABLE_ORDERED, 5, false, b"early") && writer.ack(99, Duration::ZERO, std::iter::empty()));
    let used = writer.used();
    assert!(matches!(take(1, &mut buffer[..used]), Ok(Ingested::End(_))));
    let mut buffer = [0; 200];
    let mut writer = FrameWriter::new(&mut buffer, 0);
    assert!(writer.message(Channel::UNRELIABLE, &[7; 100]));
    let used = writer.used();
    take(2, &mut buffer[..used]).unwrap();
    assert_eq!(buffer[2..used], [7; 100], "a message was altered");
}

/// R6: how much a clean path with jitter carries.
#[test]
fn r6_jitter_alone_does_not_starve() {
    for (name, congestion) in [("bbr", CongestionControl::Bbr), ("cubic", CongestionControl::Cubic)] {
        for jitter in [0, 1, 5, 10, 30] {
            let transport = TransportConfig { congestion, ..Default::default() };
            let mut world = World::with_config(1, CLEAN, EndpointConfig { transport, ..server_config() });
            let client = world.add_client_with(ClientConfig { transport, ..client_config() });
            world.run_until("in", |world| world.server.stats().joined == 1);
            world.network.set_conditions(Conditions { jitter: Duration::from_millis(jitter), ..CLEAN });
            let _link = SimLink::new(world.network.clone(), SocketAddr::from(([1, 1, 1, 1], 1)));
            let message = noise(1, 10_000);
            let mut before = 0;
            for second in 0..10 {
                for _ in 0..200 {
                    while world.clients[client].client.send_room() > 2 << 20 { world.say_on(client, Channel::RELIABLE_ORDERED, &message); }
                    world.step();
                }
                if second == 4 { before = world.server.stats().messages_in; }
            }
            let rate = (world.server.stats().messages_in - before) * 10_000 / 5;
            println!("{name}, jitter {jitter} ms, no loss: {} KB/s, cong {:?}, lost {}", rate / 1000, world.clients[client].client.session().unwrap().congestion(), world.clients[client].client.session().unwrap().packets_lost());
        }
    }
}
