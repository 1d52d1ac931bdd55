use super::*;
use crate::admin::Admin;
use crate::settings::{AdminSettings, CertificateFiles, ServerEntry};
use crate::start::Gateway;
use ringshard_certificates::{CertificateSource, Certificates};
use ringshard_operation::Verdict;
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::wire::DeniedReason;
use servers::Answer;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);

fn entry() -> ServerEntry {
    let address = ([127, 0, 0, 1], 9).into();
    ServerEntry { name: "none".to_owned(), address, key: PublicKey::from_bytes([7; 32]), bulk: None }
}

fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn settings() -> Settings {
    Settings {
        listen: any_port(),
        webrtc_port: 0,
        servers: vec![entry()],
        carriers: vec![Carrier::WebSocket],
        admin: None,
        ..Settings::default()
    }
}

/// The files of a certificate for `play.example` that lasts 12 more days; removed at the end.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Files {
        let folder = std::env::temp_dir().join(format!("ringshard-doctor-{name}-{}", std::process::id()));
        let names = vec!["play.example".to_owned()];
        Certificates::open(&CertificateSource::ShortLived { folder: folder.clone(), names }).unwrap();
        Files(folder)
    }

    fn settings(&self) -> Settings {
        let files = CertificateFiles { chain: self.0.join("short-lived.pem"), key: self.0.join("short-lived.key") };
        Settings { certificate: Some(files), ..settings() }
    }

    fn open(&self) -> Certificates {
        let CertificateFiles { chain, key } = self.settings().certificate.unwrap();
        Certificates::open(&CertificateSource::Files { chain, key }).unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_certificate_that_ends_soon_or_has_ended_is_found() {
    let files = Files::new("end");
    let certificates = files.open();
    let at = |days: i32| {
        let now = SystemTime::now();
        let time = if days < 0 { now - DAY * days.unsigned_abs() } else { now + DAY * days.unsigned_abs() };
        certificate::end(&certificates, time)
    };
    assert_eq!((at(0).verdict, at(0).found.as_str()), (Verdict::Warn, "it expires in 11 days"));
    assert_eq!((at(13).verdict, at(13).found.as_str()), (Verdict::Fail, "it expired 1 days ago"));
    assert_eq!(at(-2).verdict, Verdict::Fail, "it is not valid yet");
    assert!(at(-2).fix.contains("clock"));
}

#[test]
fn a_certificate_for_another_name_is_found() {
    let files = Files::new("name");
    let certificates = files.open();
    assert_eq!(certificate::name(&certificates, Some("play.example")).verdict, Verdict::Ok);
    assert_eq!(certificate::name(&certificates, Some("other.example")).verdict, Verdict::Fail);
    assert_eq!(certificate::name(&certificates, None).verdict, Verdict::Warn);
}

#[test]
fn a_certificate_that_cannot_be_read_fails_with_its_file() {
    let files = Files::new("unread");
    std::fs::remove_file(files.0.join("short-lived.key")).unwrap();
    let findings = certificate::examine(&files.settings(), None);
    assert!(findings[0].verdict == Verdict::Fail && findings[0].found.contains("short-lived.key"), "{findings:?}");
}

#[test]
fn ports_are_free_or_the_gateways_or_somebody_elses() {
    assert_eq!(ports::examine(&settings()).verdict, Verdict::Ok);
    let other = TcpListener::bind(any_port()).unwrap();
    let listen = other.local_addr().unwrap();
    assert_eq!(ports::examine(&Settings { listen, ..settings() }).verdict, Verdict::Warn, "the admin port is off");
    let admin = |listen| Some(AdminSettings { listen, token: None });
    let taken = ports::examine(&Settings { listen, admin: admin(any_port()), ..settings() });
    assert!(taken.verdict == Verdict::Fail && taken.found.contains("another program"), "{taken:?}");

    let gateway = Gateway::start(Settings { admin: admin(any_port()), ..settings() }).unwrap();
    let port = Admin::start(gateway.control()).unwrap().expect("the settings have an admin port");
    let running = Settings { listen: gateway.listen(), admin: admin(port.listen()), ..settings() };
    let served = ports::examine(&running);
    assert!(served.verdict == Verdict::Ok && served.found.contains("a gateway runs"), "{served:?}");
}

#[test]
fn each_answer_of_a_server_has_its_finding() {
    let of = |answer| servers::reached(&entry(), &answer);
    let denied = |reason| of(Answer::Denied(reason));
    assert_eq!(
        of(Answer::Accepted(Duration::from_millis(2))).found,
        "none at 127.0.0.1:9 accepts clients, after 2.0 ms"
    );
    assert!(of(Answer::Silent).fix.contains("firewalls"));
    for wrong in [denied(DeniedReason::WrongKey), of(Answer::Unfit)] {
        assert!(wrong.verdict == Verdict::Fail && wrong.fix.contains("keygen --public"), "{wrong:?}");
    }
    assert_eq!(denied(DeniedReason::ServerFull).verdict, Verdict::Warn);
    assert_eq!(denied(DeniedReason::PreSharedKeyMismatch).verdict, Verdict::Ok);
}

#[test]
fn webrtc_on_a_wildcard_needs_a_public_address() {
    let wildcard = Settings { listen: "0.0.0.0:443".parse().unwrap(), carriers: vec![Carrier::WebRtc], ..settings() };
    let found = |settings: &Settings| public_address(settings).map(|finding| finding.verdict);
    assert_eq!(found(&wildcard), Some(Verdict::Fail));
    assert_eq!(found(&Settings { public_address: Some([203, 0, 113, 7].into()), ..wildcard }), Some(Verdict::Ok));
    assert_eq!(found(&settings()), None);
}

#[test]
fn a_gateway_needs_a_file_per_connection_and_per_socket_to_a_server() {
    let settings = Settings { threads: 4, flows: 8, ..settings() };
    assert_eq!(needs(&settings).open_files, 25_000 + 4 * 8 + OTHER_FILES);
}
