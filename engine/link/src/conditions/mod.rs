//! Bad networks, made to order: what a path does to datagrams, as a plain value, and the state that does it.
//!
//! [`Conditions`] say how bad; an [`Impairment`] is one direction of a path under them and decides each datagram's fate
//! from a seed; [`NetworkSpec`] is the same as text. The simulator ([`super::sim`]) and, where the feature `conditions`
//! is on, `ConditionedLink` over real sockets use one and the same model.
//!
//! # What happens to a datagram, in this order
//! 1. Outage: what enters during it is lost. MTU: what is larger is lost, and nobody is told.
//! 2. Loss: in bursts ([`BurstLoss`], the simple Gilbert model), and at random. Together they are the Gilbert-Elliott
//!    model that loses all in its bad state and [`Conditions::loss`] in its good one.
//! 3. Rate: it waits in a drop-tail queue for its turn on the line, or is dropped because the queue is full.
//! 4. Duplication: from here there may be two of it, each with draws of its own.
//! 5. Delay, jitter, reordering, corruption.
//!
//! Sizes are those of UDP payloads: headers of UDP, IP and Ethernet are not counted. A line of a given rate on the wire
//! carries less than that here.

mod impairment;
mod spec;
mod transit;

pub(super) use impairment::flip;
pub use impairment::{Delivery, Fate, Impairment, ImpairmentStats};
pub use spec::{NetworkSpec, NetworkSpecError};
pub(super) use transit::Transit;

use core::fmt;
use ringshard_protocol::time::{Duration, Instant};

/// Largest UDP payload there is, in bytes.
const MTU_MAX: usize = 65_507;
/// Longest delay, jitter or hold, in seconds.
const DELAY_S_MAX: u64 = 60;
/// Longest mean of a burst, in datagrams.
const BURST_DATAGRAMS_MAX: u32 = 1_000_000;
/// Slowest line, in bytes per second: 8 kbit/s.
const RATE_MIN: u64 = 1_000;
/// Fastest line, in bytes per second: 100 Gbit/s.
const RATE_MAX: u64 = 12_500_000_000;
/// Longest queue, in bytes.
const QUEUE_BYTES_MAX: u64 = 1 << 30;

/// How likely something is, in millionths: 0 to 1,000,000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Chance(u32);

impl Chance {
    /// Not at all.
    pub const NEVER: Chance = Chance(0);
    /// Without fail.
    pub const ALWAYS: Chance = Chance(1_000_000);

    /// So many in a thousand, 0 to 1,000.
    pub const fn per_mille(thousandths: u32) -> Self {
        Chance(thousandths.saturating_mul(1_000))
    }

    /// So many in a million, 0 to 1,000,000.
    pub const fn per_million(millionths: u32) -> Self {
        Chance(millionths)
    }

    /// In millionths.
    pub const fn as_per_million(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 10_000.0)
    }
}

/// Losses that come in a row, as of a fading radio or a full buffer on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BurstLoss {
    /// Chance of each datagram to begin a burst, which loses it and those that follow.
    pub enter: Chance,
    /// Mean length of a burst in datagrams, 1 to 1,000,000; lengths are geometrically distributed.
    pub mean_length: u32,
}

/// Datagrams that are held back while later ones pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reorder {
    /// Chance of each datagram to be held back.
    pub chance: Chance,
    /// For up to so long, drawn evenly; at most 60 s. Those sent within that time overtake it.
    pub hold_max: Duration,
}

/// A line that carries only so much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimit {
    /// UDP payload bytes per second, 1,000 to 12,500,000,000.
    pub bytes_per_second: u64,
    /// Bytes that may wait, the datagram on the line included; 0 to 2^30. What would not fit is dropped, except that an
    /// idle line takes a datagram of any size.
    pub queue_bytes: u64,
}

/// A time in which nothing passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// From here.
    pub from: Instant,
    /// Until just before here.
    pub to: Instant,
}

