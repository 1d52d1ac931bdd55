//! How often the passes of parties were used, so that a pass does not let the whole world past the queue.

use super::seal::Pass;
use std::collections::HashMap;

/// Parties that are remembered. Beyond them, the members of others stand in line like everybody.
const PARTIES_MAX: usize = 50_000;
/// How often each member may come: once, and again after something went wrong.
const USES_PER_MEMBER: u32 = 2;

/// The passes that were used at this balancer, until they expire.
#[derive(Debug, Default)]
pub(super) struct Passes {
    /// How often, and until when the pass counts, by party.
    used: HashMap<u64, (u32, u64)>,
    swept_s: u64,
}

impl Passes {
    /// Whether a member may use this pass once more.
    pub(super) fn may_use(&self, pass: &Pass) -> bool {
        match self.used.get(&pass.party) {
            Some((times, _)) => *times < pass.size.saturating_mul(USES_PER_MEMBER),
            None => self.used.len() < PARTIES_MAX,
        }
    }

    /// A member came with this pass.
    pub(super) fn count(&mut self, pass: &Pass) {
        let used = self.used.entry(pass.party).or_insert((0, pass.until_ms));
        used.0 = used.0.saturating_add(1);
        used.1 = used.1.max(pass.until_ms);
    }

    /// Forgets passes that have expired. It does something once per second.
    pub(super) fn advance(&mut self, now_ms: u64) {
        if now_ms / 1_000 > self.swept_s {
            self.swept_s = now_ms / 1_000;
            self.used.retain(|_, (_, until_ms)| *until_ms >= now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_for_the_members_of_its_party_and_is_forgotten_when_it_has_expired() {
        let pass = Pass { party: 1, size: 2, until_ms: 5_000, host: "a".parse().unwrap() };
        let mut passes = Passes::default();
        for _ in 0..4 {
            assert!(passes.may_use(&pass));
            passes.count(&pass);
        }
        assert!(!passes.may_use(&pass));
        assert!(passes.may_use(&Pass { party: 2, ..pass.clone() }));
        passes.advance(5_000);
        assert!(!passes.may_use(&pass));
        passes.advance(6_000);
        assert!(passes.used.is_empty());
    }
}
