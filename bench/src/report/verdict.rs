//! The verdict on a run: text for people, an exit code for scripts.

use crate::system::interrupt;
use serde::{Serialize, Serializer};
use std::fmt;

/// Missed targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Guarantees that hold on any machine.
    pub guarantees: Vec<String>,
    /// Times that the server measured. It misses these if other programs use its CPUs.
    pub server: Vec<String>,
    /// What the clients measured. An overloaded load generator misses these.
    pub clients: Vec<String>,
}

impl Missed {
    pub fn all(self) -> Vec<String> {
        [self.guarantees, self.server, self.clients].concat()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The run met every target, or had none.
    Pass,
    /// The run missed these targets.
    Fail(Vec<String>),
    /// The run missed these targets, but for the given reason this says nothing about the server.
    Undecided(Vec<String>, String),
    /// A simulation found a violation and has printed it.
    Violated,
    /// A signal ended the run early. Until then it had missed these targets.
    Interrupted(Vec<String>),
}

impl Verdict {
    /// The verdict on a run that missed these targets. `overload` and `interference` speak against its figures.
    pub fn of(missed: Missed, overload: Option<String>, interference: Option<String>) -> Self {
        Self::judge(missed, overload, interference, interrupt::is_requested())
    }

    /// The verdict on a simulation or a computation.
    pub fn of_computed(missed: Vec<String>) -> Self {
        Self::of(Missed { guarantees: missed, ..Missed::default() }, None, None)
    }

    fn judge(missed: Missed, overload: Option<String>, interference: Option<String>, interrupted: bool) -> Self {
        if interrupted {
            return Verdict::Interrupted(missed.all());
        }
        if missed == Missed::default() {
            return Verdict::Pass;
        }
        let excused = match (&interference, &overload) {
            (Some(_), _) => missed.guarantees.is_empty(),
            (None, Some(_)) => missed.guarantees.is_empty() && missed.server.is_empty(),
            (None, None) => false,
        };
        if excused {
            return Verdict::Undecided(missed.all(), reasons(interference, overload));
        }
        match overload {
            Some(why) if !missed.clients.is_empty() => {
                let note = format!(
                    "the clients' measurements are not judged because the load generator was overloaded: {why}"
                );
                Verdict::Fail([missed.guarantees, missed.server, vec![note]].concat())
            }
            _ => Verdict::Fail(missed.all()),
        }
    }

    pub fn exit_code(&self) -> u8 {
        match self {
            Verdict::Pass => 0,
            Verdict::Violated => 1,
            Verdict::Fail(_) => 2,
            Verdict::Undecided(..) => 3,
            Verdict::Interrupted(_) => interrupt::EXIT_CODE,
        }
    }
}

/// What speaks against the figures, and what to do about it.
fn reasons(interference: Option<String>, overload: Option<String>) -> String {
    let interference = interference.map(|why| format!("{why}. Stop them, or choose other CPUs with --server-cpus"));
    let overload = overload.map(|why| {
        format!(
            "the load generator itself was overloaded: {why}. Use fewer clients, or give it more CPUs with \
             --client-cpus"
        )
    });
    let reasons: Vec<String> = interference.into_iter().chain(overload).collect();
    reasons.join(". Also, ")
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Pass => f.write_str("pass"),
            Verdict::Violated => f.write_str("fail: a violation was found"),
            Verdict::Fail(missed) => write!(f, "fail: {}", missed.join("; ")),
            Verdict::Undecided(missed, why) => {
                write!(f, "undecided, this says nothing about the server: {why}. Missed: {}", missed.join("; "))
            }
            Verdict::Interrupted(missed) if missed.is_empty() => {
                f.write_str("interrupted; no target was missed until then")
            }
            Verdict::Interrupted(missed) => write!(f, "interrupted; missed until then: {}", missed.join("; ")),
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(guarantees: &[&str], server: &[&str], clients: &[&str]) -> Missed {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Missed { guarantees: owned(guarantees), server: owned(server), clients: owned(clients) }
    }

    /// With an overloaded generator, or a server that waits for its CPUs.
    fn judge(missed: Missed, overloaded: bool, interfered: bool) -> Verdict {
        let overload = overloaded.then(|| "it acted 90 ms late".to_owned());
        let interference = interfered.then(|| "other programs used the server's CPUs".to_owned());
        Verdict::judge(missed, overload, interference, false)
    }

    #[test]
    fn an_overloaded_generator_is_not_the_servers_fault() {
        let verdict = judge(missed(&[], &[], &["p99 round trip 90 ms"]), true, false);
        assert_eq!(verdict.exit_code(), 3);
        let text = verdict.to_string();
        for part in ["load generator itself was overloaded", "90 ms late", "--client-cpus", "p99 round trip 90 ms"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(judge(missed(&[], &[], &["p99 90 ms"]), false, false).exit_code(), 2);
    }

    #[test]
    fn the_servers_own_measurements_count_even_if_the_generator_is_overloaded() {
        let verdict = judge(missed(&[], &["3 ticks skipped"], &["p99 90 ms"]), true, false);
        assert_eq!(verdict.exit_code(), 2);
        let text = verdict.to_string();
        assert!(text.contains("3 ticks skipped") && text.contains("was overloaded"), "{text}");
        assert!(!text.contains("p99 90 ms"), "the clients' figures are not the server's: {text}");
        assert_eq!(judge(missed(&[], &["3 ticks skipped"], &[]), true, true).exit_code(), 3);
    }

    #[test]
    fn no_broken_guarantee_is_excused() {
        assert_eq!(judge(missed(&["1 lost"], &[], &[]), true, true).exit_code(), 2);
        assert_eq!(judge(missed(&[], &[], &[]), true, true), Verdict::Pass);
    }

    #[test]
    fn an_interrupted_run_neither_passes_nor_fails() {
        let interrupted = |missed| Verdict::judge(missed, None, None, true);
        assert_eq!(interrupted(missed(&[], &[], &[])).exit_code(), 130);
        assert!(interrupted(missed(&["1 lost"], &[], &[])).to_string().contains("missed until then: 1 lost"));
    }
}
