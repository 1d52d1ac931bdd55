//! Clients in the world and services, over real sockets: tickets, calls, chat and downloads.

mod game;
mod providers;
mod server;

use ringshard_client::requests::caller::End;
use ringshard_client::requests::download::{Event, Trust, Wanted};
use ringshard_client::requests::message::status;
use ringshard_client::{ServiceEvent, answer};
use ringshard_services::resources::store::Addition;
use ringshard_services::resources::{SigningKey, Store};
use ringshard_world::messages::reason;
use server::{Add, Player, Sum, World};
use std::time::Duration;

ringshard_requests::record! {
    /// Joins a room.
    struct Join {
        /// Which.
        room: String,
    }

    /// Says something.
    struct Say {
        /// Where.
        room: String,
        /// What.
        text: String,
    }
}

const DEADLINE: Duration = Duration::from_secs(20);

/// The end of a call.
fn ended(player: &mut Player, number: u32) -> End {
    player.until(|player| {
        let at = player.events.iter().position(|event| matches!(event, ServiceEvent::Ended(it, _) if *it == number))?;
        match player.events.remove(at) {
            ServiceEvent::Ended(_, end) => Some(end),
            _ => None,
        }
    })
}

fn sum(end: End) -> Sum {
    match end {
        End::Answered(bytes) => answer(&bytes).expect("a sum"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ticket_lets_its_account_in_once_and_its_calls_are_answered() {
    let world = World::new(&[], |_| {});
    let ticket = world.ticket(77, "ann");
    let mut ann = world.client(&ticket);
    assert_eq!(ann.enter(), 77);
    let number = ann.services.call(ann.now(), "/v1/test/add", Add { one: 3, other: 4 }, DEADLINE).unwrap();
    let Sum { sum, account } = sum(ended(&mut ann, number));
    assert_eq!((sum, account), (7, 77));
    let unknown = ann.services.call(ann.now(), "/v1/test/nothing", Add { one: 3, other: 4 }, DEADLINE).unwrap();
    let End::Refused { status, .. } = ended(&mut ann, unknown) else { panic!("there is no such action") };
    assert_eq!(status, status::NOT_FOUND);
    // The same ticket again, and none at all.
    assert_eq!(world.client(&ticket).turned_away(), reason::TICKET);
    assert_eq!(world.client(b"").turned_away(), reason::TICKET);
    assert_eq!((world.count("services_admitted"), world.count("services_refused")), (1, 2));
    assert_eq!(world.count("services_sessions"), 1);
}

#[test]
fn guests_come_in_where_no_ticket_is_required_and_may_not_do_what_needs_an_account() {
    let world = World::new(&[("require-ticket", "false")], |_| {});
    let mut guest = world.client(b"a guest");
    assert_eq!(guest.enter(), 0);
    let number = guest.services.call(guest.now(), "/v1/test/add", Add { one: 1, other: 1 }, DEADLINE).unwrap();
    let End::Refused { status, .. } = ended(&mut guest, number) else { panic!("a guest has no account") };
    assert_eq!(status, status::LOGIN_NEEDED);
    // A ticket still says who somebody is, and a bad one is refused.
    let mut ticket = world.ticket(5, "eve");
    assert_eq!(world.client(&ticket).enter(), 5);
    *ticket.last_mut().unwrap() ^= 1;
    assert_eq!(world.client(&ticket).turned_away(), reason::TICKET);
    assert_eq!(world.count("services_guests"), 1);
}

#[test]
fn an_account_is_in_the_world_once() {
    let world = World::new(&[], |_| {});
    let mut first = world.client(&world.ticket(9, "bob"));
    first.enter();
    let mut second = world.client(&world.ticket(9, "bob"));
    second.enter();
    assert_eq!(first.turned_away(), reason::ELSEWHERE);
    assert_eq!(world.count("services_elsewhere"), 1);
    second.until(|_| (world.count("services_sessions") == 1).then_some(()));
}

#[test]
fn players_in_one_room_hear_each_other() {
    let world = World::new(&[], |_| {});
    let (mut ann, mut bob) = (world.client(&world.ticket(1, "ann")), world.client(&world.ticket(2, "bob")));
    ann.enter();
    bob.enter();
    for player in [&mut ann, &mut bob] {
        let join = Join { room: "hall".into() };
        let number = player.services.call(player.now(), "/v1/chat/join", join, DEADLINE).unwrap();
        let end = ended(player, number);
        assert!(matches!(end, End::Answered(_)), "{end:?}");
    }
    let say = Say { room: "hall".into(), text: "hello".into() };
    let said = ann.services.call(ann.now(), "/v1/chat/say", say, DEADLINE).unwrap();
    let end = ended(&mut ann, said);
    assert!(matches!(end, End::Answered(_)), "{end:?}");
    let text = bob.until(|bob| {
        let notice = bob.events.iter().find_map(|event| match event {
            ServiceEvent::Notice(topic, value) if topic == "chat" => Some(value.to_json()),
            _ => None,
        });
        ann.udp.poll(|_| game::Input {});
        notice
    });
    assert_eq!((text["name"].as_str(), text["text"].as_str()), (Some("ann"), Some("hello")));
}

#[test]
fn a_resource_arrives_whole_and_verified() {
    let content: Vec<u8> = (0..700_001_u32).map(|at| (at.wrapping_mul(at) >> 7) as u8).collect();
    let mut hash = None;
    let world = World::new(&[], |folder| {
        let file = folder.join("content");
        std::fs::write(&file, &content).unwrap();
        let key = SigningKey::from_seed(&[7; 32]);
        let store = Store::new(folder.join("resources"));
        let addition = Addition { name: "maps/first".into(), file };
        let entries = store.add(&[addition], Some(&key), 1).expect("it is added");
        hash = Some(entries[0].hash);
    });
    let hash = hash.unwrap();
    let mut ann = world.client(&world.ticket(1, "ann"));
    ann.enter();
    let now = ann.now().as_millis() as u64;
    ann.services
        .downloads_mut()
        .open(now, Wanted { trust: Trust::Hash(hash), ..Wanted::new("maps/first") })
        .expect("it is opened");
    let mut got = Vec::new();
    let done = ann.until(|ann| {
        let mut done = None;
        for event in ann.events.drain(..) {
            match event {
                ServiceEvent::Download(Event::Bytes { offset, bytes, .. }) => {
                    assert_eq!(offset, got.len() as u64);
                    got.extend(bytes);
                }
                ServiceEvent::Download(Event::Done { hash, .. }) => done = Some(hash),
                ServiceEvent::Download(Event::Failed { .. }) => panic!("{event:?}"),
                _ => {}
            }
        }
        done
    });
    assert_eq!((done, got), (hash, content));
}

#[test]
fn a_player_whose_account_is_disabled_is_put_out() {
    let world = World::new(&[], |_| {});
    let account = world.register("ann");
    let mut ann = world.client(&world.ticket(account, "ann"));
    ann.enter();
    world.disable(account);
    assert_eq!(ann.turned_away(), reason::DISABLED);
    assert_eq!(world.count("services_disabled"), 1);
}
