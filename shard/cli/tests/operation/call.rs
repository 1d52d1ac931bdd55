//! `ringshard call` against a server that runs, over HTTPS and in the world.

use crate::shared::{Folder, Server, assert_has, free_address, ringshard, stdout, text, wait_for_line};
use ring::digest::{SHA256, digest};
use ringshard_services::AccountId;
use ringshard_services::resources::to_hex;
use ringshard_services::tickets::{ServerKey, TicketIssuer};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

const CITIES: &str = "name,lat,lon,population\nParis,48.85,2.35,2100000\nSuva,-18.14,178.44,93000\n";
pub const PASSWORD: &str = "correct horse";

/// A demonstration with services: two cities, a signed resource, and the account ann.
struct Served {
    server: Server,
    url: String,
    /// Of the services.
    dir: String,
    /// Of the test.
    folder: Folder,
    /// Signs resources.
    key: String,
}

impl Served {
    fn new(name: &str) -> Served {
        let folder = Folder::new(name);
        let (dir, key, cities) = (folder.file("services"), folder.file("resources.key"), folder.file("cities.csv"));
        std::fs::write(&cities, CITIES).unwrap();
        let source = folder.file("source");
        std::fs::create_dir(&source).unwrap();
        let map = format!("{source}/north.ringmap");
        std::fs::write(&map, vec![7; 300_000]).unwrap();
        for arguments in [
            &["places", "import", &cities, "--dir", &dir][..],
            &["resources", "keygen", "--out", &key],
            &["resources", "add", &map, "--prefix", "maps/", "--key", &key, "--dir", &dir],
        ] {
            let output = ringshard(arguments);
            assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        }
        let login = free_address().to_string();
        let flags = ["--game", "demo", "--services", &dir, "--login", &login];
        let server = Server::start(name, "", &flags);
        add_ann(&folder, &dir);
        let url = format!("https://{}", login.replace("127.0.0.1", "localhost"));
        Served { server, url, dir, folder, key }
    }

    fn certificate(&self) -> String {
        format!("{}/tls/development.pem", self.dir)
    }

    /// Runs `ringshard call` at the login door.
    fn https(&self, arguments: &[&str]) -> Output {
        let certificate = self.certificate();
        ringshard(&[&["call", &self.url, "--certificate", &certificate], arguments].concat())
    }

    /// `ringshard call` in the world, with a ticket of an account.
    fn world(&self, account: u64, arguments: &[&str]) -> Command {
        let (listen, key) = (self.server.listen.to_string(), self.server.key.to_string());
        let ticket = self.ticket(account);
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringshard"));
        command.args(["call", &listen, &key, "--ticket", &ticket]).args(arguments).current_dir(&self.folder.0);
        command
    }

    fn ticket(&self, account: u64) -> String {
        let issuer = TicketIssuer::open(&Path::new(&self.dir).join("ticket.key")).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let key = ServerKey(*self.server.key.as_bytes());
        issuer.issue(now, AccountId(account), &format!("player{account}"), key).to_text()
    }
}

