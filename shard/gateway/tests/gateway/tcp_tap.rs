//! A TCP proxy between a client and the gateway that records all bytes, both ways.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

type Record = Arc<Mutex<Vec<u8>>>;

/// The proxy, for one connection.
pub struct TcpTap {
    pub address: SocketAddr,
    up: Record,
    down: Record,
}

impl TcpTap {
    pub fn start(gateway: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, up, down) = (listener.local_addr().unwrap(), Record::default(), Record::default());
        let (up_record, down_record) = (up.clone(), down.clone());
        std::thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let gateway = TcpStream::connect(gateway).unwrap();
            let (client_too, gateway_too) = (client.try_clone().unwrap(), gateway.try_clone().unwrap());
            std::thread::spawn(move || copy(client_too, gateway_too, &up_record));
            copy(gateway, client, &down_record);
        });
        TcpTap { address, up, down }
    }

    /// What was recorded so far: from the client, and to it.
    pub fn recorded(&self) -> [Vec<u8>; 2] {
        [&self.up, &self.down].map(|record| record.lock().unwrap().clone())
    }
}

/// Copies until one side closes.
fn copy(mut from: TcpStream, mut to: TcpStream, record: &Record) {
    let mut buffer = [0; 16 << 10];
    to.set_nodelay(true).unwrap();
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        record.lock().unwrap().extend_from_slice(&buffer[..len]);
        if to.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
