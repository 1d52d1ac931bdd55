//! Sessions of clients with the server, through the gateway.

use crate::player::Player;
use crate::server::{EchoServer, count, settings, wait_until};
use ringshard_client::Channel;
use ringshard_gateway::Gateway;

const CHANNELS: [Channel; 4] =
    [Channel::UNRELIABLE, Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED, Channel::UNRELIABLE_SEQUENCED];

#[test]
fn a_client_behind_a_websocket_gets_its_echoes_on_all_channels() {
    let server = EchoServer::start();
    let gateway = Gateway::start(settings(&server)).unwrap();
    let mut player = Player::connected(gateway.listen(), server.key());
    for channel in CHANNELS {
        let text = format!("over channel {}", channel.number());
        player.send(channel, text.as_bytes());
        player.run_until("the echo is there", |player| player.messages.len() == 1);
        assert_eq!(player.messages.pop(), Some((channel, text.into_bytes())));
    }
    drop(player);
    wait_until("the client has left", || count(&gateway, "left") == 1);
    assert_eq!(count(&gateway, "joined_websocket"), 1);
    assert_eq!(gateway.control().taken(), (0, 0), "a client that left holds nothing");
}

#[test]
fn a_message_of_65536_bytes_passes_both_ways() {
    let server = EchoServer::start();
    let gateway = Gateway::start(settings(&server)).unwrap();
    let mut player = Player::connected(gateway.listen(), server.key());
    let large: Vec<u8> = (0..65_536_u32).map(|index| ((index * index) >> 7) as u8).collect();
    player.send(Channel::RELIABLE_ORDERED, &large);
    player.run_until("the echo is there", |player| !player.messages.is_empty());
    assert!(player.messages[0].1 == large, "the echo is what was sent");
    assert!(count(&gateway, "sends") < count(&gateway, "datagrams_up"), "datagrams leave in runs");
}

#[test]
fn clients_of_one_address_are_never_mixed_up() {
    let server = EchoServer::start();
    let gateway = Gateway::start(settings(&server)).unwrap();
    let mut players: Vec<Player> = (0..8).map(|_| Player::connected(gateway.listen(), server.key())).collect();
    for round in 0..20_u8 {
        for (index, player) in players.iter_mut().enumerate() {
            player.send(Channel::RELIABLE_ORDERED, &[index as u8, round]);
            player.step();
        }
    }
    wait_until("all echoes are there", || {
        players.iter_mut().for_each(Player::step);
        players.iter().all(|player| player.messages.len() == 20)
    });
    for (index, player) in players.iter().enumerate() {
        let expected: Vec<_> = (0..20).map(|round| (Channel::RELIABLE_ORDERED, vec![index as u8, round])).collect();
        assert_eq!(player.messages, expected);
    }
    for dropped in ["foreign_id", "foreign_tag", "misbehaved", "malformed_down"] {
        assert_eq!(count(&gateway, dropped), 0, "{dropped}");
    }
}

#[test]
fn a_client_survives_a_restart_of_the_server() {
    let mut server = EchoServer::start();
    let gateway = Gateway::start(settings(&server)).unwrap();
    let mut player = Player::new(gateway.listen(), server.key(), true);
    player.run_until("the client is connected", |player| player.connects == 1);
    server.restart();
    player.run_until("the client has reconnected", |player| player.connects == 2);
    player.send(Channel::RELIABLE_ORDERED, b"again");
    player.run_until("the echo is there", |player| !player.messages.is_empty());
    assert_eq!(player.closed, None, "the WebSocket outlives the server");
}
