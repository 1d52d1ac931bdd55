//! The example of a game with actions: two clients play it.

#[path = "../../../examples/mages.rs"]
mod game;

use game::*;
use ringshard_testing::{Duration, World};
use ringshard_world::actions::{Aim, Asking, Verdict};
use ringshard_world::{EntityId, Refusal};

const TICK: Duration = Duration::from_nanos(1_000_000_000 / 60);

struct Players {
    world: World<Mages>,
    asking: Asking,
}

impl Players {
    /// Two mages on two cores.
    fn new() -> Players {
        let mut world = World::new(2, "delay=20ms,jitter=5ms,loss=1%", 9, Mages::new);
        (0..2).for_each(|_| _ = world.join(b""));
        world.pass(60 * TICK, |_, _| Input::default());
        Players { world, asking: Asking::default() }
    }

    fn own(&self) -> Own {
        *self.world.client(0).scene().own().expect("it is in the world")
    }

    /// Player 0 asks, and walks or stands for some ticks. Gives what became of the ask.
    fn asks(&mut self, action: u8, aim: Aim, forward: i8, ticks: u32) -> Verdict {
        let own = self.own();
        self.asking.ask(&own.actions, action, aim);
        let asking = &mut self.asking;
        self.world.pass(ticks * TICK, |number, _| {
            let mut input = Input::default();
            if number == 0 {
                (input.steering.forward, input.asks) = (forward, asking.next_input());
            }
            input
        });
        self.own().actions.decided().verdict
    }

    fn enemy(&self) -> EntityId {
        self.world.client(1).scene().body().expect("it is in the world")
    }

    fn health_of_enemy(&self) -> u8 {
        self.world.client(0).scene().shown(self.enemy()).expect("it is in sight").health
    }
}

#[test]
fn mages_hurt_each_other_with_what_they_can_pay() {
    let mut players = Players::new();
    let enemy = Aim::Entity { id: players.enemy() };
    let point = players.world.client(0).scene().pose(players.enemy()).expect("it is in sight").point;
    assert_eq!(players.asks(BOLT, enemy, 0, 60), Verdict::Done);
    assert_eq!(players.health_of_enemy(), HEALTH - 25);
    assert_eq!(players.asks(METEOR, Aim::Point { point }, 0, 100), Verdict::Done);
    assert_eq!(players.health_of_enemy(), HEALTH - 25 - 60);
    // The third hit beats the enemy, which begins again, whole.
    assert_eq!(players.asks(BOLT, enemy, 0, 60), Verdict::Done);
    assert_eq!(players.health_of_enemy(), HEALTH);
    // It has paid 60, and regained a point in each 15 of 220 ticks.
    let mana = players.own().actions.resource(MANA);
    assert!((40 + 12..=40 + 15).contains(&mana), "{mana}");
}

#[test]
fn walking_interrupts_a_meteor_a_dash_needs_it_and_a_potion_is_given_back_to_the_unhurt() {
    let mut players = Players::new();
    let point = players.own().walker.point;
    assert_eq!(players.asks(METEOR, Aim::Point { point }, 0, 10), Verdict::Pending);
    assert_eq!(players.asks(DASH, Aim::Nothing, 127, 1), Verdict::Interrupted);
    let mispredicted = players.world.client(0).stats().mispredicted;
    assert_eq!(players.asks(DASH, Aim::Nothing, 127, 30), Verdict::Done);
    let way = players.own().walker.point[0] - point[0];
    assert!(way > 150.0, "it dashed, and walked half a second: {way}");
    assert_eq!(players.world.client(0).stats().mispredicted, mispredicted);
    assert_eq!(players.asks(DRINK, Aim::Nothing, 0, 30), Verdict::Refused { why: Refusal::Game });
    assert_eq!(players.own().actions.resource(POTIONS), 3);
}
