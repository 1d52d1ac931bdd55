//! How the text of a setting is read: one reader, whichever source the text comes from.

use ipnet::IpNet;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Why a text is no value: the part of it that is wrong. None where [`Form::expects`] says all there is to say.
pub type Refusal = Option<String>;

type Reader<T> = Box<dyn Fn(&str) -> Result<T, Refusal>>;

/// What a setting takes, and how its text becomes a value.
pub struct Form<T> {
    /// What it takes, for people: it ends a sentence that begins with "it takes".
    pub expects: String,
    /// The same in a word, for the list of flags.
    pub placeholder: String,
    /// The same for machines.
    pub kind: Kind,
    read: Reader<T>,
}

/// The kind of a value: how it stands in a file, and in the schema.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// A whole number within these bounds.
    Whole(u64, u64),
    /// A number within these bounds.
    Decimal(f64, f64),
    /// A time within these bounds, in milliseconds.
    Milliseconds(u64, u64),
    /// True or false.
    Switch,
    /// One of these words.
    Choice(Vec<String>),
    /// A text.
    Text,
    /// Texts.
    List,
}

impl Kind {
    /// As JSON Schema has it.
    pub fn schema(&self) -> Value {
        match self {
            Kind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Kind::Decimal(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
            Kind::Milliseconds(least, most) => json!({"anyOf": [
                {"type": "integer", "minimum": least, "maximum": most},
                {"type": "string", "pattern": "^([0-9.]+ ?(ms|s|m|h) ?)+$"},
            ]}),
            Kind::Switch => json!({"type": "boolean"}),
            Kind::Choice(words) => json!({"enum": words}),
            Kind::Text => json!({"type": "string"}),
            Kind::List => json!({"type": "array", "items": {"type": "string"}}),
        }
    }

    /// A text as it stands in a file.
    pub fn toml(&self, text: &str) -> toml::Value {
        let as_text = || toml::Value::String(text.to_owned());
        match self {
            Kind::Whole(..) | Kind::Milliseconds(..) => text.parse().map_or_else(|_| as_text(), toml::Value::Integer),
            Kind::Decimal(..) => text.parse().map_or_else(|_| as_text(), toml::Value::Float),
            Kind::Switch => read_switch(text).map_or_else(as_text, toml::Value::Boolean),
            Kind::Choice(_) | Kind::Text => as_text(),
            Kind::List => toml::Value::Array(items(text).map(|item| toml::Value::String(item.to_owned())).collect()),
        }
    }
}

impl<T: 'static> Form<T> {
    fn new(
        placeholder: impl Into<String>,
        expects: impl Into<String>,
        kind: Kind,
        read: impl Fn(&str) -> Result<T, Refusal> + 'static,
    ) -> Self {
        Form { expects: expects.into(), placeholder: placeholder.into(), kind, read: Box::new(read) }
    }

    /// The value that a text stands for.
    ///
    /// # Errors
    /// The text is not one of those that [`Self::expects`] names.
    pub fn read(&self, text: &str) -> Result<T, Refusal> {
        (self.read)(text.trim())
    }

    /// This, or the word `word` for none.
    pub fn or(self, word: &'static str) -> Form<Option<T>> {
        let (placeholder, expects) = (self.placeholder.clone(), format!("{}, or `{word}`", self.expects));
        Form::new(placeholder, expects, Kind::Text, move |text| match text == word {
            true => Ok(None),
            false => self.read(text).map(Some),
        })
    }
}

/// A whole number of `unit`s.
pub fn whole(range: RangeInclusive<u64>, unit: &str) -> Form<u64> {
    let (least, most) = range.into_inner();
    let expects = format!("a whole number from {least} to {most}{}{unit}", if unit.is_empty() { "" } else { " " });
    Form::new("N", expects, Kind::Whole(least, most), move |text| {
        text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or(None)
    })
}

/// A number of `unit`s.
pub fn decimal(range: RangeInclusive<f64>, unit: &str) -> Form<f64> {
    let (least, most) = range.into_inner();
    Form::new("N", format!("a number from {least} to {most} {unit}"), Kind::Decimal(least, most), move |text| {
        text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or(None)
    })
}

/// A time in milliseconds: `5000`, `5s`, `250ms`, `1m 30s`.
pub fn milliseconds(range: RangeInclusive<u64>) -> Form<u64> {
    let (least, most) = range.into_inner();
    let people = |millis: u64| format!("{:#}", SignedDuration::from_millis(millis as i64));
    let expects = format!(
        "a time from {} to {}, such as 250ms, 10s or 5m; a number alone is milliseconds",
        people(least),
        people(most)
    );
    Form::new("TIME", expects, Kind::Milliseconds(least, most), move |text| {
        let millis = text.parse().ok().or_else(|| whole_milliseconds(text));
        millis.filter(|millis| (least..=most).contains(millis)).ok_or(None)
    })
}

