//! Conditions as text, for options on the command line.

use super::{BurstLoss, Chance, Conditions, ConditionsError, Outage, RateLimit, Reorder, Shown};
use core::fmt;
use core::str::FromStr;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::{Duration, Instant};

/// Default of the longest hold-back of a reordered datagram: two ticks at 50 Hz, so that usually one or more datagrams of a
/// steady stream overtake it.
const HOLD_DEFAULT: Duration = Duration::from_millis(40);
/// Default of the queue: what the line carries in this part of a second, and at least one datagram.
const QUEUE_DEFAULT_PART: u64 = 10;

/// Key, example and meaning, in the order in which keys are written.
const KEYS: [(&str, &str, &str); 13] = [
    ("delay", "25ms", "delay of every datagram, 0s to 60s, with a unit: us, ms or s"),
    ("jitter", "5ms", "longest additional delay, drawn per datagram, 0s to 60s"),
    ("order", "keep", "`keep`: jitter never changes the order of datagrams; `free`, the default: it may"),
    ("loss", "1%", "share lost at random, 0% to 100%"),
    (
        "burst",
        "0.2%x8",
        "consecutive losses: the chance per datagram that a burst begins, and its mean length, 1 to 1000000",
    ),
    ("reorder", "1%+40ms", "share held back for up to this long while later ones pass; default: +40ms"),
    ("duplicate", "0.1%", "share that arrives twice, 0% to 100%"),
    ("corrupt", "0.01%", "share that arrives with a bit inverted, 0% to 100%; the smallest step is 0.0001%"),
    (
        "rate",
        "100mbit",
        "bits per second of UDP payload, headers not counted: 8kbit to 100gbit, with a unit: kbit, mbit or gbit",
    ),
    ("queue", "256k", "bytes that may queue, 0 to 1024m; more is dropped; default: 100 ms of the rate"),
    ("mtu", "1200", "largest datagram that passes, 1 to 65507 bytes of UDP payload; larger ones vanish"),
    ("outage", "10s+2s", "total loss: time from the start until it begins, and how long it lasts"),
    ("seed", "7", "seed of all random draws, 0 to 18446744073709551615; default 1"),
];

/// The conditions of a network and the seed of its random draws. As text:
/// `delay=25ms,jitter=5ms,loss=1%,burst=0.2%x8,rate=100mbit,queue=256k,seed=7`.
///
/// Each key may be given once, in any order; a key that is left out has no effect. [`NetworkSpec::syntax`] explains all
/// keys. An outage counts from the clock's zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetworkSpec {
    /// The conditions of each direction.
    pub conditions: Conditions,
    /// The seed of all random draws.
    pub seed: u64,
}

impl Default for NetworkSpec {
    /// A network without faults and without delay.
    fn default() -> Self {
        NetworkSpec { conditions: Conditions::none(Duration::ZERO), seed: 1 }
    }
}

