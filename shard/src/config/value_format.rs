//! How the text of a setting becomes a value, whatever the source of the text.

use ipnet::IpNet;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Which part of a text is wrong. None if [`ValueFormat::expects`] says enough.
pub type ValueError = Option<String>;

type Parser<T> = Box<dyn Fn(&str) -> Result<T, ValueError>>;

/// Which values a setting takes, and how its text becomes one.
pub struct ValueFormat<T> {
    /// The values, for people; completes "must be".
    pub expects: String,
    /// The same in a word, for the list of flags.
    pub placeholder: String,
    /// The same for machines.
    pub kind: ValueKind,
    parse: Parser<T>,
}

/// The kind of a value in a file and in the schema.
#[derive(Clone, PartialEq, Debug)]
pub enum ValueKind {
    /// A whole number from the first to the second.
    Whole(u64, u64),
    /// A number from the first to the second.
    Decimal(f64, f64),
    /// A time from the first to the second, in milliseconds.
    Milliseconds(u64, u64),
    /// True or false.
    Switch,
    /// One of these words.
    Choice(Vec<String>),
    /// A text.
    Text,
    /// A list of texts.
    List,
}

impl ValueKind {
    /// As JSON Schema.
    pub fn schema(&self) -> Value {
        match self {
            ValueKind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            ValueKind::Decimal(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
            ValueKind::Milliseconds(least, most) => json!({"anyOf": [
                {"type": "integer", "minimum": least, "maximum": most},
                {"type": "string", "pattern": "^([0-9.]+ ?(ms|s|m|h) ?)+$"},
            ]}),
            ValueKind::Switch => json!({"type": "boolean"}),
            ValueKind::Choice(words) => json!({"enum": words}),
            ValueKind::Text => json!({"type": "string"}),
            ValueKind::List => json!({"type": "array", "items": {"type": "string"}}),
        }
    }

    /// A text as a TOML value.
    pub fn toml(&self, text: &str) -> toml::Value {
        let as_text = || toml::Value::String(text.to_owned());
        match self {
            ValueKind::Whole(..) | ValueKind::Milliseconds(..) => {
                text.parse().map_or_else(|_| as_text(), toml::Value::Integer)
            }
            ValueKind::Decimal(..) => text.parse().map_or_else(|_| as_text(), toml::Value::Float),
            ValueKind::Switch => read_switch(text).map_or_else(as_text, toml::Value::Boolean),
            ValueKind::Choice(_) | ValueKind::Text => as_text(),
            ValueKind::List => {
                toml::Value::Array(items(text).map(|item| toml::Value::String(item.to_owned())).collect())
            }
        }
    }
}

impl<T: 'static> ValueFormat<T> {
    fn new(
        placeholder: impl Into<String>,
        expects: impl Into<String>,
        kind: ValueKind,
        parse: impl Fn(&str) -> Result<T, ValueError> + 'static,
    ) -> Self {
        ValueFormat { expects: expects.into(), placeholder: placeholder.into(), kind, parse: Box::new(parse) }
    }

    /// Parses a text.
    ///
    /// # Errors
    /// The text is not one that [`Self::expects`] describes.
    pub fn parse(&self, text: &str) -> Result<T, ValueError> {
        (self.parse)(text.trim())
    }

    /// This format, or `word` for none.
    ///
    /// # Panics
    /// When `word` is a value of this format.
    pub fn or(self, word: &'static str) -> ValueFormat<Option<T>> {
        assert!(self.parse(word).is_err(), "`{word}` would be both a value and none");
        let (placeholder, expects) = (self.placeholder.clone(), format!("{}, or `{word}`", self.expects));
        ValueFormat::new(placeholder, expects, ValueKind::Text, move |text| match text == word {
            true => Ok(None),
            false => self.parse(text).map(Some),
        })
    }
}

/// A whole number of `unit`s.
///
/// # Panics
/// When the range is empty.
pub fn whole(range: RangeInclusive<u64>, unit: &str) -> ValueFormat<u64> {
    let (least, most) = bounds(range);
    let expects = format!("a whole number from {least} to {most}{}{unit}", if unit.is_empty() { "" } else { " " });
    ValueFormat::new("N", expects, ValueKind::Whole(least, most), move |text| {
        text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or(None)
    })
}

/// A number of `unit`s.
///
/// # Panics
/// When the range is empty.
pub fn decimal(range: RangeInclusive<f64>, unit: &str) -> ValueFormat<f64> {
    let (least, most) = bounds(range);
    ValueFormat::new(
        "N",
        format!("a number from {least} to {most} {unit}"),
        ValueKind::Decimal(least, most),
        move |text| text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or(None),
    )
}

