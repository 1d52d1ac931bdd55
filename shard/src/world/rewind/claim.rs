//! Which tick a player is granted.
//!
//! A client says which tick it showed when its player acted. The server cannot check that, but it knows the present tick, and
//! the newest snapshot that the client had acknowledged with the same input.
//!
//! | bound | why |
//! |---|---|
//! | acknowledged − (3 + 4 × jitter) to acknowledged + 1 | A client interpolates a little behind its newest snapshot, by about the deviation of its path, and extrapolates by at most a tick. An honest claim lies in this range. |
//! | present − `max_ticks` to present | Others do not accept to be hit where they were long ago. The world has no future. |
//!
//! A forged claim gains nothing that an honest client has not:
//!
//! - Within the first range, an honest client could have shown the tick. Its hits count at that very tick, so a forger has to
//!   aim at the world as it was then. The most that it gains is a choice among 4 + 4 × jitter ticks.
//! - A client that acknowledges a snapshot before it has received it moves the range towards the present, which it has not
//!   seen.
//! - A client that holds back acknowledgments or inputs moves the range into the past, and widens it by the deviation that
//!   the server measures. A client with a slower path has the same rewinds. The second range bounds both.
//! - Whatever the numbers are, the grant lies in the second range.

use super::part::REWIND_TICKS_MAX;
use ringshard_protocol::counters;
use ringshard_world::limits::INPUTS_PER_MESSAGE_MAX;
use serde::{Deserialize, Serialize};

/// Ticks that a client shows behind its newest snapshot on a path without jitter.
const DELAY_TICKS: f64 = 3.0;
/// Deviations of the round trip by which it shows later on a path with jitter.
const DELAY_DEVIATIONS: f64 = 4.0;
/// Ticks that a client shows beyond its newest snapshot.
const EXTRAPOLATED_TICKS: f64 = 1.0;

/// Ticks by which an input's acknowledgment can be newer than the input: a later message brought it, because the first ones were
/// lost.
const REPEATED_TICKS: f64 = INPUTS_PER_MESSAGE_MAX as f64;
/// Ticks that a client shows later while its frames or its path stall: it steers back slowly, so that nobody sees a jump.
const STALL_TICKS: f64 = 60.0;
/// Ticks by which measurements of an honest client can be wrong.
const TOLERANCE_TICKS: f64 = 3.0;

/// What happens to a claim that is longer ago than the settings allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Beyond {
    /// The earliest tick that is allowed is granted.
    #[default]
    Clamp,
    /// The present is granted: the player has to aim ahead.
    Refuse,
}

/// How far the world is rewound.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct RewindSettings {
    /// Most ticks before the present; at most 63, which the history keeps.
    pub max_ticks: f64,
    /// What happens to older claims.
    pub beyond: Beyond,
}

impl Default for RewindSettings {
    /// 15 ticks, which is 250 ms; older claims are clamped.
    fn default() -> Self {
        RewindSettings { max_ticks: 15.0, beyond: Beyond::Clamp }
    }
}

/// What became of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// Granted as claimed.
    Granted,
    /// Clamped to what the client can have shown, by the snapshot that it had acknowledged.
    ClampedPath,
    /// Clamped to the earliest tick that the settings allow.
    ClampedMax,
    /// The present is granted: the claim is no number, or older than the settings allow.
    Refused,
}

/// The tick that a player is granted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Grant {
    /// The tick, which may be between two ticks: never after the present.
    pub at: f64,
    /// What became of the claim.
    pub verdict: Verdict,
}

/// Grants a tick to a player whose client says that it showed the tick `claimed`.
///
/// `acknowledged` is the tick of the newest snapshot that the client had acknowledged with the input in question;
/// `jitter_ticks` is the deviation of the round trip that the server measures. Numbers of jitter or settings that are
/// negative or NaN count as 0.
pub fn granted_tick(
    now_tick: u64,
    claimed: f64,
    acknowledged: u64,
    jitter_ticks: f64,
    settings: RewindSettings,
) -> Grant {
    let now = now_tick as f64;
    if !claimed.is_finite() {
        return Grant { at: now, verdict: Verdict::Refused };
    }
    let acknowledged = acknowledged.min(now_tick) as f64;
    let delay = DELAY_TICKS + DELAY_DEVIATIONS * jitter_ticks.max(0.0);
    let latest = (acknowledged + EXTRAPOLATED_TICKS).min(now);
    let shown = claimed.max(acknowledged - delay).min(latest);
    let max_ticks = settings.max_ticks.max(0.0).min((REWIND_TICKS_MAX - 1) as f64);
    let earliest = (now - max_ticks).max(0.0);
    let (at, verdict) = match settings.beyond {
        Beyond::Refuse if shown < earliest => (now, Verdict::Refused),
        Beyond::Clamp if shown < earliest => (earliest, Verdict::ClampedMax),
        _ if shown != claimed => (shown, Verdict::ClampedPath),
        _ => (shown, Verdict::Granted),
    };
    assert!((earliest..=now).contains(&at), "{at} is between {earliest} and {now}");
    Grant { at, verdict }
}

/// What the server measures of a client's path, in ticks.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct PathTicks {
    /// The round trip.
    pub round_trip: f64,
    /// Its deviation.
    pub jitter: f64,
}

/// Whether no honest client can have shown the tick `claimed` when it made its input for `now_tick`. A claim that
/// [`granted_tick`] clamps may be honest: a client without news goes on showing, and one with a long path shows late.
///
/// - What a client shows is at least a round trip older than the tick for which its input arrives.
/// - It is not much older than what the client has, even if copies of the input arrive with later acknowledgments.
pub fn is_forged(now_tick: u64, claimed: f64, acknowledged: u64, path: PathTicks) -> bool {
    let (now, acknowledged) = (now_tick as f64, acknowledged.min(now_tick) as f64);
    let deviation = DELAY_DEVIATIONS * path.jitter.max(0.0) + TOLERANCE_TICKS;
    let newest = (acknowledged + EXTRAPOLATED_TICKS).max(now - path.round_trip) + deviation;
    let oldest = acknowledged - DELAY_TICKS - REPEATED_TICKS - STALL_TICKS - deviation;
    !(oldest..=newest).contains(&claimed)
}

counters! {
    /// What became of claims.
    RewindStats {
        /// Rewinds that players asked for, those included that were clamped or refused.
        rewinds,
        /// Rewinds clamped to what the client can have shown.
        rewinds_clamped_path,
        /// Rewinds clamped to the earliest tick that the settings allow.
        rewinds_clamped_max,
        /// Rewinds refused: the present was used.
        rewinds_refused,
    }
}

impl RewindStats {
    /// Counts a claim.
    pub fn count(&mut self, verdict: Verdict) {
        self.rewinds += 1;
        match verdict {
            Verdict::Granted => {}
            Verdict::ClampedPath => self.rewinds_clamped_path += 1,
            Verdict::ClampedMax => self.rewinds_clamped_max += 1,
            Verdict::Refused => self.rewinds_refused += 1,
        }
    }
}
