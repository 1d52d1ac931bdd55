//! The downloads of one client: takes its messages, and sends what it asks for at the rates of the settings.

use super::Resources;
use super::blob::Blob;
use super::blocks::BLOCK_BYTES;
use super::outlet::{Gone, Outlet};
use super::pace::Pace;
use super::source::{Body, Content, Refusal};
use super::table::{IDLE_MAX, Next, OnOpen, Part, Table};
use crate::counters::count;
use ringshard_requests::limits::PIECE_BYTES_MAX;
use ringshard_requests::message::download::{FromClient, FromServer, Malformed, Opened, PIECE_MESSAGE_BYTES_MAX};
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// When a client whose resource cannot be read is to ask again.
const RETRY: Duration = Duration::from_secs(2);
/// How long opening a name may take, with its wait for others.
const OPEN_MAX: Duration = Duration::from_secs(40);

/// The downloads of one client. When it is dropped, nothing more is sent.
pub struct Downloads<O: Outlet> {
    shared: Arc<Shared<O>>,
    worker: AbortHandle,
}

struct Shared<O> {
    resources: Arc<Resources>,
    outlet: O,
    pace: Pace,
    table: Mutex<Table>,
    work: Notify,
}

impl<O: Outlet> Downloads<O> {
    /// The downloads of a client that has just come. Its messages leave through `outlet`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(resources: Arc<Resources>, outlet: O) -> Downloads<O> {
        let pace = Pace::new(resources.rates.session.load(Relaxed));
        let (table, work) = (Mutex::new(Table::new(Instant::now(), resources.counters.clone())), Notify::new());
        let shared = Arc::new(Shared { resources, outlet, pace, table, work });
        let worker = tokio::spawn(serve(shared.clone())).abort_handle();
        Downloads { shared, worker }
    }

    /// Takes a message of kind 21, 23 or 25. Does not wait.
    ///
    /// # Errors
    /// [`Malformed`]: the message is not one that a client sends. It is counted and does nothing.
    pub fn receive(&self, message: &[u8]) -> Result<(), Malformed> {
        let shared = &self.shared;
        let counters = &shared.resources.counters;
        let message = FromClient::read(message).inspect_err(|_| count(&counters.malformed))?;
        let now = Instant::now();
        match message {
            FromClient::Open { download, name } => shared.open(now, download, name),
            FromClient::Fetch { download, hash, offset, length } => {
                shared.table().fetch(now, (download, hash), (offset, length));
            }
            FromClient::Stop { download } => shared.table().stop(download),
        }
        shared.work.notify_one();
        Ok(())
    }

    /// How many downloads are open, and how many ranges wait.
    pub fn load(&self) -> (usize, usize) {
        self.shared.table().load()
    }
}

impl<O: Outlet> Drop for Downloads<O> {
    fn drop(&mut self) {
        self.worker.abort();
        // Stops what is being opened, whose tasks hold the table.
        *self.shared.table() = Table::new(Instant::now(), self.shared.resources.counters.clone());
    }
}

