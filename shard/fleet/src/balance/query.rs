//! The fields of a request: `name=value`, joined by `&`, percent-encoded.

use super::hash::short_hash;
use crate::balancer::{FAILED_MAX, PARTY_SIZE_MAX, Party, ROUND_TRIPS_MAX, Request, Whereabouts};
use crate::model::Name;
use std::net::IpAddr;

/// Bytes of a request's address, the path included.
pub(super) const ADDRESS_BYTES_MAX: usize = 4_096;
/// Bytes of an account, a contract or a party's name.
const TEXT_BYTES_MAX: usize = 128;
/// A longer round trip, in milliseconds, is as useless as this one.
const ROUND_TRIP_MS_MAX: f32 = 60_000.0;

/// The fields that `/v1/route` takes.
pub(super) const OF_ROUTE: &[&str] =
    &["contract", "region", "rtt", "account", "party", "size", "pass", "failed", "queue"];
/// The fields that `/v1/explain` takes.
pub(super) const OF_EXPLAIN: &[&str] =
    &["contract", "region", "rtt", "account", "party", "size", "pass", "failed", "queue", "address"];
/// The fields that an explanation without a balancer takes: what balancers signed, only they can check.
pub(super) const OF_COMMAND: &[&str] = &["contract", "region", "rtt", "account", "party", "size", "address"];

/// What a client asks with. All of it is the client's word.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Fields {
    pub(super) contract: Option<String>,
    pub(super) region: Option<Name>,
    pub(super) round_trips: Vec<(Name, f32)>,
    pub(super) account: Option<String>,
    pub(super) party: Option<String>,
    pub(super) size: Option<u32>,
    pub(super) pass: Option<String>,
    pub(super) failed: Vec<String>,
    pub(super) queue: Option<String>,
    /// For explanations alone: the client's address.
    pub(super) address: Option<IpAddr>,
}

impl Fields {
    /// Reads those of the fields `taken` that a query has. A field may be there once.
    ///
    /// # Errors
    /// The field that is wrong, and what it must be.
    pub(super) fn parse(query: &str, taken: &[&str]) -> Result<Fields, String> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or_else(|| format!("{}: this is not percent-encoded UTF-8", shown(name)))?;
            Ok((name, value))
        });
        Fields::read(pairs, taken)
    }

    /// Reads fields that are written as `NAME=VALUE`, and not encoded.
    ///
    /// # Errors
    /// As [`Fields::parse`].
    pub(super) fn plain(pairs: &[String], taken: &[&str]) -> Result<Fields, String> {
        let pairs = pairs.iter().map(|pair| {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("{}: expected NAME=VALUE", shown(pair)))?;
            Ok((name, value.to_owned()))
        });
        Fields::read(pairs, taken)
    }

    fn read<'a>(
        pairs: impl Iterator<Item = Result<(&'a str, String), String>>,
        taken: &[&str],
    ) -> Result<Fields, String> {
        let mut fields = Fields::default();
        let mut seen = Vec::new();
        for pair in pairs {
            let (name, value) = pair?;
            if !taken.contains(&name) {
                let (name, taken) = (shown(name), taken.join(", "));
                return Err(format!("{name}: there is no such field here; the fields are {taken}"));
            }
            if seen.contains(&name) {
                return Err(format!("{name}: send this field once"));
            }
            seen.push(name);
            fields.set(name, value)?;
        }
        match (&fields.party, fields.size) {
            (Some(_), None) => Err("size: with a party, say how many its members are".to_owned()),
            (None, Some(_)) => Err("party: a size needs a party".to_owned()),
            _ => Ok(fields),
        }
    }

    /// What they say to the balancer. `key` stands in for an account that they do not name.
    pub(super) fn request(
        self,
        place: Whereabouts,
        key: Option<u64>,
        party: Option<Party>,
        failed: Vec<Name>,
    ) -> Request {
        let account = self.account.as_deref().map(|account| short_hash(account.as_bytes()));
        let Fields { contract, region, round_trips, .. } = self;
        Request { contract, region, round_trips, place, key: account.or(key), party, failed }
    }

    /// The party of its first member.
    pub(super) fn founder(&self) -> Option<Party> {
        let (party, size) = self.party.as_ref().zip(self.size)?;
        Some(Party::Founder { id: short_hash(party.as_bytes()), size })
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "contract" => self.contract = Some(text(name, value)?),
            "region" => self.region = Some(value.parse().map_err(|error| format!("region: {error}"))?),
            "rtt" => self.round_trips = round_trips(&value)?,
            "account" => self.account = Some(text(name, value)?),
            "party" => self.party = Some(text(name, value)?),
            "size" => {
                let size = value.parse().ok().filter(|size| (1..=PARTY_SIZE_MAX).contains(size));
                self.size = Some(size.ok_or_else(|| format!("size: expected 1 to {PARTY_SIZE_MAX}"))?);
            }
            "pass" => self.pass = Some(value),
            "failed" => {
                self.failed = value.split(',').map(str::to_owned).collect();
                if self.failed.len() > FAILED_MAX {
                    return Err(format!("failed: send at most {FAILED_MAX} receipts"));
                }
            }
            "queue" => self.queue = Some(value),
            "address" => self.address = Some(value.parse().map_err(|_| "address: expected an IP address".to_owned())?),
            other => return Err(format!("{}: there is no such field", shown(other))),
        }
        Ok(())
    }
}

/// The name of a field as an answer may repeat it.
fn shown(name: &str) -> String {
    name.chars().filter(|character| character.is_ascii_graphic()).take(20).collect()
}

