//! What lies between a gateway and its server: it sees each datagram, and decides what arrives.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Larger than any datagram of a gateway, which begins with the true address of its client.
const DATAGRAM_BYTES: usize = 2_048;
const PAUSE: Duration = Duration::from_micros(200);

/// Where a datagram goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    Up,
    Down,
}

/// A thread that carries datagrams on loopback. It ends when this is dropped.
pub struct UdpProxy {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl UdpProxy {
    /// A proxy before this server. `pass` takes each datagram and gives those that arrive.
    pub fn start(server: SocketAddr, mut pass: impl FnMut(Way, &[u8]) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        let outside = socket();
        let (address, stop) = (outside.local_addr().unwrap(), Arc::<AtomicBool>::default());
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut flows = HashMap::new();
            while !stopped.load(Ordering::Relaxed) {
                turn(&outside, &mut flows, server, &mut pass);
                std::thread::sleep(PAUSE);
            }
        });
        UdpProxy { address, stop, thread: Some(thread) }
    }
}

impl Drop for UdpProxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the proxy panicked");
    }
}

/// Passes on what has arrived. `flows` has a socket towards the server for each socket of the gateway.
fn turn(
    outside: &UdpSocket,
    flows: &mut HashMap<SocketAddr, UdpSocket>,
    server: SocketAddr,
    pass: &mut impl FnMut(Way, &[u8]) -> Vec<Vec<u8>>,
) {
    let mut buffer = [0; DATAGRAM_BYTES];
    while let Ok((len, flow)) = outside.recv_from(&mut buffer) {
        let inside = flows.entry(flow).or_insert_with(socket);
        // What cannot be sent is lost, as on any network.
        pass(Way::Up, &buffer[..len]).iter().for_each(|datagram| _ = inside.send_to(datagram, server));
    }
    for (flow, inside) in flows {
        while let Ok(len) = inside.recv(&mut buffer) {
            pass(Way::Down, &buffer[..len]).iter().for_each(|datagram| _ = outside.send_to(datagram, *flow));
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}
