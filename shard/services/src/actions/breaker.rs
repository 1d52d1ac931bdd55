//! The circuit breaker of an action: many failures suspend it, so that callers learn at once and what fails gets a rest.

use super::action::Breaker;
use std::sync::Mutex;
use std::time::Duration;

/// The circuit of one action.
#[derive(Debug)]
pub(super) struct Circuit {
    settings: Breaker,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Bit 0 is the newest call: 1 if it failed.
    Closed { failures: u64 },
    /// Suspended until then. `trial`: after that, a call is being tried.
    Open { until: Duration, trial: bool },
}

/// A call that the circuit let through. What becomes of it is told with [`Admitted::ended`]; a call that is dropped before
/// counts as neither.
#[derive(Debug)]
pub(super) struct Admitted<'a> {
    circuit: &'a Circuit,
    trial: bool,
    ended: bool,
}

impl Circuit {
    pub fn new(settings: Breaker) -> Self {
        let Breaker { failures, window, .. } = settings;
        assert!(
            (1..=64).contains(&window) && (1..=window).contains(&failures),
            "a circuit breaker cannot be {settings:?}"
        );
        Circuit { settings, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Lets a call through.
    ///
    /// # Errors
    /// If the action is suspended: when to try again.
    pub fn admit(&self, now: Duration) -> Result<Admitted<'_>, Duration> {
        let mut state = self.state.lock().expect("no thread panics with the lock");
        let trial = match &mut *state {
            State::Closed { .. } => false,
            State::Open { until, .. } if now < *until => return Err(*until - now),
            State::Open { trial: true, .. } => return Err(self.settings.wait),
            State::Open { trial, .. } => {
                *trial = true;
                true
            }
        };
        Ok(Admitted { circuit: self, trial, ended: false })
    }

    /// Whether the action is suspended.
    pub fn is_open(&self) -> bool {
        matches!(*self.state.lock().expect("no thread panics with the lock"), State::Open { .. })
    }
}

impl Admitted<'_> {
    /// Tells whether the call failed. Returns whether that suspends the action.
    pub fn ended(mut self, failed: bool, now: Duration) -> bool {
        self.ended = true;
        let settings = self.circuit.settings;
        let mut state = self.circuit.state.lock().expect("no thread panics with the lock");
        let suspended = State::Open { until: now + settings.wait, trial: false };
        match &mut *state {
            State::Closed { failures } => {
                *failures = *failures << 1 | u64::from(failed);
                let counted = *failures & u64::MAX >> (64 - settings.window);
                if counted.count_ones() < settings.failures {
                    return false;
                }
                *state = suspended;
                true
            }
            // Calls that began before the suspension say nothing about now.
            State::Open { .. } if !self.trial => false,
            State::Open { .. } => {
                *state = if failed { suspended } else { State::Closed { failures: 0 } };
                failed
            }
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if self.trial && !self.ended {
            let mut state = self.circuit.state.lock().expect("no thread panics with the lock");
            if let State::Open { trial, .. } = &mut *state {
                *trial = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    fn circuit() -> Circuit {
        Circuit::new(Breaker { failures: 3, window: 4, wait: WAIT })
    }

    fn call(circuit: &Circuit, failed: bool, now: Duration) -> Result<bool, Duration> {
        circuit.admit(now).map(|admitted| admitted.ended(failed, now))
    }

    fn suspended() -> Circuit {
        let circuit = circuit();
        for suspends in [false, false, true] {
            assert_eq!(call(&circuit, true, Duration::ZERO), Ok(suspends));
        }
        circuit
    }

    #[test]
    fn failures_count_among_the_last_calls_only() {
        let circuit = circuit();
        for _ in 0..10 {
            for failed in [true, true, false, false] {
                assert_eq!(call(&circuit, failed, Duration::ZERO), Ok(false));
            }
        }
        assert!(!circuit.is_open());
    }

    #[test]
    fn a_suspended_action_is_tried_once_after_the_wait() {
        let circuit = suspended();
        let second = Duration::from_secs(1);
        assert_eq!(call(&circuit, false, second), Err(WAIT - second));
        let trial = circuit.admit(WAIT).expect("one is tried");
        assert_eq!(call(&circuit, false, WAIT), Err(WAIT), "one only");
        assert!(trial.ended(true, WAIT), "a failed trial suspends again");
        assert_eq!(call(&circuit, false, WAIT), Err(WAIT));
        assert_eq!(call(&circuit, false, WAIT * 2), Ok(false));
        assert!(!circuit.is_open());
    }

    #[test]
    fn a_trial_that_was_not_executed_leaves_room_for_another() {
        let circuit = suspended();
        drop(circuit.admit(WAIT).expect("one is tried"));
        assert_eq!(call(&circuit, false, WAIT), Ok(false));
    }

    #[test]
    fn calls_from_before_the_suspension_do_not_end_it() {
        let circuit = circuit();
        let before = circuit.admit(Duration::ZERO).unwrap();
        for _ in 0..3 {
            call(&circuit, true, Duration::ZERO).unwrap();
        }
        assert!(!before.ended(false, WAIT));
        assert!(circuit.is_open());
    }
}
