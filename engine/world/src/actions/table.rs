//! The rows of a game's table of actions.

use super::input::Aim;
use crate::contract::mix;

/// A row of a game's table of actions: what an action takes. Its number is its place in the table. Both ends hold the same
/// table.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Action {
    /// Its name, for logs.
    pub name: &'static str,
    /// What it is aimed at.
    pub target: Target,
    /// Ticks from an execution until the action can be asked for again.
    pub cooldown: u16,
    /// Ticks for which no action that has a shared cooldown can be asked for. They begin with the ask. An action with 0 does
    /// not wait for the shared cooldown of others.
    pub shared_cooldown: u16,
    /// Ticks from the ask to the execution; 0: it is executed at once.
    pub cast: u16,
    /// What an execution takes: numbers of resources, and amounts. Each resource occurs at most once.
    pub cost: &'static [(usize, u16)],
    /// How far away the target may be, in units. Infinite by default. Only the server checks it.
    pub range: f32,
    /// Whether nothing may stand between the player and the target. Only the server checks it.
    pub sight: bool,
    /// Bits that the state of the player must have, from the ask to the execution. The game gives them a meaning.
    pub needs: u32,
    /// Bits that the state of the player must not have, from the ask to the execution. A bit for walking makes walking
    /// interrupt a cast.
    pub forbids: u32,
}

impl Action {
    /// An action that costs nothing, has no cooldown and no target, and is always allowed. For the rest of a row:
    /// `Action { cooldown: 60, ..Action::named("dash") }`.
    pub const fn named(name: &'static str) -> Action {
        Action {
            name,
            target: Target::Nothing,
            cooldown: 0,
            shared_cooldown: 0,
            cast: 0,
            cost: &[],
            range: f32::INFINITY,
            sight: false,
            needs: 0,
            forbids: 0,
        }
    }

    /// Whether a player with these bits may do it.
    pub fn allows(&self, bits: u32) -> bool {
        bits & self.needs == self.needs && bits & self.forbids == 0
    }
}

/// A number for a table, to be a part of [`Rules::level`](crate::Rules::level): a client with another table is refused then.
/// With a map, `terrain.digest() ^ digest(&ACTIONS)`. It is never 0.
pub fn digest(table: &[Action]) -> u32 {
    let number = |before: u32, value: u32, name: &str| mix(before ^ value, name);
    table.iter().fold(mix(table.len() as u32, "actions"), |before, row| {
        let Action { name, target, cooldown, shared_cooldown, cast, cost, range, sight, needs, forbids } = *row;
        let before = number(mix(before, name), target as u32, "target");
        let before = number(number(before, cooldown.into(), "cooldown"), shared_cooldown.into(), "shared");
        let before = cost.iter().fold(number(before, cast.into(), "cast"), |before, (resource, amount)| {
            number(number(before, *resource as u32, "of"), (*amount).into(), "cost")
        });
        let before = number(number(before, range.to_bits(), "range"), sight.into(), "sight");
        number(number(before, needs, "needs"), forbids, "forbids")
    })
}

/// What an action is aimed at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// Nothing, or the player itself.
    Nothing,
    /// An entity. The game's server decides which ones.
    Entity,
    /// A point.
    Point,
}

impl Target {
    /// Whether an aim is of this kind. A point that is not finite is none.
    pub fn fits(self, aim: &Aim) -> bool {
        match (self, aim) {
            (Target::Nothing, Aim::Nothing) | (Target::Entity, Aim::Entity { .. }) => true,
            (Target::Point, Aim::Point { point }) => point.iter().all(|along| along.is_finite()),
            _ => false,
        }
    }
}
