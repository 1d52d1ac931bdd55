//! How much time and memory a script may use, and measuring the time.
//!
//! While a script runs, it asks [`Meter::check`] at every call and at every turn of a loop. A script that is over its budget
//! gets an error there, again and again, so that no `pcall` holds it up.

use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What the script of one core may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Time of all hooks in a tick together.
    pub tick: Duration,
    /// Time of one hook.
    pub hook: Duration,
    /// Time of a hook that is needed ([`Need::Join`], [`Need::Must`]) when the tick's time is used up.
    pub reserve: Duration,
    /// Time of all such hooks in a tick together. [`Need::Join`] has half of it.
    pub reserves: Duration,
    /// Time per tick that the hooks may take which one player calls: `action`, `ask` and `message`. A player saves it up to
    /// the time of one hook.
    pub share: Duration,
    /// Time for loading a script, and for saving and loading its state.
    pub load: Duration,
    /// Memory of the script, in bytes.
    pub memory: usize,
    /// How time is measured.
    pub clock: Clock,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            tick: Duration::from_millis(2),
            hook: Duration::from_millis(1),
            reserve: Duration::from_micros(250),
            reserves: Duration::from_millis(4),
            share: Duration::from_micros(250),
            load: Duration::from_millis(50),
            memory: 64 << 20,
            clock: Clock::Real,
        }
    }
}

/// How time is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// By the clock of the host. If the system takes the CPU away from the core, that time does not end a hook.
    Real,
    /// Each call and each turn of a loop counts as a fixed time, so that a simulated world repeats exactly.
    Steps(Duration),
}

/// Whether a hook can be left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// What clients send calls it. All such hooks have half of the tick's time, so that the script's own are never left out
    /// because of them.
    Client,
    /// It is left out in a tick whose time is used up.
    May,
    /// A client enters. It gets at least [`Budget::reserve`], as long as half of [`Budget::reserves`] is left.
    Join,
    /// The script's state would be wrong without it. It gets at least [`Budget::reserve`], as long as [`Budget::reserves`]
    /// last.
    Must,
    /// It loads a script or its state.
    Load,
}

/// Calls and turns of loops between two looks at the host's clock.
const STEPS_PER_LOOK: u32 = 16;

/// Measures the time of a script. The script and the host share it; both are on the same core.
#[derive(Debug)]
pub struct Meter {
    budget: Budget,
    start: Instant,
    steps: AtomicU32,
    is_over: AtomicBool,
    /// Times since the start, in ns: when the hook began, and when it must end.
    began: AtomicU64,
    deadline: AtomicU64,
    /// CPU time of the thread when the deadline had passed for the first time, and how much more the hook may use; 0 before.
    cpu_from: AtomicU64,
    cpu_more: AtomicU64,
}

impl Meter {
    /// A meter for a script with this budget.
    pub fn new(budget: Budget) -> Meter {
        Meter {
            budget,
            start: Instant::now(),
            steps: AtomicU32::new(0),
            is_over: AtomicBool::new(false),
            began: AtomicU64::new(0),
            deadline: AtomicU64::new(0),
            cpu_from: AtomicU64::new(0),
            cpu_more: AtomicU64::new(0),
        }
    }

    /// A hook begins, which may take `time`.
    pub fn begin(&self, time: Duration) {
        self.steps.store(0, Relaxed);
        self.is_over.store(false, Relaxed);
        self.cpu_from.store(0, Relaxed);
        let now = self.now();
        self.began.store(now, Relaxed);
        self.deadline.store(now.saturating_add(time.as_nanos() as u64), Relaxed);
        self.cpu_more.store(time.as_nanos() as u64, Relaxed);
    }

    /// The hook has ended. Gives its time, and whether it was over its budget. Time in which the core did not have the CPU
    /// counts only up to the hook's budget.
    pub fn end(&self) -> (Duration, bool) {
        let took = self.now() - self.began.load(Relaxed);
        let most = self.cpu_more.load(Relaxed);
        (Duration::from_nanos(took.min(most)), self.is_over.load(Relaxed))
    }

