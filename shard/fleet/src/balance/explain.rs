//! A decision in full, without a balancer that runs: for a directory that is at hand, and the files of a balancer.

use super::clock::now_ms;
use super::fleet::read_policy;
use super::query::Fields;
use crate::balancer::{Balancer, Explanation, Whereabouts};
use crate::location::Database;
use crate::model::Directory;
use std::path::Path;
use std::sync::Arc;

/// Explains where a client goes. `query` has the fields of `GET /v1/explain`, such as `address=203.0.113.7&rtt=eu:12`. Nobody waits,
/// and no place is held, because no balancer runs.
///
/// # Errors
/// A file or a field is wrong.
pub fn explain(
    directory: &Arc<Directory>,
    policy: Option<&Path>,
    location: Option<&Path>,
    query: &str,
) -> Result<Explanation, String> {
    let fields = Fields::parse(query)?;
    if fields.pass.is_some() || fields.queue.is_some() || !fields.failed.is_empty() {
        return Err("pass, queue, failed: only a balancer of the fleet can check them: ask its /v1/explain".to_owned());
    }
    let policy = policy.map(read_policy).transpose()?.unwrap_or_default();
    let database = location.map(Database::open).transpose().map_err(|error| error.to_string())?;
    let place = match (&database, fields.address) {
        (None, _) => Whereabouts::NoDatabase,
        (Some(_), None) => Whereabouts::Unknown,
        (Some(database), Some(address)) => database.locate(address).map_or(Whereabouts::Unknown, Whereabouts::At),
    };
    let founder = fields.founder();
    let mut balancer = Balancer::new(policy, now_ms());
    balancer.set_directory(directory);
    Ok(balancer.explain(&fields.request(place, None, founder, Vec::new()), now_ms(), now_ms()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balancer::fixtures::{directory, host};

    #[test]
    fn an_explanation_needs_no_balancer_that_runs() {
        let fleet = Arc::new(directory([host("a", "eu"), host("b", "us")]));
        let explained = explain(&fleet, None, None, "region=us&account=7").unwrap();
        assert_eq!(explained.host, Some("b".parse().unwrap()));
        assert!(explained.why.iter().any(|step| step.to_string() == "the client wishes region us"));
        assert!(explain(&fleet, None, None, "queue=A").unwrap_err().contains("ask its /v1/explain"));
        assert!(explain(&fleet, None, None, "regon=us").is_err());
        assert!(explain(&fleet, Some(Path::new("/none")), None, "").is_err());
    }
}
