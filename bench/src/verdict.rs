//! What a run came to: words for people, an exit code for scripts.

use crate::health::Health;
use crate::interrupt;
use serde::{Serialize, Serializer};
use std::fmt;

/// What to do about an overloaded load generator.
const ADVICE: &str = "use fewer clients, or give the generator more processors with --client-cpus";

/// Targets that were missed, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Those that hold whatever the load generator does: the server measured them itself, or they are promises.
    pub server: Vec<String>,
    /// Those that the clients measured: an overloaded load generator misses them, too.
    pub clients: Vec<String>,
}

impl Missed {
    /// All of them.
    pub fn all(self) -> Vec<String> {
        let Missed { mut server, clients } = self;
        server.extend(clients);
        server
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It met every target, or there was none.
    Pass,
    /// It missed these targets.
    Fail(Vec<String>),
    /// It missed these targets, but the load generator was overloaded, for the reason given: the server may be well.
    Undecided(Vec<String>, String),
    /// A simulation found what must never be, and has said what.
    Violated,
    /// A signal ended it early. Until then, it had missed these targets.
    CutShort(Vec<String>),
}

impl Verdict {
    /// Of a run that missed these targets, if any.
    pub fn of(missed: Missed, health: &Health) -> Self {
        Self::judge(missed, health, interrupt::is_requested())
    }

    /// Of a run that nothing real drives: a simulation, a computation.
    pub fn of_computed(missed: Vec<String>) -> Self {
        Self::of(Missed { server: missed, clients: Vec::new() }, &Health::new())
    }

    fn judge(missed: Missed, health: &Health, cut_short: bool) -> Self {
        let is_the_servers = !missed.server.is_empty();
        let all = missed.all();
        match health.overload() {
            _ if cut_short => Verdict::CutShort(all),
            _ if all.is_empty() => Verdict::Pass,
            Some(overload) if !is_the_servers => Verdict::Undecided(all, overload),
            _ => Verdict::Fail(all),
        }
    }

    /// What the process ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Verdict::Pass => 0,
            Verdict::Violated => 1,
            Verdict::Fail(_) => 2,
            Verdict::Undecided(..) => 3,
            Verdict::CutShort(_) => interrupt::EXIT_CODE,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Pass => f.write_str("pass"),
            Verdict::Violated => f.write_str("fail: a violation was found"),
            Verdict::Fail(missed) => write!(f, "fail: {}", missed.join("; ")),
            Verdict::Undecided(missed, overload) => write!(
                f,
                "undecided: the load generator itself was overloaded: {overload}. This says nothing about the server; \
                 {ADVICE}. Missed: {}",
                missed.join("; ")
            ),
            Verdict::CutShort(missed) if missed.is_empty() => {
                f.write_str("cut short; until then, no target was missed")
            }
            Verdict::CutShort(missed) => write!(f, "cut short; until then, missed: {}", missed.join("; ")),
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

    fn overloaded() -> Health {
        let mut health = Health::new();
        health.dropped = 7;
        health
    }

    fn missed(server: &[&str], clients: &[&str]) -> Missed {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Missed { server: owned(server), clients: owned(clients) }
    }

    #[test]
    fn an_overloaded_generator_is_not_the_servers_fault() {
        let verdict = Verdict::judge(missed(&[], &["p99 round trip 90 ms"]), &overloaded(), false);
        assert_eq!(verdict.exit_code(), 3);
        let text = verdict.to_string();
        for part in ["load generator itself was overloaded", "7 datagrams", "--client-cpus", "p99 round trip 90 ms"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn what_the_server_measured_counts_whatever_the_generator_does() {
        let verdict = Verdict::judge(missed(&["3 ticks skipped"], &["p99 90 ms"]), &overloaded(), false);
        assert_eq!(verdict, Verdict::Fail(vec!["3 ticks skipped".into(), "p99 90 ms".into()]));
        assert_eq!(verdict.exit_code(), 2);
        assert_eq!(Verdict::judge(missed(&[], &["p99 90 ms"]), &Health::new(), false).exit_code(), 2);
        assert_eq!(Verdict::judge(missed(&[], &[]), &overloaded(), false), Verdict::Pass);
    }

    #[test]
    fn a_run_that_was_cut_short_neither_passes_nor_fails() {
        let verdict = Verdict::judge(missed(&[], &[]), &Health::new(), true);
        assert_eq!(verdict.exit_code(), 130);
        assert!(Verdict::judge(missed(&["lost"], &[]), &Health::new(), true).to_string().contains("missed: lost"));
    }
}
