//! Players with an account: they enter with their checkpoint, and a core makes new ones.

use crate::cores::*;
use ringshard::game::AccountId;
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::fleet::{self, FleetEnd, FromCore, OwnZone, Recall, SavedPart, Stay, StayEnd, ToCore};
use ringshard::runtime::service::Service;
use ringshard::runtime::services::{self, FromCore as ToServices, ServicesEnd, ToCore as FromServices};
use ringshard_protocol::time::Duration;
use ringshard_world::messages::reason;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const ACCOUNT: AccountId = AccountId(7);
const STAY: Stay = Stay { number: 1 << 40, moves: 3 };
/// Ticks between two checkpoints.
const TICKS: u32 = 120;

/// A core with services and a fleet.
struct Stage {
    world: Cores<Simulation<Row>>,
    services: ServicesEnd,
    fleet: FleetEnd,
}

impl Stage {
    fn new() -> Self {
        let (mut ports, mut services) = services::between(1);
        let (mut fleet_ports, mut fleets) = fleet::between(1);
        let config = WorldConfig { entities_max: 64, visible_max: 32, ..WorldConfig::default() };
        let world = Cores::new(1, "delay=20ms", config, |simulation| {
            simulation.with_services(ports.remove(0)).with_fleet(fleet_ports.remove(0))
        });
        let mut stage = Stage { world, services: services.remove(0), fleet: fleets.remove(0) };
        stage.say(ToCore::Checkpoints { ticks: TICKS });
        stage
    }

    fn say(&mut self, letter: ToCore) {
        self.fleet.say(letter).expect("there is room");
        self.wait();
    }

    fn wait(&mut self) {
        self.world.run_for(Duration::from_millis(300));
    }

    /// A client knocks with the account: the core asks the fleet. Returns the number of the player.
    fn knock(&mut self, habits: Habits) -> u64 {
        self.world.join(1, habits);
        self.wait();
        let player = std::iter::from_fn(|| match self.services.take()? {
            ToServices::Knock { player, .. } => Some(Some(player)),
            _ => Some(None),
        });
        let player = player.flatten().last().expect("it knocks");
        let admit = FromServices::Admit { player, account: Some(ACCOUNT), shown: COME };
        assert_eq!(self.services.poll_send(&mut Context::from_waker(Waker::noop()), &admit), Poll::Ready(()));
        self.wait();
        match self.fleet.take() {
            Some(FromCore::Enters { player: asked, account: ACCOUNT }) => assert_eq!(asked, player),
            other => panic!("{other:?}"),
        }
        player
    }

    /// The same, and it enters with this checkpoint.
    fn enter(&mut self, habits: Habits, state: Option<Vec<u8>>) -> u64 {
        let player = self.knock(habits);
        assert!(!self.world.players.last().unwrap().is_inside, "it waits for its checkpoint");
        self.say(ToCore::Recalled { player, recall: Recall::Enter { stay: STAY, state } });
        assert!(self.world.players.last().unwrap().is_inside);
        player
    }

    fn checkpoint(&mut self) -> Vec<u8> {
        match self.fleet.take() {
            Some(FromCore::Checkpoint { account: ACCOUNT, stay: STAY, state, .. }) => state,
            other => panic!("{other:?}"),
        }
    }

    fn end(&mut self) -> StayEnd {
        match self.fleet.take() {
            Some(FromCore::Ended { account: ACCOUNT, stay: STAY, end, .. }) => end,
            other => panic!("{other:?}"),
        }
    }

    fn counters(&self) -> (u64, u64) {
        let stats = self.world.cores[0].service().stats();
        (stats.restored, stats.restores_refused)
    }
}

#[test]
fn a_player_has_a_checkpoint_when_it_has_entered_and_again_and_again() {
    let mut stage = Stage::new();
    stage.enter(Habits { by: 100, ..Habits::default() }, None);
    stage.world.run_for(Duration::from_millis(700));
    let first = stage.checkpoint();
    assert!(stage.fleet.take().is_none(), "there is one");
    stage.world.run_for(Duration::from_secs(20));
    let mut others = Vec::new();
    while let Some(FromCore::Checkpoint { state, .. }) = stage.fleet.take() {
        others.push(state);
    }
    assert!(
        (10..=14).contains(&others.len()),
        "each at most {TICKS} ticks after the last, and not much less: {}",
        others.len()
    );
    assert!(others.iter().any(|state| *state != first), "it walks");
}

