//! Which factions are friends or enemies: two masks per faction, so that a lookup is one shift.

use ringshard_world::character::FACTIONS_MAX;

const _: () = assert!(FACTIONS_MAX as u32 == u64::BITS, "a mask has one bit for each faction");

/// The relation of two factions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// Neither friends nor enemies.
    Neutral,
    /// Friends.
    Friend,
    /// Enemies.
    Enemy,
}

/// The relations of all factions. At first each faction is its own friend and neutral to all others.
#[derive(Clone, Debug)]
pub struct Factions {
    friends: [u64; FACTIONS_MAX as usize],
    enemies: [u64; FACTIONS_MAX as usize],
}

impl Default for Factions {
    fn default() -> Self {
        Factions { friends: std::array::from_fn(|faction| 1 << faction), enemies: [0; FACTIONS_MAX as usize] }
    }
}

impl Factions {
    /// Sets the relation of `a` and `b`, in both directions. `a` and `b` may be the same: members of a faction that is its
    /// own enemy fight each other.
    ///
    /// # Panics
    /// When `a` or `b` is not below [`FACTIONS_MAX`]; so do all methods of this type.
    pub fn relate(&mut self, a: u8, b: u8, relation: Relation) {
        for (one, other) in [(a, b), (b, a)] {
            let (at, bit) = (usize::from(one), mask_of(other));
            self.friends[at] &= !bit;
            self.enemies[at] &= !bit;
            match relation {
                Relation::Neutral => (),
                Relation::Friend => self.friends[at] |= bit,
                Relation::Enemy => self.enemies[at] |= bit,
            }
            assert!(self.friends[at] & self.enemies[at] == 0, "two factions are not both friends and enemies");
        }
    }

    /// The relation of `a` and `b`.
    pub fn relation(&self, a: u8, b: u8) -> Relation {
        match (self.is_friend(a, b), self.is_enemy(a, b)) {
            (true, _) => Relation::Friend,
            (_, true) => Relation::Enemy,
            _ => Relation::Neutral,
        }
    }

    /// Whether they are friends.
    #[inline]
    pub fn is_friend(&self, a: u8, b: u8) -> bool {
        self.friends(a) & mask_of(b) != 0
    }

    /// Whether they are enemies.
    #[inline]
    pub fn is_enemy(&self, a: u8, b: u8) -> bool {
        self.enemies(a) & mask_of(b) != 0
    }

    /// All friends of `faction`, one bit each.
    #[inline]
    pub fn friends(&self, faction: u8) -> u64 {
        self.friends[usize::from(faction)]
    }

    /// All enemies of `faction`, one bit each.
    #[inline]
    pub fn enemies(&self, faction: u8) -> u64 {
        self.enemies[usize::from(faction)]
    }
}

/// The bit of `faction` in a mask.
#[inline]
pub fn mask_of(faction: u8) -> u64 {
    assert!(faction < FACTIONS_MAX, "there are {FACTIONS_MAX} factions");
    1 << faction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_holds_both_ways_and_replaces_the_one_before() {
        let mut factions = Factions::default();
        assert_eq!(factions.relation(3, 63), Relation::Neutral);
        assert_eq!(factions.relation(3, 3), Relation::Friend);
        factions.relate(3, 63, Relation::Enemy);
        assert!(factions.is_enemy(3, 63) && factions.is_enemy(63, 3));
        assert_eq!((factions.enemies(3), factions.enemies(63), factions.enemies(4)), (1 << 63, 1 << 3, 0));
        factions.relate(63, 3, Relation::Friend);
        assert!(factions.is_friend(3, 63) && factions.is_friend(63, 3));
        assert!(!factions.is_enemy(3, 63) && !factions.is_enemy(63, 3));
        assert_eq!(factions.friends(3), 1 << 63 | 1 << 3);
        factions.relate(3, 63, Relation::Neutral);
        assert_eq!((factions.relation(3, 63), factions.relation(63, 3)), (Relation::Neutral, Relation::Neutral));
        factions.relate(3, 3, Relation::Enemy);
        assert_eq!(factions.relation(3, 3), Relation::Enemy);
    }

    #[test]
    #[should_panic(expected = "64 factions")]
    fn there_is_no_sixty_fifth() {
        Factions::default().is_enemy(0, 64);
    }
}
