//! Hosts that may be gone: before anybody takes their zones over or their players back, the others are asked whether they have
//! heard them.

use super::hearing::Hearing;
use crate::bus::Letter;
use crate::model::RunId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// The others are asked about a host twenty times a second for so long. Only then it counts as gone.
const SUSPICION: Duration = Duration::from_millis(700);
/// Time between two questions about a host that has been suspected for longer: its zones could not be taken over yet.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A host that was heard within this time, here or by others, is not asked about.
const HEARD_LATELY: Duration = Duration::from_secs(1);

/// The runs of hosts that may be gone.
#[derive(Default)]
pub(super) struct Suspects(BTreeMap<RunId, Suspicion>);

struct Suspicion {
    since: Instant,
    /// When the others are asked next.
    ask_at: Instant,
}

impl Suspects {
    /// These runs may be gone, and no others.
    pub(super) fn set(&mut self, runs: &BTreeSet<RunId>) {
        let now = Instant::now();
        self.0.retain(|run, _| runs.contains(run));
        for run in runs {
            self.0.entry(*run).or_insert(Suspicion { since: now, ask_at: now });
        }
    }

    /// Whether the others had enough time to say that they have heard a run.
    pub(super) fn had_time(&self, run: RunId) -> bool {
        self.0.get(&run).is_some_and(|suspicion| suspicion.since.elapsed() >= SUSPICION)
    }

    /// The questions that are due: at first so many that an answer comes in time although the bus loses many letters.
    pub(super) fn questions(&mut self, hearing: &Hearing) -> Vec<Letter> {
        let now = Instant::now();
        let ask = |(&run, suspicion): (&RunId, &mut Suspicion)| {
            let silent_for = hearing.silent_for(run).unwrap_or(Duration::MAX);
            if now < suspicion.ask_at || silent_for < HEARD_LATELY {
                return None;
            }
            let is_new = now - suspicion.since < SUSPICION;
            suspicion.ask_at = if is_new { now } else { now + ASK_AGAIN };
            let silent_ms = u32::try_from(silent_for.as_millis()).unwrap_or(u32::MAX);
            Some(Letter::Suspect { run, silent_ms })
        };
        self.0.iter_mut().filter_map(ask).collect()
    }
}
