//! Names of hosts and regions.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// Most bytes of a name, as in a label of DNS (RFC 1035, section 2.3.4).
const BYTES_MAX: usize = 63;

/// Name of a host or a region: 1 to 63 of the characters `a-z`, `0-9` and `-`, without `-` at either end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Box<str>);

/// A text that is no name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no name: use 1 to {BYTES_MAX} of the characters a-z, 0-9 and -, without - at either end")]
pub struct NotAName(String);

impl Name {
    /// The name as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Name, NotAName> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = (1..=BYTES_MAX).contains(&text.len())
            && text.bytes().all(is_allowed)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if is_name { Ok(Name(text.into())) } else { Err(NotAName(text.chars().take(BYTES_MAX + 1).collect())) }
    }
}

impl TryFrom<String> for Name {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Name, NotAName> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0.into()
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_label_of_dns() {
        for name in ["a", "eu-central-1", "0", &"a".repeat(63)] {
            assert_eq!(name.parse::<Name>().map(|parsed| parsed.to_string()).as_deref(), Ok(name));
        }
        for text in ["", "-a", "a-", "A", "a.b", "a/b", "ä", "a b", "a\0", &"a".repeat(64)] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
            assert!(serde_json::from_value::<Name>(text.into()).is_err(), "{text:?}");
        }
    }
}
