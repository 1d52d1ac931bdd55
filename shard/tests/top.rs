//! The commands that look at a running server from outside: `ringshard top`, and `ringshard report`.

use flate2::read::GzDecoder;
use ringshard::admin::Asker;
use ringshard::report::ServerReport;
use ringshard_engine::client::{Client, ClientConfig};
use ringshard_engine::crypto::PublicKey;
use ringshard_engine::limits::DATAGRAM_BYTES_MAX;
use ringshard_engine::time::Instant;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Datagrams that are sent of [`NONSENSE`]: what the server has to drop.
const NONSENSE_COUNT: u64 = 3;
/// A packet of a connection that was never made, on the core that there is: the kernel passes on nothing shorter than a
/// header, and of who sends it its core takes note.
const NONSENSE: [u8; 64] = {
    let mut bytes = [0x55; 64];
    bytes[0] = 0;
    bytes
};
/// How long something that happens at once on an idle machine may take on a busy one.
const PATIENCE: Duration = Duration::from_secs(30);
/// What questions of the server with players must bear.
const TOKEN: &str = "a-secret-that-is-in-no-report";

fn ringshard(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringshard")).args(arguments).output().expect("the binary was built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn assert_has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is missing from:\n{text}");
    }
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

/// A server with a player on it, and somebody who sends nonsense.
struct Scene {
    folder: Folder,
    server: Child,
    admin: String,
    listen: SocketAddr,
    player: SocketAddr,
    stranger: SocketAddr,
    over: Arc<AtomicBool>,
    playing: Option<JoinHandle<()>>,
}

