//! What has been seen of a server so far.

use super::figures::Figures;
use super::poll::Answer;
use jiff::Zoned;
use ringshard::ops::admin::{AdminClientError, Order, Wanted};
use std::collections::VecDeque;

/// Looks that the graphs go back: the width of a large screen.
const LOOKS_MAX: usize = 512;

/// The orders that `s` goes through.
const ORDERS: [Order; 8] = [
    Order::Rate,
    Order::Bytes,
    Order::RoundTrip,
    Order::Loss,
    Order::Age,
    Order::Silence,
    Order::Unacknowledged,
    Order::OverBudget,
];

/// What has been seen of a server so far.
#[derive(Clone, Debug)]
pub struct Screen {
    /// What is shown of it.
    pub figures: Figures,
    /// Order of the connections.
    pub order: Order,
    /// Packets a second in and out at each look, the latest first; none where there was no answer.
    pub packets: VecDeque<Option<(f64, f64)>>,
    /// It does not answer.
    pub lost: Option<Lost>,
    /// When it answered last.
    pub seen: Zoned,
    before: Option<Answer>,
    latest: Answer,
}

/// A server that does not answer.
#[derive(Clone, Debug)]
pub struct Lost {
    /// When it answered last.
    pub since: Zoned,
    /// Why it did not this time.
    pub error: String,
}

impl Screen {
    /// After one answer.
    pub fn new(latest: Answer, order: Order) -> Self {
        let figures = Figures::new(None, &latest, order);
        let packets = VecDeque::with_capacity(LOOKS_MAX);
        Screen { figures, order, packets, lost: None, seen: Zoned::now(), before: None, latest }
    }

    /// Takes in what came of another question.
    pub fn take(&mut self, outcome: Result<Answer, AdminClientError>) {
        let packets = match outcome {
            Ok(answer) => {
                self.seen = Zoned::now();
                self.lost = None;
                let before = std::mem::replace(&mut self.latest, answer);
                self.before = Some(before).filter(|before| self.latest.goes_on_from(before));
                self.arrange();
                self.figures.rates.as_ref().map(|rates| (rates.all.datagrams_in, rates.all.datagrams_out))
            }
            Err(error) => {
                self.lost = Some(Lost { since: self.seen.clone(), error: error.to_string() });
                None
            }
        };
        self.packets.truncate(LOOKS_MAX - 1);
        self.packets.push_front(packets);
    }

    /// Goes on to the next order: of those known at once, of all with the next answer.
    pub fn next_order(&mut self) -> Order {
        let place = ORDERS.iter().position(|order| *order == self.order).unwrap_or(0);
        self.order = ORDERS[(place + 1) % ORDERS.len()];
        let sessions = std::mem::take(&mut self.latest.sessions);
        self.latest.sessions = Wanted { sort: self.order, ..Wanted::default() }.of(sessions);
        self.arrange();
        self.order
    }

    fn arrange(&mut self) {
        self.figures = Figures::new(self.before.as_ref(), &self.latest, self.order);
    }
}