/// What a network does to datagrams in one direction.
///
/// The fields are explained in the order of the [module](self)'s list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conditions {
    /// When nothing passes.
    pub outage: Option<Outage>,
    /// Largest datagram that passes, in bytes of UDP payload, 1 to 65,507: a black hole for larger ones. None: any size.
    pub mtu: Option<usize>,
    /// Losses in a row.
    pub burst: Option<BurstLoss>,
    /// Chance of each datagram to be lost, by itself.
    pub loss: Chance,
    /// How much passes.
    pub rate: Option<RateLimit>,
    /// Chance to arrive twice.
    pub duplication: Chance,
    /// Time that every datagram takes, at most 60 s.
    pub delay: Duration,
    /// Up to this much more, drawn evenly for each; at most 60 s.
    pub jitter: Duration,
    /// Whether jitter leaves the order alone, as a queue whose length varies would: a datagram then arrives no earlier
    /// than those before it. Otherwise datagrams that are less apart than their jitter overtake each other.
    pub keeps_order: bool,
    /// Datagrams held back; they are overtaken also where jitter keeps the order.
    pub reorder: Option<Reorder>,
    /// Chance that one bit arrives inverted.
    pub corruption: Chance,
}

impl Conditions {
    /// A network that only takes its time.
    pub const fn none(delay: Duration) -> Self {
        Conditions {
            outage: None,
            mtu: None,
            burst: None,
            loss: Chance::NEVER,
            rate: None,
            duplication: Chance::NEVER,
            delay,
            jitter: Duration::ZERO,
            keeps_order: false,
            reorder: None,
            corruption: Chance::NEVER,
        }
    }

    /// Whether every field is within its range.
    ///
    /// # Errors
    /// The first field that is not.
    pub fn check(&self) -> Result<(), ConditionsError> {
        let chance = |field, value: Chance| in_range(field, value, value <= Chance::ALWAYS, "0% to 100%");
        let time = |field, value: Duration| {
            in_range(field, Shown(value), value <= Duration::from_secs(DELAY_S_MAX), "0s to 60s")
        };
        time("delay", self.delay)?;
        time("jitter", self.jitter)?;
        chance("loss", self.loss)?;
        chance("duplication", self.duplication)?;
        chance("corruption", self.corruption)?;
        if let Some(BurstLoss { enter, mean_length }) = self.burst {
            chance("burst chance", enter)?;
            let fits = (1..=BURST_DATAGRAMS_MAX).contains(&mean_length);
            in_range("burst length", mean_length, fits, "1 to 1000000 datagrams")?;
        }
        if let Some(Reorder { chance: of_each, hold_max }) = self.reorder {
            chance("reorder chance", of_each)?;
            time("reorder hold", hold_max)?;
        }
        if let Some(RateLimit { bytes_per_second, queue_bytes }) = self.rate {
            let fits = (RATE_MIN..=RATE_MAX).contains(&bytes_per_second);
            let value = format!("{bytes_per_second} bytes per second");
            in_range("rate", value, fits, "1000 to 12500000000 bytes per second (8kbit to 100gbit)")?;
            let value = format!("{queue_bytes} bytes");
            in_range("queue", value, queue_bytes <= QUEUE_BYTES_MAX, "0 to 1073741824 bytes")?;
        }
        if let Some(mtu) = self.mtu {
            let fits = (1..=MTU_MAX).contains(&mtu);
            in_range("mtu", format!("{mtu} bytes"), fits, "1 to 65507 bytes of UDP payload")?;
        }
        if let Some(Outage { from, to }) = self.outage {
            let value = format!("{:?} to {:?}", from.since(Instant::ZERO), to.since(Instant::ZERO));
            in_range("outage", value, from < to, "a time that ends after it begins")?;
        }
        Ok(())
    }
}

fn in_range(
    field: &'static str,
    value: impl fmt::Display,
    fits: bool,
    range: &'static str,
) -> Result<(), ConditionsError> {
    if fits { Ok(()) } else { Err(ConditionsError { field, value: value.to_string(), range }) }
}

