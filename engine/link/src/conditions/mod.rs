//! Simulated network conditions: what a path does to datagrams.
//!
//! [`Conditions`] is a plain value. An [`Impairment`] is one direction of a path under conditions, and decides the fate of
//! each datagram from a seed. [`NetworkSpec`] is conditions and seed as text. The simulator ([`super::sim`]) and, with the
//! feature `conditions`, `ConditionedLink` over real sockets use the same model.
//!
//! # What happens to a datagram, in this order
//! 1. Outage: datagrams that enter during it are lost. MTU: larger datagrams are lost without notice.
//! 2. Loss: in bursts ([`BurstLoss`], the simple Gilbert model), and at random. Together they are the Gilbert-Elliott
//!    model that loses everything in its bad state and [`Conditions::loss`] in its good one.
//! 3. Rate: the datagram waits for the line in a drop-tail queue, or is dropped because the queue is full.
//! 4. Duplication: from here on there may be two copies, each with its own random draws.
//! 5. Delay, jitter, reordering, corruption.
//!
//! Sizes are UDP payloads, without headers of UDP, IP and Ethernet. So a real line of the same rate carries less.

mod impairment;
mod spec;
mod transit;

pub(super) use impairment::flip;
pub use impairment::{Delivery, Fate, Impairment, ImpairmentStats};
pub use spec::{NetworkSpec, NetworkSpecError};
pub(super) use transit::Transit;

use core::fmt;
use ringshard_protocol::time::{Duration, Instant};

/// Largest UDP payload, in bytes.
const MTU_MAX: usize = 65_507;
/// Longest delay, jitter or hold-back, in seconds.
const DELAY_S_MAX: u64 = 60;
/// Longest mean length of a burst, in datagrams.
const BURST_DATAGRAMS_MAX: u32 = 1_000_000;
/// Slowest line, in bytes per second: 8 kbit/s.
const RATE_MIN: u64 = 1_000;
/// Fastest line, in bytes per second: 100 Gbit/s.
const RATE_MAX: u64 = 12_500_000_000;
/// Longest queue, in bytes.
const QUEUE_BYTES_MAX: u64 = 1 << 30;

/// A probability in millionths: 0 to 1,000,000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Chance(u32);

impl Chance {
    /// Probability 0.
    pub const NEVER: Chance = Chance(0);
    /// Probability 1.
    pub const ALWAYS: Chance = Chance(1_000_000);

    /// A probability in thousandths, 0 to 1,000.
    pub const fn per_mille(thousandths: u32) -> Self {
        Chance(thousandths.saturating_mul(1_000))
    }

    /// A probability in millionths, 0 to 1,000,000.
    pub const fn per_million(millionths: u32) -> Self {
        Chance(millionths)
    }

    const fn as_per_million(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 10_000.0)
    }
}

/// Consecutive losses, as caused by a fading radio or a full buffer on the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BurstLoss {
    /// Chance of each datagram to begin a burst, which loses it and the following ones.
    pub enter: Chance,
    /// Mean length of a burst in datagrams, 1 to 1,000,000; lengths are geometrically distributed.
    pub mean_length: u32,
}

/// Datagrams that are held back while later ones overtake them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reorder {
    /// Chance of each datagram to be held back.
    pub chance: Chance,
    /// Longest hold-back, drawn evenly; at most 60 s. Datagrams sent in that time overtake it.
    pub hold_max: Duration,
}

/// A line with a limited rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimit {
    /// UDP payload bytes per second, 1,000 to 12,500,000,000.
    pub bytes_per_second: u64,
    /// Bytes that may wait, including the datagram on the line; 0 to 2^30. A datagram that does not fit is dropped, but an
    /// idle line takes a datagram of any size.
    pub queue_bytes: u64,
}

/// A time in which every datagram is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// Its first moment.
    pub from: Instant,
    /// The moment after it.
    pub to: Instant,
}

