//! Entering the world, being put out, and connections that are lost.

use crate::model::{Admission, Ask, Bench, Client, Path, Shown, Walking};
use ringshard_client::protocol::wire::DisconnectReason;
use ringshard_client::world::codec::Writer;
use ringshard_client::world::contract::{ContractPart, Schema};
use ringshard_client::world::messages::{EnterAnswer, Welcome};
use ringshard_client::{ClientConfig, EntityId, News, Pose};
use std::time::Duration;

const ROCK: EntityId = EntityId { index: 9, generation: 1 };
const BODY: EntityId = EntityId { index: 3, generation: 2 };

fn rock_at(x: f32) -> Vec<(EntityId, Pose, Shown)> {
    vec![(ROCK, Pose::at([x, 0.0, 0.0]), Shown { health: 1 })]
}

fn has(news: &[News<Walking>], wanted: impl Fn(&News<Walking>) -> bool) -> bool {
    news.iter().any(wanted)
}

#[test]
fn a_client_enters_with_its_ticket_and_is_told() {
    let mut bench = Bench::new(1, Path::new(30, 5, 0.1));
    bench.places = Box::new(|_| rock_at(100.0));
    assert!(bench.client.scene().own().is_none() && bench.client.scene().own_pose().is_none());
    bench.enter();
    assert_eq!(bench.server.tickets, [b"ticket"]);
    bench.server.player_mut().body = Some(BODY);
    bench.pass_seconds(1);
    let (entered, spawned, changed) = (
        bench.news.iter().position(|news| matches!(news, News::Entered { .. })),
        bench.news.iter().position(|news| matches!(news, News::Spawned(ROCK))),
        bench.news.iter().position(|news| matches!(news, News::BodyChanged(Some(BODY)))),
    );
    assert!(entered.is_some() && entered < spawned && spawned < changed, "{:?}", bench.news);
    let scene = bench.client.scene();
    let others: Vec<_> = scene.others().map(|(id, pose, shown)| (id, pose.point[0].round(), *shown)).collect();
    assert_eq!(others, [(ROCK, 100.0, Shown { health: 1 })], "the own body is not among the others");
    assert_eq!(scene.body(), Some(BODY));
    assert_eq!(scene.shown(BODY), Some(&Shown { health: 7 }));
    assert_eq!(scene.pose(BODY), scene.own_pose());
    assert!(bench.server.player().digests > 0, "digests are sent");
}

#[test]
fn a_ticket_that_is_too_long_is_refused_at_once() {
    let now = ringshard_client::protocol::time::Instant::ZERO;
    let error = Client::new(Walking::default(), Bench::config(), &[0; 1_025], now, [1; 32]).unwrap_err();
    assert!(error.to_string().contains("1025"), "{error}");
}

#[test]
fn a_refused_client_stays_outside_until_the_game_asks_again() {
    let mut bench = Bench::new(2, Path::new(10, 0, 0.0));
    bench.server.admission = Admission::Refused(42);
    bench.pass_seconds(3);
    assert!(has(&bench.news, |news| matches!(news, News::Refused(42))), "{:?}", bench.news);
    assert!(!bench.client.is_in_world() && bench.server.tickets.len() == 1);
    bench.server.admission = Admission::Accepted;
    assert!(bench.client.enter(b"another"));
    assert!(!bench.client.enter(b"twice"), "it is on its way");
    bench.enter();
    assert_eq!(bench.server.tickets[1], b"another");
    assert!(!bench.client.enter(b"inside"));
}

#[test]
fn a_client_of_another_contract_is_told_which_type_differs() {
    let mut bench = Bench::new(3, Path::new(10, 0, 0.0));
    let Schema(mut numbers) = bench.server.schema;
    numbers[ContractPart::Shown as usize] ^= 1;
    bench.server.schema = Schema(numbers);
    bench.pass_seconds(1);
    assert!(has(&bench.news, |news| matches!(news, News::WrongSchema(ContractPart::Shown))), "{:?}", bench.news);
    assert!(!bench.client.is_in_world() && !bench.client.is_closed());
}

