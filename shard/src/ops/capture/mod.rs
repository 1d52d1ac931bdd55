//! Captures: the datagrams of a running server as they are on the wire, in a file that Wireshark reads.
//!
//! The cores hand over copies, so that no privilege is needed, runs are taken apart, and the times are those at which the
//! protocol saw them. A [`Capture`] is written while it is made, so that none is ever held in memory. What is sealed stays sealed: [`decrypt`] opens it, with the secrets of a server that gives them out.

mod decrypt;
mod file;
pub mod key_log;

pub use decrypt::{Decrypted, Secrets, decrypt};

use crate::runtime::control::{Control, Unresponsive};
use file::File;
use pcap_file::PcapError;
use ringshard_protocol::endpoint::{ObservedDatagram, Observer};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use rtrb::{Consumer, RingBuffer};
use serde::Deserialize;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

/// A capture that was not made, or not to its end.
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
    /// Only one is made at a time.
    #[error("another capture is being made: wait for it to end, or end the client that makes it")]
    Taken,
    /// No core took part.
    #[error(transparent)]
    Unresponsive(#[from] Unresponsive),
    /// The file could not be put together, or nobody takes it any more.
    #[error("cannot hand out the capture: {0}")]
    File(#[from] PcapError),
}

/// A datagram that a core has handed over.
struct Captured {
    at: SystemTime,
    inbound: bool,
    peer: SocketAddr,
    len: usize,
    bytes: [u8; DATAGRAM_BYTES_MAX],
}

/// A capture that has begun. Dropped, it ends: no core hands over any more, and another can be made.
pub struct Capture {
    lanes: Vec<Consumer<Captured>>,
    lost: Arc<AtomicU64>,
    server: SocketAddr,
    until: Instant,
    bytes_max: usize,
    ends: Ends,
    /// Given back last, when no core observes for this capture any more.
    _place: OwnedSemaphorePermit,
}

impl Capture {
    /// Has all cores hand over their datagrams from now on. `place` is the only one that there is.
    ///
    /// # Errors
    /// [`CaptureError::OutOfRange`], [`CaptureError::Taken`] and [`CaptureError::Unresponsive`].
    pub fn begin(control: &Arc<Mutex<Control>>, place: &Arc<Semaphore>, wanted: &Wanted) -> Result<Self, CaptureError> {
        let &Wanted { seconds, megabytes, address } = wanted;
        if !(seconds > 0.0 && seconds <= SECONDS_MAX && (1..=MEGABYTES_MAX).contains(&megabytes)) {
            return Err(CaptureError::OutOfRange { seconds, megabytes });
        }
        let place = place.clone().try_acquire_owned().map_err(|_| CaptureError::Taken)?;
        let lost = Arc::new(AtomicU64::new(0));
        let mut lanes = Vec::new();
        let ends = Ends(control.clone());
        let mut control = control.lock().unwrap_or_else(PoisonError::into_inner);
        let server = control.identity().listen;
        let begun = control.observe(|_| {
            let (observer, lane) = observe(address, lost.clone());
            lanes.push(lane);
            Some(observer)
        });
        drop(control);
        begun?;
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        Ok(Capture { lanes, lost, server, until, bytes_max: megabytes << 20, ends, _place: place })
    }

    /// Writes the file while it is made. It takes as long as was asked for, unless `out` fails: `out` is flushed at each
    /// look, with or without anything new in it, so that it can tell that nobody takes it any more.
    ///
    /// # Errors
    /// [`CaptureError::File`].
    pub fn write(mut self, out: impl Write) -> Result<(), CaptureError> {
        let mut file = File::new(self.server, out)?;
        while Instant::now() < self.until && file.bytes() < self.bytes_max {
            std::thread::sleep(LOOK);
            self.take_over(&mut file)?;
            file.flush()?;
        }
        self.ends.now();
        self.take_over(&mut file)?;
        Ok(file.finish(self.lost.load(Ordering::Relaxed))?.flush().map_err(PcapError::IoError)?)
    }

    /// Takes over what the cores have handed over, as far as it may be: of each core, no more than can wait, so that none
    /// holds up the others. Each core's datagrams are in order.
    fn take_over(&mut self, file: &mut File<impl Write>) -> Result<(), CaptureError> {
        for lane in &mut self.lanes {
            for _ in 0..WAITING_MAX {
                if file.bytes() >= self.bytes_max {
                    return Ok(());
                }
                let Ok(Captured { at, inbound, peer, len, bytes }) = lane.pop() else { break };
                file.datagram(at, inbound, peer, &bytes[..len])?;
            }
        }
        Ok(())
    }
}

/// Nobody observes any more when this is dropped, however the capture ended.
struct Ends(Arc<Mutex<Control>>);

impl Ends {
    fn now(&self) {
        // A core that does not answer now finds out by itself that nobody takes what it hands over.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).observe(|_| None);
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.now();
    }
}

/// An observer for a core, and where what it saw comes out.
fn observe(address: Option<IpAddr>, lost: Arc<AtomicU64>) -> (Observer, Consumer<Captured>) {
    let (mut seen, lane) = RingBuffer::new(WAITING_MAX);
    let look = move |ObservedDatagram { inbound, path, datagram }: ObservedDatagram<'_>| {
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
