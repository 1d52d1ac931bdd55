//! A real NATS that speaks TLS. Without Debian's nats-server, the tests say so and check nothing.

use super::{NatsBus, round_trip};
use crate::authority::Authority;
use crate::bus::BusSettings;
use crate::model::RunId;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A server of NATS that ends with the test.
struct Nats(Child, String);

impl Nats {
    /// Starts one with this certificate and key, and more options. None: it is not installed.
    fn start([certificate, key]: &[String; 2], more: &[&str]) -> Option<Nats> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let spawned = Command::new("nats-server")
            .args(["--addr", "127.0.0.1", "--port", &free.port().to_string()])
            .args(["--tls", "--tlscert", certificate, "--tlskey", key])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match spawned {
            Ok(process) => Some(Nats(process, format!("tls://{free}"))),
            Err(error) => {
                eprintln!("skipped: NATS cannot be started ({error}); install Debian's nats-server");
                None
            }
        }
    }

    fn settings(&self, authority: &Path) -> BusSettings {
        let file = authority.display();
        let text = format!("servers = ['{}']\nkey-file = 'unused'\nca-certificate = '{file}'", self.1);
        let settings: BusSettings = toml::from_str(&text).expect("settings");
        assert_eq!(settings.faults(), Vec::<String>::new());
        settings
    }

    /// What the server answers under these settings, once it is up.
    async fn answer(&self, settings: &BusSettings) -> Result<Duration, String> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = round_trip(settings, &self.1).await;
            let is_starting = answer.as_ref().is_err_and(|error| error.contains("refused"));
            if !is_starting || Instant::now() > until {
                return answer;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_certificate_of_nats_is_verified_and_an_error_names_the_file() {
    let (right, wrong) = (Authority::new(), Authority::new());
    let Some(nats) = Nats::start(&right.sign("nats", &["127.0.0.1"]), &[]) else { return };
    nats.answer(&nats.settings(&right.file())).await.expect("the letter comes back");
    let error = nats.answer(&nats.settings(&wrong.file())).await.expect_err("another authority signed it");
    let file = wrong.file().display().to_string();
    for word in ["invalid peer certificate", "bus.ca-certificate must name", &file] {
        assert!(error.contains(word), "{word}: {error}");
    }
    // Letters pass between hosts, too.
    let settings = nats.settings(&right.file());
    let [one, other] = [RunId(1), RunId(2)];
    let mut ends = (NatsBus::start(&settings, one).await.unwrap(), NatsBus::start(&settings, other).await.unwrap());
    let until = Instant::now() + Duration::from_secs(30);
    let heard = loop {
        ends.0.say(Some(other), b"a letter".to_vec()).await;
        match tokio::time::timeout(Duration::from_millis(50), ends.1.hear()).await {
            Ok(heard) => break heard,
            Err(_) => assert!(Instant::now() < until, "no letter arrives"),
        }
    };
    assert_eq!(heard, b"a letter");
    let mut deaf = NatsBus::start(&nats.settings(&wrong.file()), one).await.expect("it goes on trying");
    deaf.say(None, b"a letter".to_vec()).await;
    assert!(!deaf.is_connected());
}

#[tokio::test]
async fn a_certificate_for_another_host_and_a_file_without_certificates_are_refused() {
    let authority = Authority::new();
    let signed = authority.sign("nats", &["nats.example"]);
    let Some(nats) = Nats::start(&signed, &[]) else { return };
    let error = nats.answer(&nats.settings(&authority.file())).await.expect_err("it is for another host");
    assert!(error.contains("for the host in bus.servers"), "{error}");
    for file in ["/nowhere.pem", &signed[1]] {
        let error = NatsBus::start(&nats.settings(Path::new(file)), RunId(1)).await.err();
        let error = error.expect("it holds no certificate").to_string();
        assert!(error.contains("bus.ca-certificate") && error.contains(file), "{error}");
    }
}

#[tokio::test]
async fn nats_lets_only_clients_with_a_certificate_in_if_it_asks_for_one() {
    let (right, wrong) = (Authority::new(), Authority::new());
    let authority = right.file().display().to_string();
    let signed = right.sign("nats", &["127.0.0.1"]);
    let Some(nats) = Nats::start(&signed, &["--tlsverify", "--tlscacert", &authority]) else { return };
    let with = |[certificate, key]: [String; 2]| BusSettings {
        certificate: Some(certificate.into()),
        certificate_key: Some(key.into()),
        ..nats.settings(&right.file())
    };
    let own = right.sign("host", &["eu-1"]);
    nats.answer(&with(own.clone())).await.expect("its authority has signed this one");
    for settings in [nats.settings(&right.file()), with(wrong.sign("host", &["eu-1"]))] {
        let error = nats.answer(&settings).await.expect_err("it has not signed this one");
        assert!(error.contains("bus.certificate must name"), "{error}");
    }
    // A key that is not the certificate's, and one that others can read.
    let [certificate, key] = own;
    let [_, other] = right.sign("other", &["eu-1"]);
    let error = nats.answer(&with([certificate.clone(), other])).await.expect_err("they do not belong together");
    assert!(error.contains("bus.certificate: "), "{error}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = nats.answer(&with([certificate, key.clone()])).await.expect_err("everybody can read the key");
    assert!(error.contains(&key), "{error}");
}

#[tokio::test]
async fn nats_that_takes_no_whole_player_gets_no_letter_at_all() {
    let authority = Authority::new();
    let signed = authority.sign("nats", &["127.0.0.1"]);
    let config = format!("{}.conf", signed[0]);
    std::fs::write(&config, "max_payload: 65536\n").expect("a file");
    let Some(nats) = Nats::start(&signed, &["--config", &config]) else { return };
    let settings = nats.settings(&authority.file());
    let answer = nats.answer(&settings).await.expect_err("a player does not fit");
    assert!(answer.contains("at most 65536 bytes") && answer.contains("max_payload"), "{answer}");
    let mut bus = NatsBus::start(&settings, RunId(1)).await.expect("a bus");
    while !bus.is_connected() {
        sleep(Duration::from_millis(20)).await;
    }
    bus.say(None, vec![1]).await;
    assert!(tokio::time::timeout(Duration::from_millis(300), bus.hear()).await.is_err(), "it was said");
}
