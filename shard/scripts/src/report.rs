//! Errors and messages of scripts, for the log and for counters. A script may fail in every hook of every tick, so the log
//! has each message only once in a while.

use ringshard::runtime::service::ServiceCounters;

/// Ticks in which a message is logged once.
const SILENCE_TICKS: u64 = 300;
/// Messages that are remembered.
const REMEMBERED: usize = 16;
/// Lines that a script may log in a second.
const LINES_PER_SECOND: u32 = 50;
/// Ticks in which lines are counted.
const SECOND_TICKS: u64 = 60;

/// What happened to the scripts of a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ScriptStats {
    /// Hooks that were called.
    pub calls: u64,
    /// Hooks that ended with an error, over their budget or out of memory included.
    pub errors: u64,
    /// Hooks that were ended because they were over their budget.
    pub over_budget: u64,
    /// Hooks that ended because the script's memory was used up.
    pub out_of_memory: u64,
    /// Hooks that were left out: the time of their tick was used up, or there was no memory.
    pub left_out: u64,
    /// Lines of the script that were not logged: it logged too many.
    pub lines_dropped: u64,
    /// Scripts that were loaded while the server ran.
    pub reloads: u64,
    /// Scripts that were refused while the server ran.
    pub reloads_refused: u64,
    /// Time in hooks, in nanoseconds.
    pub nanos: u64,
}

impl ScriptStats {
    /// Adds the counters to a report.
    pub fn count(&self, counters: &mut ServiceCounters) {
        counters.push("script_calls", self.calls);
        counters.push("script_errors", self.errors);
        counters.push("script_over_budget", self.over_budget);
        counters.push("script_out_of_memory", self.out_of_memory);
        counters.push("script_left_out", self.left_out);
        counters.push("script_reloads", self.reloads);
        counters.push("script_micros", self.nanos / 1_000);
    }
}

/// A message that was logged.
#[derive(Debug)]
struct Logged {
    text: String,
    at: u64,
    /// How often it came again since.
    again: u64,
}

/// The log and the counters of the scripts of a core.
#[derive(Debug, Default)]
pub struct Reports {
    pub stats: ScriptStats,
    logged: Vec<Logged>,
    lines_from: u64,
    lines: u32,
}

impl Reports {
    /// A hook has failed. Logs it, unless it was logged a short time ago.
    pub fn failed(&mut self, core: usize, tick: u64, hook: &str, why: &str) {
        if let Some(again) = self.is_news(tick, hook, why) {
            tracing::warn!(core, hook, again, "{why}");
        }
    }

    /// How often a message came since it was logged last; none if it is not to be logged now.
    fn is_news(&mut self, tick: u64, hook: &str, why: &str) -> Option<u64> {
        let is_it = |logged: &&mut Logged| logged.text.strip_prefix(hook).is_some_and(|rest| rest == why);
        if let Some(logged) = self.logged.iter_mut().find(is_it) {
            if tick < logged.at + SILENCE_TICKS {
                logged.again += 1;
                return None;
            }
            logged.at = tick;
            return Some(std::mem::take(&mut logged.again));
        }
        if self.logged.len() == REMEMBERED {
            let oldest = (0..REMEMBERED).min_by_key(|&place| self.logged[place].at).expect("there are some");
            // A script whose messages differ each time must not fill the log either.
            if tick < self.logged[oldest].at + SECOND_TICKS {
                self.logged[oldest].again += 1;
                return None;
            }
            self.logged.swap_remove(oldest);
        }
        self.logged.push(Logged { text: format!("{hook}{why}"), at: tick, again: 0 });
        Some(0)
    }

    /// Whether the script may log a line in this tick.
    pub fn may_log(&mut self, tick: u64) -> bool {
        if tick >= self.lines_from + SECOND_TICKS {
            (self.lines_from, self.lines) = (tick, 0);
        }
        self.lines += 1;
        let may = self.lines <= LINES_PER_SECOND;
        self.stats.lines_dropped += u64::from(!may);
        may
    }
}

/// What went wrong, in one line that names the file and the line of the script: `coins.luau:12: no such coin`.
pub fn describe(error: &mlua::Error, script: &str) -> String {
    let text = error.to_string();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let first = first.strip_prefix("runtime error: ").unwrap_or(first);
    if first.contains(script) {
        return first.to_owned();
    }
    // The message does not say where: the first place of the script in the trace of the calls does.
    let place = text.lines().skip(1).find_map(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix(script)?.strip_prefix(':')?;
        let digits = rest.find(|byte: char| !byte.is_ascii_digit()).unwrap_or(rest.len());
        Some(format!("{script}:{}", &rest[..digits]))
    });
    format!("{}: {first}", place.unwrap_or_else(|| script.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_logged_once_and_again_after_a_while_with_its_count() {
        let mut reports = Reports::default();
        assert_eq!(reports.is_news(10, "tick", "x:1: no"), Some(0));
        assert_eq!(reports.is_news(11, "tick", "x:1: no"), None);
        assert_eq!(reports.is_news(12, "join", "x:1: no"), Some(0), "another hook");
        assert_eq!(reports.is_news(10 + SILENCE_TICKS, "tick", "x:1: no"), Some(1));
    }

    #[test]
    fn messages_that_differ_each_time_do_not_fill_the_log() {
        let mut reports = Reports::default();
        let logged = (0..6_000_u64).filter(|tick| reports.is_news(*tick, "tick", &format!("{tick}")).is_some());
        assert!(logged.count() < 6_000 / 60 * REMEMBERED * 2);
    }

    #[test]
    fn a_script_that_logs_in_a_loop_is_cut_off_each_second() {
        let mut reports = Reports::default();
        let lines = (0..600_u64).map(|line| reports.may_log(line / 100)).filter(|may| *may);
        assert_eq!(lines.count(), LINES_PER_SECOND as usize);
        assert!(reports.may_log(61));
        assert_eq!(reports.stats.lines_dropped, 550);
    }
}