#[test]
pub fn a_player_comes_back_as_it_was() {
    let mut lost = Stage::new();
    lost.enter(Habits { by: 100, ..Habits::default() }, None);
    lost.world.run_for(Duration::from_millis(2_500));
    let state = std::iter::from_fn(|| lost.fleet.take()).last().map(|letter| match letter {
        FromCore::Checkpoint { state, .. } => state,
        other => panic!("{other:?}"),
    });
    let mut stage = Stage::new();
    // Others have the first places of the row.
    stage.enter(Habits::default(), None);
    stage.world.run_for(Duration::from_millis(700));
    stage.checkpoint();
    stage.enter(Habits::default(), state.clone());
    stage.world.run_for(Duration::from_millis(700));
    assert_eq!(stage.counters(), (1, 0));
    let again = loop {
        let next = stage.checkpoint();
        if Some(&next) == state.as_ref() {
            break next;
        }
    };
    assert_eq!(Some(again), state, "it is where it was, to the byte");
    let newcomers = stage.world.cores[0].service().stats().joined;
    assert_eq!(newcomers, 2, "both have entered");
    bytes_that_are_no_player_make_a_newcomer();
}

#[test]
fn bytes_that_are_no_player_make_a_newcomer() {
    for state in [vec![], vec![0xff; 100]] {
        let mut stage = Stage::new();
        stage.enter(Habits::default(), Some(state));
        assert_eq!(stage.counters(), (0, 1));
        stage.world.run_for(Duration::from_millis(700));
        stage.checkpoint();
    }
}

#[test]
fn a_player_is_released_as_it_is() {
    let mut stage = Stage::new();
    let player = stage.enter(Habits::default(), None);
    stage.world.run_for(Duration::from_millis(700));
    let state = stage.checkpoint();
    stage.world.players[0].enters = false;
    stage.say(ToCore::Release { player });
    assert_eq!(stage.end(), StayEnd::Released(Some(state)));
    let client = &stage.world.players[0];
    assert_eq!((client.is_inside, client.refused), (false, Some(reason::ELSEWHERE)));
    // Nobody is there any more.
    stage.say(ToCore::Release { player });
    assert!(stage.fleet.take().is_none());
}

#[test]
fn a_stay_ends_with_its_player_or_is_kept() {
    // Put out by the game: for good.
    let mut stage = Stage::new();
    stage.enter(Habits::default(), None);
    stage.world.run_for(Duration::from_millis(700));
    stage.checkpoint();
    stage.world.players[0].enters = false;
    let now = stage.world.network.now();
    stage.world.players[0].ask(now, Ask::PutMeOut);
    stage.wait();
    assert_eq!(stage.end(), StayEnd::Left);
    // Put out by the services, because its account is at another core: it is kept as it is.
    let mut stage = Stage::new();
    let player = stage.enter(Habits::default(), None);
    stage.world.run_for(Duration::from_millis(700));
    let state = stage.checkpoint();
    stage.world.players[0].enters = false;
    let put_out = FromServices::PutOut { player, reason: reason::ELSEWHERE };
    assert_eq!(stage.services.poll_send(&mut Context::from_waker(Waker::noop()), &put_out), Poll::Ready(()));
    stage.wait();
    assert_eq!(stage.end(), StayEnd::Released(Some(state)));
    // Gone before the fleet has answered: it was never in the world.
    let mut stage = Stage::new();
    let player = stage.knock(Habits::default());
    stage.world.players.clear();
    stage.world.run_for(Duration::from_secs(120));
    stage.say(ToCore::Recalled { player, recall: Recall::Enter { stay: STAY, state: None } });
    assert_eq!(stage.end(), StayEnd::Kept);
}

#[test]
fn a_client_whose_account_is_not_let_go_asks_again() {
    let mut stage = Stage::new();
    let player = stage.knock(Habits::default());
    stage.world.players[0].enters = false;
    stage.say(ToCore::Recalled { player, recall: Recall::Refuse });
    let client = &stage.world.players[0];
    assert_eq!((client.is_inside, client.refused), (false, Some(reason::BUSY)));
    assert!(stage.fleet.take().is_none());
}

#[test]
fn without_checkpoints_the_fleet_is_not_asked() {
    let mut stage = Stage::new();
    stage.say(ToCore::Checkpoints { ticks: 0 });
    stage.world.join(1, Habits::default());
    stage.wait();
    let Some(ToServices::Knock { player, .. }) = stage.services.take() else { panic!("it knocks") };
    let admit = FromServices::Admit { player, account: Some(ACCOUNT), shown: COME };
    assert_eq!(stage.services.poll_send(&mut Context::from_waker(Waker::noop()), &admit), Poll::Ready(()));
    stage.world.run_for(Duration::from_secs(5));
    assert!(stage.world.players[0].is_inside);
    assert!(stage.fleet.take().is_none());
}

#[test]
fn a_core_that_ends_saves_the_zones_that_it_has_then() {
    let zone = |name: &str| Arc::new(OwnZone { name: name.into(), area: [[0.0; 2], [100.0; 2]] });
    let (west, east) = (zone("west"), zone("east"));
    let mut stage = Stage::new();
    stage.say(ToCore::Zones(Arc::from([west])));
    stage.say(ToCore::Zones(Arc::from([east.clone()])));
    stage.world.cores[0].service_mut().end();
    let Some(FromCore::Ends { zones }) = stage.fleet.take() else { panic!("it says that it ends") };
    assert_eq!(zones, [SavedPart { zone: east, bytes: b"east".to_vec() }]);
}
