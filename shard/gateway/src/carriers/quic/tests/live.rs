//! What changes while the gateway runs.

use super::echo::closed_with;
use super::gateway::{Gateway, before};
use super::run;
use super::udp_server::{UdpServer, encrypted};
use quinn::Connection;
use rustls::pki_types::CertificateDer;
use std::time::Duration;

fn certificate(connection: &Connection) -> CertificateDer<'static> {
    let chain = connection.peer_identity().unwrap().downcast::<Vec<CertificateDer<'static>>>().unwrap();
    chain[0].clone()
}

#[test]
fn new_connections_get_a_certificate_that_was_read_again_and_old_ones_go_on() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        let old = gateway.connect().await;
        for name in ["short-lived.pem", "short-lived.key"] {
            std::fs::remove_file(gateway.folder.join(name)).unwrap();
        }
        let before = gateway.certificates.fingerprint();
        gateway.certificates.reload().unwrap();
        assert_ne!(gateway.certificates.fingerprint(), before);
        let new = gateway.connect().await;
        assert_ne!(certificate(&old), certificate(&new));
        for connection in [&old, &new] {
            connection.send_datagram(encrypted(1, 60).into()).unwrap();
            server.next().await;
        }
    });
}

#[test]
fn the_packet_size_holds_for_new_connections() {
    let server = UdpServer::start();
    let mut gateway = Gateway::start(before(server.address));
    run(async {
        let old = gateway.connect().await;
        gateway.reload(|settings| settings.quic_packet_bytes = 1_210).await;
        let new = gateway.connect().await;
        for connection in [&old, &new] {
            connection.send_datagram(encrypted(1, 60).into()).unwrap();
            server.next().await;
        }
        let rows = gateway.connections().await;
        let path = |row: usize| rows[row].details.as_ref().unwrap()["path_bytes"].as_u64().unwrap();
        assert!(path(0) >= 1_250, "{}", path(0));
        assert!(path(1) <= 1_210, "{}", path(1));
    });
}

#[test]
fn a_shorter_idle_timeout_holds_for_connections_that_exist() {
    let server = UdpServer::start();
    let mut gateway = Gateway::start(before(server.address));
    run(async {
        let connection = gateway.connect().await;
        connection.send_datagram(encrypted(1, 60).into()).unwrap();
        server.next().await;
        gateway.reload(|settings| settings.idle_timeout = Duration::from_millis(100)).await;
        assert_eq!(closed_with(connection.closed().await), (1, "the client sent nothing for too long".to_owned()));
    });
}
