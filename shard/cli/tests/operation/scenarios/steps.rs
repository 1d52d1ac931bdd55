//! The steps of scenarios.json. What the file does not explain here, it explains in its `vocabulary`.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    #[serde(rename = "about")]
    _about: String,
    pub vocabulary: BTreeMap<String, String>,
    pub scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    /// Arguments of `ringshard serve`.
    pub server: Vec<String>,
    pub steps: Vec<Step>,
}

#[derive(Deserialize, Debug)]
#[serde(tag = "do", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Step {
    Connect {
        #[serde(default)]
        client: usize,
        #[serde(default)]
        key: Side,
        #[serde(default = "yes")]
        reconnect: bool,
    },
    Expect {
        #[serde(default)]
        client: usize,
        event: EventName,
        reason: Option<String>,
    },
    Echo {
        #[serde(default)]
        client: usize,
        channels: Vec<u8>,
        bytes: Vec<usize>,
        #[serde(default)]
        content: Content,
        carried_most: Option<u64>,
    },
    Send {
        #[serde(default)]
        client: usize,
        channels: Vec<u8>,
        count: u32,
        bytes: Vec<usize>,
        #[serde(default)]
        every: u64,
    },
    ExpectEchoes {
        #[serde(default)]
        client: usize,
        share: f64,
    },
    Refuse {
        #[serde(default)]
        client: usize,
        channel: u8,
        bytes: usize,
    },
    Network {
        #[serde(default)]
        loss: u16,
        #[serde(default)]
        repeat: u16,
        #[serde(default)]
        delay: [u64; 2],
    },
    Cut {},
    Restore {},
    Move {},
    Rekey {
        #[serde(default)]
        client: usize,
    },
    Rest {
        time: u64,
    },
    RestartServer {},
    ShutDownServer {},
    StartServer {},
    Kick {},
    Close {
        #[serde(default)]
        client: usize,
    },
    Enter {
        #[serde(default)]
        client: usize,
        #[serde(default)]
        level: Side,
    },
    Walk {
        #[serde(default)]
        client: usize,
        ticks: u64,
        moved_least: f32,
        mispredicted_most: u64,
    },
    Sees {
        #[serde(default)]
        client: usize,
        other: usize,
        within: f32,
        others: usize,
    },
    ExpectDigests {
        least: u64,
    },
    Ask {
        #[serde(default)]
        client: usize,
        ask: AskName,
        answer: String,
    },
    Say {
        #[serde(default)]
        client: usize,
        text: String,
    },
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    #[default]
    Right,
    Wrong,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    #[default]
    Random,
    Text,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum EventName {
    Connected,
    Resumed,
    Reconnecting,
    Closed,
    Entered,
    Renewed,
    Refused,
    /// No step expects it.
    #[serde(skip)]
    PutOut,
}

#[derive(Deserialize, Clone, Copy, Debug)]
pub enum AskName {
    Drink,
    Hide,
    Restart,
}

fn yes() -> bool {
    true
}
