//! A decision in full, without a balancer that runs: for a directory that is at hand, and the files of a balancer.

use super::clock::now_ms;
use super::fleet::read_policy;
use super::query::{Fields, OF_COMMAND, OF_EXPLAIN};
use crate::balancer::{Ask, Balancer, Explanation, Whereabouts};
use crate::location::Database;
use crate::model::Directory;
use std::path::Path;
use std::sync::Arc;

/// Explains where a client goes. `fields` are those of `GET /v1/explain`, such as `address=203.0.113.7`, not encoded. No
/// balancer runs, so nobody waits and no place is held.
///
/// # Errors
/// A file or a field is wrong.
pub fn explain(
    directory: &Arc<Directory>,
    policy: Option<&Path>,
    location: Option<&Path>,
    fields: &[String],
) -> Result<Explanation, String> {
    let is_signed = |name: &&str| OF_EXPLAIN.contains(name) && !OF_COMMAND.contains(name);
    if let Some(name) = fields.iter().filter_map(|field| field.split('=').next()).find(is_signed) {
        return Err(format!("{name}: only a balancer of the fleet can check it: ask its /v1/explain"));
    }
    let fields = Fields::plain(fields, OF_COMMAND)?;
    let policy = policy.map(read_policy).transpose()?.unwrap_or_default();
    let database = location.map(Database::open).transpose().map_err(|error| error.to_string())?;
    let place = match (&database, fields.address) {
        (None, _) => Whereabouts::NoDatabase,
        (Some(_), None) => Whereabouts::Unknown,
        (Some(database), Some(address)) => database.locate(address).map_or(Whereabouts::Unknown, Whereabouts::At),
    };
    let founder = fields.founder();
    let request = fields.request(place, None, founder, Vec::new());
    let ask = Ask { request, network: 0, holder: 0, ticket: None, has_account: true };
    // It has run for long: one that has just started would not know yet that nobody waits.
    let mut balancer = Balancer::new(policy, 0);
    balancer.set_directory(directory);
    Ok(balancer.explain(&ask, now_ms(), now_ms()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balancer::Answer;
    use crate::balancer::fixtures::{directory, host};
    use crate::model::Host;

    fn explained(fleet: &Arc<Directory>, fields: &[&str]) -> Result<Explanation, String> {
        let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
        explain(fleet, None, None, &fields)
    }

    fn to(host: &str) -> Answer {
        Answer::Host(host.parse().unwrap())
    }

    #[test]
    fn an_explanation_needs_no_balancer_that_runs() {
        let fleet = Arc::new(directory([host("a", "eu"), host("b", "us")]));
        let explanation = explained(&fleet, &["region=us", "account=7"]).unwrap();
        assert_eq!(explanation.answer, to("b"));
        assert!(explanation.why.iter().any(|step| step.to_string() == "the client wishes region us"));
        assert!(explained(&fleet, &["queue=A"]).unwrap_err().starts_with("queue: only a balancer of the fleet"));
        assert!(explained(&fleet, &["regon=us"]).unwrap_err().ends_with("party, size, address"));
        assert!(explain(&fleet, Some(Path::new("/none")), None, &[]).is_err());
    }

    #[test]
    fn a_field_is_taken_as_it_is_written() {
        let of = |name: &str, contract: &str| Host { contract: contract.to_owned(), ..host(name, "eu") };
        let fleet = Arc::new(directory([of("a", "1.2 3"), of("b", "1.2+3"), of("c", "1&2"), of("d", "1%2")]));
        for (contract, expected) in [("1.2 3", "a"), ("1.2+3", "b"), ("1&2", "c"), ("1%2", "d")] {
            let explanation = explained(&fleet, &[&format!("contract={contract}")]).unwrap();
            assert_eq!(explanation.answer, to(expected), "{contract}");
        }
    }

    #[test]
    fn a_client_of_a_full_fleet_waits_and_one_of_a_fleet_with_few_places_does_not() {
        let full = Arc::new(directory([Host { players: 100, ..host("a", "eu") }]));
        let explanation = explained(&full, &[]).unwrap();
        assert!(matches!(explanation.answer, Answer::Queue { position: 1, .. }), "{explanation:?}");
        let almost = Arc::new(directory([Host { players: 97, ..host("a", "eu") }]));
        assert_eq!(explained(&almost, &[]).unwrap().answer, to("a"));
    }
}
