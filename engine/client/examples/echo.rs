//! A client that sends a message ten times a second, and prints what the server echoes.

use ringshard_client::{Channel, ClientConfig, Driver, Event, PublicKey};
use std::{error::Error, thread, time::Duration};

fn main() -> Result<(), Box<dyn Error>> {
    let key = PublicKey::from_hex(&std::env::args().nth(1).ok_or("give the server's public key")?)?;
    let mut driver = Driver::connect("127.0.0.1:3565", ClientConfig::new(key))?;
    loop {
        driver.update();
        while let Some(event) = driver.poll_event() {
            match event {
                Event::Connected { id, .. } => println!("connected as {id}"),
                Event::Message(message) => println!("{}", String::from_utf8_lossy(message.bytes)),
                Event::Reconnecting(reason) => println!("reconnecting: {reason}"),
                Event::Closed(reason) => return Err(reason.into()),
            }
        }
        if driver.is_connected() {
            driver.send(Channel::RELIABLE_ORDERED, b"hello")?;
            driver.flush();
        }
        thread::sleep(Duration::from_millis(100));
    }
}
