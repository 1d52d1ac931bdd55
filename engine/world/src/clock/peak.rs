//! The largest of the recent samples.

/// Ticks for which a peak is held at least, at first; and the fewest samples in that time.
const HOLD_FIRST: u64 = 120;
const SAMPLES_MIN: u32 = 16;
/// After a peak was forgotten too soon, peaks are held so many times longer.
const LONGER: u64 = 4;
/// The longest time for which a peak is held at least, in ticks: about half a minute.
const HOLD_MAX: u64 = 1_920;

/// Holds the largest sample of a while: of the present window and the one before. So a peak is held for one to two windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peak {
    window: Window,
    /// The largest sample of the window before; None until one was full.
    former: Option<f64>,
    /// Ticks of a window.
    hold: u64,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    began_at: Option<u64>,
    samples: u32,
    largest: f64,
}

impl Window {
    const EMPTY: Window = Window { began_at: None, samples: 0, largest: f64::NEG_INFINITY };
}

impl Default for Peak {
    fn default() -> Self {
        Peak { window: Window::EMPTY, former: None, hold: HOLD_FIRST }
    }
}

impl Peak {
    /// Notes a sample at `tick`.
    pub(super) fn note(&mut self, tick: u64, sample: f64) {
        let window = &mut self.window;
        let began_at = *window.began_at.get_or_insert(tick);
        window.samples += 1;
        window.largest = window.largest.max(sample);
        if tick.saturating_sub(began_at) >= self.hold && window.samples >= SAMPLES_MIN {
            self.former = Some(window.largest);
            *window = Window::EMPTY;
        }
    }

    /// The largest sample; None before there were enough.
    pub(super) fn held(&self) -> Option<f64> {
        self.former.map(|former| former.max(self.window.largest))
    }

    /// The peak was forgotten too soon: holds each longer from now on, and collects samples anew.
    pub(super) fn hold_longer(&mut self) {
        self.hold = (self.hold * LONGER).min(HOLD_MAX);
        (self.window, self.former) = (Window::EMPTY, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_held_and_then_forgotten() {
        let mut peak = Peak::default();
        let note_until = |peak: &mut Peak, ticks: std::ops::Range<u64>| ticks.for_each(|tick| peak.note(tick, 0.5));
        note_until(&mut peak, 0..60);
        peak.note(60, 3.0);
        assert_eq!(peak.held(), None, "too few samples");
        note_until(&mut peak, 61..HOLD_FIRST + 60);
        assert_eq!(peak.held(), Some(3.0));
        note_until(&mut peak, HOLD_FIRST + 60..3 * HOLD_FIRST + 3);
        assert_eq!(peak.held(), Some(0.5));
        peak.hold_longer();
        assert_eq!(peak.held(), None);
        note_until(&mut peak, 1_000..1_000 + LONGER * HOLD_FIRST);
        assert_eq!(peak.held(), None);
        peak.note(1_000 + LONGER * HOLD_FIRST, 0.25);
        assert_eq!(peak.held(), Some(0.5));
    }

    #[test]
    fn few_samples_are_held_longer() {
        let mut peak = Peak::default();
        (0..15).for_each(|at| peak.note(at * 60, 1.0));
        assert_eq!(peak.held(), None);
        peak.note(900, 0.0);
        assert_eq!(peak.held(), Some(1.0));
    }
}
