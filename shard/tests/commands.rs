//! The `ringshard` binary as a person meets it: what it does, and what it says when it cannot.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

fn ringshard(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringshard")).args(arguments).output().expect("the binary was built")
}

/// A folder of its own for each test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ringshard-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Fails, and says all of `words`.
fn assert_refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it should have failed; it said: {said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing from: {said}");
    }
}

/// A server, once it serves; with the admin address it was given.
fn serve(extra: &[&str]) -> (Child, BufReader<std::process::ChildStderr>, String) {
    let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringshard"))
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", &admin, "--cpus", "0"])
        .args(extra)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("serving") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended early");
    }
    (child, log, admin)
}

#[test]
fn a_key_is_made_once_and_read_by_its_owner_alone() {
    let folder = Folder::new("keygen");
    let file = folder.file("server.key");
    let made = ringshard(&["keygen", "--out", &file]);
    assert!(made.status.success());
    assert_eq!(String::from_utf8_lossy(&made.stdout).trim().len(), 64, "the public key");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&file).unwrap();
    assert_refused(&ringshard(&["keygen", "--out", &file]), &["exists", "another file"]);
    assert_eq!(std::fs::read(&file).unwrap(), before, "a key is never overwritten");
}

#[test]
fn each_wrong_start_says_what_to_do() {
    let folder = Folder::new("start");
    let missing = folder.file("missing.key");
    assert_refused(&ringshard(&["serve", "--key", &missing]), &["no key file", "ringshard keygen --out"]);
    let bad = folder.file("bad.key");
    std::fs::write(&bad, "not a key").unwrap();
    assert_refused(&ringshard(&["serve", "--key", &bad]), &["holds no key", "64 hexadecimal digits"]);
    let table = folder.file("integrity.keys");
    std::fs::write(&table, format!("{}\nshort\n", "ab".repeat(32))).unwrap();
    assert_refused(
        &ringshard(&["serve", "--integrity-keys", &table]),
        &["line 2", "64 hexadecimal digits", "1 to 256"],
    );
    assert_refused(
        &ringshard(&["serve", "--message-memory-mib", "7", "--cpus", "0,0"]),
        &["message-memory-mib is 7", "need 8 or more", "flag"],
    );
    assert_refused(&ringshard(&["serve", "--no-such-option"]), &["--no-such-option", "--help"]);
    assert_refused(&ringshard(&["serve", "--cpus", "4095"]), &["cpus is `4095`", "processors of this host"]);
    assert_refused(
        &ringshard(&["serve", "--max-connections", "0", "--cpus", "0"]),
        &["max-connections is `0`", "from 1 to"],
    );
    assert_refused(&ringshard(&["serve", "--timeout-ms", "100", "--cpus", "0"]), &["timeout", "heartbeat"]);
    assert_refused(
        &ringshard(&["serve", "--listen", "192.0.2.1:3565", "--cpus", "0"]),
        &["192.0.2.1", "no address of this host"],
    );
    assert_refused(&ringshard(&["histograms", "--admin", "127.0.0.1:1"]), &["no server answers", "ringshard serve"]);
}

#[test]
fn a_port_in_use_is_named_for_one_core_and_for_several() {
    let holder = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    for cpus in ["0", "0,0"] {
        let output = ringshard(&["serve", "--listen", &address, "--cpus", cpus, "--admin", "off"]);
        assert_refused(&output, &[&address, "in use", "--listen"]);
    }
}

#[test]
fn histograms_of_a_running_server_come_as_table_files_and_picture() {
    let folder = Folder::new("histograms");
    let (mut child, _log, admin) = serve(&[]);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let table = ringshard(&["histograms", "--admin", &admin]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("park_overshoot"));
    let (svg, hgrm) = (folder.file("latency.svg"), folder.file("hgrm"));
    let files = ringshard(&["histograms", "--admin", &admin, "--svg", &svg, "--hgrm", &hgrm, "--json"]);
    assert!(files.status.success(), "{}", String::from_utf8_lossy(&files.stderr));
    assert!(String::from_utf8_lossy(&files.stdout).contains("\"datagrams_in\""));
    assert!(std::fs::read_to_string(svg).unwrap().contains("<svg"));
    let percentiles = std::fs::read_to_string(format!("{hgrm}/core-0-park_overshoot.hgrm")).unwrap();
    assert!(percentiles.contains("#[Mean") && percentiles.contains("1/(1-Percentile)"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn interrupt_and_terminate_end_it_with_its_histograms_and_success() {
    for signal in [Signal::INT, Signal::TERM] {
        for datapath in ["auto", "mmsg"] {
            let (child, _log, _) = serve(&["--datapath", datapath]);
            kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{signal:?}: {:?}", output.status);
            assert!(String::from_utf8_lossy(&output.stdout).contains("p99.9"));
        }
    }
}
