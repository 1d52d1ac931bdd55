//! Conditions as text, as an option on a command line takes them.

use super::{BurstLoss, Chance, Conditions, ConditionsError, Outage, RateLimit, Reorder, Shown};
use core::fmt;
use core::str::FromStr;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::{Duration, Instant};

/// How long a reordered datagram is held back at most, where it is not said: two ticks of 50 Hz, so that usually at
/// least one datagram of a steady stream passes it.
const HOLD_DEFAULT: Duration = Duration::from_millis(40);
/// How much waits before a line at most, where it is not said: what the line carries in this part of a second, and no
/// less than a datagram.
const QUEUE_DEFAULT_PART: u64 = 10;

/// What each key takes, in the order in which keys are written.
const KEYS: [(&str, &str, &str); 13] = [
    ("delay", "25ms", "time that every datagram takes, 0s to 60s, with a unit: us, ms or s"),
    ("jitter", "5ms", "up to this much more, drawn for each, 0s to 60s"),
    (
        "order",
        "keep",
        "`keep`: jitter leaves the order alone; `free`, the default: those close together overtake each other",
    ),
    ("loss", "1%", "share lost at random, 0% to 100%"),
    (
        "burst",
        "0.2%x8",
        "losses in a row: the chance of each datagram to begin a burst, and the mean length, 1 to 1000000",
    ),
    ("reorder", "1%+40ms", "share held back for up to this long while later ones pass; +40ms may be left out"),
    ("duplicate", "0.1%", "share that arrives twice, 0% to 100%"),
    ("corrupt", "0.01%", "share that arrives with a bit inverted, 0% to 100%; the smallest step is 0.0001%"),
    (
        "rate",
        "100mbit",
        "bits per second of UDP payload, headers not counted: 8kbit to 100gbit, with a unit: kbit, mbit or gbit",
    ),
    (
        "queue",
        "256k",
        "bytes that may wait for the line, 0 to 1024m; what comes on top is dropped; default: 100 ms of the rate",
    ),
    ("mtu", "1200", "largest datagram that passes, 1 to 65507 bytes of UDP payload; larger ones vanish"),
    ("outage", "10s+2s", "when nothing passes: the beginning, from the start, and for how long"),
    ("seed", "7", "number that all draws follow from, 0 to 18446744073709551615; default 1"),
];

/// The conditions of a network and the seed of its draws, as text gives them:
/// `delay=25ms,jitter=5ms,loss=1%,burst=0.2%x8,rate=100mbit,queue=256k,seed=7`.
///
/// Each key may be given once and in any order; what is left out does not happen. [`NetworkSpec::syntax`] explains them
/// all. An outage is counted from the clock's zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetworkSpec {
    /// What happens to datagrams, in each direction.
    pub conditions: Conditions,
    /// What all draws follow from.
    pub seed: u64,
}

impl Default for NetworkSpec {
    /// A network that does nothing, and takes no time.
    fn default() -> Self {
        NetworkSpec { conditions: Conditions::none(Duration::ZERO), seed: 1 }
    }
}

