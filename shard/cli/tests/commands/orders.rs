//! `ringshard drain`, `reload` and `kick`.

use crate::shared::{Folder, Server, assert_refused, ringshard, stdout};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;

#[test]
fn reload_applies_changes_and_fails_where_a_restart_is_needed() {
    let server = Server::start("order-reload", "npcs = 1\n", &["--admin-socket", "admin.sock"]);
    let (file, socket) = (server.folder.file("settings.toml"), server.folder.file("admin.sock"));
    let reload = || ringshard(&["reload", "--admin-socket", &socket]);
    assert_eq!(stdout(&reload()), "nothing has changed\n");
    std::fs::write(&file, "npcs = 1\ndrain-ms = \"2m\"\n").unwrap();
    assert_eq!(stdout(&reload()), "changed: drain-ms\n");
    std::fs::write(&file, "npcs = 2\n").unwrap();
    assert_refused(&reload(), &["npcs", "restart"]);
    std::fs::write(&file, "npcs = many\nidle = 7\ndeny = [\"x\"]\n").unwrap();
    assert_refused(&reload(), &["nothing was reloaded", "settings.toml:1", "settings.toml:2", "settings.toml:3"]);
}

#[test]
fn drain_takes_a_host_name_and_needs_the_secret() {
    let folder = Folder::new("order-drain");
    let secret = folder.secret("token", "0123456789abcdef");
    let mut server = Server::start("order-drain", "", &["--admin-token-file", &secret]);
    let admin = server.admin.to_string();
    let by_name = admin.replace("127.0.0.1", "localhost");
    assert_refused(&ringshard(&["drain", "--admin", &by_name]), &["--admin-token-file"]);
    let drained = ringshard(&["drain", "--admin", &by_name, "--admin-token-file", &secret]);
    assert!(drained.status.success(), "{}", String::from_utf8_lossy(&drained.stderr));
    assert!(stdout(&drained).contains("admits no new clients"));
    // No player is connected, so the server ends.
    assert!(server.ends().success());
    assert_refused(&ringshard(&["drain", "--admin", &admin]), &["no server answers", "--admin"]);
    assert_refused(&ringshard(&["drain", "--admin", "localhost"]), &["host name with a port", "127.0.0.1:3566"]);
}

#[test]
fn a_kick_without_a_matching_connection_fails() {
    let server = Server::start("order-kick", "", &["--admin-socket", "admin.sock"]);
    let (admin, socket) = (server.admin.to_string(), server.folder.file("admin.sock"));
    let kick = |target: &str| ringshard(&["kick", target, "--admin-socket", &socket]);
    assert_refused(&ringshard(&["kick", "0.5.1", "--admin", &admin]), &["accepts no commands", "admin-socket"]);
    assert_refused(&kick("0.5.1"), &["no connection matches 0.5.1", "ringshard sessions"]);
    assert_refused(&kick("[2001:db8::1]:5"), &["no connection matches [2001:db8::1]:5"]);
    assert_refused(&kick("player"), &["an id such as 0.12.3", "an IP address"]);
}

/// Answers one request over a Unix socket; gives the request.
fn answer_once(socket: &str, answer: &'static str) -> std::thread::JoinHandle<String> {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while reader.read_line(&mut request).unwrap() > 2 {}
        stream.write_all(answer.as_bytes()).unwrap();
        request
    })
}

#[test]
fn commands_use_the_admin_socket_where_one_is_given() {
    let folder = Folder::new("order-socket");
    let socket = folder.file("admin.sock");
    let order = |arguments: &[&str]| ringshard(&[arguments, &["--admin-socket", &socket]].concat());
    let asked = answer_once(&socket, "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"connections\":2}");
    assert_eq!(stdout(&order(&["kick", "10.0.0.7"])), "ended 2 connections\n");
    assert!(asked.join().unwrap().starts_with("POST /kick?target=10.0.0.7 HTTP/1.1\r\n"));
    std::fs::remove_file(&socket).unwrap();
    let asked = answer_once(&socket, "HTTP/1.1 422 X\r\nContent-Length: 14\r\n\r\nnpcs is `many`");
    assert_refused(&order(&["reload"]), &[&socket, "status 422", "npcs is `many`"]);
    asked.join().unwrap();
    std::fs::remove_file(&socket).unwrap();
    assert_refused(&order(&["drain"]), &["no server answers", &socket, "ringshard serve"]);
}
