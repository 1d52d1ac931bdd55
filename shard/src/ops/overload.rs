//! What an overloaded server sheds, in words: for the log, the admin port and `ringshard top`.

use crate::ops::report::ServerReport;
use crate::runtime::control::liveness::Overload;
use std::time::{Duration, Instant};

/// What each level sheds. [`Pacing`](crate::world::replication::Pacing) does it.
const SHED: [&str; 7] = [
    "nothing",
    "updates of far entities",
    "updates of far and of still entities",
    "every second snapshot, and updates of far and of still entities",
    "two of three snapshots, and updates of far and of still entities",
    "two of three snapshots, every second input message, and updates of far and of still entities",
    "two of three snapshots, two of three input messages, and updates of far and of still entities",
];
/// Time between two log lines about the same overload.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What is shed.
pub fn shed(overload: Overload) -> String {
    let level = level(overload.level.into());
    match (overload.level, overload.drops) {
        (_, false) => level.to_owned(),
        (0, true) => "datagrams that have waited too long".to_owned(),
        (_, true) => format!("{level}, and datagrams that have waited too long"),
    }
}

/// What a level sheds.
pub fn level(level: u64) -> &'static str {
    SHED[(level as usize).min(SHED.len() - 1)]
}

/// What a server sheds, since when, and how many datagrams it has dropped for their age; None if no core is overloaded.
pub fn of(report: &ServerReport) -> Option<String> {
    let worst = |counter: &str| report.cores.iter().map(|core| core.counter(counter)).max().unwrap_or(0);
    let (ms, shed_level) = (worst("overload_ms"), worst("world_shed_level"));
    let dropped: u64 = report.cores.iter().filter_map(|core| core.drops.get("too_old")).sum();
    (ms > 0).then(|| {
        let shed = if shed_level > 0 { level(shed_level) } else { "datagrams that have waited too long" };
        format!("overloaded for {:.0} s: sheds {shed}; {dropped} datagrams dropped for their age", ms as f64 / 1_000.0)
    })
}

/// Logs when a core begins to shed load, and when it no longer does.
#[derive(Debug, Default)]
pub(super) struct OverloadLog {
    /// Of each overloaded core: since when, the highest level, and when it was logged.
    cores: Vec<Option<(Instant, u8, Instant)>>,
}

impl OverloadLog {
    /// Looks at what the cores shed now.
    pub(super) fn check(&mut self, overloads: &[Overload]) {
        self.cores.resize(overloads.len(), None);
        let now = Instant::now();
        for (core, (known, &overload)) in self.cores.iter_mut().zip(overloads).enumerate() {
            match known {
                Some((since, highest, logged)) if overload.is_any() => {
                    *highest = overload.level.max(*highest);
                    if now.duration_since(*logged) >= LOG_INTERVAL {
                        *logged = now;
                        let for_s = now.duration_since(*since).as_secs();
                        tracing::warn!(core, level = overload.level, for_s, "overloaded: sheds {}", shed(overload));
                    }
                }
                Some((since, highest, _)) => {
                    let for_s = now.duration_since(*since).as_secs_f32();
                    tracing::info!(core, highest = *highest, for_s, "no longer overloaded");
                    *known = None;
                }
                None if overload.is_any() => {
                    *known = Some((now, overload.level, now));
                    tracing::warn!(core, level = overload.level, "overloaded: sheds {}", shed(overload));
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::replication::pacing::SHED_LEVEL_MAX;

    #[test]
    fn every_level_has_its_words() {
        assert_eq!(SHED.len(), usize::from(SHED_LEVEL_MAX) + 1);
        let overload = |level, drops| Overload { level, drops, refuses: false };
        assert_eq!(shed(overload(0, true)), "datagrams that have waited too long");
        assert_eq!(shed(overload(1, true)), "updates of far entities, and datagrams that have waited too long");
        assert_eq!(shed(overload(1, false)), "updates of far entities");
    }
}
