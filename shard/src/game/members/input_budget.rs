//! How many input messages a client may send.

/// Input messages that may arrive at a time: those of eight seconds, after an outage of the network or of the server.
const MESSAGES_MAX: i16 = 512;
/// Budgets count quarters of a message.
const MESSAGE: i16 = 4;
/// What the time of a tick adds. An honest client sends at most one message per tick of its clock, which runs up to 2 % fast.
const PER_TICK: i16 = MESSAGE + 1;

/// Ticks that fill any budget.
const TICKS_MAX: u16 = 600;

/// The budget of a client's input messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InputBudget {
    /// It is below 0 after inputs that were too far ahead.
    left: i16,
    /// A message was refused in this tick.
    is_exceeded: bool,
}

impl Default for InputBudget {
    fn default() -> Self {
        InputBudget { left: MESSAGES_MAX * MESSAGE, is_exceeded: false }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spent {
    /// It is taken in.
    Within,
    /// It is dropped: the first one in this tick.
    Exceeded,
    /// It is dropped, as others in this tick.
    Again,
}

impl InputBudget {
    /// So many ticks of time have passed: more than one if the server was late. Clients send by time.
    #[inline]
    pub(crate) fn refill(&mut self, ticks: u16) {
        let added = PER_TICK.saturating_mul(ticks.min(TICKS_MAX) as i16);
        self.left = (self.left + added).min(MESSAGES_MAX * MESSAGE);
        self.is_exceeded = false;
    }

    /// A message arrives.
    pub(crate) fn spend(&mut self) -> Spent {
        if self.left >= MESSAGE {
            self.left -= MESSAGE;
            return Spent::Within;
        }
        if std::mem::replace(&mut self.is_exceeded, true) { Spent::Again } else { Spent::Exceeded }
    }

    /// The message had inputs that are too far ahead: it counts twice. A client whose clock is wrong corrects it within some
    /// round trips.
    pub(crate) fn spend_early(&mut self) {
        self.left = (self.left - MESSAGE).max(-MESSAGE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_with_a_fast_clock_and_outages_is_never_refused() {
        let mut budget = InputBudget::default();
        let mut waiting = 0;
        for tick in 0..100_000_u32 {
            budget.refill(1);
            // 1.02 messages per tick; for two seconds out of ten nothing arrives, and then all of it.
            waiting += 1 + u32::from(tick.is_multiple_of(50));
            if tick % 600 < 120 {
                continue;
            }
            (0..waiting).for_each(|_| assert_eq!(budget.spend(), Spent::Within, "tick {tick}"));
            waiting = 0;
        }
    }

    /// Its clients go on, and the kernel keeps what they send.
    #[test]
    fn a_server_that_stalls_refuses_nobody() {
        let mut budget = InputBudget::default();
        for stall in [1, 3, 1, 120, 1, 240, 1, 1, 300] {
            for _ in 0..stall {
                assert_eq!(budget.spend(), Spent::Within, "in a stall of {stall} ticks");
            }
            budget.refill(stall);
        }
        (0..2).for_each(|_| budget.refill(u16::MAX));
        assert_eq!(budget.left, MESSAGES_MAX * MESSAGE);
    }

    #[test]
    fn a_flood_is_reported_once_per_tick_and_its_rate_is_bounded() {
        let mut budget = InputBudget::default();
        let (mut taken, mut reported) = (0, 0);
        for _ in 0..600 {
            budget.refill(1);
            for _ in 0..50 {
                match budget.spend() {
                    Spent::Within => taken += 1,
                    Spent::Exceeded => reported += 1,
                    Spent::Again => {}
                }
            }
        }
        assert!(taken <= 512 + 600 * 5 / 4, "{taken} of 30,000 were taken");
        assert!((580..=600).contains(&reported), "{reported}");
    }

    #[test]
    fn a_client_that_stays_too_far_ahead_is_refused_within_seconds() {
        let mut budget = InputBudget::default();
        let refused = (0..1_200).find(|_| {
            budget.refill(1);
            let spent = budget.spend();
            budget.spend_early();
            spent != Spent::Within
        });
        assert!(refused.is_some_and(|tick| (650..700).contains(&tick)), "{refused:?}");
    }
}
