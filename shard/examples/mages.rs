//! Mages fight. They run on the ground of the map, and have four actions. Rules and server in one file.
//!
//! `cargo run --release -p ringshard --example mages` serves it. shard/games/README.md#actions explains its parts.

use ringshard::game::actions::{ActionGame, Deed, decide, interrupt, refuse};
use ringshard::game::{Admission, EventOf, Game, GameStart, NoJob, PlayerId, Reply, Rng, Shard, Visitor};
use ringshard_terrain::Terrain;
use ringshard_terrain::movement::{self, Steering, Tuning, Walker};
use ringshard_world::actions::{Acted, Action, ActionInput, ActionState, Aim, Outcome, Target, digest};
use ringshard_world::contract::Cooldown;
use ringshard_world::{EntityId, Pose, Refusal, Rules, turn, wire};
use std::sync::Arc;

/// An action: it hurts an entity at once.
pub const BOLT: u8 = 0;
/// It hurts all around a point, after a second in which the mage stands.
pub const METEOR: u8 = 1;
/// It makes a mage that walks faster for a moment.
pub const DASH: u8 = 2;
/// It restores health.
pub const DRINK: u8 = 3;
/// A resource: it comes back.
pub const MANA: usize = 0;
/// It does not.
pub const POTIONS: usize = 1;
/// A bit of a mage's state: it steers somewhere.
const WALKING: u32 = 1;
/// Ticks between an action and the next one.
const SHARED: u16 = 20;

/// What mages can do.
pub const ACTIONS: [Action; 4] = [
    Action {
        target: Target::Entity,
        cooldown: 40,
        shared_cooldown: SHARED,
        cost: &[(MANA, 10)],
        range: 3_000.0,
        sight: true,
        ..Action::named("bolt")
    },
    Action {
        target: Target::Point,
        cooldown: 300,
        shared_cooldown: SHARED,
        cast: 60,
        cost: &[(MANA, 40)],
        range: 4_000.0,
        sight: true,
        forbids: WALKING,
        ..Action::named("meteor")
    },
    Action { cooldown: 120, cost: &[(MANA, 5)], needs: WALKING, ..Action::named("dash") },
    Action { cooldown: 60, shared_cooldown: SHARED, cost: &[(POTIONS, 1)], ..Action::named("drink") },
];

const MANA_MAX: u16 = 100;
/// Ticks in which a mage regains a point of mana.
const MANA_TICKS: u16 = 15;
const BOLT_DAMAGE: u8 = 25;
const METEOR_DAMAGE: u8 = 60;
/// How far a meteor reaches, in units.
const METEOR_RADIUS: f32 = 400.0;
/// How much health a potion restores.
const POTION_HEALTH: u8 = 50;
/// How fast a dash is, in units per second.
const DASH_SPEED: f32 = 1_500.0;
/// Health of a mage that is whole.
pub const HEALTH: u8 = 100;

wire! {
    pub struct Input { pub steering: Steering, pub asks: ActionInput }
    pub struct Own { pub walker: Walker, pub actions: ActionState<4, 2>, pub mana: Cooldown }
    pub struct Shown { pub health: u8 }
    pub enum Event { Acted { acted: Acted } }
    /// Players ask nothing here.
    pub enum Nothing { Nothing }
    pub enum Command { Hurt { damage: u8 } }
}

/// The rules. Both ends hold the same map.
#[derive(Clone)]
pub struct MageRules {
    terrain: Arc<Terrain>,
    tuning: Tuning,
}

impl Rules for MageRules {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Nothing;
    type Answer = Nothing;
    type Event = Event;

    fn step(&self, own: &mut Own, input: &Input) {
        own.mana.count_down();
        if own.mana.start(MANA_TICKS) {
            own.actions.add_resource(MANA, 1, MANA_MAX);
        }
        let walks = (input.steering.forward, input.steering.left) != (0, 0);
        let outcome = own.actions.step(&ACTIONS, &input.asks, if walks { WALKING } else { 0 });
        movement::step(&self.terrain, &self.tuning, &mut own.walker, &input.steering);
        // The server refuses no dash, so the client need not wait.
        if let Outcome::Executed { action: DASH, .. } = outcome {
            let [x, y] = turn::direction(own.walker.yaw).map(|along| along * DASH_SPEED);
            (own.walker.velocity[0], own.walker.velocity[1]) = (x, y);
        }
    }

    fn pose(&self, own: &Own) -> Pose {
        own.walker.pose()
    }

    fn level(&self) -> u32 {
        self.terrain.digest() ^ digest(&ACTIONS)
    }
}

