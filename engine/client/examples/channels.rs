//! Sends one message by each of the four deliveries to an echo server, and prints what comes back.
//!
//! `cargo run -p ringshard-client --example channels -- PUBLIC_KEY [ADDRESS]`

use ringshard_client::{Channel, ClientConfig, Driver, Event, PublicKey};
use std::error::Error;
use std::time::{Duration, Instant};

const CHANNELS: [Channel; 4] =
    [Channel::UNRELIABLE, Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED, Channel::UNRELIABLE_SEQUENCED];
/// How long to wait for the echoes. Unreliable ones may be lost.
const TIMEOUT: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let key = PublicKey::from_hex(&std::env::args().nth(1).ok_or("give the server's public key")?)?;
    let address = std::env::args().nth(2).unwrap_or("127.0.0.1:3565".into());
    let mut driver = Driver::connect(address, ClientConfig::new(key))?;
    let mut echoes = 0;
    let mut connected_at = None;

    while echoes < CHANNELS.len() && connected_at.is_none_or(|at: Instant| at.elapsed() < TIMEOUT) {
        driver.wait(Duration::from_millis(100));
        driver.update();
        while let Some(event) = driver.poll_event() {
            match event {
                Event::Connected { id, .. } => {
                    println!("connected as {id}");
                    connected_at = Some(Instant::now());
                    for channel in CHANNELS {
                        driver.send(channel, format!("hello by channel {channel}").as_bytes())?;
                    }
                }
                Event::Message(message) => {
                    println!("{}: {}", message.channel, String::from_utf8_lossy(message.bytes));
                    echoes += 1;
                }
                Event::Reconnecting(reason) => println!("reconnecting: {reason}"),
                Event::Closed(reason) => return Err(reason.into()),
            }
        }
        driver.flush();
    }
    println!("{echoes} of {} came back", CHANNELS.len());
    Ok(())
}
