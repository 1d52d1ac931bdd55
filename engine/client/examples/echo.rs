//! A client: connects to a server on this host, and prints what comes back of what it says.

use ringshard_protocol::client::{Client, ClientConfig, ClientEvent};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;
use std::{error::Error, net::UdpSocket, time};

fn main() -> Result<(), Box<dyn Error>> {
    let key = PublicKey::from_hex(&std::env::args().nth(1).ok_or("give the server's public key")?)?;
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect("127.0.0.1:3565")?;
    socket.set_read_timeout(Some(time::Duration::from_millis(10)))?;
    let start = time::Instant::now();
    let seed = std::io::Read::bytes(std::fs::File::open("/dev/urandom")?).take(32).collect::<Result<Vec<u8>, _>>()?;
    let mut client = Client::new(ClientConfig::new(key), Instant::ZERO, seed.try_into().expect("32 bytes"))?;
    let (mut buffer, mut kept) = ([0; DATAGRAM_BYTES_MAX], Vec::new());
    while !client.is_closed() {
        let now = Instant::ZERO + start.elapsed();
        client.advance(now);
        if client.is_connected() {
            client.send(now, Channel::RELIABLE_ORDERED, b"hello")?;
        }
        while let Some(len) = client.poll_transmit(now, &mut buffer) {
            socket.send(&buffer[..len])?;
        }
        if let Ok(len) = socket.recv(&mut buffer) {
            for message in client.receive(now, &mut buffer[..len]).into_iter().flatten() {
                println!("{}", String::from_utf8_lossy(message.bytes));
            }
            // What came too early, in pieces or compressed.
            while client.read(&mut kept).is_some() {
                println!("{}", String::from_utf8_lossy(&kept));
            }
        }
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Connected { id, .. } => println!("connected as {id}"),
                ClientEvent::Reconnecting(reason) => println!("connecting again: {reason}"),
                ClientEvent::Closed(reason) => return Err(reason.into()),
            }
        }
        std::thread::sleep(time::Duration::from_millis(100));
    }
    Ok(())
}
