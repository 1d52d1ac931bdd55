//! `ringshard kick`.

use crate::shared::{Player, Server};
use ringshard::ops::report::ConnectionSnapshot;
use ringshard_protocol::client::CloseReason;
use ringshard_protocol::wire::DisconnectReason;
use std::process::Command;

#[test]
fn a_kick_disconnects_its_target_and_no_other_player() {
    let server = Server::start("kick", "", &["--admin-socket", "admin.sock"]);
    let (mut first, mut second) = (Player::connected(&server), Player::connected(&server));
    let kick = |target: &str| {
        let socket = server.folder.0.join("admin.sock");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringshard"));
        String::from_utf8(command.args(["kick", target, "--admin-socket"]).arg(socket).output().unwrap().stdout)
            .unwrap()
    };
    let sessions: Vec<ConnectionSnapshot> = server.admin_client().get("/sessions").unwrap();
    let of = |player: &Player| {
        let address = player.socket.local_addr().unwrap();
        sessions.iter().find(|session| session.address == address).unwrap()
    };
    assert_eq!(kick(&of(&first).id), "ended 1 connection\n");
    first.until("the kicked player is disconnected", |player| player.closed.is_some());
    assert_eq!(first.closed, Some(CloseReason::Disconnected(DisconnectReason::Closed)));
    second.echo(b"still connected");
    assert_eq!(kick(&of(&second).address.to_string()), "ended 1 connection\n");
    second.until("the player kicked by address is disconnected", |player| player.closed.is_some());

    let (mut third, mut fourth) = (Player::connected(&server), Player::connected(&server));
    assert_eq!(kick("127.0.0.1"), "ended 2 connections\n");
    third.until("all players of the IP address are disconnected", |player| player.closed.is_some());
    fourth.until("all players of the IP address are disconnected", |player| player.closed.is_some());
    let mut other = Player::connected(&server);
    other.echo(b"a kicked address can connect again");
}
