//! What `top` has seen of a server so far.

use super::figures::Figures;
use super::poll::Answer;
use jiff::Zoned;
use ringshard::ops::admin::{AdminClientError, ConnectionQuery, SortOrder};
use std::collections::VecDeque;

/// Updates that the graphs show: the width of a large screen.
const UPDATES_MAX: usize = 512;

/// The orders, as the key `s` switches through them.
const ORDERS: [SortOrder; 9] = [
    SortOrder::Rate,
    SortOrder::Bytes,
    SortOrder::RoundTrip,
    SortOrder::Loss,
    SortOrder::Age,
    SortOrder::Silence,
    SortOrder::Unacknowledged,
    SortOrder::OverBudget,
    SortOrder::Refusals,
];

/// What `top` has seen of a server so far.
#[derive(Clone, Debug)]
pub struct Screen {
    /// The figures to show.
    pub figures: Figures,
    /// Order of the connections.
    pub order: SortOrder,
    /// Packets per second in and out at each update, the latest first; None without an answer.
    pub packets: VecDeque<Option<(f64, f64)>>,
    /// Set while the server does not answer.
    pub lost: Option<Lost>,
    /// When it last answered.
    pub seen: Zoned,
    before: Option<Answer>,
    latest: Answer,
}

/// A server that does not answer.
#[derive(Clone, Debug)]
pub struct Lost {
    /// When it last answered.
    pub since: Zoned,
    /// Why the last request failed.
    pub error: String,
}

impl Screen {
    /// A screen after the first answer.
    pub fn new(latest: Answer, order: SortOrder) -> Self {
        let figures = Figures::new(None, &latest, order);
        let packets = VecDeque::with_capacity(UPDATES_MAX);
        Screen { figures, order, packets, lost: None, seen: Zoned::now(), before: None, latest }
    }

    /// Adds the outcome of another request.
    pub fn take(&mut self, outcome: Result<Answer, AdminClientError>) {
        let packets = match outcome {
            Ok(answer) => {
                self.seen = Zoned::now();
                self.lost = None;
                let before = std::mem::replace(&mut self.latest, answer);
                self.before = Some(before).filter(|before| self.latest.continues(before));
                self.update_figures();
                self.figures.rates.as_ref().map(|rates| (rates.all.datagrams_in, rates.all.datagrams_out))
            }
            Err(error) => {
                self.lost = Some(Lost { since: self.seen.clone(), error: error.to_string() });
                None
            }
        };
        self.packets.truncate(UPDATES_MAX - 1);
        self.packets.push_front(packets);
        assert!(self.packets.len() <= UPDATES_MAX, "the graphs go back too far");
    }

    /// Switches to the next order: at once for the known connections, with the next answer for all.
    pub fn next_order(&mut self) -> SortOrder {
        let place = ORDERS.iter().position(|order| *order == self.order).unwrap_or(0);
        self.order = ORDERS[(place + 1) % ORDERS.len()];
        let connections = std::mem::take(&mut self.latest.connections);
        let query = ConnectionQuery { sort: self.order, ..ConnectionQuery::default() };
        self.latest.connections = query.select(connections);
        self.update_figures();
        self.order
    }

    fn update_figures(&mut self) {
        self.figures = Figures::new(self.before.as_ref(), &self.latest, self.order);
    }
}
