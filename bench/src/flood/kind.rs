//! Kinds of floods.

use clap::ValueEnum;
use serde::Serialize;
use std::str::FromStr;

/// What a flood consists of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Well-formed first Connects from forged addresses all over 127.0.0.0/8.
    Connects,
    /// Connects with valid cookies from one /24, whose keys are never proved.
    Handshakes,
    /// Datagrams with players' connection ids that fail authentication.
    BadTags,
    /// Random bytes of all sizes, some with plausible headers.
    Garbage,
}

impl Kind {
    /// Its name on the command line.
    pub fn name(self) -> String {
        crate::scenario::option_name(self)
    }
}

/// The kinds to measure, one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kinds(pub Vec<Kind>);

impl FromStr for Kinds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Kind::value_variants();
        if text == "all" {
            return Ok(Kinds(all.to_vec()));
        }
        let kinds = text.split(',').map(|name| Kind::from_str(name.trim(), false)).collect::<Result<Vec<_>, _>>();
        let names: Vec<String> = all.iter().map(|kind| kind.name()).collect();
        kinds.map(Kinds).map_err(|_| format!("give {}, several of these separated by commas, or all", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_given_one_by_one_or_as_all() {
        assert_eq!("all".parse(), Ok(Kinds(Kind::value_variants().to_vec())));
        assert_eq!("bad-tags".parse(), Ok(Kinds(vec![Kind::BadTags])));
        assert_eq!("garbage, connects".parse(), Ok(Kinds(vec![Kind::Garbage, Kind::Connects])));
        for wrong in ["", "bad_tags", "connects,", "some"] {
            let error = wrong.parse::<Kinds>().unwrap_err();
            assert!(error.contains("connects, handshakes, bad-tags, garbage"), "{error}");
        }
    }
}