#[test]
fn a_client_that_is_put_out_enters_again_and_old_snapshots_do_not_leak_in() {
    for seed in 10..30 {
        // Snapshots overtake each other, and the reliable answers.
        let mut bench = Bench::new(seed, Path::new(60, 50, 0.05));
        bench.places = Box::new(|_| rock_at(100.0));
        bench.enter();
        bench.pass_seconds(2);
        assert_eq!(bench.client.scene().others().count(), 1);
        bench.news.clear();
        let own = bench.client.scene().own().unwrap().steps;
        // The server goes on with snapshots for a moment, with a rock elsewhere; then the client enters again.
        let now = bench.time();
        bench.server.put_out(now, 9);
        bench.pass(Duration::from_millis(20));
        bench.places = Box::new(|_| Vec::new());
        while bench.client.is_in_world() {
            bench.pass(Duration::from_millis(1));
        }
        assert!(has(&bench.news, |news| matches!(news, News::PutOut(9))));
        assert!(bench.client.scene().own().is_none() && bench.client.scene().others().count() == 0);
        assert_eq!(bench.client.scene().body(), None);
        bench.news.clear();
        assert!(bench.client.enter(b"again"));
        while !bench.client.is_in_world() {
            bench.pass(Duration::from_millis(1));
        }
        bench.pass_seconds(1);
        assert!(!has(&bench.news, |news| matches!(news, News::Spawned(_))), "seed {seed}: {:?}", bench.news);
        assert!(bench.client.scene().own().unwrap().steps < own + 60, "it is the state of the new presence");
        assert_eq!(bench.client.stats().snapshots_refused, 0);
    }
}

