//! What the gateway answers over HTTP.

use crate::player::{open, open_with, request};
use crate::server::{EchoServer, count, settings};
use ringshard_gateway::{Gateway, Settings};
use ringshard_protocol::gateway::GatewayKey;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Sends a request, and gives all of the answer.
fn ask(gateway: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(gateway).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(gateway: SocketAddr, path: &str) -> String {
    ask(gateway, &format!("GET {path} HTTP/1.1\r\nhost: {gateway}\r\n\r\n"))
}

#[test]
fn the_gateway_tells_what_it_offers() {
    let server = EchoServer::start();
    let gateway = Gateway::start(settings(&server)).unwrap();
    let answer = get(gateway.listen(), "/v1/gateway");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let offer: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(offer["servers"][0]["name"], "echo");
    assert_eq!(offer["servers"][0]["key"], server.key().to_string());
    assert_eq!(offer["websocket"], true);
    assert_eq!(offer["webrtc"], false);
    assert_eq!(offer["webtransport"], serde_json::Value::Null);
    assert_eq!(offer["peers"], serde_json::Value::Null);
}

#[test]
fn the_gateway_tells_where_players_who_talk_directly_find_stun_and_whether_it_relays() {
    let server = EchoServer::start();
    for key in [None, Some(GatewayKey::from_bytes([3; 32]))] {
        let (peers, relays) = (Some(([127, 0, 0, 1], 0).into()), key.is_some());
        let gateway = Gateway::start(Settings { peers, key, ..settings(&server) }).unwrap();
        let answer = get(gateway.listen(), "/v1/gateway");
        let offer: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        let port = gateway.peers().expect("the port is open").port();
        assert_eq!(offer["peers"], serde_json::json!({ "port": port, "relay": relays }));
    }
}

#[test]
fn paths_and_methods_that_do_not_exist_are_refused_in_words() {
    let server = EchoServer::start();
    let gateway = Gateway::start(Settings { page: false, ..settings(&server) }).unwrap();
    assert!(get(gateway.listen(), "/").starts_with("HTTP/1.1 404"), "the page is off");
    assert!(get(gateway.listen(), "/v1/servers/echo").starts_with("HTTP/1.1 404"));
    assert!(get(gateway.listen(), "/v1/servers/echo/webrtc").starts_with("HTTP/1.1 405"));
    let answer = get(gateway.listen(), "/v1/servers/echo/websocket");
    assert!(answer.starts_with("HTTP/1.1 400") && answer.ends_with("takes WebSockets\n"), "{answer}");
    assert!(ask(gateway.listen(), "nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
    assert_eq!(open(gateway.listen(), "other").unwrap_err(), 404);
}

#[test]
fn pages_of_other_sites_may_connect_only_if_they_are_listed() {
    let server = EchoServer::start();
    let origins = vec!["https://game.example".to_owned()];
    let gateway = Gateway::start(Settings { origins, ..settings(&server) }).unwrap();
    let from = |origin: &str| {
        let mut request = request(gateway.listen(), "echo");
        request.headers_mut().insert("origin", origin.parse().unwrap());
        open_with(gateway.listen(), request).map(drop)
    };
    assert_eq!(from("https://game.example"), Ok(()));
    assert_eq!(from("https://evil.example"), Err(403));
    assert_eq!(count(&gateway, "origin_refused"), 1);
    open(gateway.listen(), "echo").expect("a program that is no browser tells no origin");
}
