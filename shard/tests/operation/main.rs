//! A running server as its operators meet it: the admin port, signals, and its end.

use ringshard::admin::{AskError, Asker};
use ringshard::capture::{Secrets, decrypt};
use ringshard::config::Reloaded;
use ringshard::report::{ServerReport, SessionSnapshot};
use ringshard::server::{self, ServerConfig};
use ringshard::service::Service;
use ringshard::vitals::end_process_on_panic;
use ringshard_engine::Endpoint;
use ringshard_engine::client::{Client, ClientConfig, ClientEvent, CloseReason};
use ringshard_engine::crypto::{PublicKey, SecretKey};
use ringshard_engine::limits::DATAGRAM_BYTES_MAX;
use ringshard_engine::time::Instant;
use ringshard_engine::wire::{Channel, ConnectionId, DeniedReason, DisconnectReason, Message};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant as Clock};

/// How long anything here may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of its own, with a folder for its files.
struct Server {
    child: Child,
    log: BufReader<ChildStderr>,
    folder: PathBuf,
    admin: SocketAddr,
    listen: SocketAddr,
    key: PublicKey,
}

impl Server {
    fn start(name: &str, settings: &str, flags: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("ringshard-operation-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("settings.toml"), settings).unwrap();
        let admin = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ringshard"))
            .current_dir(&folder)
            .args(["serve", "--config", "settings.toml", "--listen", "127.0.0.1:0", "--cpus", "0"])
            .args(["--admin", &admin.to_string()])
            .args(flags)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let serving = wait_for(&mut log, "serving");
        let word = |name: &str| serving.split(name).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        let (listen, key) = (word("listen=").parse().unwrap(), PublicKey::from_hex(&word("public_key=")).unwrap());
        Server { child, log, folder, admin, listen, key }
    }

    fn asker(&self) -> Asker {
        Asker::new(self.admin)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    fn said(&mut self, what: &str) -> String {
        wait_for(&mut self.log, what)
    }

    fn ends(&mut self) -> std::process::ExitStatus {
        let give_up = Clock::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Clock::now() < give_up, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn wait_for(log: &mut BufReader<ChildStderr>, what: &str) -> String {
    let mut line = String::new();
    while !line.contains(what) {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended before it said `{what}`");
    }
    line
}

/// A player, driven by hand.
struct Player {
    client: Client,
    socket: UdpSocket,
    began: Clock,
    heard: Vec<Vec<u8>>,
    closed: Option<CloseReason>,
}

impl Player {
    fn new(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server.listen).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let config = ClientConfig::new(server.key);
        let client = Client::new(config, Instant::ZERO, ringshard::keys::random_bytes()).unwrap();
        Player { client, socket, began: Clock::now(), heard: Vec::new(), closed: None }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    fn step(&mut self) {
        let (mut buffer, now) = ([0; DATAGRAM_BYTES_MAX], self.now());
        self.client.advance(now);
        while let Some(len) = self.client.poll_transmit(now, &mut buffer) {
            let _ = self.socket.send(&buffer[..len]);
        }
        if let Ok(len) = self.socket.recv(&mut buffer) {
            let now = self.now();
            for message in self.client.receive(now, &mut buffer[..len]).into_iter().flatten() {
                self.heard.push(message.bytes.to_vec());
            }
        }
        while let Some(event) = self.client.poll_event() {
            if let ClientEvent::Closed(reason) = event {
                self.closed = Some(reason);
            }
        }
    }

    fn until(&mut self, what: &str, happened: impl Fn(&Self) -> bool) {
        let give_up = Clock::now() + PATIENCE;
        while !happened(self) {
            assert!(Clock::now() < give_up, "{what}");
            self.step();
        }
    }

    fn connected(server: &Server) -> Self {
        let mut player = Player::new(server);
        player.until("it connects", |player| player.client.is_connected());
        player.echo(b"hello");
        player
    }

    fn echo(&mut self, text: &[u8]) {
        self.client.send(self.now(), Channel::RELIABLE_ORDERED, text).unwrap();
        self.until("the echo comes", |player| player.heard.iter().any(|heard| heard == text));
    }
}

/// What a plain request gets.
fn raw(admin: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_admin_port_says_what_there_is_to_know() {
    let server = Server::start("asks", "", &[]);
    let mut player = Player::connected(&server);
    let asker = server.asker();
    assert_eq!(asker.text("/live").unwrap(), "live\n");
    assert_eq!(asker.text("/ready").unwrap(), "ready\n");
    assert!(asker.text("/").unwrap().contains("Ringshard"));
    let report: ServerReport = asker.get("/stats").unwrap();
    assert_eq!((report.listen, report.total("joined"), report.cores[0].connections), (server.listen, 1, 1));
    let metrics = asker.text("/metrics").unwrap();
    assert!(metrics.contains("ringshard_sessions{core=\"0\"} 1"), "{metrics}");
    let sessions: Vec<SessionSnapshot> = asker.get("/sessions?sort=rate&limit=5").unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].address, player.socket.local_addr().unwrap());
    assert_eq!((sessions[0].standing.as_str(), sessions[0].datagrams_in > 0), ("established", true));
    assert!(asker.get::<Vec<SessionSnapshot>>("/sessions?address=10.0.0.1").unwrap().is_empty());
    let config: serde_json::Value = asker.get("/config").unwrap();
    let listen = config.as_array().unwrap().iter().find(|setting| setting["name"] == "listen").unwrap();
    assert_eq!(listen["source"], "flag");
    let percentiles: Vec<serde_json::Value> = asker.get("/histograms").unwrap();
    assert!(percentiles[0]["turn"]["p99_us"].as_f64().unwrap() > 0.0);
    assert!(matches!(asker.text("/sessions?sort=nonsense"), Err(AskError::Refused(_, 400, _))));
    assert!(matches!(asker.text("/nothing"), Err(AskError::Refused(_, 404, _))));
    player.echo(b"and nobody was disturbed");
}

#[test]
fn a_page_of_another_site_is_refused_and_a_secret_is_asked_for_where_one_is_set() {
    let server = Server::start("open", "", &[]);
    let answer = raw(server.admin, "POST /drain HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let cross = format!(
        "POST /drain HTTP/1.1\r\nHost: {}\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        server.admin
    );
    assert!(raw(server.admin, &cross).starts_with("HTTP/1.1 403"));
    assert_eq!(server.asker().text("/ready").unwrap(), "ready\n", "it was not drained");
    drop(server);

    let token = std::env::temp_dir().join(format!("ringshard-operation-token-{}", std::process::id()));
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    let server = Server::start("locked", "", &["--admin-token-file", token.to_str().unwrap()]);
    for path in ["/stats", "/metrics", "/sessions", "/config", "/live", "/ready", "/histograms"] {
        assert!(matches!(server.asker().text(path), Err(AskError::Locked(_))), "{path}");
    }
    assert!(matches!(server.asker().post("/drain"), Err(AskError::Locked(_))));
    let bearer = Asker::with_token_file(server.admin, Some(&token)).unwrap();
    assert_eq!(bearer.text("/ready").unwrap(), "ready\n");
    std::fs::remove_file(&token).unwrap();
}

#[test]
fn limits_and_lists_change_while_players_play_and_the_rest_is_refused_by_name() {
    let mut server = Server::start("reload", "npcs = 10\nallow = []\n", &[]);
    let mut player = Player::connected(&server);
    let settings = server.folder.join("settings.toml");
    std::fs::write(&settings, "npcs = 20\nallow = []\ndeny = [\"192.0.2.0/24\"]\n").unwrap();
    let reloaded: Reloaded = serde_json::from_str(&server.asker().post("/reload").unwrap()).unwrap();
    assert_eq!((reloaded.changed, reloaded.refused), (vec!["deny".to_owned()], vec!["npcs".to_owned()]));
    player.echo(b"not me");

    std::fs::write(&settings, "deny = [\"nonsense\"]\n").unwrap();
    let Err(AskError::Refused(_, 422, why)) = server.asker().post("/reload") else { panic!("it was taken") };
    assert!(why.contains("deny") && why.contains("nonsense"), "{why}");

    std::fs::write(&settings, "allow = []\ndeny = [\"127.0.0.0/8\"]\n").unwrap();
    server.signal(Signal::HUP);
    server.said("settings reloaded");
    player.until("it is put out", |player| player.closed.is_some());
    assert_eq!(player.closed, Some(CloseReason::Disconnected(DisconnectReason::Denied)));
}

#[test]
fn a_drained_server_lets_nobody_in_keeps_who_is_there_and_ends_when_all_have_left() {
    let mut server = Server::start("drain", "drain-ms = 600000\n", &[]);
    let mut player = Player::connected(&server);
    server.signal(Signal::TERM);
    server.said("draining");
    let give_up = Clock::now() + PATIENCE;
    while !matches!(server.asker().text("/ready"), Err(AskError::Refused(_, 503, _))) {
        assert!(Clock::now() < give_up, "it says that it is ready");
    }
    assert_eq!(server.asker().text("/live").unwrap(), "live\n");
    player.echo(b"still here");
    let mut late = Player::new(&server);
    late.until("the late one is denied", |late| late.closed.is_some());
    assert!(matches!(late.closed, Some(CloseReason::Denied(DeniedReason::ShuttingDown, _))), "{:?}", late.closed);
    player.client.disconnect();
    player.until("it hangs up", |player| player.closed.is_some());
    assert!(server.ends().success());
}

#[test]
fn a_second_signal_ends_the_drain_and_players_are_told() {
    let mut server = Server::start("stop", "drain-ms = 600000\n", &[]);
    let mut player = Player::connected(&server);
    server.signal(Signal::INT);
    server.said("draining");
    server.signal(Signal::INT);
    player.until("it is told", |player| player.closed.is_some());
    assert_eq!(player.closed, Some(CloseReason::Disconnected(DisconnectReason::ShuttingDown)));
    assert!(server.ends().success());
}

#[test]
fn a_dump_has_histograms_connections_and_settings() {
    let mut server = Server::start("dump", "", &[]);
    let player = Player::connected(&server);
    server.signal(Signal::USR2);
    let line = server.said("dumped");
    let path = line.split("path=").nth(1).unwrap().trim();
    let dump: serde_json::Value = serde_json::from_slice(&std::fs::read(server.folder.join(path)).unwrap()).unwrap();
    assert_eq!(dump["sessions"][0]["address"], player.socket.local_addr().unwrap().to_string());
    assert_eq!(dump["report"]["cores"][0]["counters"]["joined"], 1);
    assert!(dump["config"].as_array().unwrap().len() > 20);
}

#[test]
fn what_is_dropped_is_logged_by_reason_and_not_by_datagram() {
    let mut server = Server::start("drops", "", &[]);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    // The first look at the counters comes ten seconds after the start.
    let until = Clock::now() + Duration::from_secs(11);
    while Clock::now() < until {
        stranger.send_to(&[0; 60], server.listen).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    let line = server.said("dropped");
    let from = stranger.local_addr().unwrap().to_string();
    assert!(line.contains("malformed") && line.contains(&from), "{line}");
    server.signal(Signal::TERM);
    let mut rest = String::new();
    server.log.read_to_string(&mut rest).unwrap();
    assert!(rest.matches("malformed").count() < 5, "{rest}");
}

#[test]
fn a_capture_has_what_was_said_and_opens_with_the_secrets_alone() {
    let server = Server::start("capture", "key-log = true\n", &[]);
    let mut player = Player::connected(&server);
    let asker = server.asker();
    let capturing = std::thread::spawn(move || asker.bytes("/capture?seconds=1.5", Duration::from_secs(10)));
    while !capturing.is_finished() {
        player.heard.clear();
        player.echo(b"the secret of the captured");
    }
    let capture = capturing.join().unwrap().unwrap();
    let says = |file: &[u8]| file.windows(26).any(|window| window == b"the secret of the captured");
    assert!(!says(&capture), "on the wire it is sealed");
    let secrets = Secrets::read(&server.asker().text("/keys").unwrap()).unwrap();
    let decrypted = decrypt(&capture, &secrets, server.listen.port()).unwrap();
    assert!(says(&decrypted.file) && decrypted.opened > 10 && decrypted.sealed == 0, "{}", decrypted.opened);
    let nobody = decrypt(&capture, &Secrets::default(), server.listen.port()).unwrap();
    assert_eq!((nobody.opened, nobody.sealed), (0, decrypted.opened));
    drop(server);

    let server = Server::start("secretive", "", &[]);
    let Err(AskError::Refused(_, 403, why)) = server.asker().text("/keys") else { panic!("secrets were given out") };
    assert!(why.contains("--key-log"), "{why}");
    assert!(matches!(server.asker().text("/capture?seconds=1e9"), Err(AskError::Refused(_, 400, _))));
}

/// A server whose second core panics at the first message, in this very process. It is run as a process of its own by the
/// test below.
#[test]
#[ignore = "ends its process: the test below runs it"]
fn panics_on_purpose() {
    struct Fragile;
    impl Service for Fragile {
        fn message(&mut self, _: Instant, _: &mut Endpoint, _: ConnectionId, message: Message<'_>) {
            panic!("cannot bear {}", String::from_utf8_lossy(message.bytes));
        }
    }
    end_process_on_panic(std::env::var("DUMP_FOLDER").unwrap().into());
    let secret = SecretKey::from_bytes([7; 32]);
    let mut config = ServerConfig::new(secret, vec![0]);
    config.listen = ([127, 0, 0, 1], 0).into();
    let running = server::Server::start(&config, |_| Fragile).unwrap();
    eprintln!("serving listen={}", running.listen());
    running.join();
}

#[test]
fn a_panic_of_a_core_ends_the_process_loudly_and_leaves_what_it_had_done() {
    let folder = std::env::temp_dir().join(format!("ringshard-operation-panic-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "panics_on_purpose", "--ignored", "--nocapture"])
        .env("DUMP_FOLDER", &folder)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let serving = wait_for(&mut log, "listen=");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(serving.split("listen=").nth(1).unwrap().trim()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let key = SecretKey::from_bytes([7; 32]).public();
    let client = Client::new(ClientConfig::new(key), Instant::ZERO, ringshard::keys::random_bytes()).unwrap();
    let mut player = Player { client, socket, began: Clock::now(), heard: Vec::new(), closed: None };
    player.until("it connects", |player| player.client.is_connected());
    // The core notes what it has done once a second.
    let a_while = Clock::now() + Duration::from_millis(1500);
    player.until("a while has passed", |_| Clock::now() > a_while);
    player.client.send(player.now(), Channel::UNRELIABLE, b"bad news").unwrap();
    let give_up = Clock::now() + PATIENCE;
    let status = loop {
        player.step();
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Clock::now() < give_up, "half a server goes on");
    };
    assert!(!status.success());
    let mut said = String::new();
    log.read_to_string(&mut said).unwrap();
    assert!(said.contains("core-0") && said.contains("cannot bear bad news"), "{said}");
    let file = std::fs::read_dir(&folder).unwrap().next().expect("a file is left").unwrap().path();
    let left: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((left["thread"].as_str(), left["phase"].as_str()), (Some("core-0"), Some("reap")));
    assert_eq!(left["core"]["counters"]["joined"], 1);
    assert!(said.contains(file.to_str().unwrap()), "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
}
