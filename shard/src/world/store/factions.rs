//! Who is whose enemy, and whose friend (A7): two masks for each faction, so that asking is a shift.

/// Factions at most: one bit of a mask each.
pub const FACTIONS_MAX: u8 = 64;

/// What two factions are to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// Nothing.
    Neutral,
    /// They help each other.
    Friend,
    /// They fight each other.
    Enemy,
}

/// What all factions are to each other. At first each is its own friend and neutral to the others.
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
    /// From now on `a` and `b` are that to each other. They may be the same: a faction that is its own enemy fights
    /// within itself.
    ///
    /// # Panics
    /// When there is no such faction, here and below.
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
        }
    }

    /// What `a` and `b` are to each other.
    pub fn relation(&self, a: u8, b: u8) -> Relation {
        match (self.is_friend(a, b), self.is_enemy(a, b)) {
            (true, _) => Relation::Friend,
            (_, true) => Relation::Enemy,
            _ => Relation::Neutral,
        }
    }

    /// Whether they help each other.
    #[inline]
    pub fn is_friend(&self, a: u8, b: u8) -> bool {
        self.friends(a) & mask_of(b) != 0
    }

    /// Whether they fight each other.
    #[inline]
    pub fn is_enemy(&self, a: u8, b: u8) -> bool {
        self.enemies(a) & mask_of(b) != 0
    }

    /// All friends of `faction`, a bit each.
    #[inline]
    pub fn friends(&self, faction: u8) -> u64 {
        self.friends[usize::from(faction)]
    }

    /// All enemies of `faction`, a bit each.
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
