//! `ringshard top` and `ringshard report`.

use crate::scene::{INVALID_PACKETS, Scene, TOKEN};
use crate::shared::{Folder, assert_has, free_address, ringshard, text};
use flate2::read::GzDecoder;
use ringshard::ops::report::ServerReport;
use std::collections::BTreeMap;
use std::io::Read;

/// The files of a report by their names below its folder.
fn unpack(path: &str) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(std::fs::File::open(path).unwrap()));
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let (folder, name) = path.split_once('/').expect("every file is in one folder");
        assert!(folder.starts_with("ringshard-report-2"), "{folder}");
        let (name, mut content) = (name.to_owned(), String::new());
        entry.read_to_string(&mut content).unwrap();
        files.insert(name, content);
    }
    files
}

#[test]
fn top_shows_the_server_its_cores_its_drops_and_its_top_talkers() {
    let scene = Scene::new("top");
    let output = scene.run(&["top", "--once", "--interval", "0.2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    assert!(!page.contains('\x1b'), "the page must be plain text");
    let (listen, player, invalid_sender) =
        (scene.server.listen.to_string(), scene.player.to_string(), scene.invalid_sender.to_string());
    assert_has(
        &page,
        &["ringshard ", &listen, "1 connection ", "packets in ", "cores", "busy", "drops", "top talkers"],
    );
    let line =
        |word: &str| page.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("no {word}\n{page}"));
    let dropped: Vec<&str> = line(&invalid_sender).split_whitespace().collect();
    assert_eq!((dropped[1], dropped[3]), (INVALID_PACKETS.to_string().as_str(), invalid_sender.as_str()));
    // A rate needs two answers of the server.
    let talker: Vec<&str> = line(&player).split_whitespace().collect();
    assert!(talker.contains(&"B") || talker.contains(&"KiB"), "rates of the player: {talker:?}");
    let core = page.lines().skip_while(|line| !line.starts_with("core ")).nth(1).expect("the page lists a core");
    assert!(core.starts_with("0 ") && core.contains('%'), "the busy share of the core is missing: {core}");
    for order in ["bytes", "age", "over-budget"] {
        let output = scene.run(&["top", "--once", "--interval", "0.1", "--sort", order]);
        assert_has(&text(&output.stdout), &[&format!("by {order}, largest first"), &player]);
    }
}

#[test]
fn top_says_what_it_needs() {
    let admin = free_address().to_string();
    for (arguments, words) in [
        (["top", "--once", "--admin", &admin].as_slice(), ["no server answers", "--admin"]),
        (&["top", "--admin", &admin], ["terminal", "top --once"]),
        (&["top", "--interval", "0"], ["--interval", "0.1 to 3600"]),
        (&["top", "--interval", "soon"], ["--interval", "0.1 to 3600"]),
    ] {
        let output = ringshard(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert_has(&text(&output.stderr), &words);
    }
}

#[test]
fn a_report_holds_all_diagnostics_and_no_secret() {
    let scene = Scene::new("report");
    let out = scene.folder.file("report.tar.gz");
    let output = scene.run(&["report", "--out", &out, "--seconds", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_has(&text(&output.stdout), &[&out, "stats.json", "addresses of players", "no keys"]);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&out).unwrap());
    assert_eq!(mode & 0o777, 0o600, "a report has addresses of players, so only its owner may read it");

    let files = unpack(&out);
    let json = |name: &str| -> serde_json::Value { serde_json::from_str(&files[name]).expect(name) };
    let reports =
        ["stats.json", "stats-later.json"].map(|name| serde_json::from_value::<ServerReport>(json(name)).unwrap());
    assert!(reports[1].uptime_s > reports[0].uptime_s, "stats-later.json must be later");
    let change: ServerReport = serde_json::from_value(json("change.json")).unwrap();
    assert!(change.total("ticks") <= reports[1].total("ticks"));
    assert_eq!(json("sessions.json")[0]["address"], scene.player.to_string());
    assert!(json("config.json").as_array().unwrap().iter().any(|setting| setting["name"] == "admin-token-file"));
    assert!(!json("doctor.json").as_array().unwrap().is_empty());
    let percentiles = json("histograms.json");
    for looks in ["since_start", "between_looks"] {
        assert!(percentiles[looks][0]["turn"]["p99_us"].is_number(), "{looks}");
    }
    assert_has(&files["histograms.svg"], &["<svg", "</svg>"]);
    assert_has(&files["metrics.txt"], &["ringshard_sessions", "# TYPE ringshard_packets_total counter"]);
    assert_has(&files["host/kernel.txt"], &["Linux"]);
    assert_has(&files["host/processors.txt"], &[" x "]);
    assert_has(&files["host/memory.txt"], &["MemTotal"]);
    for udp in ["host/udp.txt", "host/udp-later.txt"] {
        assert_has(&files[udp], &["RcvbufErrors"]);
        assert!(files[udp].lines().all(|line| line.starts_with("Udp:")));
    }
    assert_has(&files["host/server-limits.txt"], &["Max open files"]);
    assert_has(&files["host/server-status.txt"], &["VmRSS"]);
    let readme = &files["README.txt"];
    assert_has(readme, &[&scene.server.listen.to_string(), "addresses of players", "no keys"]);
    for name in files.keys().filter(|name| !["README.txt", "errors.txt"].contains(&name.as_str())) {
        assert_has(readme, &[name]);
    }

    let secret = std::fs::read_to_string(scene.folder.file("server.key")).unwrap();
    let secret = secret.trim().to_lowercase();
    for (name, content) in &files {
        let content = content.to_lowercase();
        assert!(!content.contains(&secret) && !content.contains(TOKEN), "{name} holds a secret");
    }

    let before = std::fs::read(&out).unwrap();
    let again = scene.run(&["report", "--out", &out, "--seconds", "0"]);
    assert!(!again.status.success());
    assert_has(&text(&again.stderr), &["exists", "--out"]);
    assert_eq!(std::fs::read(&out).unwrap(), before, "a report must not be overwritten");
}

#[test]
fn a_report_without_a_server_says_what_it_lacks() {
    let folder = Folder::new("report-alone");
    let (admin, out) = (free_address().to_string(), folder.file("report.tar.gz"));
    let output = ringshard(&["report", "--admin", &admin, "--out", &out, "--seconds", "0"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_has(&text(&output.stdout), &["no server answers", "doctor.json"]);
    let files = unpack(&out);
    for file in ["README.txt", "errors.txt"] {
        assert_has(&files[file], &["stats.json, sessions.json, config.json, metrics.txt", "no server answers", &admin]);
    }
    assert_has(&files["host/memory.txt"], &["MemTotal"]);
    assert!(!files.contains_key("stats.json"));

    // An unreadable secret is reported the same way.
    let (missing, out) = (folder.file("missing"), folder.file("locked.tar.gz"));
    let arguments = ["report", "--admin", &admin, "--admin-token-file", &missing, "--out", &out, "--seconds", "0"];
    assert!(ringshard(&arguments).status.success());
    assert_has(&unpack(&out)["errors.txt"], &["cannot read the token", &missing]);

    let nowhere = folder.file("no-such-folder/report.tar.gz");
    let output = ringshard(&["report", "--admin", &admin, "--out", &nowhere]);
    assert_eq!(output.status.code(), Some(1));
    assert_has(&text(&output.stderr), &["cannot write", "no-such-folder", "--out"]);
}