impl NetworkSpec {
    /// What can be written: a line for each key.
    pub fn syntax() -> String {
        let line =
            |(key, example, meaning): &(&str, &str, &str)| format!("  {:<18} {meaning}", format!("{key}={example}"));
        KEYS.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Text that does not say a network's conditions.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NetworkSpecError {
    /// A key that there is not.
    #[error("there is no `{0}`; there are {keys}", keys = KEYS.map(|(key, ..)| key).join(", "))]
    UnknownKey(String),
    /// A part without `=`.
    #[error("`{0}` has no value; parts are written key=value and separated by commas")]
    NoValue(String),
    /// A key that comes again.
    #[error("`{0}` is given twice")]
    Repeated(&'static str),
    /// A value of another form.
    #[error("{key}={value} is not understood; an example is {key}={example}: {meaning}")]
    BadValue {
        /// Of which key.
        key: &'static str,
        /// What was given.
        value: String,
        /// One that is understood.
        example: &'static str,
        /// What it means.
        meaning: &'static str,
    },
    /// A key that means nothing without another.
    #[error("`{0}` is given without `{1}`, without which it does nothing")]
    Alone(&'static str, &'static str),
    /// A value that is understood and out of its range.
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
    /// Takes one value; None when it has not the form that the key wants.
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

/// A number that is no less than zero, times `unit`, to the nearest whole.
fn scaled(number: &str, unit: f64) -> Option<u64> {
    let number: f64 = number.parse().ok()?;
    // What is too large for the type becomes its largest value, and is out of range.
    (number.is_finite() && number >= 0.0).then(|| (number * unit).round() as u64)
}

/// A number with one of these units. Those that end in another come before it.
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

/// As it would be given, without what does not happen; the seed is always there.
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
mod tests {
    use super::*;

    const ALL: &str = "delay=25ms,jitter=5ms,order=keep,loss=1%,burst=0.2%x8,reorder=1%+20ms,duplicate=0.1%,\
                       corrupt=0.01%,rate=100mbit,queue=256k,mtu=1400,outage=10s+2s,seed=7";

    fn parse(text: &str) -> NetworkSpec {
        text.parse().unwrap()
    }

    fn message(text: &str) -> String {
        text.parse::<NetworkSpec>().unwrap_err().to_string()
    }

    #[test]
    fn every_key_says_what_it_means() {
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let conditions = Conditions {
            outage: Some(Outage { from: at(10), to: at(12) }),
            mtu: Some(1_400),
            burst: Some(BurstLoss { enter: Chance::per_mille(2), mean_length: 8 }),
            loss: Chance::per_mille(10),
            rate: Some(RateLimit { bytes_per_second: 12_500_000, queue_bytes: 262_144 }),
            duplication: Chance::per_mille(1),
            delay: Duration::from_millis(25),
            jitter: Duration::from_millis(5),
            keeps_order: true,
            reorder: Some(Reorder { chance: Chance::per_mille(10), hold_max: Duration::from_millis(20) }),
            corruption: Chance::per_million(100),
        };
        assert_eq!(parse(ALL), NetworkSpec { conditions, seed: 7 });
    }

    #[test]
    fn what_is_left_out_does_not_happen_or_has_its_default() {
        assert_eq!(parse("seed=1"), NetworkSpec::default());
        let spaced = parse(" delay = 1.5ms , order=free, jitter=150us");
        assert_eq!(spaced.conditions.delay, Duration::from_micros(1_500));
        assert_eq!((spaced.conditions.jitter, spaced.conditions.keeps_order), (Duration::from_micros(150), false));
        let reorder = parse("reorder=2.5%").conditions.reorder.unwrap();
        assert_eq!(reorder, Reorder { chance: Chance::per_mille(25), hold_max: HOLD_DEFAULT });
        let queue = |text| parse(text).conditions.rate.unwrap().queue_bytes;
        assert_eq!(queue("rate=8mbit"), 100_000);
        assert_eq!(queue("rate=8kbit"), DATAGRAM_BYTES_MAX as u64, "a datagram fits");
        assert_eq!((queue("queue=2m,rate=8mbit"), queue("rate=8mbit,queue=5000")), (2 << 20, 5_000));
    }

    #[test]
    fn every_key_is_explained_by_an_example_that_is_understood() {
        for (key, example, _) in KEYS {
            let beside = match key {
                "queue" => ",rate=1mbit",
                "order" => ",jitter=1ms",
                _ => "",
            };
            let text = format!("{key}={example}{beside}");
            assert_eq!(text.parse::<NetworkSpec>().err(), None, "{text}");
            assert!(NetworkSpec::syntax().contains(&format!("  {key}={example} ")));
        }
    }

    #[test]
    fn a_spec_is_written_as_it_would_be_read() {
        assert_eq!(parse(ALL).to_string(), ALL);
        let written = |text: &str| parse(text).to_string();
        assert_eq!(written("seed=18446744073709551615"), "seed=18446744073709551615");
        assert_eq!(written("rate=8388kbit,queue=1201,loss=0%"), "rate=8388kbit,queue=1201,seed=1");
        for text in [
            "jitter=150us",
            "rate=8001bit,queue=2000",
            "loss=100%",
            "mtu=1",
            "rate=8kbit,queue=0",
            "corrupt=0.0001%",
            "rate=100gbit,queue=1024m",
        ] {
            assert_eq!(parse(&written(text)), parse(text), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        let syntax_of = |key: &str| {
            let (key, example, meaning) = KEYS.into_iter().find(|entry| entry.0 == key).unwrap();
            format!("an example is {key}={example}: {meaning}")
        };
        for (text, expected) in [
            ("", "`` has no value; parts are written key=value and separated by commas".to_owned()),
            ("delay=1ms,", "`` has no value; parts are written key=value and separated by commas".to_owned()),
            ("loss", "`loss` has no value; parts are written key=value and separated by commas".to_owned()),
            ("loss=1%,loss=2%", "`loss` is given twice".to_owned()),
            ("loss=101%", "loss is 101%; it can be 0% to 100%".to_owned()),
            ("burst=1%x0", "burst length is 0; it can be 1 to 1000000 datagrams".to_owned()),
            ("delay=61s", "delay is 61s; it can be 0s to 60s".to_owned()),
            (
                "rate=7kbit",
                "rate is 875 bytes per second; it can be 1000 to 12500000000 bytes per second (8kbit to 100gbit)"
                    .to_owned(),
            ),
            ("queue=1025m,rate=1mbit", "queue is 1074790400 bytes; it can be 0 to 1073741824 bytes".to_owned()),
            ("queue=2k", "`queue` is given without `rate`, without which it does nothing".to_owned()),
            ("order=keep", "`order` is given without `jitter`, without which it does nothing".to_owned()),
            ("outage=5s+0s", "outage is 5s to 5s; it can be a time that ends after it begins".to_owned()),
        ] {
            assert_eq!(message(text), expected, "{text}");
        }
        let unknown = message("latency=5ms");
        assert!(unknown.starts_with("there is no `latency`; there are delay, jitter, order, loss,"), "{unknown}");
        for text in [
            "delay=25",
            "delay=-1ms",
            "jitter=infs",
            "order=maybe",
            "loss=1",
            "loss=NaN%",
            "loss=%",
            "burst=1%",
            "burst=1%x8.5",
            "burst=x8",
            "reorder=1%+",
            "duplicate=0.1",
            "corrupt=one%",
            "rate=100",
            "rate=1mb",
            "queue=1g,rate=1mbit",
            "mtu=1.5",
            "outage=10s",
            "seed=-1",
        ] {
            let first = text.split(',').next().unwrap();
            let key = text.split('=').next().unwrap();
            assert_eq!(message(text), format!("{first} is not understood; {}", syntax_of(key)));
        }
    }
}
