//! The thread of the attackers.

use super::attackers::Attackers;
use core_affinity::CoreId;
use ringshard_protocol::crypto::PublicKey;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The attackers share one thread and one socket.
pub struct Attack {
    pub sent: Arc<AtomicU64>,
    pub put_out: Arc<AtomicU64>,
    pub stop: Arc<AtomicBool>,
    pub thread: std::thread::JoinHandle<()>,
}

impl Attack {
    pub fn start(server: SocketAddr, key: PublicKey, peers: usize, per_second: u64, cpu: usize) -> Self {
        let (sent, put_out) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let stop = Arc::new(AtomicBool::new(false));
        let (count, out, end) = (sent.clone(), put_out.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            core_affinity::set_for_current(CoreId { id: cpu });
            let socket =
                UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).expect("a port is free");
            socket.connect(server).expect("the server has an address");
            socket.set_nonblocking(true).expect("sockets can be non-blocking");
            let mut attackers = Attackers::new(socket, key, peers);
            // Ends even if it is not stopped.
            while !end.load(Ordering::Relaxed) && attackers.began.elapsed() < Duration::from_secs(4000) {
                attackers.receive();
                attackers.connect();
                let due = (attackers.began.elapsed().as_secs_f64() * per_second as f64) as u64;
                attackers.attack_until(due);
                count.store(attackers.sent, Ordering::Relaxed);
                out.store(attackers.put_out, Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(500));
            }
        });
        Attack { sent, put_out, stop, thread }
    }

    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}
