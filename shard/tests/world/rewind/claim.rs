//! Grants are within both bounds, whatever is claimed; an honest claim is granted as it is.

use super::model::part;
use crate::dice::Dice;
use ringshard::world::rewind::{
    Beyond, Grant, PathTicks, RewindSettings, RewindStats, Verdict, granted_tick, is_forged,
};

fn random_number(dice: &mut Dice, about: f64) -> f64 {
    match dice.below(8) {
        0 => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -1.0, 0.0, -0.0, f64::MIN_POSITIVE][dice.below(8)],
        1 => f64::from_bits(dice.bits()),
        2 => about,
        _ => about + 100.0 * f64::from(part(dice)) - 50.0,
    }
}

#[test]
fn every_grant_is_within_both_bounds() {
    let dice = &mut Dice::new(3);
    let mut stats = RewindStats::default();
    for _ in 0..200_000 {
        let now = [0, 5, 1_000, 1 << 40, u64::from(dice.between(0, 500))][dice.below(5)];
        let acknowledged = match dice.below(4) {
            0 => dice.bits(),
            _ => now.saturating_sub(dice.below(40) as u64),
        };
        let claimed = random_number(dice, now as f64);
        let jitter = if dice.per_mille(900) { 3.0 * f64::from(part(dice)) } else { random_number(dice, 0.0) };
        let max_ticks = [15.0, 0.0, 7.5, 63.0, 1e9, f64::NAN, -3.0][dice.below(7)];
        let settings = RewindSettings { max_ticks, beyond: [Beyond::Clamp, Beyond::Refuse][dice.below(2)] };
        let case = format!("{claimed} at {now}, acknowledged {acknowledged}, jitter {jitter}, {settings:?}");

        let Grant { at, verdict } = granted_tick(now, claimed, acknowledged, jitter, settings);
        stats.count(verdict);
        let now = now as f64;
        let allowed = if max_ticks > 0.0 { max_ticks.min(63.0) } else { 0.0 };
        let earliest = (now - allowed).max(0.0);
        assert!(at >= earliest && at <= now, "{at}: {case}");
        let jitter = if jitter > 0.0 { jitter } else { 0.0 };
        let acknowledged = (acknowledged as f64).min(now);
        let (low, high) = (acknowledged - (3.0 + 4.0 * jitter), (acknowledged + 1.0).min(now));
        match verdict {
            Verdict::Granted => assert_eq!(at, claimed, "{case}"),
            Verdict::ClampedPath => assert!(at == low || at == high, "{at}: {case}"),
            Verdict::ClampedMax => assert_eq!((at, settings.beyond), (earliest, Beyond::Clamp), "{case}"),
            Verdict::Refused => assert_eq!(at, now, "{case}"),
        }
        if verdict == Verdict::Refused {
            let too_old = settings.beyond == Beyond::Refuse && claimed.max(low).min(high) < earliest;
            assert!(!claimed.is_finite() || too_old, "{case}");
        } else {
            // The first bound gives way only where the second one excludes all of it.
            assert!(at >= low && (at <= high || at == earliest), "{at}: {case}");
            assert!(claimed.is_finite(), "{case}");
        }
    }
    let counts: Vec<u64> = stats.entries().map(|(_, count)| count).collect();
    assert_eq!(counts[0], 200_000);
    assert!(counts.iter().all(|&count| count > 1_000), "{stats:?}");
}

/// A server that sends a snapshot per tick, and a client that shows the world a little behind the newest that it has.
///
/// Times are in ticks. The client shows the world as late as the worst of its recent delays asks for, and goes at most a
/// tick beyond the newest snapshot.
#[test]
fn an_honest_claim_is_granted_as_claimed() {
    for (seed, base, jitter) in [(1, 0.1, 0.0), (2, 1.0, 0.3), (3, 2.0, 1.5), (4, 2.5, 3.0), (5, 0.5, 2.0)] {
        let dice = &mut Dice::new(seed);
        let mut delay = || base + jitter * f64::from(part(dice));
        let arrivals: Vec<f64> = (0..4_000u32).map(|tick| f64::from(tick) + delay()).collect();
        // The deviation of a round trip of two such paths: the sum of two uniform delays deviates by a third of one's range.
        let deviation = jitter / 3.0;
        let behind = base + jitter + 1.0;
        for frame in 100..3_500 {
            let here = f64::from(frame) + 0.37;
            let newest = (0..4_000).rev().find(|&tick| arrivals[tick] <= here).unwrap() as u64;
            let shown = (here - behind).min(newest as f64 + 1.0);
            let now = (here + delay()).ceil() as u64;
            let grant = granted_tick(now, shown, newest, deviation, RewindSettings::default());
            assert_eq!(grant, Grant { at: shown, verdict: Verdict::Granted }, "path {seed}: {here}, {newest}, {now}");
        }
    }
}

#[test]
fn a_claim_beyond_the_acknowledged_path_is_clamped_to_it() {
    let grant = |claimed| granted_tick(100, claimed, 95, 0.5, RewindSettings::default());
    let path = |at| Grant { at, verdict: Verdict::ClampedPath };
    assert_eq!(grant(99.0), path(96.0));
    assert_eq!(grant(10.0), path(90.0));
    assert_eq!(grant(90.25), Grant { at: 90.25, verdict: Verdict::Granted });
}

#[test]
fn a_slow_path_is_clamped_or_refused_as_the_settings_say() {
    let grant = |beyond| granted_tick(100, 70.0, 71, 0.5, RewindSettings { max_ticks: 15.0, beyond });
    assert_eq!(grant(Beyond::Clamp), Grant { at: 85.0, verdict: Verdict::ClampedMax });
    assert_eq!(grant(Beyond::Refuse), Grant { at: 100.0, verdict: Verdict::Refused });
}

/// A client on a path of 400 +- 80 ms shows about 30 ticks late. One that says that it sees the present aims at what it cannot know.
#[test]
fn a_forged_view_is_known_and_one_of_an_honest_client_in_trouble_is_not() {
    let path = PathTicks { round_trip: 24.0, jitter: 4.0 };
    let forged = |claimed: f64, acknowledged: u64| is_forged(1_000, claimed, acknowledged, path);
    // In calm; a little late; after an outage of a second, in which the client went on showing; when copies of an input bring
    // a later acknowledgment.
    for (claimed, acknowledged) in [(960.0, 970), (945.0, 975), (966.0, 910), (950.0, 985)] {
        assert!(!forged(claimed, acknowledged), "{claimed} with {acknowledged}");
    }
    assert!(forged(1_000.0, 970) && forged(1_000.0, 910), "the present");
    assert!(forged(800.0, 970), "long ago");
    assert!(forged(f64::NAN, 970) && forged(f64::INFINITY, 970));
    // On a short path there is nothing to gain, and nothing to know.
    assert!(!is_forged(1_000, 1_000.0, 998, PathTicks { round_trip: 2.0, jitter: 0.1 }));
}
