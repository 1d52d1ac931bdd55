//! Decides when a measured change of a link is reported to other nodes. Each report makes all nodes compute their routes again.

use super::Meter;
use crate::model::Quality;

/// Smallest change of the round trip, in milliseconds, and in parts of the one that was told.
const ROUND_TRIP_STEP_MS: f64 = 2.0;
const ROUND_TRIP_SHARE: f64 = 0.2;
/// Smallest change of the loss, in percent.
const LOSS_STEP_PERCENT: f64 = 2.0;

/// The report of a link to other nodes, given the one `before`: the same, unless the link has really changed.
pub fn publish(before: Option<Quality>, meter: &Meter) -> Quality {
    if !meter.is_up() {
        return Quality::DOWN;
    }
    let round_trip = meter.round_trip().unwrap_or_default().as_secs_f64() * 1e3;
    let loss = meter.loss() * 100.0;
    if let Some(before) = before.filter(|before| before.up) {
        let (old_trip, old_loss) = (f64::from(before.round_trip_ms), f64::from(before.loss_percent));
        let is_near = (round_trip - old_trip).abs() <= ROUND_TRIP_STEP_MS.max(ROUND_TRIP_SHARE * old_trip)
            && (loss - old_loss).abs() < LOSS_STEP_PERCENT;
        if is_near {
            return before;
        }
    }
    Quality { up: true, round_trip_ms: round_trip.ceil().clamp(1.0, 60_000.0) as u16, loss_percent: loss.round() as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn meter(round_trip_ms: u64) -> Meter {
        let mut meter = Meter::default();
        for number in 0..50 {
            meter.asked(number, Duration::ZERO);
            meter.answered(number, Duration::from_millis(round_trip_ms));
        }
        meter
    }

    #[test]
    fn small_changes_are_not_told() {
        let told = publish(None, &meter(50));
        assert_eq!(told, Quality { up: true, round_trip_ms: 50, loss_percent: 0 });
        for near in [42, 48, 52, 59] {
            assert_eq!(publish(Some(told), &meter(near)), told, "{near} ms");
        }
        for far in [30, 70] {
            assert_eq!(publish(Some(told), &meter(far)).round_trip_ms, far as u16);
        }
    }

    #[test]
    fn a_link_that_is_down_is_told_at_once_and_so_is_its_return() {
        let told = publish(None, &meter(50));
        assert_eq!(publish(Some(told), &Meter::default()), Quality::DOWN);
        assert_eq!(publish(Some(Quality::DOWN), &meter(50)), told);
    }
}
