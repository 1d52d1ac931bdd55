//! Captures (O4): the datagrams of a running server as they are on the wire, in a file that Wireshark reads.
//!
//! The cores hand over copies, so that no privilege is needed, runs are taken apart, and the times are those at which the
//! protocol saw them. What is sealed stays sealed: [`decrypt`] opens it, with the secrets of a server that gives them out.

mod decrypt;
mod file;
pub mod key_log;

pub use decrypt::{Decrypted, Secrets, decrypt};

use crate::control::{Control, Silent};
use file::File;
use ringshard_engine::endpoint::{Observer, Sighting};
use ringshard_engine::limits::DATAGRAM_BYTES_MAX;
use rtrb::{Consumer, RingBuffer};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Datagrams of a core that may wait to be taken over: 12 MiB of them.
const WAITING_MAX: usize = 8192;
/// Time between two looks at what the cores have handed over.
const LOOK: Duration = Duration::from_millis(5);
/// The longest capture, in seconds.
pub const SECONDS_MAX: f64 = 300.0;
/// The largest capture, in MiB.
pub const MEGABYTES_MAX: usize = 256;

/// What is to be captured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// For how long, in seconds; up to [`SECONDS_MAX`].
    #[serde(default = "ten_seconds")]
    pub seconds: f64,
    /// How much, in MiB; up to [`MEGABYTES_MAX`].
    #[serde(default = "a_hundred_megabytes")]
    pub megabytes: usize,
    /// To and from this address alone.
    pub address: Option<IpAddr>,
}

fn ten_seconds() -> f64 {
    10.0
}

fn a_hundred_megabytes() -> usize {
    100
}

/// A capture that was not made.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A figure out of its range.
    #[error("seconds is {seconds}, megabytes is {megabytes}: they are up to {SECONDS_MAX} and up to {MEGABYTES_MAX}")]
    OutOfRange {
        /// What was asked for.
        seconds: f64,
        /// What was asked for.
        megabytes: usize,
    },
    /// No core took part.
    #[error(transparent)]
    Silent(#[from] Silent),
    /// The file could not be put together.
    #[error("cannot put the capture together: {0}")]
    File(#[from] pcap_file::PcapError),
}

/// A datagram that a core has handed over.
struct Captured {
    at: SystemTime,
    inbound: bool,
    peer: SocketAddr,
    len: usize,
    bytes: [u8; DATAGRAM_BYTES_MAX],
}

/// Captures, and gives the file. It takes as long as was asked for; `control` is free in between.
///
/// # Errors
/// [`CaptureError`].
pub fn capture(control: &Mutex<Control>, wanted: &Wanted) -> Result<Vec<u8>, CaptureError> {
    let &Wanted { seconds, megabytes, address } = wanted;
    if !(seconds > 0.0 && seconds <= SECONDS_MAX && (1..=MEGABYTES_MAX).contains(&megabytes)) {
        return Err(CaptureError::OutOfRange { seconds, megabytes });
    }
    let lock = || control.lock().unwrap_or_else(PoisonError::into_inner);
    let lost = Arc::new(AtomicU64::new(0));
    let mut lanes = Vec::new();
    let server = lock().identity().listen;
    let ends = Ends(control);
    lock().observe(|_| {
        let (observer, lane) = observe(address, lost.clone());
        lanes.push(lane);
        Some(observer)
    })?;
    let mut file = File::new(server)?;
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < until && file.bytes() < megabytes << 20 {
        std::thread::sleep(LOOK);
        take_over(&mut lanes, &mut file)?;
    }
    drop(ends);
    take_over(&mut lanes, &mut file)?;
    Ok(file.finish(lost.load(Ordering::Relaxed))?)
}

/// Nobody observes any more when this is dropped, however the capture ended.
struct Ends<'a>(&'a Mutex<Control>);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        // A core that does not answer now finds out by itself that nobody takes what it hands over.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).observe(|_| None);
    }
}

/// An observer for a core, and where what it saw comes out.
fn observe(address: Option<IpAddr>, lost: Arc<AtomicU64>) -> (Observer, Consumer<Captured>) {
    let (mut seen, lane) = RingBuffer::new(WAITING_MAX);
    let look = move |Sighting { inbound, path, datagram }: Sighting<'_>| {
        let len = datagram.len();
        if seen.is_abandoned()
            || len > DATAGRAM_BYTES_MAX
            || address.is_some_and(|wanted| wanted.to_canonical() != path.peer.ip().to_canonical())
        {
            return;
        }
        let mut bytes = [0; DATAGRAM_BYTES_MAX];
        bytes[..len].copy_from_slice(datagram);
        let captured = Captured { at: SystemTime::now(), inbound, peer: path.peer, len, bytes };
        if seen.push(captured).is_err() {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    };
    (Observer::new(look), lane)
}

/// Takes over what the cores have handed over. Each core's datagrams are in order.
fn take_over(lanes: &mut [Consumer<Captured>], file: &mut File) -> Result<(), CaptureError> {
    for lane in lanes {
        while let Ok(Captured { at, inbound, peer, len, bytes }) = lane.pop() {
            file.datagram(at, inbound, peer, &bytes[..len])?;
        }
    }
    Ok(())
}
