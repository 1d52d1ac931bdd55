//! Load shedding: an overloaded core lowers the rates at which its clients are sent entities and snapshots, and then the rate
//! of the inputs that it asks for. [`SHED_LEVEL_MAX`] lists the levels.
//!
//! The level rises by one for each [`RISE_TICKS`] ticks of trouble: clients were not served before the next tick began, the
//! tick itself began late, or datagrams waited too long. It falls by one after [`CALM_TICKS`] ticks without trouble, if the
//! load of the level below is predicted to fit. The prediction learns from what each fall has cost.

use crate::runtime::load::Load;
use crate::runtime::tick::TICK;
use crate::world::replication::pacing::SHED_LEVEL_MAX;
use ringshard_protocol::time::Duration;

/// Ticks of trouble after which the level rises: 100 ms. A tick without trouble makes up for one with it.
const RISE_TICKS: u32 = 6;
/// Ticks without trouble after which the level may fall: so all levels are gone within 1.5 s after the load has ended.
const CALM_TICKS: u32 = 15;
/// The load of a level fits up to this share of the core's time.
const FITS: f32 = 0.95;
/// A fall was wrong if the level rises again within so many ticks.
const PROBATION_TICKS: u32 = 60;
/// A datagram that has waited longer is trouble: a core that was not scheduled for a moment catches up by then.
const OLD: Duration = Duration::from_nanos(2 * TICK.as_nanos() as u64);
/// A tick that begins later is trouble.
const LATE: Duration = TICK;
/// New clients are refused from this level on, until the level is 0 again. The first level is one that players hardly feel.
const REFUSES_FROM: u8 = 2;
/// How much more time the core needs after a fall from each level, before anything has been learned.
const COSTS: [f32; SHED_LEVEL_MAX as usize] = [1.05, 1.05, 1.5, 1.25, 1.2, 1.1];
/// Bounds of what is learned.
const COST_MAX: f32 = 3.0;
/// How much costlier a fall is thought to be after one that was wrong.
const WRONG: f32 = 1.2;
/// Share of what was learned that each tick forgets: a load that was steady changes some day.
const FORGETS: f32 = 1.0 / 1_800.0;
/// The same once the load that taught it has ended: even the usual cost of a fall fits up to [`FITS_WELL`], and the core is less
/// busy than this share of what it was before the last wrong fall from the same level.
const FORGETS_SOON: f32 = 1.0 / 8.0;
const FITS_WELL: f32 = 0.8;
const ENDED: f32 = 0.85;
/// Share of the core's busy time that one tick adds to the average.
const WEIGHT: f32 = 1.0 / 8.0;

const _: () = assert!(CALM_TICKS * (SHED_LEVEL_MAX as u32) < 120, "the full rate is back within two seconds");

/// The level of shedding, and what it follows from.
#[derive(Debug)]
pub(super) struct Shedding {
    pub(super) level: u8,
    /// How often the level rose.
    pub(super) raised: u64,
    /// Ticks since the start that began before all clients had been served.
    pub(super) late_ticks: u64,
    /// Whether new clients are refused.
    pub(super) refuses: bool,
    /// Ticks with trouble, less those without, since the level last changed.
    trouble: u32,
    /// Ticks without trouble.
    calm: u32,
    /// Share of the time that the core was busy, smoothed.
    busy: f32,
    /// How much more time the core needs after a fall from each level.
    costs: [f32; SHED_LEVEL_MAX as usize],
    /// How busy the core was before the last wrong fall from each level.
    refuted: [f32; SHED_LEVEL_MAX as usize],
    /// The last fall: how busy the core was before it, and ticks since then.
    fall: Option<(f32, u32)>,
}

impl Default for Shedding {
    fn default() -> Self {
        Shedding {
            level: 0,
            raised: 0,
            late_ticks: 0,
            refuses: false,
            trouble: 0,
            calm: 0,
            busy: 0.0,
            costs: COSTS,
            refuted: [f32::INFINITY; SHED_LEVEL_MAX as usize],
            fall: None,
        }
    }
}

impl Shedding {
    /// Records how the core fared in the last tick, and whether clients were not served in it.
    pub(super) fn record(&mut self, unserved: bool, load: &Load) {
        self.late_ticks += u64::from(unserved);
        self.busy += (load.busy - self.busy) * WEIGHT;
        if unserved || load.dropped > 0 || load.oldest_arrival > OLD || load.late > LATE {
            (self.trouble, self.calm) = (self.trouble + 1, 0);
        } else {
            (self.trouble, self.calm) = (self.trouble.saturating_sub(1), self.calm + 1);
        }
        self.learn();
        if self.trouble >= RISE_TICKS {
            self.rise();
        } else if self.calm >= CALM_TICKS && self.level > 0 && self.busy * self.cost() <= FITS {
            self.fall();
        }
        assert!(self.level <= SHED_LEVEL_MAX && self.trouble < RISE_TICKS, "shedding keeps its bounds");
    }