/// A time in milliseconds: `5000`, `5s`, `250ms`, `1m 30s`.
///
/// # Panics
/// When the range is empty.
pub fn milliseconds(range: RangeInclusive<u64>) -> ValueFormat<u64> {
    let (least, most) = bounds(range);
    let expects = format!(
        "a time from {} to {}, such as 250ms or 1s; a number alone is milliseconds",
        with_unit(least),
        with_unit(most)
    );
    ValueFormat::new("TIME", expects, ValueKind::Milliseconds(least, most), move |text| {
        let millis = text.parse().ok().or_else(|| whole_milliseconds(text));
        millis.filter(|millis| (least..=most).contains(millis)).ok_or(None)
    })
}

fn bounds<T: PartialOrd + Debug>(range: RangeInclusive<T>) -> (T, T) {
    assert!(!range.is_empty(), "no number is in {range:?}");
    range.into_inner()
}

/// Units of time, with their milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A time such as `1m 30s`, from the largest unit to the smallest, in milliseconds.
fn whole_milliseconds(text: &str) -> Option<u64> {
    let (mut rest, mut units, mut micros) = (text, UNITS.as_slice(), 0.0);
    while !rest.is_empty() {
        let is_digit = |byte: char| byte.is_ascii_digit() || byte == '.';
        let (number, after) = rest.split_at(rest.find(|byte| !is_digit(byte))?);
        let after = after.trim_start();
        let (unit, after) = after.split_at(after.find(|byte: char| !byte.is_ascii_lowercase()).unwrap_or(after.len()));
        let at = units.iter().position(|(name, _)| *name == unit)?;
        micros += number.parse::<f64>().ok()? * units[at].1 as f64 * 1_000.0;
        (units, rest) = (&units[at + 1..], after.trim_start());
    }
    // A fraction such as that of 1.1s is not exact in binary.
    let micros = micros.round();
    (!text.is_empty() && micros < u64::MAX as f64 && micros % 1_000.0 == 0.0).then_some(micros as u64 / 1_000)
}

/// A time in the largest unit that it is a whole number of.
fn with_unit(millis: u64) -> String {
    let of_unit = |&&(_, size): &&(&str, u64)| millis.is_multiple_of(size);
    match UNITS.iter().find(of_unit) {
        Some((unit, size)) if millis > 0 => format!("{}{unit}", millis / size),
        _ => "0".into(),
    }
}

/// True or false.
pub fn switch() -> ValueFormat<bool> {
    ValueFormat::new("true|false", "true or false", ValueKind::Switch, |text| read_switch(text).ok_or(None))
}

fn read_switch(text: &str) -> Option<bool> {
    match text {
        "true" | "on" => Some(true),
        "false" | "off" => Some(false),
        _ => None,
    }
}