    /// Whether the script is over its budget. It asks at every call and at every turn of a loop.
    #[inline]
    pub fn check(&self) -> bool {
        let steps = self.steps.load(Relaxed).wrapping_add(1);
        self.steps.store(steps, Relaxed);
        if self.is_over.load(Relaxed) {
            return true;
        }
        if !steps.is_multiple_of(STEPS_PER_LOOK) {
            return false;
        }
        self.now() >= self.deadline.load(Relaxed) && self.has_used_cpu()
    }

    /// The deadline has passed. With the host's clock, the hook ends only if it has used the CPU since: it may have waited
    /// for it.
    #[cold]
    fn has_used_cpu(&self) -> bool {
        let is_over = match self.budget.clock {
            Clock::Steps(_) => true,
            Clock::Real => {
                let cpu = cpu_time();
                let (from, more) = (self.cpu_from.load(Relaxed), self.cpu_more.load(Relaxed));
                if from == 0 {
                    self.cpu_from.store(cpu, Relaxed);
                }
                let used = if from == 0 { 0 } else { cpu.saturating_sub(from) };
                // Asking for CPU time takes longer than a look at the clock.
                self.deadline.store(self.now() + (more.saturating_sub(used) / 4).max(10_000), Relaxed);
                used >= more / 2
            }
        };
        self.is_over.store(is_over, Relaxed);
        is_over
    }

    /// The time since the start, in ns.
    fn now(&self) -> u64 {
        match self.budget.clock {
            Clock::Real => self.start.elapsed().as_nanos() as u64,
            Clock::Steps(step) => u64::from(self.steps.load(Relaxed)) * step.as_nanos() as u64,
        }
    }
}

/// The CPU time of this thread, in ns; never 0.
fn cpu_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    (time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64).max(1)
}

/// Shares a tick's time among its hooks.
#[derive(Debug)]
pub struct TickBudget {
    budget: Budget,
    tick: u64,
    /// By the script's own hooks, and by all others.
    spent: Duration,
    spent_for_others: Duration,
    /// The part of it for which the tick had no time.
    reserved: Duration,
    /// Ticks in a row whose time was used up.
    exhausted: u32,
    /// Whether a hook of this tick was left out.
    leaves_out: bool,
}

impl TickBudget {
    /// Nothing is spent.
    pub fn new(budget: Budget) -> TickBudget {
        let (spent, spent_for_others, reserved) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        TickBudget { budget, tick: 0, spent, spent_for_others, reserved, exhausted: 0, leaves_out: false }
    }

    /// The time for a hook in this tick; none if it is left out.
    pub fn grant(&mut self, tick: u64, need: Need) -> Option<Duration> {
        self.begin_tick(tick);
        let reserve = |most: Duration| self.budget.reserve.min(most.saturating_sub(self.reserved));
        let time = match need {
            Need::Load => self.budget.load,
            Need::Client | Need::May => self.left(need),
            Need::Join => self.left(need).max(reserve(self.budget.reserves / 2)),
            Need::Must => self.left(need).max(reserve(self.budget.reserves)),
        };
        self.leaves_out |= time.is_zero();
        Some(time).filter(|time| !time.is_zero())
    }

    fn begin_tick(&mut self, tick: u64) {
        if tick == self.tick {
            return;
        }
        let is_used_up = self.leaves_out || self.spent + self.spent_for_others >= self.budget.tick;
        self.exhausted = if is_used_up && tick == self.tick + 1 { self.exhausted + 1 } else { 0 };
        (self.tick, self.leaves_out) = (tick, false);
        (self.spent, self.spent_for_others, self.reserved) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    }

