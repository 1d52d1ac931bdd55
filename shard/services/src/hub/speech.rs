//! How much an account may say and change, and whether it is muted.

use super::limits::HubSettings;
use super::refusal::HubRefusal;
use std::time::Duration;

/// What is remembered of an account, even after it left: leaving and coming back gains nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Speech {
    lines: Rate,
    moves: Rate,
    strikes: u32,
    muted_until_ms: u64,
}

/// A rate with a burst, as the time at which the whole burst is there again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Rate {
    full_at_ms: u64,
}

impl Rate {
    fn take(&mut self, now_ms: u64, every_ms: u64, burst: u64) -> Result<(), Duration> {
        let full_at = self.full_at_ms.max(now_ms) + every_ms;
        let latest = now_ms + every_ms * burst;
        if full_at > latest {
            return Err(Duration::from_millis(full_at - latest));
        }
        self.full_at_ms = full_at;
        Ok(())
    }
}

impl Speech {
    /// Whether it may say a line now.
    pub(super) fn say(&mut self, now_ms: u64, settings: &HubSettings) -> Result<(), HubRefusal> {
        if let Some(left) = self.muted_until_ms.checked_sub(now_ms).filter(|left| *left > 0) {
            return Err(HubRefusal::Muted(Duration::from_millis(left)));
        }
        let Err(wait) = self.lines.take(now_ms, settings.line_every_ms, settings.lines_burst) else {
            self.strikes = 0;
            return Ok(());
        };
        self.strikes += 1;
        if self.strikes < settings.strikes_max {
            return Err(HubRefusal::TooFast(wait));
        }
        self.mute(now_ms, settings.mute_ms);
        Err(HubRefusal::Muted(Duration::from_millis(settings.mute_ms)))
    }

    /// Whether it may change its room or its presence now.
    pub(super) fn change(&mut self, now_ms: u64, settings: &HubSettings) -> Result<(), HubRefusal> {
        self.moves.take(now_ms, settings.move_every_ms, settings.moves_burst).map_err(HubRefusal::TooFast)
    }

    /// Mutes it until `for_ms` from now; 0: not any more.
    pub(super) fn mute(&mut self, now_ms: u64, for_ms: u64) {
        self.strikes = 0;
        self.muted_until_ms = now_ms.saturating_add(for_ms);
    }

    /// Whether it is as good as new.
    pub(super) fn is_forgotten(&self, now_ms: u64) -> bool {
        self.lines.full_at_ms <= now_ms && self.moves.full_at_ms <= now_ms && self.muted_until_ms <= now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> HubSettings {
        HubSettings { line_every_ms: 1_000, lines_burst: 3, strikes_max: 4, mute_ms: 30_000, ..HubSettings::default() }
    }

    #[test]
    fn a_burst_is_allowed_then_one_line_per_interval_and_the_wait_is_exact() {
        let mut speech = Speech::default();
        for _ in 0..3 {
            speech.say(10_000, &settings()).unwrap();
        }
        let wait = speech.say(10_400, &settings()).unwrap_err().wait().unwrap();
        assert_eq!(wait, Duration::from_millis(600));
        assert!(speech.say(10_999, &settings()).is_err());
        speech.say(11_000, &settings()).unwrap();
        assert!(speech.say(11_000, &settings()).is_err());
    }

    #[test]
    fn who_goes_on_in_spite_of_refusals_is_muted_and_may_speak_after() {
        let mut speech = Speech::default();
        let refusals: Vec<_> = (0..8).filter_map(|_| speech.say(0, &settings()).err()).collect();
        let muted = HubRefusal::Muted(Duration::from_secs(30));
        let fast = HubRefusal::TooFast(Duration::from_secs(1));
        assert_eq!(refusals, [fast, fast, fast, muted, muted]);
        assert!(speech.say(29_999, &settings()).is_err());
        speech.say(30_000, &settings()).unwrap();
    }

    #[test]
    fn an_operator_mutes_and_unmutes() {
        let mut speech = Speech::default();
        speech.mute(0, u64::MAX);
        assert!(matches!(speech.say(1, &settings()), Err(HubRefusal::Muted(_))));
        assert!(!speech.is_forgotten(1_000_000));
        speech.mute(2, 0);
        speech.say(2, &settings()).unwrap();
        assert!(speech.is_forgotten(1_002));
    }
}