impl<O: Outlet> Shared<O> {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no thread panics with the lock")
    }

    fn open(self: &Arc<Self>, now: Instant, download: u32, name: &str) {
        let mut table = self.table();
        let OnOpen::Begin(serial) = table.open(now, download, name) else { return };
        let (shared, name) = (self.clone(), name.to_owned());
        // The table stays locked, so that the task finds its handle there.
        let task = tokio::spawn(async move {
            let opened = tokio::time::timeout(OPEN_MAX, shared.resources.open(&name)).await;
            let late = || Refusal::not_now(RETRY, format!("opening {name} took longer than {} s", OPEN_MAX.as_secs()));
            shared.opened((download, serial), opened.unwrap_or_else(|_| Err(late())));
        });
        table.opening(download, task.abort_handle());
    }

    fn opened(&self, download: (u32, u64), opened: Result<Content, Refusal>) {
        let resources = &self.resources;
        let held = opened.and_then(|content| {
            let bytes = if let Body::Memory(bytes) = &content.body { bytes.len() } else { 0 };
            let full =
                || Refusal::not_now(RETRY, "open downloads hold too much memory: raise the bound, or add memory");
            resources.held.take(bytes).map(|hold| (content, hold)).ok_or_else(full)
        });
        let held = held.map_err(|refusal| {
            if refusal.status >= 500 {
                tracing::debug!("a download is refused: {refusal}");
            }
            answer(download.0, &refusal)
        });
        self.table().opened(Instant::now(), download, held);
        self.work.notify_one();
    }

    /// Waits for something to send.
    async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.table().next() {
                return next;
            }
            if tokio::time::timeout(IDLE_MAX, self.work.notified()).await.is_err() {
                self.table().close_idle(Instant::now());
            }
        }
    }

    /// Sends a part in pieces, as far as it lies in one block of the cache.
    async fn send_part(&self, part: Part, message: &mut Vec<u8>) -> Result<(), Gone> {
        let counters = &self.resources.counters;
        let (bytes, first) = match self.read(&part).await {
            Ok(read) => read,
            Err(error) => {
                count(&counters.read_errors);
                tracing::debug!("a download cannot go on: {error}");
                // A file that ends too early stays so; anything else may pass.
                let refusal = match error.kind() {
                    io::ErrorKind::UnexpectedEof => Opened::refusal(part.download, 500, 0),
                    _ => Opened::refusal(part.download, 503, RETRY.as_millis() as u32),
                };
                self.table().refuse(refusal);
                return Ok(());
            }
        };
        let skipped = (part.at - first) as usize;
        let fresh = bytes.len() - skipped;
        let piece = &bytes[skipped..skipped + fresh.min(PIECE_BYTES_MAX).min((part.end - part.at) as usize)];
        self.wait_for_rates(piece.len()).await;
        FromServer::Piece { download: part.download, offset: part.at, bytes: piece }.write(message);
        self.outlet.send(message).await?;
        count(&counters.pieces);
        counters.bytes.fetch_add(piece.len() as u64, Relaxed);
        self.table().sent(Instant::now(), &part, part.at + piece.len() as u64);
        Ok(())
    }

    /// Bytes that have the first of a part, and where they begin.
    async fn read(&self, part: &Part) -> io::Result<(Arc<[u8]>, u64)> {
        match &part.body {
            Body::Memory(bytes) => Ok((bytes.clone(), 0)),
            Body::Blob(blob) => self.block(blob, part.at / BLOCK_BYTES).await,
        }
    }

    async fn block(&self, blob: &Arc<Blob>, block: u64) -> io::Result<(Arc<[u8]>, u64)> {
        let bytes = self.resources.blocks.get(blob, block, &self.resources.counters).await?;
        Ok((bytes, block * BLOCK_BYTES))
    }

    async fn wait_for_rates(&self, bytes: usize) {
        let rates = &self.resources.rates;
        self.pace.set(rates.session.load(Relaxed));
        let mut waits = false;
        // The rate of all comes last, so that nobody holds a time there which it cannot use yet.
        for pace in [&self.pace, &rates.all] {
            if let Some(time) = pace.reserve(Instant::now(), bytes) {
                waits = true;
                tokio::time::sleep_until(time).await;
            }
        }
        if waits {
            count(&self.resources.counters.paced);
        }
    }
}

/// Sends what the client asks for, until it leaves.
async fn serve<O: Outlet>(shared: Arc<Shared<O>>) {
    let mut message = Vec::with_capacity(PIECE_MESSAGE_BYTES_MAX);
    loop {
        let next = shared.next().await;
        message.clear();
        let sent = match next {
            Next::Answer(answer) => {
                FromServer::Opened(answer).write(&mut message);
                shared.outlet.send(&message).await
            }
            Next::Part(part) => shared.send_part(part, &mut message).await,
        };
        if sent == Err(Gone) {
            return;
        }
        // Others get their turn even if nothing of the above ever waits.
        tokio::task::consume_budget().await;
    }
}

fn answer(download: u32, refusal: &Refusal) -> Opened {
    let wait = refusal.wait.map_or(0, |wait| wait.as_millis().min(u128::from(u32::MAX)) as u32);
    Opened::refusal(download, refusal.status, wait)
}
