//! METRICS.md, and the other files that name metrics, against the metrics of a running server.

use crate::shared::{Folder, Server, ringshard};
use std::collections::BTreeSet;

/// A scrape of a server that runs a world.
fn scrape() -> String {
    let server = Server::start("metrics", "", &["--game", "demo", "--npcs", "1", "--entities", "16"]);
    server.admin_client().text("/metrics").unwrap()
}

/// The same, with services.
fn scrape_with_services() -> String {
    let flags =
        ["--game", "demo", "--services", "services", "--login", "127.0.0.1:0", "--npcs", "1", "--entities", "16"];
    let server = Server::start("metrics-services", "", &flags);
    server.admin_client().text("/metrics").unwrap()
}

/// A server whose fleet's registry and bus are away, and a scrape of it.
fn scrape_with_fleet() -> (Server, String) {
    let folder = Folder::new("metrics-fleet");
    let file = folder.file("fleet.toml");
    let key = folder.file("fleet.key");
    assert!(ringshard(&["fleet", "keygen", "--out", &key]).status.success());
    let text = format!(
        "[etcd]\nendpoints = ['http://127.0.0.1:1']\n[bus]\nservers = ['nats://127.0.0.1:1']\nkey-file = '{key}'"
    );
    std::fs::write(&file, text).unwrap();
    let flags = ["--game", "demo", "--npcs", "1", "--entities", "64", "--fleet", &file, "--fleet-name", "eu-1"];
    let server = Server::start("metrics-of-fleet", "", &flags);
    let scrape = server.admin_client().text("/metrics").unwrap();
    (server, scrape)
}

/// Crates that documents may name.
const CRATES: [&str; 4] = ["ringshard_client", "ringshard_link", "ringshard_protocol", "ringshard_world"];

type Names = BTreeSet<String>;

/// The metrics of a scrape under the names that Prometheus stores; a histogram once, under its own name.
fn metrics(scrape: &str) -> Names {
    let kinds = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let stored = |(name, kind): (&str, &str)| match kind {
        // One of the two text formats omits these endings.
        "counter" => format!("{}_total", name.trim_end_matches("_total")),
        "info" => format!("{}_info", name.trim_end_matches("_info")),
        _ => name.to_owned(),
    };
    kinds.map(stored).collect()
}

/// The samples of a metric.
fn of_metric(scrape: &str, name: &str) -> String {
    scrape.lines().filter(|line| line.starts_with(name)).map(|line| format!("{line}\n")).collect()
}

/// The values of a label.
fn labels(scrape: &str, label: &str) -> Names {
    let start = format!("{label}=\"");
    let value = |line: &str| Some(line.split(&start).nth(1)?.split('"').next()?.to_owned());
    scrape.lines().filter(|line| !line.starts_with('#')).filter_map(value).collect()
}

/// The text below a heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let section = page.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no heading {heading}"));
    section.split("\n## ").next().unwrap()
}

/// The first cells of all tables in a text.
fn cells(text: &str) -> Vec<String> {
    let name = |line: &str| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned());
    text.lines().filter_map(name).collect()
}

/// The first cells of the table below a heading.
fn rows(page: &str, heading: &str) -> Vec<String> {
    cells(section(page, heading))
}

/// The same, of the table whose first column is `column`.
fn rows_of(page: &str, heading: &str, column: &str) -> Vec<String> {
    let table = section(page, heading).split(&format!("\n| {column} |")).nth(1).unwrap_or_default();
    cells(table.split("\n\n").next().unwrap())
}

/// Whether every server has this name. Games can add their own: those of scripts are on the page, too.
fn is_of_any_game(name: &str) -> bool {
    !name.starts_with("world_script_")
}

