//! METRICS.md, and the other files that name metrics, against the metrics of a running server.

use crate::shared::{Folder, Server, TIMEOUT, free_address, ringshard};
use ringshard::ops::admin::AdminClient;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

/// A balancer or a node as a process of its own, killed when it is dropped.
struct Process(Child);

impl Process {
    fn start(arguments: &[&str]) -> Process {
        let program = env!("CARGO_BIN_EXE_ringshard");
        Process(Command::new(program).args(arguments).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A scrape, once it has this sample.
fn scrape_with(address: SocketAddr, sample: &str) -> String {
    let (client, give_up) = (AdminClient::new(address).within(Duration::from_secs(2)), Instant::now() + TIMEOUT);
    loop {
        let scrape = client.text("/metrics").unwrap_or_default();
        if scrape.contains(sample) {
            return scrape;
        }
        assert!(Instant::now() < give_up, "{address} should say {sample}: {scrape}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Scrapes of a balancer and a node that know one host.
fn scrape_balancer_and_node() -> String {
    let folder = Folder::new("metrics-balancer");
    let (server, file) = (Server::start("metrics-balanced", "", &[]), folder.file("fleet.toml"));
    folder.secret("relay.key", &"5".repeat(64));
    let Server { listen, key, admin, .. } = &server;
    let text = format!(
        "[relays]\nkey-file = 'relay.key'\n[[hosts]]\nname = 'h'\nregion = 'eu'\naddress = '{listen}'\nkey = '{key}'\n\
         admin = '{admin}'\n"
    );
    std::fs::write(&file, text).unwrap();
    let [balancer, node, node_admin] = [(); 3].map(|()| free_address());
    let (listen, node, admin) = (balancer.to_string(), node.to_string(), node_admin.to_string());
    let _balancer = Process::start(&["balance", "--fleet", &file, "--listen", &listen]);
    let _node = Process::start(&["relay", "--fleet", &file, "--name", "n", "--listen", &node, "--admin", &admin]);
    let of_balancer = scrape_with(balancer, "ringshard_balance_hosts{");
    of_balancer + &scrape_with(node_admin, "ringshard_relay_link_up{")
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

/// What the selectors of a text choose: a metric, a label, and a value. Of a regular expression, each alternative that is a
/// plain value.
fn selected(text: &str) -> Vec<[String; 3]> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let mut selected = Vec::new();
    for (at, _) in text.match_indices('{') {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let metric = &before[before.trim_end_matches(is_part).len()..];
        let Some((inside, _)) = after.split_once('}').filter(|_| metric.starts_with("ringshard_")) else { continue };
        // Labels and values take turns between the quotes.
        let parts: Vec<_> = inside.split('"').collect();
        for pair in parts.chunks_exact(2) {
            let label = pair[0].trim_matches(|letter| !is_part(letter));
            let is_plain = |value: &&str| value.chars().all(|letter| is_part(letter) || "0123456789-".contains(letter));
            let mut depth = 0;
            let alternatives = pair[1].split(|letter| {
                depth += i32::from(letter == '(') - i32::from(letter == ')');
                letter == '|' && depth == 0
            });
            let values = alternatives.filter(is_plain);
            selected.extend(values.map(|value| [metric, label, value].map(str::to_owned)));
        }
    }
    selected
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
    // What only a server with services, of a fleet, or with a world has is in one of the scrapes.
    let scrape = [scrape(), scrape_with_services(), scrape_with_fleet().1, scrape_balancer_and_node()].concat();
    let known = metrics(&scrape);
    for (file, text, least) in [
        ("alerts.yml", include_str!("../../../deploy/alerts.yml"), 25),
        ("alerts-test.yml", include_str!("../../../deploy/alerts-test.yml"), 60),
        ("grafana.json", include_str!("../../../deploy/grafana.json"), 60),
        ("OPERATING.md", include_str!("../../../OPERATING.md"), 2),
        ("README.md", include_str!("../../../../README.md"), 0),
        ("METRICS.md", include_str!("../../../METRICS.md"), 0),
    ] {
        let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        let is_metric = |word: &&str| word.starts_with("ringshard_") && !word.ends_with('_') && !CRATES.contains(word);
        let words = text.split(|letter| !is_part(letter)).filter(is_metric);
        for word in words {
            let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| word.strip_suffix(part));
            assert!(known.contains(histogram.unwrap_or(word)), "{file} names {word}, which is no metric");
        }
        // Prometheus adds the first two. The others depend on the host, and on the fleet.
        let is_ours = |label: &str| !["job", "instance", "core", "le", "kind", "to", "region"].contains(&label);
        let selected = selected(&text.replace("\\\"", "\""));
        for [metric, label, value] in selected.iter().filter(|[_, label, _]| is_ours(label)) {
            let known = labels(&of_metric(&scrape, &format!("{metric}{{")), label);
            assert!(known.contains(value), "{file} selects {metric} with {label} {value}, which does not exist");
        }
        assert!(selected.len() >= least, "{file}: {selected:?}");
    }
}

#[test]
fn each_alert_has_a_test() {
    let (alerts, tests) = (include_str!("../../../deploy/alerts.yml"), include_str!("../../../deploy/alerts-test.yml"));
    let names: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "alerts-test.yml has no case of {name}");
    }
}
