//! How the text of a setting is read: one reader, whichever source the text comes from.

use ipnet::IpNet;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

type Reader<T> = Box<dyn Fn(&str) -> Option<T>>;

/// What a setting takes, and how its text becomes a value.
pub struct Form<T> {
    /// What it takes, for people: it ends a sentence that begins with "it takes".
    pub expects: String,
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
            Kind::Whole(..) => text.parse().map_or_else(|_| as_text(), toml::Value::Integer),
            Kind::Decimal(..) => text.parse().map_or_else(|_| as_text(), toml::Value::Float),
            Kind::Switch => read_switch(text).map_or_else(as_text, toml::Value::Boolean),
            Kind::Choice(_) | Kind::Text => as_text(),
            Kind::List => toml::Value::Array(items(text).map(|item| toml::Value::String(item.to_owned())).collect()),
        }
    }
}

impl<T: 'static> Form<T> {
    fn new(expects: impl Into<String>, kind: Kind, read: impl Fn(&str) -> Option<T> + 'static) -> Self {
        Form { expects: expects.into(), kind, read: Box::new(read) }
    }

    /// The value that a text stands for; None when it is not one of those that [`Self::expects`] names.
    pub fn read(&self, text: &str) -> Option<T> {
        (self.read)(text.trim())
    }

    /// This, or the word `word` for none.
    pub fn or(self, word: &'static str) -> Form<Option<T>> {
        let expects = format!("{}, or `{word}`", self.expects);
        Form::new(expects, Kind::Text, move |text| if text == word { Some(None) } else { self.read(text).map(Some) })
    }
}

/// A whole number of `unit`s.
pub fn whole(range: RangeInclusive<u64>, unit: &str) -> Form<u64> {
    let (least, most) = range.into_inner();
    let expects = format!("a whole number from {least} to {most}{}{unit}", if unit.is_empty() { "" } else { " " });
    Form::new(expects, Kind::Whole(least, most), move |text| {
        text.parse().ok().filter(|number| (least..=most).contains(number))
    })
}

/// A number of `unit`s.
pub fn decimal(range: RangeInclusive<f64>, unit: &str) -> Form<f64> {
    let (least, most) = range.into_inner();
    Form::new(format!("a number from {least} to {most} {unit}"), Kind::Decimal(least, most), move |text| {
        text.parse().ok().filter(|number| (least..=most).contains(number))
    })
}

/// True or false.
pub fn switch() -> Form<bool> {
    Form::new("true or false", Kind::Switch, read_switch)
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
    Form::new(format!("one of {}", words.join(", ")), Kind::Choice(words), |text| {
        choices.iter().find(|(word, _)| *word == text).map(|&(_, value)| value)
    })
}

/// An address with a port.
pub fn address() -> Form<SocketAddr> {
    Form::new("an IP address with a port, such as 0.0.0.0:3565 or [::]:3565", Kind::Text, |text| text.parse().ok())
}

/// A path; the empty text is none.
pub fn path() -> Form<Option<PathBuf>> {
    Form::new("a path", Kind::Text, |text| Some((!text.is_empty()).then(|| text.into())))
}

/// What of the program is logged.
pub fn log() -> Form<String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let expects = "a level (off, error, warn, info, debug, trace), or levels by module as in warn,ringshard=debug";
    Form::new(expects, Kind::Text, |text| {
        // A filter takes a word that is no level for the name of a module: hardly ever what was meant.
        let meant = !text.is_empty() && text.split(',').all(|part| part.contains('=') || LEVELS.contains(&part.trim()));
        (meant && tracing_subscriber::EnvFilter::try_new(text).is_ok()).then(|| text.to_owned())
    })
}

/// Networks and single addresses.
pub fn networks() -> Form<Vec<IpNet>> {
    Form::new("networks and addresses, such as 203.0.113.0/24 and 2001:db8::/32", Kind::List, |text| {
        items(text).map(|item| item.parse().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from))).collect()
    })
}

/// Processors of this host; `all` for those that the system gives to this process without being asked.
pub fn cpus() -> Form<Vec<usize>> {
    let lent: Vec<usize> = core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
    // Isolated ones are lent to who names them alone.
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").ok();
    let present = online.and_then(|list| cpu_list(list.trim())).unwrap_or_else(|| lent.clone());
    let list = present.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    Form::new(format!("processors of this host ({list}) as in 0,2,4-7, or `all`"), Kind::Text, move |text| {
        if text == "all" {
            return Some(lent.clone());
        }
        cpu_list(text).filter(|cpus| cpus.iter().all(|cpu| present.contains(cpu)))
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
