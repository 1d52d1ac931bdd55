//! Values of options that several commands share.

use clap::ValueEnum;
use ringshard_protocol::crypto::Suite;
use serde::Serialize;

/// How clients share sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flows {
    /// One socket per client.
    Distinct,
    /// Many clients per socket.
    Relay,
}

/// A cipher of the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Cipher {
    /// ChaCha20-Poly1305.
    #[default]
    Chacha,
    /// AES-128-GCM.
    Aes,
}

impl Cipher {
    /// Its suite in the protocol.
    pub fn suite(self) -> Suite {
        match self {
            Cipher::Chacha => Suite::ChaCha20Poly1305,
            Cipher::Aes => Suite::Aes128Gcm,
        }
    }
}

/// A datapath of the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Datapath {
    /// io_uring if available, else recvmmsg and sendmmsg.
    #[default]
    Auto,
    /// io_uring.
    Uring,
    /// recvmmsg and sendmmsg.
    Mmsg,
}

/// How the server waits for datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum IdleStrategy {
    /// Never sleep.
    Busy,
    /// Batch arrivals under load.
    #[default]
    Adaptive,
    /// Always batch arrivals.
    Park,
}

/// How fast each client sends.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Rate {
    /// Messages per second, at times fixed in advance.
    Hz(f64),
    /// As fast as answers arrive.
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

/// Parses a number that must lie in a range.
pub fn number_in(text: &str, range: std::ops::RangeInclusive<f64>) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("give a number from {} to {}", range.start(), range.end())),
    }
}

/// The name of a choice on the command line.
pub fn option_name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