/// One of these words, each with its value.
///
/// # Panics
/// When there are fewer than two words, or one stands there twice.
pub fn choice<T: Copy + 'static>(choices: &'static [(&'static str, T)]) -> ValueFormat<T> {
    let words: Vec<String> = choices.iter().map(|(word, _)| (*word).to_owned()).collect();
    assert!(words.len() > 1, "{words:?} is no choice");
    assert!((1..words.len()).all(|at| !words[..at].contains(&words[at])), "{words:?} has a word twice");
    ValueFormat::new(words.join("|"), format!("one of {}", words.join(", ")), ValueKind::Choice(words), |text| {
        choices.iter().find(|(word, _)| *word == text).map(|&(_, value)| value).ok_or(None)
    })
}

/// An address with a port. A host name is looked up at once.
pub fn address() -> ValueFormat<SocketAddr> {
    let expects = "an IP address or host name with a port, such as 0.0.0.0:3565, [::]:3565 or localhost:3566";
    ValueFormat::new("ADDRESS:PORT", expects, ValueKind::Text, |text| text.parse().or_else(|_| look_up(text)))
}

fn look_up(text: &str) -> Result<SocketAddr, ValueError> {
    // Only a host with a port is looked up.
    let (host, port) = text.rsplit_once(':').ok_or(None)?;
    if host.is_empty() || host.contains(':') || port.parse::<u16>().is_err() {
        return Err(None);
    }
    let unknown = |error: std::io::Error| Some(format!("the host name {host} cannot be looked up ({error})"));
    let addresses: Vec<SocketAddr> = text.to_socket_addrs().map_err(unknown)?.collect();
    // `localhost` means 127.0.0.1, even if the resolver lists ::1 first.
    let preferred = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    preferred.copied().ok_or_else(|| Some(format!("the host name {host} has no address")))
}

/// The path of a file; empty for none.
pub fn file() -> ValueFormat<Option<PathBuf>> {
    path("FILE", "the path of a file")
}

/// The path of a folder; empty for none.
pub fn folder() -> ValueFormat<Option<PathBuf>> {
    path("DIR", "the path of a folder")
}

fn path(placeholder: &str, expects: &str) -> ValueFormat<Option<PathBuf>> {
    ValueFormat::new(placeholder, expects, ValueKind::Text, |text| Ok((!text.is_empty()).then(|| text.into())))
}

/// A name to announce a server under; empty for none.
pub fn announced_name() -> ValueFormat<Option<String>> {
    let expects = "a name of 1 to 63 bytes, without control characters";
    ValueFormat::new("NAME", expects, ValueKind::Text, |text| match text {
        "" => Ok(None),
        _ if text.len() > 63 || text.chars().any(char::is_control) => Err(None),
        _ => Ok(Some(text.to_owned())),
    })
}

/// A name as hosts and regions of a fleet have it; empty for none.
pub fn label() -> ValueFormat<String> {
    let expects = "1 to 63 of the characters a-z, 0-9 and -, without - at either end";
    ValueFormat::new("NAME", expects, ValueKind::Text, |text| {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_label = text.len() <= 63 && text.bytes().all(is_allowed) && text.trim_matches('-') == text;
        if is_label { Ok(text.to_owned()) } else { Err(None) }
    })
}

/// A host name or an address, and a port, which are not looked up; empty for none.
pub fn host_and_port() -> ValueFormat<String> {
    let expects = "a host name or an address, and a port, such as play.example:3565";
    ValueFormat::new("HOST:PORT", expects, ValueKind::Text, |text| {
        let is_whole = |(host, port): (&str, &str)| {
            let is_host = !host.is_empty() && (!host.contains(':') || host.starts_with('[') && host.ends_with(']'));
            is_host && port.parse::<u16>().is_ok()
        };
        if text.is_empty() || text.rsplit_once(':').is_some_and(is_whole) { Ok(text.to_owned()) } else { Err(None) }
    })
}

/// The address of a program on the web; empty for none.
pub fn url() -> ValueFormat<String> {
    let expects = "an address such as http://127.0.0.1:8080/check";
    ValueFormat::new("URL", expects, ValueKind::Text, |text| {
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let is_whole = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'));
        if text.is_empty() || is_whole { Ok(text.to_owned()) } else { Err(None) }
    })
}

/// A list of keys of 64 hexadecimal digits.
pub fn keys() -> ValueFormat<Vec<[u8; 32]>> {
    let expects = "a list of keys of 64 hexadecimal digits each";
    ValueFormat::new("KEYS", expects, ValueKind::List, |text| {
        let key = |item: &str| key(item).ok_or_else(|| Some(format!("`{item}` does not have 64 hexadecimal digits")));
        items(text).map(key).collect()
    })
}

fn key(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 2 * key.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

/// A list of names with a text each, such as `city=city.pmtiles`.
pub fn pairs(placeholder: &str, expects: &str) -> ValueFormat<Vec<(String, String)>> {
    ValueFormat::new(placeholder, expects, ValueKind::List, read_pairs)
}

fn read_pairs(text: &str) -> Result<Vec<(String, String)>, ValueError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for item in items(text) {
        let pair = item.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        match pair.filter(|(name, value)| !name.is_empty() && !value.is_empty()) {
            Some((name, _)) if pairs.iter().any(|(other, _)| other == name) => {
                return Err(Some(format!("`{item}` has a name a second time")));
            }
            Some((name, value)) => pairs.push((name.to_owned(), value.to_owned())),
            None => return Err(Some(format!("`{item}` is no name with a text"))),
        }
    }
    Ok(pairs)
}

/// A list of web origins.
pub fn origins() -> ValueFormat<Vec<String>> {
    let expects = "a list of web origins such as https://play.example";
    ValueFormat::new("ORIGINS", expects, ValueKind::List, |text| {
        let origin = |item: &str| match item.split_once("://") {
            Some(("http" | "https", host)) if !host.is_empty() && !host.contains('/') => Ok(item.to_owned()),
            _ => Err(Some(format!("`{item}` is no scheme and host, without a path"))),
        };
        items(text).map(origin).collect()
    })
}

/// A list of numbers.
pub fn numbers() -> ValueFormat<Vec<u64>> {
    ValueFormat::new("NUMBERS", "a list of numbers", ValueKind::List, |text| {
        items(text).map(|item| item.parse().map_err(|_| Some(format!("`{item}` is no number")))).collect()
    })
}

/// A list of paths of actions with a rate each, such as `/v1/suggest=0.5`.
pub fn rates() -> ValueFormat<Vec<(String, f64)>> {
    let expects = "a list of actions with a number of calls per second each, such as /v1/suggest=0.5";
    ValueFormat::new("PATH=RATE", expects, ValueKind::List, |text| {
        let rate = |(path, rate): (String, String)| match rate.parse() {
            Ok(rate) if (0.001..=1e6).contains(&rate) => Ok((path, rate)),
            _ => Err(Some(format!("`{rate}` is no number of calls per second from 0.001 to 1000000"))),
        };
        read_pairs(text)?.into_iter().map(rate).collect()
    })
}

/// What is logged: a level, or levels by module.
pub fn log() -> ValueFormat<String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let expects = "a level (off, error, warn, info, debug, trace), or levels by module such as warn,ringshard=debug";
    ValueFormat::new("LEVEL", expects, ValueKind::Text, |text| {
        // The filter would take any other word for the name of a module, which is hardly ever what is meant.
        let is_level = |part: &&str| part.contains('=') || LEVELS.contains(&part.trim());
        if let Some(part) = text.split(',').find(|part| !is_level(part)) {
            return Err(text.contains(',').then(|| format!("`{}` is not a level", part.trim())));
        }
        match text.parse::<tracing_subscriber::filter::Targets>() {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err(Some(error.to_string())),
        }
    })
}

