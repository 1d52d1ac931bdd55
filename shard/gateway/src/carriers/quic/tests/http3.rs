//! What is refused to clients of HTTP/3.

use super::echo::WEBTRANSPORT;
use super::gateway::{Gateway, before};
use super::udp_server::{UdpServer, connect, encrypted};
use super::{run, until};
use crate::settings::Settings;
use futures_util::FutureExt;
use quinn::{ConnectionError, VarInt};
use web_transport_proto::{Capsule, ConnectRequest, ConnectResponse, Http3CapsuleReader};

fn status(error: web_transport_quinn::ClientError) -> String {
    error.to_string()
}

#[test]
fn pages_of_other_sites_and_unknown_servers_are_refused_by_status() {
    let server = UdpServer::start();
    let origins = vec!["https://game.example".to_owned()];
    let gateway = Gateway::start(Settings { origins, ..before(server.address) });
    run(async {
        let refused = |path, origin| {
            let gateway = &gateway;
            async move { status(gateway.session(path, origin).await.map(drop).unwrap_err()) }
        };
        for (path, origin, wanted) in [
            (WEBTRANSPORT, Some("https://evil.example"), "403"),
            ("/v1/servers/none/webtransport", None, "404"),
            ("/v1/servers/arena/websocket", None, "404"),
        ] {
            let answer = refused(path, origin).await;
            assert!(answer.contains(wanted), "{path}: {answer}");
        }
        gateway.session(WEBTRANSPORT, Some("https://game.example")).await.unwrap();
        gateway.session(WEBTRANSPORT, None).await.unwrap();
        assert_eq!(gateway.count(|counters| &counters.webtransport_refused), 3);
        assert_eq!(gateway.count(|counters| &counters.origin_refused), 1);
    });
}

#[test]
fn datagrams_of_no_session_are_dropped_and_those_of_the_session_pass() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        let connection = gateway.connect_to("localhost", b"h3").await;
        let url = format!("https://localhost{WEBTRANSPORT}").parse::<url::Url>().unwrap();
        let session =
            web_transport_quinn::Session::connect(connection.clone(), ConnectRequest::new(url)).await.unwrap();
        connection.send_datagram([&[4], &encrypted(1, 60)[..]].concat().into()).unwrap();
        connection.send_datagram(Vec::new().into()).unwrap();
        session.send_datagram(connect(9).into()).unwrap();
        assert_eq!(server.next_connect().await, 9);
        assert_eq!(gateway.count(|counters| &counters.webtransport_foreign_session), 2);
    });
}

#[test]
fn a_client_that_floods_streams_which_nobody_needs_is_cut() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        let connection = gateway.connect_to("localhost", b"h3").await;
        let mut stream = connection.open_uni().await.unwrap();
        let flood = async {
            stream.write_all(&[2]).await?;
            loop {
                stream.write_all(&[0; 4 << 10]).await?;
            }
            #[allow(unreachable_code)]
            Ok::<(), quinn::WriteError>(())
        };
        flood.await.unwrap_err();
        let ConnectionError::ApplicationClosed(closed) = connection.closed().await else {
            panic!("the gateway closes")
        };
        assert_eq!(closed.error_code, VarInt::from_u32(0x107));
    });
}

#[test]
fn a_client_that_refuses_the_answer_to_its_request_leaves_no_connection_behind() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        let connection = gateway.connect_to("localhost", b"h3").await;
        let mut other = connection.open_uni().await.unwrap();
        other.write_all(&[2]).await.unwrap();
        until(|| connection.stats().frame_tx.stream > 0).await;
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        let url = format!("https://localhost{WEBTRANSPORT}").parse::<url::Url>().unwrap();
        let mut request = Vec::new();
        ConnectRequest::new(url).encode(&mut request).unwrap();
        send.write_all(&request).await.unwrap();
        receive.stop(0_u32.into()).unwrap();
        connection.closed().await;
        until(|| gateway.taken() == (0, 0)).await;
    });
}

#[test]
fn a_client_that_opens_streams_without_end_is_cut() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        let connection = gateway.connect_to("localhost", b"h3").await;
        while let Ok(mut stream) = connection.open_uni().await {
            let _ = stream.reset(0_u32.into());
        }
        assert!(connection.stats().frame_tx.reset_stream < 400);
    });
}

#[test]
fn a_request_that_is_not_for_webtransport_gets_an_answer() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        let connection = gateway.connect_to("localhost", b"h3").await;
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        // A HEADERS frame: GET https with paths of the static table (RFC 9204, appendix A).
        send.write_all(&[1, 5, 0, 0, 0xc0 | 17, 0xc0 | 23, 0xc0 | 1]).await.unwrap();
        let answer = receive.read_to_end(1_000).await.unwrap();
        assert_eq!(answer.first(), Some(&1), "a HEADERS frame answers: {answer:?}");
        assert_eq!(gateway.count(|counters| &counters.webtransport_refused), 1);
    });
}

#[test]
fn a_session_that_the_gateway_ends_tells_code_and_reason_before_anything_breaks() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        let connection = gateway.connect_to("localhost", b"h3").await;
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        let url = format!("https://localhost{WEBTRANSPORT}").parse::<url::Url>().unwrap();
        ConnectRequest::new(url).write(&mut send).await.unwrap();
        ConnectResponse::read(&mut receive).await.unwrap();
        connection.send_datagram(vec![0, 1, 2, 3, 4, 5].into()).unwrap();
        let ending = Http3CapsuleReader::new(&mut receive).read().await.unwrap().unwrap();
        let reason = "a datagram of 5 bytes: they have 14 to 1472".to_owned();
        assert_eq!(ending, Capsule::CloseWebTransportSession { code: 2, reason });
        // A browser whose stream is refused believes that the connection is lost, and never reads the reason.
        assert!(send.stopped().now_or_never().is_none());
    });
}