/// A duration as `Debug` writes it: 2.5ms.
struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Conditions that no network can have.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field} is {value}; it can be {range}")]
pub struct ConditionsError {
    /// What is out of its range.
    pub field: &'static str,
    /// What it is.
    pub value: String,
    /// What it could be.
    pub range: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Conditions = Conditions::none(Duration::ZERO);

    #[test]
    fn what_is_out_of_range_is_named_with_its_value_and_its_range() {
        let burst = |enter, mean_length| Some(BurstLoss { enter, mean_length });
        let rate = |bytes_per_second, queue_bytes| Some(RateLimit { bytes_per_second, queue_bytes });
        let moment = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let minute = Duration::from_secs(60);
        let longer = Duration::from_millis(60_001);
        let reorder = |chance, hold_max| Some(Reorder { chance, hold_max });
        for (conditions, message) in [
            (Conditions::none(longer), "delay is 60.001s; it can be 0s to 60s"),
            (Conditions { jitter: longer, ..NONE }, "jitter is 60.001s; it can be 0s to 60s"),
            (Conditions { loss: Chance::per_mille(1_300), ..NONE }, "loss is 130%; it can be 0% to 100%"),
            (
                Conditions { duplication: Chance::per_mille(1_001), ..NONE },
                "duplication is 100.1%; it can be 0% to 100%",
            ),
            (
                Conditions { corruption: Chance::per_mille(u32::MAX), ..NONE },
                "corruption is 429496.7295%; it can be 0% to 100%",
            ),
            (
                Conditions { burst: burst(Chance::per_million(1_000_001), 1), ..NONE },
                "burst chance is 100.0001%; it can be 0% to 100%",
            ),
            (
                Conditions { burst: burst(Chance::ALWAYS, 0), ..NONE },
                "burst length is 0; it can be 1 to 1000000 datagrams",
            ),
            (
                Conditions { reorder: reorder(Chance::per_mille(2_000), minute), ..NONE },
                "reorder chance is 200%; it can be 0% to 100%",
            ),
            (
                Conditions { reorder: reorder(Chance::ALWAYS, longer), ..NONE },
                "reorder hold is 60.001s; it can be 0s to 60s",
            ),
            (
                Conditions { rate: rate(999, 0), ..NONE },
                "rate is 999 bytes per second; it can be 1000 to 12500000000 bytes per second (8kbit to 100gbit)",
            ),
            (
                Conditions { rate: rate(1_000, 1_073_741_825), ..NONE },
                "queue is 1073741825 bytes; it can be 0 to 1073741824 bytes",
            ),
            (Conditions { mtu: Some(0), ..NONE }, "mtu is 0 bytes; it can be 1 to 65507 bytes of UDP payload"),
            (Conditions { mtu: Some(65_508), ..NONE }, "mtu is 65508 bytes; it can be 1 to 65507 bytes of UDP payload"),
            (
                Conditions { outage: Some(Outage { from: moment(2), to: moment(2) }), ..NONE },
                "outage is 2s to 2s; it can be a time that ends after it begins",
            ),
        ] {
            assert_eq!(conditions.check().unwrap_err().to_string(), message);
        }
        let extreme = Conditions {
            outage: Some(Outage { from: Instant::ZERO, to: Instant::NEVER }),
            mtu: Some(MTU_MAX),
            burst: burst(Chance::ALWAYS, BURST_DATAGRAMS_MAX),
            loss: Chance::ALWAYS,
            rate: rate(RATE_MAX, QUEUE_BYTES_MAX),
            duplication: Chance::ALWAYS,
            delay: minute,
            jitter: minute,
            keeps_order: true,
            reorder: reorder(Chance::ALWAYS, minute),
            corruption: Chance::ALWAYS,
        };
        assert_eq!(extreme.check(), Ok(()));
    }
}
