//! How old the players see the zones: a sentinel in each shows how many seconds it has lived. A zone whose host was killed must go on
//! from its checkpoint.

use std::collections::BTreeMap;

/// The sentinels that any player has seen.
#[derive(Default)]
pub(super) struct ZoneAges {
    /// The highest age, by where the sentinel stands, in units.
    highest: BTreeMap<[i32; 2], u32>,
    /// The most that an age has fallen, in seconds.
    pub fallen_s: u32,
}

impl ZoneAges {
    /// A player sees a sentinel.
    pub fn note(&mut self, at: [f32; 2], age_s: u32) {
        let highest = self.highest.entry(at.map(|axis| axis.round() as i32)).or_default();
        self.fallen_s = self.fallen_s.max(highest.saturating_sub(age_s));
        *highest = age_s.max(*highest);
    }

    /// Zones that were seen.
    pub fn seen(&self) -> usize {
        self.highest.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_fall_of_any_zone_counts() {
        let mut zones = ZoneAges::default();
        for (at, age) in [(0.0, 10), (0.2, 20), (0.0, 13), (500.0, 3), (500.0, 4), (0.0, 19)] {
            zones.note([at, 7.0], age);
        }
        assert_eq!((zones.seen(), zones.fallen_s), (2, 7));
    }
}
