//! Which run of a host's server.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One run of a host's server: a random number that the server draws when it starts. It tells a host that registers again
/// from another host of the same name. As text: 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(pub u64);

/// A text that is no id of a run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the id of a run has 16 hexadecimal digits")]
pub struct NotARunId;

impl FromStr for RunId {
    type Err = NotARunId;

    fn from_str(text: &str) -> Result<RunId, NotARunId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(NotARunId);
        }
        u64::from_str_radix(text, 16).map(RunId).map_err(|_| NotARunId)
    }
}

impl TryFrom<String> for RunId {
    type Error = NotARunId;

    fn try_from(text: String) -> Result<RunId, NotARunId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> String {
        run.to_string()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_run_is_its_number_in_16_digits() {
        for run in [RunId(0), RunId(0x2f), RunId(u64::MAX)] {
            assert_eq!(run.to_string().parse(), Ok(run));
        }
        for text in ["", "2f", "+00000000000002f", "000000000000002F", "00000000000000002f"] {
            assert_eq!(text.parse::<RunId>(), Err(NotARunId), "{text:?}");
        }
    }
}
