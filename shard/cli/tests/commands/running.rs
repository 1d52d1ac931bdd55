//! `ringshard serve`: what it logs and how it ends; and `ringshard histograms`.

use crate::shared::{Folder, Server, assert_has, free_address, ringshard, stdout};
use rustix::process::Signal;
use std::io::{BufRead, Write};
use std::process::{Command, Stdio};

#[test]
fn histograms_are_printed_as_a_table_and_written_as_files_and_a_picture() {
    let folder = Folder::new("histograms");
    let server = Server::start("histograms", "", &[]);
    let admin = server.admin.to_string();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let table = ringshard(&["histograms", "--admin", &admin]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("park_overshoot"));
    let (svg, hgrm) = (folder.file("latency.svg"), folder.file("hgrm"));
    let files = ringshard(&["histograms", "--admin", &admin, "--svg", &svg, "--hgrm", &hgrm, "--json"]);
    assert!(files.status.success(), "{}", String::from_utf8_lossy(&files.stderr));
    assert!(String::from_utf8_lossy(&files.stdout).contains("\"datagrams_in\""));
    assert!(std::fs::read_to_string(svg).unwrap().contains("<svg"));
    let percentiles = std::fs::read_to_string(format!("{hgrm}/core-0-park_overshoot.hgrm")).unwrap();
    assert_has(&percentiles, &["#[Mean", "1/(1-Percentile)"]);
}

#[test]
fn sigint_and_sigterm_end_the_server_with_success_and_its_histograms() {
    for signal in [Signal::INT, Signal::TERM] {
        for datapath in ["auto", "mmsg"] {
            let mut server = Server::start("signals", "", &["--datapath", datapath]);
            server.signal(signal);
            let status = server.ends();
            assert!(status.success(), "{signal:?}: {status}");
            assert_has(&server.stdout(), &["latency by core and stage"]);
        }
    }
}

/// The log of a server until it serves, and its admin address.
fn first_lines(flags: &[&str]) -> (Vec<String>, String) {
    let admin = free_address().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringshard"))
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", &admin, "--cpus", "0"])
        .args(flags)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let log = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut lines = Vec::new();
    for line in log.lines() {
        lines.push(line.unwrap());
        if lines.last().is_some_and(|line| line.contains("serving")) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    (lines, admin)
}

#[test]
fn the_first_log_line_has_the_admin_address_and_the_public_key() {
    let folder = Folder::new("first-line");
    let key = folder.file("server.key");
    let public = stdout(&ringshard(&["keygen", "--out", &key]));
    let (lines, admin) = first_lines(&["--key", &key]);
    for part in [&format!("http://{admin}/"), public.trim(), "starting", env!("CARGO_PKG_VERSION")] {
        assert!(lines[0].contains(part), "{part} is missing in {}", lines[0]);
    }
}

#[test]
fn a_json_log_has_one_object_per_line() {
    let (lines, admin) = first_lines(&["--log-format", "json", "--npcs", "3"]);
    let objects: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert_eq!(objects[0]["message"], "starting");
    assert_eq!(objects[0]["admin"], format!("http://{admin}/"));
    assert!(objects.iter().all(|object| object["level"].is_string() && object["timestamp"].is_string()));
    assert!(objects.iter().any(|object| object["message"].as_str().unwrap().contains("npcs is `3`")), "{lines:?}");
    // A failed start is logged in the same format.
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let holder = std::net::UdpSocket::bind(&taken).unwrap();
    let output = ringshard(&["serve", "--listen", &taken, "--cpus", "0", "--admin", "off", "--log-format", "json"]);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let errors: Vec<_> = errors.filter(|object| object["level"] == "ERROR").collect();
    assert!(!output.status.success() && errors[0]["error"].as_str().unwrap().contains("in use"), "{log}");
    drop(holder);
}

#[test]
fn the_key_can_come_from_a_pipe() {
    let folder = Folder::new("pipe");
    let key = folder.file("server.key");
    let public = stdout(&ringshard(&["keygen", "--out", &key]));
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringshard"))
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "off", "--cpus", "0", "--key", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(key).unwrap()).unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("starting") && line.contains(public.trim()), "{line}");
}
