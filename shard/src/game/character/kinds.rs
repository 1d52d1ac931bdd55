//! The kinds of characters, for [`Game::KINDS`](crate::game::Game::KINDS).

use crate::world::kind::Kind;
use ringshard_world::character::EntityKind;

/// A kind for each [`EntityKind`], by its number. Projectiles are fast and few: they go before what is twice as near.
pub const KINDS: [Kind; EntityKind::ALL.len()] = [
    Kind { name: "player", radius: 100_000.0, priority: 0 },
    Kind { name: "npc", radius: 50_000.0, priority: 0 },
    Kind { name: "monster", radius: 50_000.0, priority: 0 },
    Kind { name: "projectile", radius: 200_000.0, priority: 2 },
    Kind { name: "environment", radius: 50_000.0, priority: 0 },
    Kind { name: "building", radius: 25_000.0, priority: 0 },
    Kind { name: "vehicle", radius: 150_000.0, priority: 0 },
    Kind { name: "item", radius: 10_000.0, priority: 0 },
    Kind { name: "effect", radius: 50_000.0, priority: 0 },
];

const _: () = assert!(
    EntityKind::Projectile as usize == 3 && EntityKind::Item as usize == 7 && EntityKind::Effect as usize == 8,
    "the kinds lie in the order of their numbers"
);