/// What a network does to datagrams in one direction.
///
/// The [module](self) explains the order in which the fields apply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conditions {
    /// When every datagram is lost.
    pub outage: Option<Outage>,
    /// Largest datagram that passes, in bytes of UDP payload, 1 to 65,507; larger ones vanish. None: any size passes.
    pub mtu: Option<usize>,
    /// Consecutive losses.
    pub burst: Option<BurstLoss>,
    /// Chance of each datagram to be lost, independently.
    pub loss: Chance,
    /// Rate and queue of the line.
    pub rate: Option<RateLimit>,
    /// Chance of a datagram to arrive twice.
    pub duplication: Chance,
    /// Delay of every datagram, at most 60 s.
    pub delay: Duration,
    /// Longest additional delay, drawn evenly per datagram; at most 60 s.
    pub jitter: Duration,
    /// Whether jitter keeps the order, like a queue of varying length: a datagram then arrives no earlier than those before
    /// it. Otherwise datagrams that are closer than their jitter overtake each other.
    pub keeps_order: bool,
    /// Datagrams that are held back, and overtaken even if jitter keeps the order.
    pub reorder: Option<Reorder>,
    /// Chance of a datagram to arrive with one bit inverted.
    pub corruption: Chance,
}

impl Conditions {
    /// A network that only delays.
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

    /// Checks that every field is in its range.
    ///
    /// # Errors
    /// The first field that is not.
    pub fn check(&self) -> Result<(), ConditionsError> {
        check_time("delay", self.delay)?;
        check_time("jitter", self.jitter)?;
        check_chance("loss", self.loss)?;
        check_chance("duplication", self.duplication)?;
        check_chance("corruption", self.corruption)?;
        self.burst.map_or(Ok(()), BurstLoss::check)?;
        self.reorder.map_or(Ok(()), Reorder::check)?;
        self.rate.map_or(Ok(()), RateLimit::check)?;
        self.mtu.map_or(Ok(()), check_mtu)?;
        self.outage.map_or(Ok(()), Outage::check)
    }
}

impl BurstLoss {
    fn check(self) -> Result<(), ConditionsError> {
        check_chance("burst chance", self.enter)?;
        let fits = (1..=BURST_DATAGRAMS_MAX).contains(&self.mean_length);
        in_range("burst length", self.mean_length, fits, "1 to 1000000 datagrams")
    }
}

impl Reorder {
    fn check(self) -> Result<(), ConditionsError> {
        check_chance("reorder chance", self.chance)?;
        check_time("reorder hold", self.hold_max)
    }
}

impl RateLimit {
    fn check(self) -> Result<(), ConditionsError> {
        let RateLimit { bytes_per_second, queue_bytes } = self;
        let fits = (RATE_MIN..=RATE_MAX).contains(&bytes_per_second);
        let value = format!("{bytes_per_second} bytes per second");
        in_range("rate", value, fits, "1000 to 12500000000 bytes per second (8kbit to 100gbit)")?;
        let value = format!("{queue_bytes} bytes");
        in_range("queue", value, queue_bytes <= QUEUE_BYTES_MAX, "0 to 1073741824 bytes")
    }
}

impl Outage {
    fn check(self) -> Result<(), ConditionsError> {
        let Outage { from, to } = self;
        let value = format!("{:?} to {:?}", from.since(Instant::ZERO), to.since(Instant::ZERO));
        in_range("outage", value, from < to, "a time that ends after it begins")
    }
}

fn check_chance(field: &'static str, value: Chance) -> Result<(), ConditionsError> {
    in_range(field, value, value <= Chance::ALWAYS, "0% to 100%")
}

fn check_time(field: &'static str, value: Duration) -> Result<(), ConditionsError> {
    in_range(field, Shown(value), value <= Duration::from_secs(DELAY_S_MAX), "0s to 60s")
}

fn check_mtu(mtu: usize) -> Result<(), ConditionsError> {
    let fits = (1..=MTU_MAX).contains(&mtu);
    in_range("mtu", format!("{mtu} bytes"), fits, "1 to 65507 bytes of UDP payload")
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

/// A condition out of its range.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field} is {value}; it can be {range}")]
pub struct ConditionsError {
    /// The name of the condition.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// Its range.
    pub range: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Conditions = Conditions::none(Duration::ZERO);

    #[test]
    fn a_condition_out_of_range_is_named_with_value_and_range() {
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
