//! Values of options that several commands share.

use clap::ValueEnum;
use serde::Serialize;

/// How clients share sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flows {
    /// One socket each.
    Distinct,
    /// Many behind each.
    Relay,
}

/// A cipher to hold the server to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Cipher {
    /// ChaCha20-Poly1305.
    #[default]
    Chacha,
    /// AES-128-GCM.
    Aes,
}

/// A datapath to ask the server for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Datapath {
    /// io_uring where it can be had.
    #[default]
    Auto,
    /// io_uring.
    Uring,
    /// recvmmsg and sendmmsg.
    Mmsg,
}

/// A way to wait to ask the server for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum IdleStrategy {
    /// Never.
    Busy,
    /// Gathering under load.
    #[default]
    Adaptive,
    /// Always gathering.
    Park,
}

/// How fast each client sends.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Rate {
    /// So many messages a second, at times fixed in advance.
    Hz(f64),
    /// As fast as answers come back.
    Max,
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Rate::Max),
            Ok(hz) if (0.01..=100_000.0).contains(&hz) => Ok(Rate::Hz(hz)),
            _ => Err("give messages per second, 0.01 to 100000, or `max`".into()),
        }
    }
}

/// A number of an option that must lie in a range.
pub fn number_in(text: &str, range: std::ops::RangeInclusive<f64>) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("give a number from {} to {}", range.start(), range.end())),
    }
}

/// The name of a choice as its option has it.
pub fn option_name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