/// A list of networks and single addresses.
pub fn networks() -> ValueFormat<Vec<IpNet>> {
    let expects = "a list of networks and addresses such as 203.0.113.0/24,2001:db8::/32";
    ValueFormat::new("NETWORKS", expects, ValueKind::List, |text| {
        let network = |item: &str| item.parse().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from));
        items(text)
            .map(|item| network(item).ok_or_else(|| Some(format!("`{item}` is neither a network nor an address"))))
            .collect()
    })
}

/// A list of names with a distance each, such as `player=80000,item=5000`; up to `most` units.
pub fn distances(most: f32) -> ValueFormat<Vec<(String, f32)>> {
    let expects = format!(
        "a list of kinds of entities with a distance each, such as player=80000,item=5000; a distance is from 1 to {most} \
         units"
    );
    ValueFormat::new("KIND=UNITS", expects, ValueKind::List, move |text| {
        let mut distances: Vec<(String, f32)> = Vec::new();
        for item in items(text) {
            let Some((kind, units)) = item.split_once('=').map(|(kind, units)| (kind.trim(), units.trim())) else {
                return Err(Some(format!("`{item}` has no distance")));
            };
            let Some(units) = units.parse().ok().filter(|units| (1.0..=most).contains(units)) else {
                return Err(Some(format!("`{units}` is not a distance from 1 to {most}")));
            };
            if kind.is_empty() || distances.iter().any(|(other, _)| other == kind) {
                let what = if kind.is_empty() { "names no kind" } else { "names a kind a second time" };
                return Err(Some(format!("`{item}` {what}")));
            }
            distances.push((kind.to_owned(), units));
        }
        Ok(distances)
    })
}

/// CPUs of this host; `all` for those that this process may use by default.
pub fn cpus() -> ValueFormat<Vec<usize>> {
    let expects = "a list of this host's CPUs such as 0,2,4-7, each once, or `all`";
    ValueFormat::new("LIST", expects, ValueKind::Text, |text| {
        let allowed: Vec<usize> =
            core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
        if text == "all" {
            return Ok(allowed);
        }
        // Isolated CPUs are not among the allowed ones, but can be named.
        let online = std::fs::read_to_string("/sys/devices/system/cpu/online").ok();
        let online = online.as_deref().map(str::trim);
        let present = online.and_then(cpu_list).unwrap_or(allowed);
        let cpus = cpu_list(text).ok_or(None)?;
        for (index, cpu) in cpus.iter().enumerate() {
            if !present.contains(cpu) {
                return Err(Some(format!("this host has no CPU {cpu}; its CPUs are {}", online.unwrap_or("others"))));
            }
            if cpus[..index].contains(cpu) {
                return Err(Some(format!("CPU {cpu} is named twice, and two cores on it would starve each other")));
            }
        }
        Ok(cpus)
    })
}

/// A list of CPUs as the kernel writes it, such as 0,2,4-7; not empty.
fn cpu_list(text: &str) -> Option<Vec<usize>> {
    let number = |text: &str| text.trim().parse::<u16>().ok().map(usize::from);
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cpus.extend(number(first)?..=number(last)?);
    }
    (!cpus.is_empty()).then_some(cpus)
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}
