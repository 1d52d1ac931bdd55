//! METRICS.md, and everything else that names metrics, against what a running server gives.

use ringshard::ops::admin::AdminClient;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// What a server that serves a world answers to a scrape.
fn scrape() -> String {
    let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_ringshard"))
        .args(["serve", "--listen", "127.0.0.1:0", "--cpus", "0", "--admin", &admin.to_string()])
        .args(["--game", "demo", "--npcs", "1", "--entities", "16"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("serving") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended early");
    }
    let metrics = AdminClient::new(admin).text("/metrics").unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    metrics
}

type Names = BTreeSet<String>;

/// The metrics of a scrape, as Prometheus stores them; those of a histogram under its own name.
fn metrics(scrape: &str) -> Names {
    let kinds = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let stored = |(name, kind): (&str, &str)| match kind {
        // One of the two text formats leaves these endings out.
        "counter" => format!("{}_total", name.trim_end_matches("_total")),
        "info" => format!("{}_info", name.trim_end_matches("_info")),
        _ => name.to_owned(),
    };
    kinds.map(stored).collect()
}

/// The values of a label.
fn labels(scrape: &str, label: &str) -> Names {
    let start = format!("{label}=\"");
    let value = |line: &str| Some(line.split(&start).nth(1)?.split('"').next()?.to_owned());
    scrape.lines().filter(|line| !line.starts_with('#')).filter_map(value).collect()
}

/// The first cells of the table below a heading.
fn rows(page: &str, heading: &str) -> Vec<String> {
    let section = page.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no heading {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let name = |line: &str| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned());
    section.lines().filter_map(name).collect()
}

#[test]
fn the_page_has_each_name_once_and_no_other() {
    let (scrape, page) = (scrape(), include_str!("../../METRICS.md"));
    for (heading, known) in [
        ("Metrics", metrics(&scrape)),
        ("Drops", labels(&scrape, "reason")),
        ("Events", labels(&scrape, "event")),
        ("States", labels(&scrape, "state")),
        ("Stages", labels(&scrape, "stage")),
    ] {
        let rows = rows(page, heading);
        let told: Names = rows.iter().cloned().collect();
        assert_eq!(rows.len(), told.len(), "{heading}: a name stands there twice");
        let (missing, stale): (Vec<_>, Vec<_>) = (known.difference(&told).collect(), told.difference(&known).collect());
        assert!(missing.is_empty() && stale.is_empty(), "{heading}: missing {missing:?}, no longer there {stale:?}");
        assert!(known.len() > 4, "{heading}: {known:?}");
    }
    let mut cells =
        page.lines().filter(|line| line.starts_with("| `")).flat_map(|line| line[1..line.len() - 1].split('|'));
    assert!(cells.all(|cell| cell.trim().len() >= 4), "each says something");
}

#[test]
fn alerts_dashboards_and_the_readme_name_only_what_there_is() {
    let scrape = scrape();
    let known = metrics(&scrape);
    for (file, text) in [
        ("alerts.yml", include_str!("../../deploy/alerts.yml")),
        ("grafana.json", include_str!("../../deploy/grafana.json")),
        ("README.md", include_str!("../../../README.md")),
        ("METRICS.md", include_str!("../../METRICS.md")),
    ] {
        let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        let is_metric =
            |word: &&str| word.starts_with("ringshard_") && !word.ends_with('_') && *word != "ringshard_protocol";
        let words = text.split(|letter| !is_part(letter)).filter(is_metric);
        for word in words {
            let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| word.strip_suffix(part));
            assert!(known.contains(histogram.unwrap_or(word)), "{file} names {word}, and there is no such metric");
        }
        for label in ["reason", "event", "state", "stage"] {
            let known = labels(&scrape, label);
            // Variables of a dashboard, and what Prometheus says of its own alerts.
            let is_foreign = |value: &&String| value.contains(['$', '|']) || *value == "firing";
            for value in labels(&text.replace("\\\"", "\""), label).iter().filter(|value| !is_foreign(value)) {
                assert!(known.contains(value), "{file} names {label} {value}, and there is none");
            }
        }
    }
}
