//! Checks that a channel delivers numbered messages as it guarantees.

use ringshard_protocol::wire::Delivery;
use serde::Serialize;
use std::collections::BTreeSet;

/// Delivery faults, by kind. All must be 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Messages that did not arrive.
    pub lost: u64,
    /// Messages that arrived before earlier ones, on an ordered channel.
    pub out_of_order: u64,
    /// Messages that arrived twice, or that were never sent.
    pub repeated: u64,
    /// Messages whose bytes differ from what was sent.
    pub altered: u64,
}

impl Faults {
    pub fn add(&mut self, other: &Faults) {
        self.lost += other.lost;
        self.out_of_order += other.out_of_order;
        self.repeated += other.repeated;
        self.altered += other.altered;
    }

    pub fn is_none(&self) -> bool {
        *self == Faults::default()
    }

    pub fn text(&self) -> String {
        let Faults { lost, out_of_order, repeated, altered } = self;
        format!("{lost} lost, {out_of_order} out of order, {repeated} repeated, {altered} altered")
    }
}

/// Which messages of a reliable channel have arrived.
#[derive(Debug)]
pub struct DeliveryCheck {
    ordered: bool,
    /// All messages before this one have arrived, or are counted as out of order.
    next: u64,
    /// Later messages that have arrived.
    ahead: BTreeSet<u64>,
    pub faults: Faults,
}

impl DeliveryCheck {
    /// A channel on which nothing has arrived.
    ///
    /// # Panics
    /// If `delivery` is unreliable.
    pub fn new(delivery: Delivery) -> Self {
        assert!(delivery.is_reliable(), "only reliable channels deliver every message");
        let ordered = delivery == Delivery::ReliableOrdered;
        DeliveryCheck { ordered, next: 0, ahead: BTreeSet::new(), faults: Faults::default() }
    }

    /// Records that message `number` arrived.
    pub fn record(&mut self, number: u64) {
        if number < self.next || self.ahead.contains(&number) {
            self.faults.repeated += 1;
        } else if number == self.next {
            self.next += 1;
            while self.ahead.remove(&self.next) {
                self.next += 1;
            }
        } else {
            self.faults.out_of_order += u64::from(self.ordered);
            self.ahead.insert(number);
        }
    }

    /// The first message that has not arrived.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many of the first `total` messages have not arrived.
    pub fn missing(&self, total: u64) -> u64 {
        total.saturating_sub(self.next + self.ahead.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::{DeliveryCheck, Faults};
    use ringshard_protocol::wire::Delivery;

    fn faults(delivery: Delivery, numbers: &[u64]) -> (Faults, u64) {
        let mut delivery = DeliveryCheck::new(delivery);
        numbers.iter().for_each(|&number| delivery.record(number));
        (delivery.faults, delivery.missing(4))
    }

    #[test]
    fn guaranteed_delivery_is_no_fault() {
        assert_eq!(faults(Delivery::ReliableOrdered, &[0, 1, 2, 3]), (Faults::default(), 0));
        assert_eq!(faults(Delivery::ReliableUnordered, &[2, 0, 3, 1]), (Faults::default(), 0));
    }

    #[test]
    fn reordering_is_a_fault_on_an_ordered_channel() {
        let one = Faults { out_of_order: 1, ..Faults::default() };
        assert_eq!(faults(Delivery::ReliableOrdered, &[0, 2, 1, 3]), (one, 0));
    }

    #[test]
    fn repeated_and_missing_messages_are_counted() {
        let one = Faults { repeated: 1, ..Faults::default() };
        assert_eq!(faults(Delivery::ReliableOrdered, &[0, 1, 1]), (one, 2));
        assert_eq!(faults(Delivery::ReliableUnordered, &[0, 3, 3, 1]), (one, 1));
    }
}