/// Adds the account ann to the services in `dir`.
pub fn add_ann(folder: &Folder, dir: &str) {
    let account = folder.file("account.jsonl");
    std::fs::write(&account, "{\"name\": \"ann\", \"email\": \"ann@example.com\"}\n").unwrap();
    let imported = ringshard(&["accounts", "import", &account, "--dir", dir]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let mut reset = Command::new(env!("CARGO_BIN_EXE_ringshard"))
        .args(["accounts", "reset", "ann", "--stdin", "--dir", dir])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(reset.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(reset.wait().unwrap().success());
}

fn json(output: &Output) -> serde_json::Value {
    let parsed = serde_json::from_slice(&output.stdout);
    parsed.unwrap_or_else(|_| panic!("no JSON: {}{}", stdout(output), text(&output.stderr)))
}

/// The command ended with this exit code, and its error has all of `words`.
fn assert_ends(output: &Output, code: i32, words: &[&str]) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_has(&error, words);
}

#[test]
fn both_doors_answer_the_same_calls_and_refuse_the_same_mistakes() {
    let served = Served::new("call-doors");
    let complete = ["/v1/places/complete", "--field", "text=par", "--field", "limit=5"];
    let as_json = [&complete[..], &["--print-json"]].concat();
    assert_has(&stdout(&served.https(&complete)), &["name: \"Paris\""]);
    assert_has(&stdout(&served.world(1, &complete).output().unwrap()), &["name: \"Paris\""]);
    let (https, udp) = (json(&served.https(&as_json)), json(&served.world(1, &as_json).output().unwrap()));
    assert_eq!(https, udp);
    let listed = stdout(&served.https(&["--list", "/v1/places"]));
    assert_has(&listed, &["/v1/places/complete", "anybody", "text: text"]);
    assert_eq!(listed, stdout(&served.world(1, &["--list", "/v1/places"]).output().unwrap()));

    let mistakes: [(&[&str], i32, &[&str]); 4] = [
        (&["/v1/none"], 1, &["404", "no action /v1/none", "--list"]),
        (&["/v1/places/complete", "-f", "txt=par"], 2, &["--field txt=par", "no such field", "text: text"]),
        (&["/v1/places/complete", "--json", "{\"text\": 1}"], 2, &["text: expected text"]),
        (&["/v1/places/complete", "-f", "text=***"], 1, &["400", "a letter or a digit"]),
    ];
    for (arguments, code, words) in mistakes {
        assert_ends(&served.https(arguments), code, words);
        assert_ends(&served.world(1, arguments).output().unwrap(), code, words);
    }
}

#[test]
fn a_login_door_is_known_by_its_certificate_and_a_player_by_the_password() {
    let served = Served::new("call-login");
    let list = ["--list", "/v1/actions"];
    let certificate = CertificateDer::from_pem_file(served.certificate()).unwrap();
    let fingerprint = to_hex(digest(&SHA256, &certificate).as_ref());
    let pinned = |digits: &str| ringshard(&[&["call", &served.url, "--fingerprint", digits], &list[..]].concat());
    assert_has(&stdout(&pinned(&fingerprint)), &["1 action", "/v1/actions"]);
    assert_ends(&pinned(&"0".repeat(64)), 3, &["certificate", "--fingerprint"]);

    let who = ["/v1/chat/history", "--field", "room=hall"];
    assert_ends(&served.https(&who), 1, &["401", "log in"]);
    assert_ends(&served.https(&[&who[..], &["--token", "wrong"]].concat()), 1, &["401"]);
    let (listen, certificate) = (served.server.listen.to_string(), served.certificate());
    let with_password = |password: &str, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringshard"));
        command.args(["call", &listen, "--login", &served.url, "--certificate", &certificate]);
        command.args(["--email", "ann@example.com"]).args(arguments).env("RINGSHARD_PASSWORD", password);
        command.output().unwrap()
    };
    let said = with_password(PASSWORD, &["--say", "hall", "hello", "--print-json"]);
    assert_eq!(json(&said)["number"], 1);
    assert_ends(&with_password("wrong horse", &["--say", "hall", "hello"]), 1, &["401"]);
    // The sessions that began for the commands have ended with them.
    let sessions = stdout(&ringshard(&["accounts", "show", "ann", "--dir", &served.dir, "--json"]));
    let sessions: serde_json::Value = serde_json::from_str(&sessions).unwrap();
    assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(0), "{sessions}");
}

#[test]
fn a_resource_is_downloaded_whole_and_only_with_the_right_signature() {
    let served = Served::new("call-download");
    let download = ["--download", "maps/north.ringmap", "--key", &served.key];
    let done = served.world(1, &download).output().unwrap();
    assert_ends(&done, 0, &["north.ringmap: 293 KiB", "signed"]);
    let file = served.folder.file("north.ringmap");
    assert_eq!(std::fs::read(&file).unwrap(), vec![7; 300_000]);
    // A file is never overwritten, and a failed download leaves none.
    assert_ends(&served.world(1, &download).output().unwrap(), 2, &["already exists"]);
    std::fs::remove_file(&file).unwrap();
    let other = "1".repeat(64);
    let forged = ["--download", "maps/north.ringmap", "--key", &other];
    assert_ends(&served.world(1, &forged).output().unwrap(), 1, &["not signed with the key"]);
    let missing = ["--download", "maps/south.ringmap", "--trust-server"];
    assert_ends(&served.world(1, &missing).output().unwrap(), 1, &["404", "no such resource"]);
    assert!(!std::fs::exists(&file).unwrap() && !std::fs::exists(served.folder.file("south.ringmap")).unwrap());
    // A ticket is good once.
    let ticket = served.ticket(1);
    let (listen, key) = (served.server.listen.to_string(), served.server.key.to_string());
    let enter = || ringshard(&["call", &listen, &key, "--ticket", &ticket, "--list", "/v1/places/c"]);
    assert_ends(&enter(), 0, &[]);
    assert_ends(&enter(), 1, &["ticket", "get a new one"]);
}

#[test]
fn a_line_said_in_a_room_is_heard_there_until_the_listener_is_told_to_end() {
    let served = Served::new("call-chat");
    let mut command = served.world(1, &["--chat", "hall"]);
    let mut listener = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_line(&mut BufReader::new(listener.stderr.take().unwrap()), "in room hall");
    let said = served.world(2, &["--say", "hall", "it's me"]).output().unwrap();
    assert_ends(&said, 0, &[]);
    assert_has(&stdout(&said), &["{ number: 1 }"]);
    let mut heard = BufReader::new(listener.stdout.take().unwrap()).lines();
    let chat = heard.find(|line| line.as_ref().unwrap().starts_with("[hall]")).expect("the line is heard");
    assert_eq!(chat.unwrap(), "[hall] player2: it's me");
    kill_process(Pid::from_raw(listener.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    assert!(listener.wait().unwrap().success());
}
