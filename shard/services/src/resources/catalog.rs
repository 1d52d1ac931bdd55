//! The store as a source: opens names of the manifest, and `sha256/HEX` of whatever the manifest names.

use super::blob::{Blob, BlobKey};
use super::counters::Counters;
use super::source::{Body, Content, Opening, Refusal, Source};
use super::store::{Entry, Manifest, Store};
use crate::counters::count;
use ring::digest::{Context, SHA256};
use ringshard_requests::message::download::{Hash, hash_of_name};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How often the catalogue looks whether the manifest has changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long opening a blob may take, with reading all of it the first time.
const OPEN_MAX: Duration = Duration::from_secs(30);
/// When a client whose resource cannot be read is to ask again.
const RETRY: Duration = Duration::from_secs(5);
/// Bytes that are read at once.
const READ_BYTES: u64 = 256 * 1024;

/// Opens what the manifest of a store names.
///
/// A blob is read and hashed before it is served for the first time, and again if its file changes.
#[derive(Clone)]
pub(super) struct Catalog {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    state: Mutex<State>,
    reads: Arc<Semaphore>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct State {
    manifest: Manifest,
    /// A name of each hash.
    names: HashMap<Hash, String>,
    /// The file that the manifest is from.
    key: Option<BlobKey>,
    looked: Option<Instant>,
    /// Blobs that are open, so that all who serve one share a file.
    open: HashMap<Hash, Weak<Blob>>,
    /// Files that had the right content.
    sound: HashMap<Hash, BlobKey>,
}

impl Catalog {
    /// A catalogue of `store`. `reads` bounds the reads at a time.
    pub fn new(store: Store, reads: Arc<Semaphore>, counters: Arc<Counters>) -> Catalog {
        Catalog { shared: Arc::new(Shared { store, state: Mutex::default(), reads, counters }) }
    }
}

impl Source for Catalog {
    fn open<'a>(&'a self, name: &'a str) -> Opening<'a> {
        Box::pin(async move {
            if let Some(content) = self.shared.state().open_already(name) {
                return Ok(content);
            }
            let work = async {
                let permit = self.shared.reads.clone().acquire_owned().await.expect("the semaphore is never closed");
                let (shared, name) = (self.shared.clone(), name.to_owned());
                let opened = tokio::task::spawn_blocking(move || {
                    let _permit = permit;
                    shared.open(&name)
                });
                opened.await.map_err(|error| Refusal::not_now(RETRY, error.to_string()))?
            };
            let too_long = |_| {
                count(&self.shared.counters.read_errors);
                Refusal::not_now(RETRY, format!("opening {name} took longer than {} s", OPEN_MAX.as_secs()))
            };
            tokio::time::timeout(OPEN_MAX, work).await.map_err(too_long)?
        })
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with the lock")
    }

    /// Opens a name. Blocks the thread.
    fn open(&self, name: &str) -> Result<Content, Refusal> {
        self.look();
        let entry = self.state().entry(name).cloned().ok_or_else(|| Refusal::not_found(name))?;
        let failed = |error: io::Error| {
            count(&self.counters.read_errors);
            let path = self.store.blob_path(&entry.hash);
            match error.kind() {
                // Without a manifest, the whole store is away, such as a mounted folder.
                ErrorKind::NotFound if self.store.manifest_path().exists() => missing(name),
                _ => Refusal::not_now(RETRY, format!("cannot read {}: {error}", path.display())),
            }
        };
        let blob = File::open(self.store.blob_path(&entry.hash)).and_then(|file| Blob::new(entry.hash, file));
        let blob = Arc::new(blob.map_err(failed)?);
        let is_known = self.state().sound.get(&entry.hash) == Some(&blob.key);
        if blob.size != entry.size || (!is_known && hash_of(&blob).map_err(failed)? != entry.hash) {
            count(&self.counters.corrupt);
            return Err(damaged(name));
        }
        let mut state = self.state();
        state.sound.insert(entry.hash, blob.key);
        state.open.insert(entry.hash, Arc::downgrade(&blob));
        Ok(content(&entry, name, blob))
    }

    /// Reads the manifest again if its file has changed. A manifest that is gone or cannot be read changes
    /// nothing.
    fn look(&self) {
        if self.state().looked.is_some_and(|looked| looked.elapsed() < LOOK_INTERVAL) {
            return;
        }
        let key = std::fs::metadata(self.store.manifest_path()).ok().map(|status| BlobKey::of(&status));
        let before = self.state().key;
        if key.is_none() && before.is_some() {
            count(&self.counters.manifest_errors);
            self.state().looked = Some(Instant::now());
            return;
        }
        let unchanged = before == key;
        // Read without the lock: the store may be slow.
        let read = (!unchanged).then(|| self.store.manifest());
        let mut state = self.state();
        state.looked = Some(Instant::now());
        match read {
            None => {}
            Some(Ok(manifest)) => {
                count(&self.counters.manifest_reads);
                state.replace(manifest, key);
            }
            Some(Err(error)) => {
                count(&self.counters.manifest_errors);
                tracing::warn!("resources stay as they were: {error}");
            }
        }
    }
}

impl State {
    fn entry(&self, name: &str) -> Option<&Entry> {
        match hash_of_name(name) {
            Some(hash) => self.manifest.get(self.names.get(&hash)?),
            None => self.manifest.get(name),
        }
    }

    /// What is open already and needs no file.
    fn open_already(&self, name: &str) -> Option<Content> {
        self.looked.filter(|looked| looked.elapsed() < LOOK_INTERVAL)?;
        let entry = self.entry(name)?;
        let blob = self.open.get(&entry.hash)?.upgrade()?;
        Some(content(entry, name, blob))
    }

    fn replace(&mut self, manifest: Manifest, key: Option<BlobKey>) {
        self.names = manifest.values().map(|entry| (entry.hash, entry.name.clone())).collect();
        self.sound.retain(|hash, _| self.names.contains_key(hash));
        // A blob may have been added again because it was damaged.
        self.open.clear();
        (self.manifest, self.key) = (manifest, key);
    }
}

fn content(entry: &Entry, name: &str, blob: Arc<Blob>) -> Content {
    // A signature is about a name, and `sha256/HEX` needs none.
    let signature = entry.signature.filter(|_| entry.name == name);
    Content { hash: entry.hash, size: entry.size, signature, body: Body::Blob(blob) }
}

fn missing(name: &str) -> Refusal {
    let message = format!("the blob of {name} is missing: run `ringshard resources verify`");
    Refusal { status: 500, wait: None, message }
}

fn damaged(name: &str) -> Refusal {
    let message = format!("the blob of {name} is damaged: run `ringshard resources verify`");
    Refusal { status: 500, wait: None, message }
}

fn hash_of(blob: &Blob) -> io::Result<Hash> {
    let mut context = Context::new(&SHA256);
    let mut offset = 0;
    while offset < blob.size {
        let length = (blob.size - offset).min(READ_BYTES);
        context.update(&blob.read(offset, length as usize)?);
        offset += length;
    }
    Ok(context.finish().as_ref().try_into().expect("a SHA-256 has 32 bytes"))
}
