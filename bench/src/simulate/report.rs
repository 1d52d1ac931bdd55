//! The result of a campaign, as text and as JSON.

use super::campaign::{CampaignResult, Failure};
use super::totals::Totals;
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Serialize)]
struct JsonReport<'a> {
    seed_first: u64,
    seed_behind_last: u64,
    speed: f64,
    #[serde(flatten)]
    totals: &'a Totals,
    violations: Vec<JsonViolation<'a>>,
}

#[derive(Serialize)]
struct JsonViolation<'a> {
    seed: u64,
    at_s: f64,
    what: &'a str,
    replay: &'a str,
}

/// The result as one JSON object.
pub fn json(result: &CampaignResult) -> serde_json::Result<String> {
    let object = JsonReport {
        seed_first: result.seeds.start,
        seed_behind_last: result.seeds.end,
        speed: result.totals.speed(),
        totals: &result.totals,
        violations: result.failures.iter().map(JsonViolation::of).collect(),
    };
    serde_json::to_string_pretty(&object).map(|text| text + "\n")
}

impl<'a> JsonViolation<'a> {
    fn of(failure: &'a Failure) -> Self {
        let Failure { seed, at, what, replay } = failure;
        JsonViolation { seed: *seed, at_s: at.as_secs_f64(), what, replay }
    }
}

/// The result as text.
pub fn page(result: &CampaignResult) -> String {
    let CampaignResult { totals, seeds, took, failures } = result;
    let mut page = String::new();
    let mut section = |title: &str, rows: Vec<(String, String)>| {
        if rows.is_empty() {
            return;
        }
        let _ = writeln!(page, "{title}");
        for (name, value) in rows {
            let _ = writeln!(page, "  {name:<54} {value:>24}");
        }
    };
    section("Simulated", simulated(totals, seeds, took.as_secs_f64()));
    section("Messages", messages(totals));
    section("Faults", counts(totals.faults.iter().map(|(kind, count)| (*kind, *count))));
    section("Connections that ended", counts(totals.ends.iter().map(|(reason, count)| (reason.as_str(), *count))));
    section("Longest recovery after all faults ended", recovery(totals));
    section("Verdict", vec![("violations".to_owned(), failures.len().to_string())]);
    page
}

fn simulated(totals: &Totals, seeds: &std::ops::Range<u64>, took: f64) -> Vec<(String, String)> {
    vec![
        ("runs".to_owned(), format!("{}", totals.runs)),
        ("seeds".to_owned(), format!("{}..{}", seeds.start, seeds.end)),
        ("simulated hours".to_owned(), format!("{:.2}", totals.simulated_s / 3600.0)),
        ("elapsed seconds".to_owned(), format!("{took:.1}")),
        ("times real time, per core".to_owned(), format!("{:.0}", totals.speed())),
        ("players per run, on average".to_owned(), format!("{:.1}", totals.player_s / totals.simulated_s.max(1.0))),
        ("datagrams".to_owned(), totals.datagrams.to_string()),
        ("sessions begun".to_owned(), totals.sessions.to_string()),
        ("sessions resumed".to_owned(), totals.resumed.to_string()),
        ("key changes".to_owned(), totals.key_changes.to_string()),
    ]
}

fn messages(totals: &Totals) -> Vec<(String, String)> {
    let row = |(kind, (sent, arrived)): (&&str, &(u64, u64))| {
        (format!("{kind}: sent, arrived"), format!("{sent}, {arrived}"))
    };
    let mut rows: Vec<_> = totals.messages.iter().map(row).collect();
    rows.push(("megabytes arrived".to_owned(), format!("{:.1}", totals.bytes as f64 / 1e6)));
    rows.push(("refused by a full queue, lack of memory or a rate".to_owned(), totals.refused.to_string()));
    rows
}

fn counts<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> Vec<(String, String)> {
    counts.map(|(name, count)| (name.to_owned(), count.to_string())).collect()
}

fn recovery(totals: &Totals) -> Vec<(String, String)> {
    let mut rows: Vec<_> =
        totals.worst_s.iter().map(|(what, worst)| ((*what).to_owned(), format!("{worst:.2} s"))).collect();
    if let Some(rate) = totals.slowest_drain {
        rows.push(("slowest drain of 64 KiB or more".to_owned(), format!("{:.0} kB/s", rate as f64 / 1e3)));
    }
    rows.push(("deadlines already in the past when returned".to_owned(), totals.late_deadlines.to_string()));
    rows
}
