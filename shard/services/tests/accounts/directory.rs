//! Accounts elsewhere, in another process: a small HTTP service in Python.

use super::folder::{Folder, HOME, by_password, counted, settings};
use ringshard_services::accounts::directory::{HttpDirectory, HttpDirectorySettings};
use ringshard_services::accounts::{AccountSettings, Accounts, Administration, LoginError, Secret};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The service. The name before the @ decides what it answers.
const SERVICE: &str = r#"
import http.server, json, time
class Service(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def answer(self, status, body=b"", headers={}):
        self.send_response(status)
        for name, value in headers.items(): self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        who = asked["email"].split("@")[0]
        if self.headers["Authorization"] != "Bearer between us" or self.path != "/check": return self.answer(400)
        if who == "slow": time.sleep(5)
        if who == "banned": return self.answer(403)
        if who == "busy": return self.answer(429, headers={"Retry-After": "7"})
        if who == "broken": return self.answer(500)
        if who == "nonsense": return self.answer(200, b"<html>")
        if who == "endless": return self.answer(200, b"[" * 1000000)
        if who == "moved": return self.answer(307, headers={"Location": "http://127.0.0.1:9/check"})
        if asked["password"] != "secret elsewhere": return self.answer(401)
        self.answer(200, json.dumps({"subject": "u-" + who.lower(), "name": "Ann", "email": asked["email"], "more": 1}).encode())
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

struct Service {
    process: Child,
    port: u16,
}

impl Service {
    fn start() -> Self {
        let mut process =
            Command::new("python3").args(["-c", SERVICE]).stdout(Stdio::piped()).spawn().expect("python3 is there");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Service { process, port: line.trim().parse().unwrap() }
    }

    fn accounts(&self, folder: &Folder) -> Accounts {
        let directory = HttpDirectory::new(HttpDirectorySettings {
            name: "studio".into(),
            url: format!("http://127.0.0.1:{}/check", self.port),
            secret: Some(Secret::from("between us")),
            timeout: Duration::from_secs(2),
            parallel: 2,
            certificates: None,
        });
        let settings = AccountSettings { directory: Some(Arc::new(directory.unwrap())), ..settings() };
        Accounts::open(folder, settings).unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn players_of_a_service_elsewhere_log_in_here() {
    let (service, folder) = (Service::start(), Folder::new());
    let accounts = service.accounts(&folder);
    let log_in = |name: &'static str| accounts.login(HOME, by_password(name, "secret elsewhere"));
    let ann = log_in("ann").await.unwrap().profile;
    assert_eq!((ann.name.as_str(), ann.email.as_deref()), ("Ann", Some("ann@example.com")));
    assert_eq!(log_in("ANN").await.unwrap().profile, ann, "the same subject is the same account");
    let other = log_in("bea").await.unwrap();
    assert_eq!(other.profile.name, "Ann-2", "the name is taken");
    assert!(accounts.identify(HOME, other.token.reveal()).await.is_ok());
    let id = ann.id;
    accounts.administer(move |admin| admin.set_disabled(id, true)).await.unwrap().unwrap();
    assert_eq!(log_in("ann").await.unwrap_err(), LoginError::Disabled);
    let admin = Administration::open(&folder, false).unwrap();
    let details = admin.details(id).unwrap().unwrap();
    assert_eq!(details.identities, [("studio".to_owned(), "u-ann".to_owned())]);
    assert_eq!(details.password, None, "no password is kept");
    let closed = accounts.register(HOME, super::folder::registration("eve")).await.unwrap_err();
    assert_eq!(closed, LoginError::RegistrationClosed);
}

#[tokio::test]
async fn each_answer_of_the_service_has_its_error() {
    let (service, folder) = (Service::start(), Folder::new());
    let accounts = service.accounts(&folder);
    let refused = async |name: &str| accounts.login(HOME, by_password(name, "secret elsewhere")).await.unwrap_err();
    let wrong = accounts.login(HOME, by_password("ann", "wrong password")).await.unwrap_err();
    assert_eq!(wrong, LoginError::WrongPassword);
    assert_eq!(refused("banned").await, LoginError::Disabled);
    assert_eq!(refused("busy").await, LoginError::TooMany(Duration::from_secs(7)));
    for name in ["broken", "nonsense", "endless", "moved"] {
        assert_eq!(refused(name).await.status(), 503, "{name}");
    }
    let began = Instant::now();
    assert!(matches!(refused("slow").await, LoginError::Elsewhere(_)));
    assert!(began.elapsed() < Duration::from_secs(4), "the timeout is 2 s");
    // That was the fifth failure in a row: now nobody waits.
    let before = counted(&accounts, "refused_elsewhere");
    for _ in 0..20 {
        let LoginError::Elsewhere(wait) = refused("ann").await else { panic!("the breaker is closed") };
        assert!(wait > Duration::from_secs(2), "{wait:?}");
    }
    assert_eq!(counted(&accounts, "refused_elsewhere"), before + 20);
}

#[tokio::test]
async fn a_service_that_is_gone_is_an_error_and_locks_nobody() {
    let (mut service, folder) = (Service::start(), Folder::new());
    let accounts = service.accounts(&folder);
    service.process.kill().unwrap();
    service.process.wait().unwrap();
    for _ in 0..12 {
        let refused = accounts.login(HOME, by_password("ann", "secret elsewhere")).await.unwrap_err();
        assert!(matches!(refused, LoginError::Elsewhere(_)), "{refused}");
    }
    assert_eq!(counted(&accounts, "refused_locked"), 0);
}

#[test]
fn addresses_that_cannot_be_asked_are_refused_at_the_start() {
    let of = |url: &str| {
        HttpDirectory::new(HttpDirectorySettings {
            name: "studio".into(),
            url: url.into(),
            secret: None,
            timeout: Duration::from_secs(1),
            parallel: 1,
            certificates: None,
        })
    };
    for url in ["", "ftp://a/b", "a/b", "https://a/b"] {
        assert!(of(url).is_err(), "{url}");
    }
}