/// A server repeats its welcome if it is asked again: nothing of the presence may be lost then.
#[test]
fn a_welcome_that_is_repeated_changes_nothing() {
    let mut bench = Bench::new(6, Path::new(30, 5, 0.0));
    bench.places = Box::new(|_| rock_at(100.0));
    bench.enter();
    bench.pass_seconds(1);
    assert!(bench.client.ask(&Ask::Double { number: 4 }).is_some());
    bench.news.clear();
    let before = *bench.client.stats();
    let (tick, map) = (bench.server.tick, *bench.client.map());
    for first_snapshot in [0, 3, 60, 30_000] {
        let again = EnterAnswer::Welcome(Welcome { tick, first_snapshot, map });
        let mut message = [0; EnterAnswer::BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        again.write(&mut writer).unwrap();
        let now = bench.time();
        bench.server.send_raw(now, writer.written());
        bench.pass(Duration::from_millis(200));
        assert_eq!(bench.client.scene().others().count(), 1);
    }
    let lost = |news: &News<Walking>| matches!(news, News::Entered { .. } | News::Unanswered(..) | News::Spawned(_));
    assert!(!has(&bench.news, lost), "{:?}", bench.news);
    let after = bench.client.stats();
    assert!(after.snapshots >= before.snapshots + 40, "it goes on to take snapshots");
    assert_eq!(after.snapshots_late, before.snapshots_late);
}

fn reconnecting() -> ClientConfig {
    ClientConfig { reconnect: true, ..Bench::config() }
}

#[test]
fn a_resumed_session_goes_on() {
    let mut bench = Bench::with(40, Path::new(20, 2, 0.0), 1_000, reconnecting());
    bench.places = Box::new(|_| rock_at(100.0));
    bench.enter();
    bench.pass_seconds(2);
    // Nothing reaches the server or the client for a while, and the server still knows the session.
    (bench.up.path.loss, bench.down.path.loss) = (1.0, 1.0);
    bench.pass_seconds(17);
    let made = bench.client.stats().inputs_made;
    bench.pass_seconds(2);
    assert_eq!(bench.client.stats().inputs_made, made, "without news nothing is predicted");
    (bench.up.path.loss, bench.down.path.loss) = (0.0, 0.0);
    bench.pass_seconds(20);
    assert!(has(&bench.news, |news| matches!(news, News::Resumed)), "{:?}", bench.news);
    assert_eq!(bench.news.iter().filter(|news| matches!(news, News::Entered { .. })).count(), 1);
    assert_eq!(bench.server.tickets.len(), 1, "it need not enter again");
    let clock = bench.client.clock();
    assert!((1.0..9.0).contains(&clock.ahead) && bench.client.scene().others().count() == 1, "{clock:?}");
    let missed = bench.server.player().missed;
    bench.pass_seconds(5);
    assert_eq!(bench.server.player().missed, missed, "inputs are in time again");
}

#[test]
fn after_a_new_session_the_client_enters_again_by_itself() {
    let mut bench = Bench::with(41, Path::new(20, 2, 0.0), 1_000, reconnecting());
    bench.places = Box::new(|_| rock_at(100.0));
    bench.enter();
    bench.pass_seconds(2);
    bench.restart_server(7);
    bench.pass_seconds(40);
    assert!(has(&bench.news, |news| matches!(news, News::Reconnecting(_))), "{:?}", bench.news);
    assert!(has(&bench.news, |news| matches!(news, News::Renewed)), "{:?}", bench.news);
    assert_eq!(bench.news.iter().filter(|news| matches!(news, News::Entered { .. })).count(), 2);
    assert_eq!(bench.server.tickets, [b"ticket"]);
    assert!(bench.client.is_in_world() && bench.client.scene().others().count() == 1);
    assert!(bench.client.scene().tick() < 10_000, "the ticks are those of the new server");
}

#[test]
fn a_connection_that_ends_closes_the_client() {
    let mut bench = Bench::new(42, Path::new(20, 2, 0.0));
    bench.enter();
    bench.server.disconnect(DisconnectReason::Closed);
    bench.pass_seconds(2);
    assert!(matches!(bench.news.last(), Some(News::Closed(_))), "{:?}", bench.news);
    assert!(bench.client.is_closed() && !bench.client.is_in_world() && bench.client.scene().own().is_none());
    assert!(!bench.client.enter(b"again"));
    bench.pass_seconds(1);
    assert!(matches!(bench.news.last(), Some(News::Closed(_))), "it is the last news");
}

#[test]
fn a_client_that_closes_tells_the_server() {
    let mut bench = Bench::new(43, Path::new(20, 2, 0.0));
    bench.enter();
    bench.client.close();
    bench.pass_seconds(1);
    assert!(bench.server.players.is_empty() && bench.client.is_closed());
}

/// The body changes while inputs are under way: the pose jumps to the new body at once.
#[test]
fn nothing_glides_from_one_body_to_the_next() {
    let mut bench = Bench::new(44, Path::new(50, 5, 0.0));
    bench.enter();
    bench.server.player_mut().body = Some(BODY);
    bench.pass_seconds(2);
    let other = EntityId { index: 4, generation: 1 };
    let player = bench.server.player_mut();
    player.body = Some(other);
    (player.own.x, player.own.y) = (player.own.x + 300.0, player.own.y - 30.0);
    bench.news.clear();
    while bench.client.scene().body() != Some(other) {
        bench.pass(Duration::from_millis(1));
    }
    let scene = bench.client.scene();
    let (own, pose) = (scene.own().unwrap(), scene.own_pose().unwrap());
    assert_eq!([own.x, own.y], [pose.point[0], pose.point[1]]);
    assert!(has(&bench.news, |news| matches!(news, News::BodyChanged(Some(id)) if *id == other)));
    assert!(!has(&bench.news, |news| matches!(news, News::Corrected { .. })), "a new body is no error");
}

/// Something at the server pushes the player: the client is corrected, and its own pose glides there.
#[test]
fn a_correction_shows_in_the_own_state_at_once_and_in_the_pose_by_and_by() {
    let mut bench = Bench::new(45, Path::new(50, 5, 0.0));
    bench.enter();
    bench.input = Box::new(|_| Default::default());
    bench.pass_seconds(2);
    bench.server.player_mut().own.x += 40.0;
    bench.news.clear();
    let before = bench.client.scene().own_pose().unwrap().point[0];
    while !has(&bench.news, |news| matches!(news, News::Corrected { .. })) {
        bench.pass(Duration::from_millis(1));
    }
    let scene = bench.client.scene();
    assert!((scene.own().unwrap().x - before - 40.0).abs() < 0.01);
    assert!((scene.own_pose().unwrap().point[0] - before) < 10.0, "the pose has only begun to glide");
    bench.pass_seconds(1);
    let scene = bench.client.scene();
    assert!((scene.own_pose().unwrap().point[0] - scene.own().unwrap().x).abs() < 0.01);
    assert!((bench.client.worst_correction() - 40.0).abs() < 0.1);
    assert_eq!(bench.client.stats().corrections, 1);
    // A leap at the server does not glide.
    let player = bench.server.player_mut();
    (player.own.x, player.own.leap) = (player.own.x + 100.0, player.own.leap + 1);
    bench.pass(Duration::from_millis(150));
    let scene = bench.client.scene();
    assert_eq!(scene.own_pose().unwrap().point[0], scene.own().unwrap().x);
    assert!((scene.own().unwrap().x - before - 140.0).abs() < 0.01);
}
