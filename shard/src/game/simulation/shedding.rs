//! Load shedding: a core whose ticks are late lowers the rates at which its clients are sent entities.

use crate::world::replication::pacing::SHED_LEVEL_MAX;

/// Late ticks in a period from which on the level rises.
const LATE_TICKS_MAX: u32 = 6;
/// Late ticks in a period up to which the level falls.
const LATE_TICKS_FEW: u32 = 2;
/// Ticks of a period: a second.
const PERIOD: u64 = 60;

const _: () = assert!(LATE_TICKS_FEW < LATE_TICKS_MAX);

/// The level of shedding, and what it follows from.
#[derive(Debug, Default)]
pub(super) struct Shedding {
    pub(super) level: u8,
    /// How often the level rose.
    pub(super) raised: u64,
    /// Late ticks since the start.
    pub(super) late_ticks: u64,
    late_in_period: u32,
}

impl Shedding {
    /// Records whether the tick before `tick` was late.
    pub(super) fn record(&mut self, late: bool, tick: u64) {
        self.late_in_period += u32::from(late);
        self.late_ticks += u64::from(late);
        let too_late = self.late_in_period > LATE_TICKS_MAX;
        if too_late && self.level < SHED_LEVEL_MAX {
            self.level += 1;
            self.raised += 1;
        }
        if too_late || tick.is_multiple_of(PERIOD) {
            if self.late_in_period <= LATE_TICKS_FEW {
                self.level = self.level.saturating_sub(1);
            }
            self.late_in_period = 0;
        }
        assert!(self.level <= SHED_LEVEL_MAX && self.late_in_period <= LATE_TICKS_MAX, "shedding keeps its bounds");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_rises_with_late_ticks_and_falls_after_a_calm_period() {
        let mut shedding = Shedding::default();
        (1..=7).for_each(|tick| shedding.record(true, tick));
        assert_eq!((shedding.level, shedding.raised), (1, 1));
        (8..=60).for_each(|tick| shedding.record(true, tick));
        assert_eq!(shedding.level, SHED_LEVEL_MAX);
        (61..=120).for_each(|tick| shedding.record(false, tick));
        assert_eq!(shedding.level, SHED_LEVEL_MAX - 1);
        (121..=300).for_each(|tick| shedding.record(tick % 20 == 0, tick));
        assert_eq!((shedding.level, shedding.late_ticks), (SHED_LEVEL_MAX - 1, 69));
    }
}