#[test]
fn the_page_lists_each_name_once_and_no_other() {
    let (scrape, page) = (scrape(), include_str!("../../../METRICS.md"));
    for (heading, known) in [
        ("Metrics", metrics(&scrape)),
        ("Drops", labels(&of_metric(&scrape, "ringshard_packets_dropped"), "reason")),
        ("Refusals", labels(&of_metric(&scrape, "ringshard_refusals"), "reason")),
        ("Events", labels(&scrape, "event")),
        ("States", labels(&scrape, "state")),
        ("Stages", labels(&scrape, "stage")),
    ] {
        let rows = rows(page, heading);
        let listed: Names = rows.iter().cloned().collect();
        assert_eq!(rows.len(), listed.len(), "{heading}: the page lists a name twice");
        let (missing, stale): (Vec<_>, Vec<_>) = (
            known.difference(&listed).collect(),
            listed.difference(&known).filter(|name| is_of_any_game(name)).collect(),
        );
        assert!(missing.is_empty() && stale.is_empty(), "{heading}: missing {missing:?}, stale {stale:?}");
        assert!(known.len() > 4, "{heading}: {known:?}");
    }
    let mut cells =
        page.lines().filter(|line| line.starts_with("| `")).flat_map(|line| line[1..line.len() - 1].split('|'));
    assert!(cells.all(|cell| cell.trim().len() >= 4), "a cell is empty");
}

/// Compares the events and the states of a part of the server with the tables below a heading.
fn assert_listed(scrape: &str, part: &str, heading: &str) {
    let page = include_str!("../../../METRICS.md");
    for (label, metric) in [("event", format!("{part}_events_total{{")), ("state", format!("{part}_state{{"))] {
        let (samples, rows) = (of_metric(scrape, &metric), rows_of(page, heading, label));
        let (known, listed) = (labels(&samples, label), rows.iter().cloned().collect::<Names>());
        assert_eq!(samples.lines().count(), known.len(), "{metric}: a scrape has a name twice");
        assert_eq!(rows.len(), listed.len(), "{heading}: the page lists a name twice");
        let (missing, stale): (Vec<_>, Vec<_>) =
            (known.difference(&listed).collect(), listed.difference(&known).collect());
        assert!(missing.is_empty() && stale.is_empty(), "{heading}, {label}: missing {missing:?}, stale {stale:?}");
        assert!(known.len() > 3, "{heading}, {label}: {known:?}");
    }
}

#[test]
fn the_page_lists_each_count_of_the_services_once() {
    assert_listed(&scrape_with_services(), "ringshard_services", "Services");
}

#[test]
fn the_page_lists_each_count_of_the_fleet_once_and_a_host_is_ready_without_its_registry() {
    let (server, scrape) = scrape_with_fleet();
    assert_listed(&scrape, "ringshard_fleet", "Fleet");
    let told = std::iter::repeat_with(|| server.admin_client().text("/ready").unwrap()).take(200).find(|answer| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        answer.contains("this host goes on serving")
    });
    assert!(told.is_some_and(|answer| answer.starts_with("ready\n")), "it says that the registry is away");
}

#[test]
fn alerts_dashboards_and_documents_name_only_existing_metrics() {
    let (scrape, with_services) = (scrape(), scrape_with_services());
    let known = metrics(&scrape);
    for (file, text) in [
        ("alerts.yml", include_str!("../../../deploy/alerts.yml")),
        ("grafana.json", include_str!("../../../deploy/grafana.json")),
        ("README.md", include_str!("../../../../README.md")),
        ("METRICS.md", include_str!("../../../METRICS.md")),
    ] {
        let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        let is_metric = |word: &&str| word.starts_with("ringshard_") && !word.ends_with('_') && !CRATES.contains(word);
        let words = text.split(|letter| !is_part(letter)).filter(is_metric);
        for word in words {
            let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| word.strip_suffix(part));
            assert!(known.contains(histogram.unwrap_or(word)), "{file} names {word}, which is no metric");
        }
        for label in ["reason", "event", "state", "stage"] {
            let known = labels(&with_services, label);
            // Variables of a dashboard, and a label of Prometheus itself.
            let is_foreign = |value: &&String| value.contains(['$', '|']) || *value == "firing";
            for value in labels(&text.replace("\\\"", "\""), label).iter().filter(|value| !is_foreign(value)) {
                assert!(known.contains(value), "{file} names {label} {value}, which does not exist");
            }
        }
    }
}
