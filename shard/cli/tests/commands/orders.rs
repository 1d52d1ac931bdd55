//! `ringshard drain`, `reload` and `kick`.

use crate::{Folder, assert_refused, ringshard, said, serve};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;

#[test]
fn a_server_reloads_by_command_and_what_needs_a_restart_is_a_failure() {
    let folder = Folder::new("order-reload");
    let file = folder.file("a.toml");
    std::fs::write(&file, "npcs = 1\n").unwrap();
    let socket = folder.file("admin.sock");
    let (mut child, _log, _) = serve(&["--config", &file, "--admin-socket", &socket]);
    let reload = || ringshard(&["reload", "--admin-socket", &socket]);
    assert_eq!(said(&reload()), "nothing has changed\n");
    std::fs::write(&file, "npcs = 1\ndrain-ms = \"2m\"\n").unwrap();
    assert_eq!(said(&reload()), "changed: drain-ms\n");
    std::fs::write(&file, "npcs = 2\n").unwrap();
    assert_refused(&reload(), &["npcs", "restart"]);
    std::fs::write(&file, "npcs = many\nidle = 7\ndeny = [\"x\"]\n").unwrap();
    assert_refused(&reload(), &["nothing was reloaded", "a.toml:1", "a.toml:2", "a.toml:3"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_server_drains_by_command_asked_by_name_with_its_secret() {
    let folder = Folder::new("order-drain");
    let secret = folder.secret("token", "0123456789abcdef");
    let (mut child, _log, admin) = serve(&["--admin-token-file", &secret]);
    let by_name = admin.replace("127.0.0.1", "localhost");
    assert_refused(&ringshard(&["drain", "--admin", &by_name]), &["--admin-token-file"]);
    let drained = ringshard(&["drain", "--admin", &by_name, "--admin-token-file", &secret]);
    assert!(drained.status.success(), "{}", String::from_utf8_lossy(&drained.stderr));
    assert!(said(&drained).contains("admits no new clients"));
    // Nobody is there, so it ends.
    assert!(child.wait().unwrap().success());
    assert_refused(&ringshard(&["drain", "--admin", &admin]), &["no server answers", "--admin"]);
    assert_refused(&ringshard(&["drain", "--admin", "localhost"]), &["host name with a port", "127.0.0.1:3566"]);
}

#[test]
fn a_kick_without_anybody_to_end_is_a_failure() {
    let folder = Folder::new("order-kick");
    let socket = folder.file("admin.sock");
    let (mut child, _log, admin) = serve(&["--admin-socket", &socket]);
    let kick = |target: &str| ringshard(&["kick", target, "--admin-socket", &socket]);
    assert_refused(&ringshard(&["kick", "0.5.1", "--admin", &admin]), &["accepts no commands", "admin-socket"]);
    assert_refused(&kick("0.5.1"), &["no connection matches 0.5.1", "ringshard sessions"]);
    assert_refused(&kick("[2001:db8::1]:5"), &["no connection matches [2001:db8::1]:5"]);
    assert_refused(&kick("player"), &["an id such as 0.12.3", "an IP address"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Answers one order that comes over a Unix socket; gives what was asked.
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
fn orders_go_over_a_socket_where_one_is_named() {
    let folder = Folder::new("order-socket");
    let socket = folder.file("admin.sock");
    let order = |arguments: &[&str]| ringshard(&[arguments, &["--admin-socket", &socket]].concat());
    let asked = answer_once(&socket, "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"connections\":2}");
    assert_eq!(said(&order(&["kick", "10.0.0.7"])), "ended 2 connections\n");
    assert!(asked.join().unwrap().starts_with("POST /kick?target=10.0.0.7 HTTP/1.1\r\n"));
    std::fs::remove_file(&socket).unwrap();
    let asked = answer_once(&socket, "HTTP/1.1 422 X\r\nContent-Length: 14\r\n\r\nnpcs is `many`");
    assert_refused(&order(&["reload"]), &[&socket, "status 422", "npcs is `many`"]);
    asked.join().unwrap();
    std::fs::remove_file(&socket).unwrap();
    assert_refused(&order(&["drain"]), &["no server answers", &socket, "ringshard serve"]);
}