/// The game, on one core.
pub struct Mages {
    rules: MageRules,
    around: Vec<EntityId>,
}

impl Mages {
    /// The game on the map of the world.
    pub fn new(start: GameStart) -> Mages {
        Mages { rules: MageRules { terrain: start.terrain, tuning: Tuning::default() }, around: Vec::new() }
    }

    /// A mage that enters or begins again, near the middle of the map.
    fn spawned(&self, shard: &mut Shard<Self>, leap: u8, mut actions: ActionState<4, 2>) -> Own {
        let [width, depth, _] = shard.map().size();
        let mut near = |middle: f32| middle + (shard.random.next_u32() % 2_000) as f32 - 1_000.0;
        let [x, y] = [near(width / 2.0), near(depth / 2.0)];
        actions.reset();
        actions.set_resource(MANA, MANA_MAX);
        actions.set_resource(POTIONS, 3);
        let walker = Walker { leap, ..Walker::at([x, y, self.rules.terrain.height(x, y)]) };
        Own { walker, actions, ..Own::default() }
    }

    fn hurt(shard: &mut Shard<Self>, whom: EntityId, by: EntityId, damage: u8) {
        // A refused command is a miss: too many were waiting for that core.
        let _ = shard.command(whom, by, &Command::Hurt { damage });
    }

    fn drink(&self, shard: &mut Shard<Self>, player: PlayerId, by: EntityId) {
        match shard.entities.shown_mut(by) {
            Some(shown) if shown.health < HEALTH => shown.health = HEALTH.min(shown.health + POTION_HEALTH),
            // The potion is given back.
            _ => refuse(self, shard, player, Refusal::Game),
        }
    }

    fn burn(&mut self, shard: &mut Shard<Self>, by: EntityId, point: [f32; 3]) {
        let mut around = std::mem::take(&mut self.around);
        shard.nearest(point, METEOR_RADIUS, 32, &mut around);
        around.drain(..).for_each(|whom| Self::hurt(shard, whom, by, METEOR_DAMAGE));
        self.around = around;
    }
}

impl Game for Mages {
    type Rules = MageRules;
    type Command = Command;
    type Job = NoJob;
    type Done = NoJob;

    fn rules(&self) -> &MageRules {
        &self.rules
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, _visitor: Visitor<'_>) -> Admission {
        let own = self.spawned(shard, 0, ActionState::default());
        let Ok(body) = shard.entities.spawn(self.rules.pose(&own), Shown { health: HEALTH }) else {
            return Admission::Refused(0);
        };
        shard.control(player, Some(body), own);
        Admission::Accepted
    }

    fn stepped(&mut self, shard: &mut Shard<Self>, player: PlayerId, _input: &Input) {
        let Some(Deed { by, action, aim, to, .. }) = decide(self, shard, player) else { return };
        match (action, aim) {
            (BOLT, Aim::Entity { id }) => Self::hurt(shard, id, by, BOLT_DAMAGE),
            (METEOR, _) => self.burn(shard, by, to),
            (DRINK, _) => self.drink(shard, player, by),
            _ => {}
        }
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _player: PlayerId, _ask: Nothing, reply: Reply) {
        shard.reply(reply, &Nothing::Nothing);
    }

    fn command(&mut self, shard: &mut Shard<Self>, to: EntityId, _from: EntityId, Command::Hurt { damage }: Command) {
        let (Some(player), Some(shown)) = (shard.player_of(to), shard.entities.shown_mut(to)) else { return };
        shown.health = shown.health.saturating_sub(damage);
        if shown.health > 0 {
            interrupt(self, shard, player);
            return;
        }
        shown.health = HEALTH;
        let Some(&Own { walker, actions, .. }) = shard.own(player) else { return };
        let again = self.spawned(shard, walker.leap.wrapping_add(1), actions);
        shard.control(player, Some(to), again);
    }
}

impl ActionGame<4, 2> for Mages {
    fn table(&self) -> &[Action] {
        &ACTIONS
    }

    fn state(own: &mut Own) -> &mut ActionState<4, 2> {
        &mut own.actions
    }

    fn tells(&self, acted: Acted) -> Option<EventOf<Self>> {
        Some(Event::Acted { acted })
    }

    fn is_target(&self, _shard: &Shard<Self>, by: EntityId, _action: u8, target: EntityId) -> bool {
        target != by
    }
}

#[allow(dead_code, reason = "a test uses the game alone")]
fn main() -> std::process::ExitCode {
    ringshard::serve(Mages::new, ringshard::no_jobs)
}