fn whole_milliseconds(text: &str) -> Option<u64> {
    let duration: SignedDuration = text.parse().ok()?;
    let is_whole = duration.subsec_nanos() % 1_000_000 == 0;
    u64::try_from(duration.as_millis()).ok().filter(|_| is_whole)
}

/// True or false.
pub fn switch() -> Form<bool> {
    Form::new("true|false", "true or false", Kind::Switch, |text| read_switch(text).ok_or(None))
}

fn read_switch(text: &str) -> Option<bool> {
    match text {
        "true" | "on" => Some(true),
        "false" | "off" => Some(false),
        _ => None,
    }
}

/// One of these words, each for a value.
pub fn choice<T: Copy + 'static>(choices: &'static [(&'static str, T)]) -> Form<T> {
    let words: Vec<String> = choices.iter().map(|(word, _)| (*word).to_owned()).collect();
    Form::new(words.join("|"), format!("one of {}", words.join(", ")), Kind::Choice(words), |text| {
        choices.iter().find(|(word, _)| *word == text).map(|&(_, value)| value).ok_or(None)
    })
}

/// An address with a port. A name is looked up, now.
pub fn address() -> Form<SocketAddr> {
    let expects = "an IP address or host name with a port, such as 0.0.0.0:3565, [::]:3565 or localhost:3566";
    Form::new("ADDRESS:PORT", expects, Kind::Text, |text| text.parse().or_else(|_| look_up(text)))
}

fn look_up(text: &str) -> Result<SocketAddr, Refusal> {
    // A name alone, or a port alone, is not looked up.
    let (host, port) = text.rsplit_once(':').ok_or(None)?;
    if host.is_empty() || host.contains(':') || port.parse::<u16>().is_err() {
        return Err(None);
    }
    let unknown = |error: std::io::Error| Some(format!("the host name {host} cannot be looked up ({error})"));
    let addresses: Vec<SocketAddr> = text.to_socket_addrs().map_err(unknown)?.collect();
    // `localhost` is 127.0.0.1 for everybody who writes it, whichever comes first here.
    let preferred = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    preferred.copied().ok_or_else(|| Some(format!("the host name {host} has no address")))
}

/// The path of a file; the empty text is none.
pub fn file() -> Form<Option<PathBuf>> {
    path("FILE", "the path of a file")
}

/// The path of a folder; the empty text is none.
pub fn folder() -> Form<Option<PathBuf>> {
    path("DIR", "the path of a folder")
}

fn path(placeholder: &str, expects: &str) -> Form<Option<PathBuf>> {
    Form::new(placeholder, expects, Kind::Text, |text| Ok((!text.is_empty()).then(|| text.into())))
}

/// What of the program is logged.
pub fn log() -> Form<String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let expects = "a level (off, error, warn, info, debug, trace), or levels by module as in warn,ringshard=debug";
    Form::new("LEVEL", expects, Kind::Text, |text| {
        // A filter takes a word that is no level for the name of a module: hardly ever what was meant.
        let meant = |part: &&str| part.contains('=') || LEVELS.contains(&part.trim());
        if let Some(part) = text.split(',').find(|part| !meant(part)) {
            return Err(text.contains(',').then(|| format!("`{}` is no level", part.trim())));
        }
        match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err(Some(error.to_string())),
        }
    })
}

/// Networks and single addresses.
pub fn networks() -> Form<Vec<IpNet>> {
    let expects = "networks and addresses, such as 203.0.113.0/24,2001:db8::/32";
    Form::new("NETWORKS", expects, Kind::List, |text| {
        let network = |item: &str| item.parse().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from));
        items(text).map(|item| network(item).ok_or_else(|| Some(format!("`{item}` is neither")))).collect()
    })
}

/// Processors of this host; `all` for those that the system gives to this process without being asked.
pub fn cpus() -> Form<Vec<usize>> {
    let expects = "processors of this host as in 0,2,4-7, each once, or `all`";
    Form::new("LIST", expects, Kind::Text, |text| {
        let lent: Vec<usize> = core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
        if text == "all" {
            return Ok(lent);
        }
        // Isolated ones are lent to who names them alone.
        let online = std::fs::read_to_string("/sys/devices/system/cpu/online").ok();
        let online = online.as_deref().map(str::trim);
        let present = online.and_then(cpu_list).unwrap_or(lent);
        let cpus = cpu_list(text).ok_or(None)?;
        for (index, cpu) in cpus.iter().enumerate() {
            if !present.contains(cpu) {
                return Err(Some(format!("this host has no processor {cpu}, it has {}", online.unwrap_or("others"))));
            }
            if cpus[..index].contains(cpu) {
                return Err(Some(format!(
                    "processor {cpu} is named twice, and two cores on it would starve each other"
                )));
            }
        }
        Ok(cpus)
    })
}

/// A list of processors as the kernel writes it: numbers and spans; none is no list.
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
