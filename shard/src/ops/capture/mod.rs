//! Captures: the datagrams of a running server as they are on the wire, in a file for Wireshark.
//!
//! The cores hand over copies. So a capture needs no privilege, shows batches as single datagrams, and has the times at which
//! the protocol saw them. A [`Capture`] is written while it is made, so it is never held in memory. Datagrams stay encrypted;
//! [`decrypt`] opens them with the traffic secrets, if the server gives those out.

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

/// Datagrams of a core that may wait to be written: 12 MiB.
const QUEUE_DATAGRAMS_MAX: usize = 8192;
/// Time between two looks at the queues of the cores.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// The longest capture, in seconds.
pub const SECONDS_MAX: f64 = 300.0;
/// The largest capture, in MiB.
pub const MEGABYTES_MAX: usize = 256;

/// What to capture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureRequest {
    /// Duration in seconds, up to [`SECONDS_MAX`].
    #[serde(default = "seconds_default")]
    pub seconds: f64,
    /// Size in MiB, up to [`MEGABYTES_MAX`].
    #[serde(default = "megabytes_default")]
    pub megabytes: usize,
    /// Only datagrams from and to this address.
    pub address: Option<IpAddr>,
}

fn seconds_default() -> f64 {
    10.0
}

fn megabytes_default() -> usize {
    100
}

/// A capture that was not made, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A value out of its range.
    #[error(
        "seconds is {seconds} and megabytes is {megabytes}, but seconds must be above 0 and at most {SECONDS_MAX}, and \
         megabytes must be from 1 to {MEGABYTES_MAX}"
    )]
    OutOfRange {
        /// The requested duration.
        seconds: f64,
        /// The requested size.
        megabytes: usize,
    },
    /// Another capture runs.
    #[error("another capture is running: wait until it ends, or stop the client that runs it")]
    Busy,
    /// No core took part.
    #[error(transparent)]
    Unresponsive(#[from] Unresponsive),
    /// The file cannot be written: its reader has gone, for example.
    #[error("cannot write the capture: {0}")]
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

/// A running capture. It ends when it is dropped; then another can begin.
pub struct Capture {
    queues: Vec<Consumer<Captured>>,
    lost: Arc<AtomicU64>,
    server: SocketAddr,
    until: Instant,
    bytes_max: usize,
    observers: Observers,
    /// Released last, when no core observes for this capture any more.
    _permit: OwnedSemaphorePermit,
}

impl Capture {
    /// Lets all cores hand over their datagrams from now on. `permits` has one permit, so only one capture can run.
    ///
    /// # Errors
    /// [`CaptureError::OutOfRange`], [`CaptureError::Busy`] and [`CaptureError::Unresponsive`].
    pub fn begin(
        control: &Arc<Mutex<Control>>,
        permits: &Arc<Semaphore>,
        request: &CaptureRequest,
    ) -> Result<Self, CaptureError> {
        let &CaptureRequest { seconds, megabytes, address } = request;
        if !(seconds > 0.0 && seconds <= SECONDS_MAX && (1..=MEGABYTES_MAX).contains(&megabytes)) {
            return Err(CaptureError::OutOfRange { seconds, megabytes });
        }
        let permit = permits.clone().try_acquire_owned().map_err(|_| CaptureError::Busy)?;
        assert_eq!(permits.available_permits(), 0, "two captures can run at once");
        let lost = Arc::new(AtomicU64::new(0));
        let mut queues = Vec::new();
        let observers = Observers(control.clone());
        let mut control = control.lock().unwrap_or_else(PoisonError::into_inner);
        let server = control.identity().listen;
        let begun = control.observe(|_| {
            let (observer, queue) = observer(address, lost.clone());
            queues.push(queue);
            Some(observer)
        });
        drop(control);
        begun?;
        assert!(!queues.is_empty(), "a capture of no core");
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        Ok(Capture { queues, lost, server, until, bytes_max: megabytes << 20, observers, _permit: permit })
    }

    /// Writes the capture while it is made, for as long as requested or until `out` fails. `out` is flushed at each look, even
    /// if nothing is new, so that it can report a reader that has gone.
    ///
    /// # Errors
    /// [`CaptureError::File`].
    pub fn write(mut self, out: impl Write) -> Result<(), CaptureError> {
        let mut file = File::new(self.server, out)?;
        while Instant::now() < self.until && file.bytes() < self.bytes_max {
            std::thread::sleep(POLL_INTERVAL);
            self.drain_queues(&mut file)?;
            file.flush()?;
        }
        self.observers.remove();
        self.drain_queues(&mut file)?;
        Ok(file.finish(self.lost.load(Ordering::Relaxed))?.flush().map_err(PcapError::IoError)?)
    }

    /// Writes the waiting datagrams, up to the size of the capture; of each core at most one queue, so that none holds up the
    /// others. The datagrams of each core are in order.
    fn drain_queues(&mut self, file: &mut File<impl Write>) -> Result<(), CaptureError> {
        for queue in &mut self.queues {
            for _ in 0..QUEUE_DATAGRAMS_MAX {
                if file.bytes() >= self.bytes_max {
                    return Ok(());
                }
                let Ok(Captured { at, inbound, peer, len, bytes }) = queue.pop() else { break };
                file.datagram(at, inbound, peer, &bytes[..len])?;
            }
        }
        Ok(())
    }
}

/// The observers in the cores. They are removed when this is dropped, however the capture ended.
struct Observers(Arc<Mutex<Control>>);

impl Observers {
    fn remove(&self) {
        // A core that does not answer finds out by itself that its queue is abandoned.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).observe(|_| None);
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        self.remove();
    }
}

/// An observer for a core, and the queue of what it sees.
fn observer(address: Option<IpAddr>, lost: Arc<AtomicU64>) -> (Observer, Consumer<Captured>) {
    let (mut seen, queue) = RingBuffer::new(QUEUE_DATAGRAMS_MAX);
    let look = move |ObservedDatagram { inbound, path, datagram }: ObservedDatagram<'_>| {
        let len = datagram.len();
        if seen.is_abandoned()
            || len > DATAGRAM_BYTES_MAX
            || address.is_some_and(|only| only.to_canonical() != path.peer.ip().to_canonical())
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
    (Observer::new(look), queue)
}
