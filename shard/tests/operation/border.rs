//! Two servers on real sockets, as two hosts of one world: what one has at the border, the other one sees.

use ringshard::config::{Configuration, Prepared, Sources};
use ringshard::game::{Admission, Game, GameStart, NoJob, PlayerId, Reply, Shard, Visitor};
use ringshard::runtime::jobs::Jobs;
use ringshard::runtime::tick::{TICK, now};
use ringshard::serve::{ServerAndBorder, start_world_with_border};
use ringshard::world::border::{AnyBorder, BorderSettings, Neighbour, NeighbourId, Rect};
use ringshard_world::{Pose, Rules};

ringshard_world::wire! {
    pub struct Nothing {}
    pub enum Never { Is }
}

struct Empty;

impl Rules for Empty {
    type Input = Nothing;
    type Own = Nothing;
    type Shown = Nothing;
    type Ask = Never;
    type Answer = Never;
    type Event = Never;

    fn step(&self, _: &mut Nothing, _: &Nothing) {}

    fn pose(&self, _: &Nothing) -> Pose {
        Pose::default()
    }
}

/// A stone at the border, on the first core.
struct Stone(GameStart);

impl Game for Stone {
    type Rules = Empty;
    type Command = Never;
    type Job = NoJob;
    type Done = NoJob;

    fn rules(&self) -> &Empty {
        &Empty
    }

    fn join(&mut self, _: &mut Shard<Self>, _: PlayerId, _: Visitor<'_>) -> Admission {
        Admission::Accepted
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _: PlayerId, _: Never, reply: Reply) {
        shard.reply(reply, &Never::Is);
    }

    fn tick(&mut self, shard: &mut Shard<Self>) {
        if self.0.core == 0 && shard.entities.is_empty() {
            shard.entities.spawn(Pose::at([1_000.0, 1_000.0, 0.0]), Nothing {}).expect("there is room");
        }
    }
}

fn prepared(settings: &[(&str, &str)]) -> Prepared {
    let own = [("listen", "127.0.0.1:0"), ("admin", "off"), ("cpus", "0")];
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let flags = own.iter().chain(settings).map(owned).collect();
    Configuration::prepared(Sources { flags, ..Sources::default() }).expect("sound settings").1
}

fn start(host: u64) -> ServerAndBorder {
    let settings = BorderSettings { incarnation: 1 + host, ..BorderSettings::default() };
    start_world_with_border(&prepared(&[]), Jobs::none(1), Vec::new(), Vec::new(), settings, Stone)
        .expect("the server starts")
}

fn turn(here: &mut dyn AnyBorder, there: &mut dyn AnyBorder) {
    let area = vec![Rect { min: [0.0, 0.0], max: [2_000.0, 2_000.0] }];
    here.turn(now(), &[Neighbour { id: NeighbourId(1), area }]);
    while let Some((_, message)) = here.poll_send() {
        there.receive(now(), NeighbourId(1), &message);
    }
}

#[test]
fn two_servers_see_what_the_other_has_at_the_border() {
    let ((one, mut border), (other, mut other_border)) = (start(0), start(1));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while border.stats().replicas == 0 || other_border.stats().replicas == 0 {
        assert!(std::time::Instant::now() < deadline, "{:?} {:?}", border.stats(), other_border.stats());
        turn(&mut *border, &mut *other_border);
        turn(&mut *other_border, &mut *border);
        std::thread::sleep(TICK);
    }
    assert!(!border.is_dark(NeighbourId(1)) && border.clock(NeighbourId(1)).is_some());
    assert_eq!((border.stats().replicas, border.stats().shown, border.stats().malformed), (1, 1, 0));
    for server in [one, other] {
        server.lifecycle().stop();
        server.join();
    }
}

#[test]
fn a_world_without_room_for_the_border_does_not_start() {
    let prepared = prepared(&[("entities", "1"), ("npcs", "0")]);
    let refused =
        start_world_with_border(&prepared, Jobs::none(1), Vec::new(), Vec::new(), BorderSettings::default(), Stone);
    let error = refused.err().expect("a core and the border need two").to_string();
    assert!(error.contains("entities is 1"), "{error}");
}