impl NetworkSpec {
    /// The syntax, with a line for each key.
    pub fn syntax() -> String {
        let line =
            |(key, example, meaning): &(&str, &str, &str)| format!("  {:<18} {meaning}", format!("{key}={example}"));
        KEYS.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Why a text is not a network spec.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NetworkSpecError {
    /// An unknown key.
    #[error("unknown key `{0}`; the keys are {keys}", keys = KEYS.map(|(key, ..)| key).join(", "))]
    UnknownKey(String),
    /// A part without `=`.
    #[error("`{0}` has no value; parts are written key=value and separated by commas")]
    NoValue(String),
    /// A key that is given twice.
    #[error("`{0}` is given twice")]
    Repeated(&'static str),
    /// A value in the wrong format.
    #[error("{key}={value} is not understood; an example is {key}={example}: {meaning}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// The value given.
        value: String,
        /// A valid value.
        example: &'static str,
        /// What the key means.
        meaning: &'static str,
    },
    /// A key that has no effect without another.
    #[error("`{0}` has no effect without `{1}`; give both")]
    Alone(&'static str, &'static str),
    /// A value out of its range.
    #[error(transparent)]
    OutOfRange(#[from] ConditionsError),
}

impl FromStr for NetworkSpec {
    type Err = NetworkSpecError;

    fn from_str(text: &str) -> Result<Self, NetworkSpecError> {
        let mut spec = NetworkSpec::default();
        let (mut given, mut queue) = (Vec::new(), None);
        for part in text.split(',').map(str::trim) {
            let (name, value) = part.split_once('=').ok_or_else(|| NetworkSpecError::NoValue(part.to_owned()))?;
            let (name, value) = (name.trim(), value.trim());
            let Some(&(key, example, meaning)) = KEYS.iter().find(|(key, ..)| *key == name) else {
                return Err(NetworkSpecError::UnknownKey(name.to_owned()));
            };
            if given.contains(&key) {
                return Err(NetworkSpecError::Repeated(key));
            }
            given.push(key);
            if spec.set(key, value, &mut queue).is_none() {
                return Err(NetworkSpecError::BadValue { key, value: value.to_owned(), example, meaning });
            }
        }
        match (&mut spec.conditions.rate, queue) {
            (Some(rate), Some(queue)) => rate.queue_bytes = queue,
            (None, Some(_)) => return Err(NetworkSpecError::Alone("queue", "rate")),
            _ => {}
        }
        if given.contains(&"order") && spec.conditions.jitter.is_zero() {
            return Err(NetworkSpecError::Alone("order", "jitter"));
        }
        spec.conditions.check()?;
        Ok(spec)
    }
}

impl NetworkSpec {
    /// Takes one value; None if its format is wrong.
    fn set(&mut self, key: &str, value: &str, queue: &mut Option<u64>) -> Option<()> {
        let conditions = &mut self.conditions;
        match key {
            "delay" => conditions.delay = duration(value)?,
            "jitter" => conditions.jitter = duration(value)?,
            "order" => {
                conditions.keeps_order = match value {
                    "keep" => true,
                    "free" => false,
                    _ => return None,
                }
            }
            "loss" => conditions.loss = chance(value)?,
            "burst" => {
                let (enter, length) = value.split_once('x')?;
                conditions.burst = Some(BurstLoss { enter: chance(enter)?, mean_length: length.parse().ok()? });
            }
            "reorder" => {
                let (of_each, hold_max) = match value.split_once('+') {
                    Some((of_each, hold_max)) => (of_each, duration(hold_max)?),
                    None => (value, HOLD_DEFAULT),
                };
                conditions.reorder = Some(Reorder { chance: chance(of_each)?, hold_max });
            }
            "duplicate" => conditions.duplication = chance(value)?,
            "corrupt" => conditions.corruption = chance(value)?,
            "rate" => {
                let bytes_per_second = bits_per_second(value)? / 8;
                let queue_bytes = (bytes_per_second / QUEUE_DEFAULT_PART).max(DATAGRAM_BYTES_MAX as u64);
                conditions.rate = Some(RateLimit { bytes_per_second, queue_bytes });
            }
            "queue" => *queue = Some(bytes(value)?),
            "mtu" => conditions.mtu = Some(value.parse().ok()?),
            "outage" => {
                let (from, lasts) = value.split_once('+')?;
                let from = Instant::ZERO + duration(from)?;
                conditions.outage = Some(Outage { from, to: from + duration(lasts)? });
            }
            "seed" => self.seed = value.parse().ok()?,
            _ => return None,
        }
        Some(())
    }
}

/// A number of zero or more, times `unit`, rounded.
fn scaled(number: &str, unit: f64) -> Option<u64> {
    let number: f64 = number.parse().ok()?;
    // A number too large for the type becomes its largest value, which is out of range.
    (number.is_finite() && number >= 0.0).then(|| (number * unit).round() as u64)
}

/// A number with one of these units. A unit that ends in another one comes before it.
fn with_unit(value: &str, units: &[(&str, f64)]) -> Option<u64> {
    let (number, unit) = units.iter().find_map(|&(unit, size)| Some((value.strip_suffix(unit)?, size)))?;
    scaled(number, unit)
}

fn duration(value: &str) -> Option<Duration> {
    with_unit(value, &[("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)]).map(Duration::from_nanos)
}

fn chance(value: &str) -> Option<Chance> {
    let millionths = with_unit(value, &[("%", 10_000.0)])?;
    Some(Chance::per_million(u32::try_from(millionths).unwrap_or(u32::MAX)))
}

fn bits_per_second(value: &str) -> Option<u64> {
    with_unit(value, &[("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9), ("bit", 1.0)])
}

fn bytes(value: &str) -> Option<u64> {
    with_unit(value, &[("k", 1024.0), ("m", 1024.0 * 1024.0), ("", 1.0)])
}

/// In the syntax of [`NetworkSpec::syntax`], without keys that have no effect; the seed is always written.
impl fmt::Display for NetworkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conditions { outage, mtu, burst, loss, rate, duplication, delay, jitter, keeps_order, reorder, corruption } =
            self.conditions;
        for (key, duration) in [("delay", delay), ("jitter", jitter)] {
            if !duration.is_zero() {
                write!(f, "{key}={},", Shown(duration))?;
            }
        }
        if keeps_order && !jitter.is_zero() {
            write!(f, "order=keep,")?;
        }
        if loss > Chance::NEVER {
            write!(f, "loss={loss},")?;
        }
        if let Some(BurstLoss { enter, mean_length }) = burst {
            write!(f, "burst={enter}x{mean_length},")?;
        }
        if let Some(Reorder { chance, hold_max }) = reorder {
            write!(f, "reorder={chance}+{},", Shown(hold_max))?;
        }
        for (key, chance) in [("duplicate", duplication), ("corrupt", corruption)] {
            if chance > Chance::NEVER {
                write!(f, "{key}={chance},")?;
            }
        }
        if let Some(RateLimit { bytes_per_second, queue_bytes }) = rate {
            let bits = bytes_per_second * 8;
            let units = [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)];
            let (unit, size) = units.into_iter().find(|(_, size)| bits.is_multiple_of(*size)).unwrap_or(("bit", 1));
            write!(f, "rate={}{unit},", bits / size)?;
            match queue_bytes.is_multiple_of(1024) {
                true => write!(f, "queue={}k,", queue_bytes / 1024)?,
                false => write!(f, "queue={queue_bytes},")?,
            }
        }
        if let Some(mtu) = mtu {
            write!(f, "mtu={mtu},")?;
        }
        if let Some(Outage { from, to }) = outage {
            write!(f, "outage={}+{},", Shown(from.since(Instant::ZERO)), Shown(to.since(from)))?;
        }
        write!(f, "seed={}", self.seed)
    }
}

#[cfg(test)]
mod tests;
