//! Others between snapshots.

use ringshard_world::codec::Writer;
use ringshard_world::interpolation::{Interpolation, Mode, pose_at, sample_at};
use ringshard_world::messages::{Owner, SnapshotHeader, Versioned, write_difference, write_full};
use ringshard_world::view::Seen;
use ringshard_world::{EntityId, Map, Pose, Rules, State, View};
use std::time::Duration;

ringshard_world::wire! {
    pub struct Nothing {}
    pub struct Shown { pub health: u8 }
}

struct Still;

impl Rules for Still {
    type Input = Nothing;
    type Own = Nothing;
    type Shown = Shown;
    type Ask = Nothing;
    type Answer = Nothing;
    type Event = Nothing;

    fn step(&self, _: &mut Nothing, _: &Nothing) {}

    fn pose(&self, _: &Nothing) -> Pose {
        Pose::default()
    }
}

const ID: EntityId = EntityId { index: 1, generation: 1 };

/// Feeds the poses of one entity to a view.
struct Feed {
    view: View<Still>,
    map: Map,
    sent: Vec<(u32, State<Shown>)>,
    number: u16,
}

impl Feed {
    fn new(history: u64) -> Self {
        let mut view = View::new(&Still, 0);
        view.keep_history(history);
        Feed { view, map: Map::default(), sent: Vec::new(), number: 0 }
    }

    /// A snapshot of `tick`, with a difference from the version before the newest, or with the newest version again.
    fn snapshot(&mut self, tick: u32, pose: Option<Pose>) {
        let mut bytes = [0; 256];
        let mut writer = Writer::new(&mut bytes);
        let owner = Owner::<Nothing>::default();
        SnapshotHeader::new(self.number, tick, 0, 0).write(&owner, 0, &owner, &mut writer).unwrap();
        self.number = self.number.wrapping_add(1);
        if let Some(pose) = pose {
            let state = State::quantise(&self.map, &pose, Shown { health: self.sent.len() as u8 });
            self.sent.push((self.sent.len() as u32 + 1, state));
        }
        let [.., (version, state)] = &self.sent[..] else { panic!("there is a version") };
        let versioned = Versioned { id: ID, version: *version, state };
        match &self.sent[..] {
            [.., (base, known), _] => write_difference(versioned, *base, known, &mut writer).unwrap(),
            _ => write_full(versioned, &State::blank(Shown::default()), &mut writer).unwrap(),
        }
        assert!(self.view.take(writer.written(), |_| {}).unwrap());
    }

    fn seen(&self) -> &Seen<Shown> {
        self.view.entity(ID).unwrap()
    }

    fn x_at(&self, tick: f64, settings: &Interpolation) -> f32 {
        pose_at(self.seen(), tick, &self.map, settings).point[0]
    }
}

fn moving(x: f32, velocity: f32) -> Pose {
    Pose { velocity: [velocity, 0.0, 0.0], ..Pose::at([x, 0.0, 0.0]) }
}

fn linear() -> Interpolation {
    Interpolation { mode: Mode::Linear, ..Interpolation::default() }
}

#[track_caller]
fn assert_near(value: f32, expected: f32) {
    assert!((value - expected).abs() < 0.4, "{value}, not {expected}");
}

#[test]
fn between_two_versions_there_is_a_straight_line() {
    let mut feed = Feed::new(10);
    feed.snapshot(100, Some(moving(1_000.0, 600.0)));
    feed.snapshot(104, Some(moving(1_040.0, 600.0)));
    assert_near(feed.x_at(90.0, &linear()), 1_000.0);
    assert_near(feed.x_at(100.0, &linear()), 1_000.0);
    assert_near(feed.x_at(101.5, &linear()), 1_015.0);
    assert_near(feed.x_at(103.999, &linear()), 1_040.0);
    assert_near(feed.x_at(104.0, &linear()), 1_040.0);
    let hold = Interpolation { mode: Mode::Hold, ..linear() };
    assert_near(feed.x_at(103.9, &hold), 1_000.0);
    assert_eq!(sample_at(feed.seen(), 103.9).state.shown.health, 0, "what is shown is of the shown tick");
    assert_eq!(sample_at(feed.seen(), 104.0).state.shown.health, 1);
}

