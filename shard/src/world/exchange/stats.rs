//! What the exchange counts.

/// Counters of one core's exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExchangeStats {
    /// Changes published, counted once per receiving core.
    pub published: u64,
    /// Changes received.
    pub received: u64,
    /// Changes that found a ring full and were published again later.
    pub overflowed: u64,
}
