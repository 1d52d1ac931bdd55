//! The players of a world: they run, jump and rest by the rules of the demonstration.

use rand_chacha::rand_core::Rng;
use ringshard::world::exchange::Change;
use ringshard::world::store::Rate;
use ringshard_demo::{Layout, spawn_point};
use ringshard_demo_rules::{DemoRules, Input, Own};
use ringshard_protocol::crypto::Csprng;
use ringshard_terrain::Terrain;
use ringshard_terrain::movement::keys;
use ringshard_world::character::{Character, EntityKind, states};
use ringshard_world::{EntityId, Pose, Rules, State};
use std::f32::consts::TAU;
use std::sync::Arc;

/// Ticks until a player decides again whether to run or rest.
const ACTIVITY_TICKS: u32 = 120;
/// Players turn back when they are so far from where they entered, in units.
const AWAY_MAX: f32 = 2_000.0;

pub struct Crowd {
    rules: DemoRules,
    players: Vec<Player>,
    /// Share of the players that run at any time.
    moving: f64,
}

struct Player {
    own: Own,
    input: Input,
    home: [f32; 3],
    /// Where the last step has taken it, and where it was before.
    pose: Pose,
    former: Pose,
}

/// The entity of a player.
pub fn id_of(player: usize) -> EntityId {
    EntityId { index: player as u16, generation: 1 }
}

impl Crowd {
    pub fn new(terrain: &Arc<Terrain>, layout: Layout, count: usize, moving: f64, random: &mut Csprng) -> Crowd {
        let player = || {
            let home = spawn_point(layout, terrain, random);
            let pose = Pose::at(home);
            Player { own: Own::at(home), input: Input::default(), home, pose, former: pose }
        };
        let players = std::iter::repeat_with(player).take(count).collect();
        Crowd { rules: DemoRules::on(terrain.clone()), players, moving }
    }

    pub fn len(&self) -> usize {
        self.players.len()
    }

    pub fn pose(&self, player: usize) -> &Pose {
        &self.players[player].pose
    }

    /// What everybody sees of a player besides its pose.
    pub fn shown(&self, player: usize) -> Character {
        let moves = self.players[player].pose.velocity != [0.0; 3];
        let character = Character::new(EntityKind::Player, 0);
        Character { states: character.states | if moves { states::MOVING } else { 0 }, ..character }
    }

    /// Lets some players decide where to run.
    pub fn steer(&mut self, tick: u32, random: &mut Csprng) {
        for (number, player) in self.players.iter_mut().enumerate() {
            if tick % ACTIVITY_TICKS != number as u32 % ACTIVITY_TICKS && tick != 1 {
                continue;
            }
            let runs = f64::from(random.next_u32()) < self.moving * f64::from(u32::MAX);
            let [x, y] = [0, 1].map(|axis| player.home[axis] - player.pose.point[axis]);
            // So the layout stays as it is.
            let is_away = x.hypot(y) > AWAY_MAX;
            let yaw = if is_away { (y.atan2(x) / TAU * 65_536.0) as i32 as u16 } else { random.next_u32() as u16 };
            let jumps = if runs && random.next_u32().is_multiple_of(8) { keys::JUMP } else { 0 };
            let forward = if runs { 127 } else { 0 };
            player.input = Input { forward, yaw, keys: keys::RUN | jumps, ..Input::default() };
        }
    }

    /// Steps every player by one tick.
    pub fn step(&mut self) {
        for player in &mut self.players {
            player.former = player.pose;
            self.rules.step(&mut player.own, &player.input);
            player.pose = self.rules.pose(&player.own);
        }
    }

    /// What the last step has changed.
    pub fn changes(&self) -> Vec<Change<Character>> {
        let map = self.rules.terrain.map();
        let change = |(number, player): (usize, &Player)| {
            let state = State::quantise(map, &player.pose, self.shown(number));
            let kind = EntityKind::Player as u8;
            (player.pose != player.former).then_some(Change::State { id: id_of(number), state, kind, rate: Rate::Full })
        };
        self.players.iter().enumerate().filter_map(change).collect()
    }
}