#[test]
fn an_entity_that_stood_until_a_tick_does_not_begin_to_glide_before_it() {
    let mut feed = Feed::new(100);
    feed.snapshot(100, Some(Pose::at([1_000.0, 0.0, 0.0])));
    // The same version again and again, until it is acknowledged; then no news until it moves.
    (101..=140).for_each(|tick| feed.snapshot(tick, None));
    feed.snapshot(142, Some(Pose::at([1_100.0, 0.0, 0.0])));
    assert_near(feed.x_at(139.9, &linear()), 1_000.0);
    assert_near(feed.x_at(141.0, &linear()), 1_050.0);
    let mut feed = Feed::new(100);
    feed.snapshot(100, Some(Pose::at([1_000.0, 0.0, 0.0])));
    feed.snapshot(200, Some(Pose::at([1_100.0, 0.0, 0.0])));
    assert_near(feed.x_at(180.0, &linear()), 1_000.0);
    assert_near(feed.x_at(199.99, &linear()), 1_100.0);
}

#[test]
fn a_leap_does_not_glide() {
    let mut feed = Feed::new(10);
    feed.snapshot(100, Some(moving(1_000.0, 600.0)));
    feed.snapshot(102, Some(Pose { leap: 1, ..moving(9_000.0, 600.0) }));
    assert_near(feed.x_at(101.99, &Interpolation::default()), 1_000.0);
    assert_near(feed.x_at(102.0, &Interpolation::default()), 9_000.0);
}

#[test]
fn a_turn_takes_the_shorter_way() {
    let mut feed = Feed::new(10);
    feed.snapshot(100, Some(Pose { rotation: [65_000, 0, 0], ..Pose::default() }));
    feed.snapshot(102, Some(Pose { rotation: [1_000, 0, 0], ..Pose::default() }));
    let pose = pose_at(feed.seen(), 101.0, &feed.map, &linear());
    assert_eq!(pose.rotation[0], 65_000_u16.wrapping_add(768));
}

/// x = 5 t², seen every 10 ticks: a cubic follows it exactly, a line does not.
#[test]
fn curves_follow_velocities_that_fit_and_only_those() {
    let at = |seconds: f32| moving(50_000.0 + 30_000.0 * seconds * seconds, 60_000.0 * seconds);
    let mut feed = Feed::new(30);
    feed.snapshot(60, Some(at(0.1)));
    feed.snapshot(70, Some(at(0.1 + 10.0 / 60.0)));
    let middle = at(0.1 + 5.0 / 60.0).point[0];
    let hermite = feed.x_at(65.0, &Interpolation::default());
    assert!((hermite - middle).abs() < 1.0, "{hermite} {middle}");
    assert!((feed.x_at(65.0, &linear()) - middle).abs() > 100.0);
    // A game that leaves velocities out.
    let mut feed = Feed::new(30);
    feed.snapshot(60, Some(moving(1_000.0, 0.0)));
    feed.snapshot(70, Some(moving(1_100.0, 0.0)));
    assert_near(feed.x_at(62.0, &Interpolation::default()), 1_020.0);
}

#[test]
fn without_news_an_entity_goes_on_for_a_bounded_time() {
    let mut feed = Feed::new(30);
    feed.snapshot(90, Some(moving(940.0, 600.0)));
    feed.snapshot(96, Some(moving(1_000.0, 600.0)));
    let settings = Interpolation { extrapolation_max: Duration::from_millis(100), ..Interpolation::default() };
    assert_near(feed.x_at(99.0, &settings), 1_030.0);
    assert_near(feed.x_at(102.0, &settings), 1_060.0);
    assert_near(feed.x_at(1e9, &settings), 1_060.0);
    // It was the same in two snapshots: it stands, whatever its velocity says.
    feed.snapshot(97, None);
    assert_near(feed.x_at(99.0, &settings), 1_000.0);
}

/// The server may acknowledge at once. The versions that are still shown must stay.
#[test]
fn versions_stay_as_long_as_they_are_shown_and_no_longer() {
    let (mut kept, mut few) = (Feed::new(6), Feed::new(0));
    for tick in 1_000..1_400 {
        let pose = moving(10_000.0 + tick as f32 * 10.0, 600.0);
        kept.snapshot(tick, Some(pose));
        few.snapshot(tick, Some(pose));
        let shown = f64::from(tick) - 5.5;
        if tick > 1_010 {
            assert_near(kept.x_at(shown, &linear()), 10_000.0 + shown as f32 * 10.0);
        }
    }
    assert!(kept.seen().samples().len() <= 8, "{}", kept.seen().samples().len());
    assert_eq!(few.seen().samples().len(), 2);
    assert_eq!(kept.view.digest(), few.view.digest());
}