impl Scene {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let key = ringshard::keys::generate(&folder.0.join("server.key")).unwrap();
        std::fs::write(folder.file("token"), TOKEN).unwrap();
        std::fs::set_permissions(folder.file("token"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let admin = free_admin();
        let mut server = Command::new(env!("CARGO_BIN_EXE_ringshard"))
            .args(["serve", "--listen", "127.0.0.1:0", "--cpus", "0", "--key", &folder.file("server.key")])
            .args(["--admin", &admin, "--admin-token-file", &folder.file("token")])
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
        // Nobody reads on, and nothing is to wait for a reader.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let asker = Asker::with_token_file(admin.parse().unwrap(), Some(&folder.0.join("token"))).unwrap();
        let listen = asker.get::<ServerReport>("/stats").unwrap().listen;
        let (over, socket) = (Arc::new(AtomicBool::new(false)), socket());
        let player = socket.local_addr().unwrap();
        let playing = std::thread::spawn({
            let over = over.clone();
            move || play(&socket, listen, key, &over)
        });
        let stranger = self::socket();
        for _ in 0..NONSENSE_COUNT {
            stranger.send_to(&NONSENSE, listen).unwrap();
        }
        let stranger = stranger.local_addr().unwrap();
        let playing = Some(playing);
        let scene = Scene { folder, server, admin, listen, player, stranger, over, playing };
        scene.wait_until(&asker, |report| {
            report.total("joined") == 1 && report.drops().values().sum::<u64>() >= NONSENSE_COUNT
        });
        scene
    }

    fn wait_until(&self, asker: &Asker, so: impl Fn(&ServerReport) -> bool) {
        let give_up = std::time::Instant::now() + PATIENCE;
        loop {
            let report: ServerReport = asker.get("/stats").unwrap();
            if so(&report) {
                return;
            }
            assert!(std::time::Instant::now() < give_up, "what the server should have seen: {report:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn asked(&self, arguments: &[&str]) -> Output {
        let (token, admin) = (self.folder.file("token"), &self.admin);
        ringshard(&[arguments, &["--admin", admin, "--admin-token-file", &token]].concat())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.playing.take().map(JoinHandle::join);
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn free_admin() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    socket
}

/// Connects, and stays.
fn play(socket: &UdpSocket, server: SocketAddr, key: PublicKey, over: &AtomicBool) {
    let mut client = Client::new(ClientConfig::new(key), Instant::ZERO, ringshard::keys::random_bytes()).unwrap();
    let started = std::time::Instant::now();
    let now = || Instant::ZERO + started.elapsed();
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    while !over.load(Ordering::Relaxed) {
        client.advance(now());
        while let Some(len) = client.poll_transmit(now(), &mut buffer) {
            socket.send_to(&buffer[..len], server).unwrap();
        }
        while let Ok((len, _)) = socket.recv_from(&mut buffer) {
            let _ = client.receive(now(), &mut buffer[..len]);
            let mut message = Vec::new();
            while client.read(&mut message).is_some() {}
        }
    }
}

/// The files of a report, by their names below its folder.
fn unpack(path: &str) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(std::fs::File::open(path).unwrap()));
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let (folder, name) = path.split_once('/').expect("all of it is in one folder");
        assert!(folder.starts_with("ringshard-report-2"), "{folder}");
        let (name, mut content) = (name.to_owned(), String::new());
        entry.read_to_string(&mut content).unwrap();
        files.insert(name, content);
    }
    files
}

#[test]
fn top_shows_the_server_its_cores_its_drops_and_who_talks() {
    let scene = Scene::new("top");
    let output = scene.asked(&["top", "--once", "--interval", "0.2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    assert!(!page.contains('\x1b'), "plain text");
    let (listen, player, stranger) = (scene.listen.to_string(), scene.player.to_string(), scene.stranger.to_string());
    assert_has(
        &page,
        &["ringshard ", &listen, "1 connection ", "packets in ", "cores", "busy", "drops", "top talkers"],
    );
    let line =
        |word: &str| page.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("no {word}\n{page}"));
    let dropped: Vec<&str> = line(&stranger).split_whitespace().collect();
    assert_eq!((dropped[1], dropped[3]), (NONSENSE_COUNT.to_string().as_str(), stranger.as_str()));
    // A rate takes two answers: none is missing.
    let talker: Vec<&str> = line(&player).split_whitespace().collect();
    assert!(talker.contains(&"B") || talker.contains(&"KiB"), "rates of the player: {talker:?}");
    let core = page.lines().skip_while(|line| !line.starts_with("core ")).nth(1).expect("there is a core");
    assert!(core.starts_with("0 ") && core.contains('%'), "its share of time: {core}");
    for order in ["bytes", "age", "over-budget"] {
        let output = scene.asked(&["top", "--once", "--interval", "0.1", "--sort", order]);
        assert_has(&text(&output.stdout), &[&format!("by {order}, most first"), &player]);
    }
}

#[test]
fn top_says_what_it_needs() {
    let admin = free_admin();
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
fn a_report_holds_what_there_is_to_know_and_no_secret() {
    let scene = Scene::new("report");
    let out = scene.folder.file("report.tar.gz");
    let output = scene.asked(&["report", "--out", &out, "--seconds", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_has(&text(&output.stdout), &[&out, "stats.json", "addresses of players", "no keys"]);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&out).unwrap());
    assert_eq!(mode & 0o777, 0o600, "addresses of players are not for everybody");

    let files = unpack(&out);
    let json = |name: &str| -> serde_json::Value { serde_json::from_str(&files[name]).expect(name) };
    let reports =
        ["stats.json", "stats-later.json"].map(|name| serde_json::from_value::<ServerReport>(json(name)).unwrap());
    assert!(reports[1].uptime_s > reports[0].uptime_s, "the second look is later");
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
    assert_has(readme, &[&scene.listen.to_string(), "addresses of players", "no keys"]);
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
    let again = scene.asked(&["report", "--out", &out, "--seconds", "0"]);
    assert!(!again.status.success());
    assert_has(&text(&again.stderr), &["exists", "--out"]);
    assert_eq!(std::fs::read(&out).unwrap(), before, "nothing is overwritten");
}

#[test]
fn a_report_is_made_without_a_server_too_and_says_what_it_lacks() {
    let folder = Folder::new("report-alone");
    let (admin, out) = (free_admin(), folder.file("report.tar.gz"));
    let output = ringshard(&["report", "--admin", &admin, "--out", &out, "--seconds", "0"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_has(&text(&output.stdout), &["no server answers", "doctor.json"]);
    let files = unpack(&out);
    for file in ["README.txt", "errors.txt"] {
        assert_has(&files[file], &["stats.json, sessions.json, config.json, metrics.txt", "no server answers", &admin]);
    }
    assert_has(&files["host/memory.txt"], &["MemTotal"]);
    assert!(!files.contains_key("stats.json"));

    // A secret that cannot be read is a reason like any other.
    let (missing, out) = (folder.file("missing"), folder.file("locked.tar.gz"));
    let arguments = ["report", "--admin", &admin, "--admin-token-file", &missing, "--out", &out, "--seconds", "0"];
    assert!(ringshard(&arguments).status.success());
    assert_has(&unpack(&out)["errors.txt"], &["cannot read the secret", &missing]);

    let nowhere = folder.file("no-such-folder/report.tar.gz");
    let output = ringshard(&["report", "--admin", &admin, "--out", &nowhere]);
    assert_eq!(output.status.code(), Some(1));
    assert_has(&text(&output.stderr), &["cannot write", "no-such-folder", "--out"]);
}
