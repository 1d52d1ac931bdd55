//! The load commands from outside: what they refuse, how signals end them, and how they report an unsuitable server.

use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ServerReport;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a state may take to be reached on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The server binary. A build of the whole workspace has built it with this one.
fn ringshard() -> PathBuf {
    static BUILT: Once = Once::new();
    let binary = Path::new(env!("CARGO_BIN_EXE_ringshard-bench")).with_file_name("ringshard");
    BUILT.call_once(|| {
        if !binary.is_file() {
            let built = Command::new(env!("CARGO")).args(["build", "--workspace", "--bin", "ringshard"]).status();
            assert!(built.unwrap().success());
        }
    });
    binary
}

fn bench(words: &str) -> Command {
    ringshard();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringshard-bench"));
    command.args(words.split_whitespace());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn assert_output(output: &Output, code: i32, words: &[&str]) {
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{printed}");
    for word in words {
        assert!(printed.contains(word), "`{word}` is missing from:\n{printed}");
    }
}

/// A running server.
struct Server {
    child: Child,
    folder: PathBuf,
    listen: SocketAddr,
    admin: SocketAddr,
    key: String,
}

/// The kernel gives ports from 32768 on to other sockets at any time, so the port is lower.
fn free_address() -> SocketAddr {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(61).wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from(([127, 0, 0, 1], 10_000 + (number % 22_768) as u16));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

impl Server {
    fn start(game: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ringshard-commands-{game}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let admin = free_address();
        let mut child = Command::new(ringshard())
            .current_dir(&folder)
            .args(["serve", "--listen", "127.0.0.1:0", "--cpus", "0", "--game", game, "--admin", &admin.to_string()])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut lines = String::new();
        while !lines.contains("listen=") || !lines.contains("public_key=") {
            assert_ne!(log.read_line(&mut lines).unwrap(), 0, "the server did not start: {lines}");
        }
        // Without a reader the server would block.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let word = |name: &str| lines.split(name).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        Server { child, folder, listen: word("listen=").parse().unwrap(), admin, key: word("public_key=") }
    }

    fn options(&self) -> String {
        format!("--server {} --key {}", self.listen, self.key)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The child processes of a process.
fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
    tasks.map(children).collect::<String>().split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Whether a process is running. A zombie is not.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Waits until `it` holds. Returns false after the timeout.
fn comes_true(mut it: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + TIMEOUT;
    while !it() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// A load command that runs until a signal ends it.
struct Running {
    child: Child,
    /// Process id of its server.
    server: u32,
}

impl Running {
    /// Starts the command, and waits until it has started its server.
    fn start(words: &str) -> Self {
        let child = bench(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        assert!(comes_true(|| children(child.id()).len() == 1), "it started no server");
        Running { server: children(child.id())[0], child }
    }

    /// Waits until its clients send, and then for as long as a command warms up.
    fn wait_until_measuring(&self) {
        let cmdline = format!("/proc/{}/cmdline", self.server);
        let admin = || {
            let words = std::fs::read_to_string(&cmdline).unwrap_or_default();
            words.split('\0').skip_while(|&word| word != "--admin").nth(1)?.parse().ok()
        };
        // Right after the fork it still has the parent's command line.
        assert!(comes_true(|| admin().is_some()), "it has no admin port");
        let client = AdminClient::new(admin().unwrap());
        let messages = || client.get::<ServerReport>("/stats").map_or(0, |report| report.total("messages_in"));
        assert!(comes_true(|| messages() > 0), "its clients send nothing");
        std::thread::sleep(Duration::from_secs(4));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Its output, once it and its server have ended.
    fn output(mut self) -> Output {
        if !comes_true(|| self.child.try_wait().unwrap().is_some()) {
            let _ = self.child.kill();
            panic!("it does not end");
        }
        assert!(comes_true(|| !is_alive(self.server)), "its server is still running");
        self.child.wait_with_output().unwrap()
    }
}

#[test]
fn a_signal_ends_a_run_early_with_a_report_and_without_its_server() {
    // These three cover each kind of loop that the commands have.
    for words in [
        "soak --clients 5 --mins 60",
        "bots --clients 5 --warm-up 1 --secs 3000",
        "verify --only --clients 5 --secs 3000",
    ] {
        let running = Running::start(words);
        running.wait_until_measuring();
        running.signal(Signal::INT);
        assert_output(&running.output(), 130, &["verdict: interrupted", "round trip"]);
    }
}

#[test]
fn a_second_signal_ends_a_run_and_its_server_at_once() {
    let running = Running::start("transfer --clients 5 --secs 3000");
    std::thread::sleep(Duration::from_secs(1));
    running.signal(Signal::TERM);
    running.signal(Signal::INT);
    assert_eq!(running.output().status.code(), Some(130));
}

#[test]
fn bots_join_a_running_server_and_report_its_figures() {
    let server = Server::start("demo");
    let options = server.options();
    let run = |more: &str| bench(&format!("bots --clients 5 --warm-up 6 --secs 1 {options} {more}")).output().unwrap();
    let output = run("");
    // Whether this machine meets the targets is not tested.
    let printed = text(&output.stdout);
    assert!(
        printed.contains("verdict: ") && printed.contains("snapshots/s") && printed.contains("not queried"),
        "{output:?}"
    );
    let printed = text(&run(&format!("--admin {}", server.admin)).stdout);
    assert!(
        printed.contains("verdict: ") && printed.contains("digests agree") && printed.contains("1 core(s)"),
        "{printed}"
    );
    assert!(is_alive(server.child.id()), "a running server is not stopped");
}

#[test]
fn an_unsuitable_server_is_reported() {
    let (echoes, plays) = (Server::start("echo"), Server::start("demo"));
    let bots = bench(&format!("bots --clients 5 --warm-up 1 --secs 1 {}", echoes.options())).output().unwrap();
    assert_output(&bots, 1, &["has no world", "--game demo"]);
    let soak = bench(&format!("soak --clients 5 --mins 5 {}", plays.options())).output().unwrap();
    assert_output(&soak, 1, &["echoes nothing", "--game echo"]);
}

#[test]
fn a_verdict_allows_for_the_simulated_network() {
    let words = "verify --only --clients 50 --rate 20 --secs 2 --network delay=25ms,loss=5% --target-pps 500";
    // The network alone adds 50 ms per round trip, and a busy machine much more.
    let output = bench(&format!("{words} --target-p99-ms 2000")).output().unwrap();
    assert_output(&output, 0, &["verdict: pass", "the network may take"]);
    let output = bench(&format!("{words} --target-p99-ms 0")).output().unwrap();
    // Undecided if the machine is too busy.
    assert!(matches!(output.status.code(), Some(0 | 2 | 3)), "{output:?}");
    assert!(text(&output.stdout).contains("p99 0 ms"), "{output:?}");
}

#[test]
fn options_without_effect_are_refused_with_advice() {
    for (words, message) in [
        ("flood --rate max", "a steady rate"),
        ("hostile --rate max", "a steady rate"),
        ("hostile --peers 0", "1 to 30000"),
        ("echo --flows distinct --relays 3", "--flows relay"),
        ("floor --cipher aes", "--cipher"),
        ("floor --server-cpus 0,0", "runs on one"),
        ("transfer --set max-connections=9", "--set"),
        ("soak --server 127.0.0.1:9", "--key"),
        ("soak --warm-up 5 --server 127.0.0.1:9 --key KEY", "--server-pid"),
        ("bots --server 127.0.0.1:9 --key KEY --layout towns", "cannot be used with"),
        ("bots --server 127.0.0.1:9 --key KEY --cipher aes", "cannot be used with"),
        ("bots --admin 127.0.0.1:9", "--server"),
        ("bots --server 127.0.0.1:9 --key KEY --pre-shared-key /nowhere", "/nowhere"),
        ("simulate --minutes 0", "1..=10000"),
        ("simulate --hours 0", "0.001 to"),
        ("simulate-world --minutes=-1", "0.01 to"),
        ("simulate-world --clients 0", "1 to"),
        ("compute --ticks 0", "1..="),
        ("compute --moving 7", "0 to 1"),
    ] {
        let key = "dfab3b52741c0a79b36760e4f7acf1deaa5ad9e7d979c502ead2bee86627ea09";
        let output = bench(&words.replace("KEY", key)).output().unwrap();
        assert_output(&output, 1, &[message]);
    }
}
