//! Somebody between gateway and server alters, drops, repeats and reorders the datagrams of real players. The simulated counterpart, with
//! more kinds of harm, is in engine/harness.

use crate::player::Player;
use crate::server::{EchoServer, GATEWAY_KEY, PATIENCE, count, settings};
use crate::udp_proxy::{UdpProxy, Way};
use ringshard_client::Channel;
use ringshard_gateway::{Gateway, Settings};
use ringshard_harness::{Tamperer, random_bytes};
use ringshard_protocol::gateway::GatewayKey;
use std::time::Instant;

const PLAYERS: usize = 3;
/// Messages that each player sends on each channel.
const MESSAGES: usize = 100;
const CHANNELS: [Channel; 2] = [Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED];
/// Of 1,000 datagrams, in each direction.
const TAMPERED: u32 = 150;

fn numbered(player: usize, channel: Channel, number: usize) -> Vec<u8> {
    let seed = (player << 16 | usize::from(channel.number()) << 8 | number) as u64;
    let mut message = random_bytes(seed, [8, 300, 2_000][number % 3]);
    message[..8].copy_from_slice(&seed.to_le_bytes());
    message
}

/// What came back on the channel is what the player sent, each once, and in order if the channel has one.
fn check(player: usize, channel: Channel, messages: &[(Channel, Vec<u8>)], is_open: bool) {
    let came = messages.iter().filter(|(of, _)| *of == channel).map(|(_, bytes)| bytes);
    let mut numbers: Vec<usize> = came.clone().map(|bytes| usize::from(bytes[0])).collect();
    assert!(
        came.zip(&numbers).all(|(bytes, &number)| *bytes == numbered(player, channel, number)),
        "an altered message"
    );
    if channel == Channel::RELIABLE_UNORDERED {
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), messages.iter().filter(|(of, _)| *of == channel).count(), "a message came twice");
    } else {
        assert!(numbers.iter().copied().eq(0..numbers.len()), "in disorder: {numbers:?}");
    }
    assert!(!is_open || numbers.len() == MESSAGES, "player {player}, channel {channel}: {numbers:?}");
}

#[test]
fn reliable_messages_arrive_once_unaltered_and_in_order_whatever_happens_behind_the_gateway() {
    let server = EchoServer::start();
    let (mut up, mut down) = (Tamperer::new(1, TAMPERED), Tamperer::new(2, TAMPERED));
    let proxy = UdpProxy::start(server.address(), move |way, datagram| match way {
        Way::Up => up.pass(datagram),
        Way::Down => down.pass(datagram),
    });
    let mut settings = Settings { key: Some(GatewayKey::from_bytes(GATEWAY_KEY)), ..settings(&server) };
    settings.servers[0].address = proxy.address;
    let gateway = Gateway::start(settings).unwrap();
    let mut players: Vec<Player> = (0..PLAYERS).map(|_| Player::connected(gateway.listen(), server.key())).collect();
    for number in 0..MESSAGES {
        for (index, player) in players.iter_mut().enumerate() {
            CHANNELS.iter().for_each(|&channel| player.send(channel, &numbered(index, channel, number)));
            player.step();
        }
    }
    let is_done = |player: &Player| player.losses > 0 || player.messages.len() >= CHANNELS.len() * MESSAGES;
    let give_up = Instant::now() + PATIENCE;
    while !players.iter().all(is_done) && Instant::now() < give_up {
        players.iter_mut().for_each(Player::step);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    for (index, player) in players.iter().enumerate() {
        CHANNELS.iter().for_each(|&channel| check(index, channel, &player.messages, player.losses == 0));
    }
    assert!(players.iter().any(|player| player.losses == 0), "nobody was served");
    assert!(count(&gateway, "forwarded") >= PLAYERS as u64);
    assert!(count(&gateway, "malformed_down") > 0, "something was altered");
}
