//! `ringshard doctor --fleet` with real servers of etcd and NATS. Without Debian's etcd-server and nats-server, the tests say
//! so and check nothing.

use crate::shared::{Folder, Server, TIMEOUT, free_address, ringshard, stdout};
use serde_json::Value;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program that ends with the test.
struct Process(Child);

impl Process {
    /// Starts it, and waits until it listens. None: it is not installed.
    fn start(program: &str, arguments: &[&str], listens: SocketAddr) -> Option<Process> {
        let spawned = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = spawned.map(Process).inspect_err(|error| eprintln!("skipped: no {program} ({error})")).ok()?;
        let give_up = Instant::now() + TIMEOUT;
        while TcpStream::connect(listens).is_err() {
            assert!(Instant::now() < give_up, "{program} does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(process)
    }

    fn nats(more: &[&str]) -> Option<(Process, String)> {
        let address = free_address();
        let port = address.port().to_string();
        let process =
            Process::start("nats-server", &[&["--addr", "127.0.0.1", "--port", &port], more].concat(), address)?;
        Some((process, format!("nats://{address}")))
    }

    fn etcd(folder: &Folder) -> Option<(Process, String)> {
        let (address, peer) = (free_address(), format!("http://{}", free_address()));
        let (client, data) = (format!("http://{address}"), folder.file("etcd"));
        let arguments = [
            &["--name", "test", "--log-level", "error", "--data-dir", &data, "--unsafe-no-fsync"][..],
            &["--listen-client-urls", &client, "--advertise-client-urls", &client, "--listen-peer-urls", &peer],
            &["--initial-advertise-peer-urls", &peer, "--initial-cluster", &format!("test={peer}")],
        ];
        Some((Process::start("etcd", &arguments.concat(), address)?, client))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the doctor finds in one check about the fleet of this file: the verdict, what was found and what to do.
fn found(file: &str, check: &str) -> [String; 3] {
    let findings: Value = serde_json::from_str(&stdout(&ringshard(&["doctor", "--json", "--fleet", file]))).unwrap();
    let finding = findings.as_array().unwrap().iter().find(|finding| finding["check"] == check);
    let finding = finding.unwrap_or_else(|| panic!("no {check} in {findings:#}"));
    ["verdict", "found", "fix"].map(|field| finding[field].as_str().unwrap().to_owned())
}

#[test]
fn the_doctor_says_whether_nats_can_keep_checkpoints() {
    let folder = Folder::new("doctor-nats");
    folder.secret("fleet.key", &"5".repeat(64));
    let file = |server: &str, more: &str| {
        let key = folder.file("fleet.key");
        let bus = format!("[bus]\nservers = ['{server}']\nkey-file = '{key}'\n{more}");
        std::fs::write(folder.file("fleet.toml"), format!("[etcd]\nendpoints = ['http://127.0.0.1:1']\n{bus}"))
            .unwrap();
        folder.file("fleet.toml")
    };
    let Some((_plain, without)) = Process::nats(&[]) else { return };
    let [verdict, text, fix] = found(&file(&without, ""), "checkpoints");
    assert!(verdict == "warn" && text.contains("it has no JetStream"), "{verdict}: {text}");
    assert!(fix.contains("nats-server -js") && fix.contains("checkpoint-secs = 0"), "{fix}");
    let [verdict, text, _] = found(&file(&without, "checkpoint-secs = 0\n"), "checkpoints");
    assert!(verdict == "ok" && text.contains("hosts keep none"), "{verdict}: {text}");
    let Some((_nats, with)) = Process::nats(&["-js", "--store_dir", &folder.file("nats")]) else { return };
    let [verdict, text, _] = found(&file(&with, ""), "checkpoints");
    assert!(
        verdict == "ok" && text.contains("has JetStream, for the bucket ringshard-checkpoints"),
        "{verdict}: {text}"
    );
}

#[test]
fn the_doctor_says_whether_each_host_has_a_key_of_its_own() {
    let folder = Folder::new("doctor-keys");
    let Some((_etcd, endpoint)) = Process::etcd(&folder) else { return };
    let (file, key) = (folder.file("fleet.toml"), folder.file("server.key"));
    std::fs::write(&file, format!("[etcd]\nendpoints = ['{endpoint}']\n")).unwrap();
    assert!(ringshard(&["keygen", "--out", &key]).status.success());
    let serve = |name: &str, more: &[&str]| {
        Server::start(name, "", &[&["--game", "demo", "--fleet", &file, "--fleet-name", name], more].concat())
    };
    let until = |hosts: &str| {
        let give_up = Instant::now() + TIMEOUT;
        loop {
            let finding = found(&file, "host keys");
            if finding[1].contains(hosts) {
                return finding;
            }
            assert!(Instant::now() < give_up, "{finding:?}");
        }
    };
    let _hosts = [serve("one", &["--key", &key]), serve("two", &[])];
    assert_eq!(until("each of the 2 hosts has its own")[0], "ok");
    let _third = serve("three", &["--key", &key]);
    let [verdict, _, fix] = until("one, three have the same");
    assert!(verdict == "warn" && fix.contains("ringshard keygen"), "{verdict}: {fix}");
}