    fn rise(&mut self) {
        (self.trouble, self.calm) = (0, 0);
        if self.level == SHED_LEVEL_MAX {
            return;
        }
        self.level += 1;
        self.raised += 1;
        self.refuses |= self.level >= REFUSES_FROM;
        if let Some((before, _)) = self.fall.take() {
            let fallen = usize::from(self.level) - 1;
            // The level below needs more time than there is.
            self.costs[fallen] = (self.costs[fallen] * WRONG).max(1.0 / before).min(COST_MAX);
            self.refuted[fallen] = before;
        }
    }

    fn fall(&mut self) {
        (self.trouble, self.calm) = (0, 0);
        self.fall = Some((self.busy, 0));
        self.level -= 1;
        self.refuses &= self.level > 0;
    }

    /// Forgets a part of what was learned, and compares the load some time after a fall with the load before.
    fn learn(&mut self) {
        for (fallen, usual) in COSTS.into_iter().enumerate() {
            let is_present = usize::from(self.level) == fallen + 1;
            let is_well = self.busy * usual <= FITS_WELL && self.busy <= ENDED * self.refuted[fallen];
            let forgets = if is_present && self.calm > 0 && is_well { FORGETS_SOON } else { FORGETS };
            self.costs[fallen] += (usual - self.costs[fallen]) * forgets;
        }
        let Some((before, ticks)) = self.fall else { return };
        self.fall = (ticks < PROBATION_TICKS).then_some((before, ticks + 1));
        if ticks + 1 == CALM_TICKS && self.calm >= CALM_TICKS - 1 && before > 0.0 {
            let level = usize::from(self.level);
            self.costs[level] = ((self.costs[level] + self.busy / before) / 2.0).clamp(1.0, COST_MAX);
        }
    }

    /// How much more time the core needs after a fall from the present level.
    fn cost(&self) -> f32 {
        self.costs[usize::from(self.level) - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a core whose load at level 0 is `work`, in parts of its capacity. Each level saves the share `saved` of it.
    fn ticks(shedding: &mut Shedding, ticks: u32, work: f32, saved: f32) {
        for _ in 0..ticks {
            let busy = work * (1.0 - saved).powi(shedding.level.into());
            let load = Load { busy: busy.min(1.0), dropped: u64::from(busy > 1.0), ..Load::NONE };
            shedding.record(false, &load);
        }
    }

    #[test]
    fn the_level_rises_within_100_ms_each_and_is_gone_two_seconds_after_the_load() {
        let mut shedding = Shedding::default();
        ticks(&mut shedding, 5, 9.0, 0.2);
        assert_eq!(shedding.level, 0);
        for level in 1..=SHED_LEVEL_MAX {
            ticks(&mut shedding, RISE_TICKS, 9.0, 0.2);
            assert_eq!(shedding.level, level);
        }
        assert_eq!(shedding.raised, 6);
        assert!(shedding.refuses);
        ticks(&mut shedding, 120, 0.6, 0.2);
        assert_eq!((shedding.level, shedding.refuses), (0, false));
    }

    #[test]
    fn under_a_steady_load_the_level_stays() {
        // In the last ones, a level saves so much more than usual that the usual cost of a fall seems to fit.
        for (work, saved) in
            [(1.3, 0.2), (2.0, 0.2), (1.2, 0.3), (1.5, 0.12), (1.05, 0.3), (1.02, 0.3), (1.1, 0.5), (1.9, 0.5)]
        {
            let mut shedding = Shedding::default();
            ticks(&mut shedding, 600, work, saved);
            let (level, raised) = (shedding.level, shedding.raised);
            assert!(level > 0 && work * (1.0 - saved).powi(level.into()) <= 1.0, "{work}, {saved}: level {level}");
            ticks(&mut shedding, 3_600, work, saved);
            assert!(shedding.raised - raised <= 5, "{work}, {saved}: it rose {} times more", shedding.raised - raised);
        }
    }

    #[test]
    fn what_an_overload_has_taught_does_not_outlast_it() {
        let mut shedding = Shedding::default();
        ticks(&mut shedding, 60, 9.0, 0.12);
        shedding.costs = [COST_MAX; SHED_LEVEL_MAX as usize];
        ticks(&mut shedding, 120, 0.6, 0.12);
        assert_eq!(shedding.level, 0, "{shedding:?}");
    }

    #[test]
    fn single_stalls_shed_nothing() {
        let mut shedding = Shedding::default();
        for tick in 0..600 {
            let stalls = tick % 12 < 5;
            let late = if stalls { TICK } else { Duration::ZERO };
            shedding.record(stalls, &Load { late, busy: 0.5, ..Load::NONE });
        }
        assert_eq!((shedding.level, shedding.late_ticks), (0, 250));
    }

    #[test]
    fn newcomers_are_refused_until_nothing_is_shed() {
        let mut shedding = Shedding::default();
        ticks(&mut shedding, RISE_TICKS, 9.0, 0.2);
        assert!(!shedding.refuses);
        ticks(&mut shedding, RISE_TICKS, 9.0, 0.2);
        assert!(shedding.refuses);
        ticks(&mut shedding, CALM_TICKS, 0.5, 0.2);
        assert!(shedding.refuses && shedding.level == 1);
        ticks(&mut shedding, CALM_TICKS, 0.5, 0.2);
        assert!(!shedding.refuses && shedding.level == 0);
    }
}