fn text(name: &str, value: String) -> Result<String, String> {
    if value.is_empty() || value.len() > TEXT_BYTES_MAX {
        return Err(format!("{name}: expected 1 to {TEXT_BYTES_MAX} bytes"));
    }
    Ok(value)
}

/// `REGION:MILLISECONDS`, joined by commas.
fn round_trips(value: &str) -> Result<Vec<(Name, f32)>, String> {
    let round_trip = |entry: &str| {
        let (region, ms) = entry.split_once(':')?;
        let ms: f32 = ms.parse().ok().filter(|ms: &f32| ms.is_finite() && *ms >= 0.0)?;
        Some((region.parse().ok()?, ms.min(ROUND_TRIP_MS_MAX)))
    };
    let all: Option<Vec<_>> = value.split(',').map(round_trip).collect();
    let all =
        all.ok_or_else(|| "rtt: expected REGION:MILLISECONDS, joined by commas, such as eu:12.5,us:98".to_owned())?;
    if all.len() > ROUND_TRIPS_MAX {
        return Err(format!("rtt: send at most {ROUND_TRIPS_MAX} regions"));
    }
    Ok(all)
}

/// None: it is not percent-encoded UTF-8.
fn decoded(value: &str) -> Option<String> {
    if !value.contains(['%', '+']) {
        return Some(value.to_owned());
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = str::from_utf8(rest.get(..2)?).ok().filter(|digits| !digits.starts_with('+'))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[2..];
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_fields_are_read() {
        let query = "contract=1.2%2B3&region=eu&rtt=eu:12.5,us:98&party=a+b&size=4&failed=x,y&address=::1";
        let fields = Fields::parse(query, OF_EXPLAIN).unwrap();
        assert_eq!(fields.contract.as_deref(), Some("1.2+3"));
        assert_eq!(fields.region, Some("eu".parse().unwrap()));
        assert_eq!(fields.round_trips, [("eu".parse().unwrap(), 12.5), ("us".parse().unwrap(), 98.0)]);
        assert_eq!((fields.party.as_deref(), fields.size), (Some("a b"), Some(4)));
        assert_eq!(fields.failed, ["x", "y"]);
        assert_eq!(Fields::parse("", OF_ROUTE).unwrap(), Fields::default());
    }

    #[test]
    fn what_is_written_on_a_command_line_is_not_encoded() {
        let pairs = ["contract=1.2+3", "account=a+b&c=%20", "party==", "size=2"].map(str::to_owned);
        let fields = Fields::plain(&pairs, OF_COMMAND).unwrap();
        assert_eq!(fields.contract.as_deref(), Some("1.2+3"));
        assert_eq!(fields.account.as_deref(), Some("a+b&c=%20"));
        assert_eq!(fields.party.as_deref(), Some("="));
        let fault = |pair: &str| Fields::plain(&[pair.to_owned()], OF_COMMAND).unwrap_err();
        assert_eq!(fault("region"), "region: expected NAME=VALUE");
        assert!(fault("=eu").starts_with(": there is no such field here"));
    }

    #[test]
    fn a_fault_lists_the_fields_that_are_taken_and_each_of_them_is_known() {
        for taken in [OF_ROUTE, OF_EXPLAIN, OF_COMMAND] {
            let fault = Fields::parse("regon=eu", taken).unwrap_err();
            assert_eq!(fault, format!("regon: there is no such field here; the fields are {}", taken.join(", ")));
            for name in taken {
                let known = Fields::parse(&format!("{name}="), taken);
                assert!(!known.is_err_and(|fault| fault.contains("there is no such field")), "{name}");
            }
        }
        assert!(
            Fields::parse("address=::1", OF_ROUTE).unwrap_err().starts_with("address: there is no such field here")
        );
        assert!(Fields::parse("pass=A", OF_COMMAND).unwrap_err().starts_with("pass: there is no such field here"));
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (query, expected) in [
            ("regon=eu", "regon: there is no such field here; the fields are contract"),
            ("region=EU", "region: \"EU\" is no name"),
            ("region=eu&region=us", "region: send this field once"),
            ("rtt=eu", "rtt: expected REGION:MILLISECONDS"),
            ("rtt=eu:-1", "rtt: expected"),
            ("rtt=eu:NaN", "rtt: expected"),
            ("rtt=eu:inf", "rtt: expected"),
            ("size=0&party=a", "size: expected 1 to 200"),
            ("party=a", "size: with a party"),
            ("size=3", "party: a size needs a party"),
            ("contract=", "contract: expected 1 to 128 bytes"),
            ("contract=%f", "contract: this is not percent-encoded"),
            ("contract=%+1", "contract: this is not percent-encoded"),
            ("contract=%ff", "contract: this is not percent-encoded"),
            ("failed=1,2,3,4,5,6,7,8,9", "failed: send at most 8"),
            ("address=localhost", "address: expected an IP address"),
        ] {
            let fault = Fields::parse(query, OF_EXPLAIN).unwrap_err();
            assert!(fault.starts_with(expected), "{query}: {fault}");
        }
        let many = (0..33).map(|number| format!("r{number}:1")).collect::<Vec<_>>().join(",");
        assert!(Fields::parse(&format!("rtt={many}"), OF_ROUTE).unwrap_err().contains("at most 32"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_query_ends_in_a_panic_and_no_answer_repeats_control_characters(query in "[a-z%=&+,:0-9\\x00-\\x1f\u{e4}]{0,60}") {
            if let Err(fault) = Fields::parse(&query, OF_EXPLAIN) {
                prop_assert!(fault.len() < 600 && !fault.contains(char::is_control), "{fault:?}");
            }
        }
    }
}
