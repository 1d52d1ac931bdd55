//! One message by each of the four deliveries to a server that echoes, and what comes back of them.
//!
//! `cargo run -p ringshard-client --example channels -- PUBLIC_KEY [ADDRESS]`

use ringshard_protocol::client::{Client, ClientConfig, ClientEvent};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, Message};
use std::{error::Error, io::Read, net::UdpSocket, time};

const CHANNELS: [Channel; 4] =
    [Channel::UNRELIABLE, Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED, Channel::UNRELIABLE_SEQUENCED];
/// How long to wait for the echoes. Only the reliable ones are sure to come.
const PATIENCE: time::Duration = time::Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let key = PublicKey::from_hex(&std::env::args().nth(1).ok_or("give the server's public key")?)?;
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(std::env::args().nth(2).unwrap_or("127.0.0.1:3565".into()))?;
    socket.set_read_timeout(Some(time::Duration::from_millis(5)))?;
    let start = time::Instant::now();
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let mut client = Client::new(ClientConfig::new(key), Instant::ZERO, seed)?;
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    let mut kept = Vec::new();
    let mut echoes = 0;
    let mut until = None;

    while !client.is_closed() {
        let now = Instant::ZERO + start.elapsed();
        client.advance(now);
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Connected { id, .. } => {
                    println!("connected as {id}");
                    for channel in CHANNELS {
                        client.send(now, channel, format!("hello by channel {channel}").as_bytes())?;
                    }
                    until = Some(now + PATIENCE);
                }
                ClientEvent::Reconnecting(reason) => println!("connecting again: {reason}"),
                ClientEvent::Closed(reason) => return Err(reason.into()),
            }
        }
        while let Some(len) = client.poll_transmit(now, &mut buffer) {
            socket.send(&buffer[..len])?;
        }
        if let Ok(len) = socket.recv(&mut buffer) {
            for Message { channel, bytes } in client.receive(now, &mut buffer[..len]).into_iter().flatten() {
                println!("{channel}: {}", String::from_utf8_lossy(bytes));
                echoes += 1;
            }
            // What came too early, in pieces or compressed.
            while let Some(channel) = client.read(&mut kept) {
                println!("{channel}: {}", String::from_utf8_lossy(&kept));
                echoes += 1;
            }
        }
        if echoes == CHANNELS.len() || until.is_some_and(|until| until <= now) {
            client.disconnect();
            while let Some(len) = client.poll_transmit(now, &mut buffer) {
                socket.send(&buffer[..len])?;
            }
        }
    }
    println!("{echoes} of {} came back", CHANNELS.len());
    Ok(())
}