    /// The time that the tick has left for such a hook.
    fn left(&self, need: Need) -> Duration {
        let Budget { tick, hook, .. } = self.budget;
        let of_all = tick.saturating_sub(self.spent + self.spent_for_others.min(tick / 2));
        let left = match need {
            Need::May | Need::Load => of_all,
            Need::Client | Need::Join | Need::Must => of_all.min((tick / 2).saturating_sub(self.spent_for_others)),
        };
        left.min(hook)
    }

    /// A hook of this tick has taken so long.
    pub fn spend(&mut self, need: Need, took: Duration) {
        if let Need::Join | Need::Must = need {
            self.reserved += took.saturating_sub(self.left(need));
        }
        match need {
            Need::May | Need::Load => self.spent += took,
            Need::Client | Need::Join | Need::Must => self.spent_for_others += took,
        }
    }

    /// In how many ticks before this one, in a row, the time was used up.
    pub fn exhausted_ticks(&self) -> u32 {
        self.exhausted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_of_steps_ends_a_hook_at_the_same_step_each_time() {
        let budget = Budget { clock: Clock::Steps(Duration::from_micros(1)), ..Budget::default() };
        let meter = Meter::new(budget);
        for _ in 0..2 {
            meter.begin(Duration::from_micros(100));
            let steps = (1..).find(|_| meter.check()).unwrap();
            assert_eq!(steps, 112, "the first look at or after step 100");
            assert!(meter.check(), "once over its budget, it stays over it");
            assert!(meter.end().1);
        }
    }

    #[test]
    fn a_busy_script_ends_by_the_host_s_clock_and_a_sleeping_core_does_not_end_one() {
        let meter = Meter::new(Budget::default());
        meter.begin(Duration::from_millis(5));
        std::thread::sleep(Duration::from_millis(20));
        assert!((0..64).all(|_| !meter.check()), "it has not used the CPU");
        let from = Instant::now();
        while !meter.check() {
            assert!(from.elapsed() < Duration::from_secs(10), "a busy script is ended");
        }
    }

    #[test]
    fn a_tick_s_time_is_shared_and_clients_have_half_of_it() {
        let budget = Budget::default();
        let (half, micros) = (budget.tick / 2, Duration::from_micros);
        let mut ticks = TickBudget::new(budget);
        assert_eq!(ticks.grant(1, Need::Client), Some(budget.hook));
        ticks.spend(Need::Client, half - micros(100));
        assert_eq!(ticks.grant(1, Need::Client), Some(micros(100)));
        ticks.spend(Need::Client, micros(150));
        assert_eq!(ticks.grant(1, Need::Client), None);
        assert_eq!(ticks.grant(1, Need::May), Some(budget.hook), "the script's own hooks have the other half");
        ticks.spend(Need::May, half - micros(100));
        assert_eq!(ticks.grant(1, Need::May), Some(micros(100)));
        ticks.spend(Need::May, micros(100));
        assert_eq!(ticks.grant(1, Need::May), None);
        assert_eq!((ticks.grant(2, Need::May), ticks.exhausted_ticks()), (Some(budget.hook), 1));
        assert_eq!((ticks.grant(3, Need::May), ticks.exhausted_ticks()), (Some(budget.hook), 0));
    }

    #[test]
    fn what_must_run_has_a_reserve_and_all_reserves_of_a_tick_are_bounded() {
        let budget = Budget::default();
        let mut ticks = TickBudget::new(budget);
        let all = |ticks: &mut TickBudget, need| {
            let grants = std::iter::from_fn(|| ticks.grant(1, need).inspect(|&time| ticks.spend(need, time)));
            grants.take(1_000).sum::<Duration>()
        };
        assert_eq!(all(&mut ticks, Need::Join), budget.tick / 2 + budget.reserves / 2);
        assert_eq!(all(&mut ticks, Need::Must), budget.reserves / 2, "leaving has what entering did not get");
        assert_eq!(ticks.grant(1, Need::May), Some(budget.hook));
        assert_eq!(ticks.grant(2, Need::Join), Some(budget.hook), "the next tick has its own");
    }
}
