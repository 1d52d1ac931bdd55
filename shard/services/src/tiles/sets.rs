//! Sets of tiles under their names: asks the cache, then the provider; one fetch serves all who wait for the same tile.

use super::cache::{Cache, Key};
use super::counters::Counters;
use super::provider::{Bytes, TileError, TileProvider};
use super::queue::Queue;
use super::tile::{Tile, is_set};
use crate::counters::count;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared as SharedFuture, WeakShared};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Tiles that are known to be absent, at most.
const ABSENT_MAX: usize = 65_536;

type Outcome = Result<Option<Bytes>, TileError>;
type Flight = SharedFuture<BoxFuture<'static, Outcome>>;

/// Fetches that are under way, with a number that tells one fetch of a tile from a later one.
#[derive(Default)]
struct Flights {
    by_key: HashMap<Key, (u64, WeakShared<BoxFuture<'static, Outcome>>)>,
    last: u64,
}

/// Settings of tiles.
#[derive(Clone, Copy, Debug)]
pub struct TileSettings {
    /// How old a tile in the cache may be, unless its provider is out of order.
    pub age_max: Duration,
    /// For how long an absent tile is not asked for again.
    pub absent_age_max: Duration,
    /// Whether the neighbours of a tile from a remote provider are fetched in advance.
    pub prefetch: bool,
}

impl Default for TileSettings {
    fn default() -> Self {
        let day = Duration::from_secs(86_400);
        TileSettings { age_max: 7 * day, absent_age_max: day / 24, prefetch: true }
    }
}

/// What a set has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct About {
    /// Its name.
    pub set: String,
    /// Its zooms.
    pub zooms: RangeInclusive<u8>,
    /// Such as `image/png`.
    pub format: &'static str,
    /// Such as `gzip`: clients take it off.
    pub compression: Option<&'static str>,
}

/// Sets of tiles. A clone is another handle to the same sets.
#[derive(Clone)]
pub struct Tiles {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    sets: HashMap<Arc<str>, Arc<dyn TileProvider>>,
    cache: Option<Arc<Cache>>,
    settings: TileSettings,
    flights: Mutex<Flights>,
    absent: Mutex<HashMap<Key, Instant>>,
    /// Requests of clients that wait for a provider.
    waiting: AtomicUsize,
    pub(super) queue: Queue,
    pub(super) counters: Counters,
}

impl Tiles {
    /// Sets with their names, and the cache for those that come from afar.
    ///
    /// # Panics
    /// If a name is invalid: see [`is_set`].
    pub fn new(
        sets: impl IntoIterator<Item = (String, Arc<dyn TileProvider>)>,
        cache: Option<Cache>,
        settings: TileSettings,
    ) -> Tiles {
        let sets: HashMap<Arc<str>, _> = sets.into_iter().map(|(name, provider)| (name.into(), provider)).collect();
        assert!(sets.keys().all(|name| is_set(name)), "the name of a set has 1 to 32 of a-z, 0-9, - and _");
        let shared = Shared {
            sets,
            cache: cache.map(Arc::new),
            settings,
            flights: Mutex::default(),
            absent: Mutex::default(),
            waiting: AtomicUsize::new(0),
            queue: Queue::default(),
            counters: Counters::default(),
        };
        Tiles { shared: Arc::new(shared) }
    }

    /// A tile; None if there is none at this place. Dropping the future cancels the request.
    ///
    /// # Errors
    /// [`TileError`].
    pub async fn get(&self, set: &str, tile: Tile) -> Outcome {
        let shared = &self.shared;
        count(&shared.counters.asked);
        let (key, provider) = shared.find(set, tile)?;
        if !provider.zooms().contains(&tile.z()) {
            return Ok(None);
        }
        let mut given_up = GivenUp { shared, is_over: false };
        let outcome = shared.flight(&key, &provider).await;
        given_up.is_over = true;
        if provider.is_remote() && shared.settings.prefetch && outcome.is_ok() {
            self.prefetch_around(&key);
        }
        outcome
    }

    /// The sets, by name.
    pub fn sets(&self) -> Vec<About> {
        let about = self.shared.sets.iter().map(|(name, provider)| {
            let (format, compression) = provider.format();
            About { set: name.to_string(), zooms: provider.zooms(), format, compression }
        });
        let mut about: Vec<About> = about.collect();
        about.sort_by(|a, b| a.set.cmp(&b.set));
        about
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The bytes of the cache, and its tiles.
    pub fn cached(&self) -> (u64, usize) {
        self.shared.cache.as_ref().map_or((0, 0), |cache| (cache.bytes(), cache.tiles()))
    }
}

/// Counts a request that ends before it has its tile.
struct GivenUp<'a> {
    shared: &'a Shared,
    is_over: bool,
}

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            count(&self.shared.counters.cancelled);
        }
    }
}

/// A request of a client that waits for a provider: nothing is fetched in advance meanwhile.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Shared {
    pub(super) fn find(&self, set: &str, tile: Tile) -> Result<(Key, Arc<dyn TileProvider>), TileError> {
        let found = self.sets.get_key_value(set).ok_or_else(|| TileError::Set(set.to_owned()))?;
        Ok((Key { set: Arc::clone(found.0), tile }, Arc::clone(found.1)))
    }

    /// How many requests of clients wait for a provider.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(SeqCst)
    }

    /// Whether a fetch in advance would bring nothing new.
    pub(super) fn is_known(&self, key: &Key) -> bool {
        let is_cached = self.cache.as_ref().is_some_and(|cache| cache.contains(key));
        is_cached || self.is_absent(key) || self.flights().by_key.contains_key(key)
    }

    #[cfg(test)]
    pub(super) fn flights_under_way(&self) -> usize {
        self.flights().by_key.len()
    }

    /// Whether there is a cache, so that a fetch in advance is kept.
    pub(super) fn has_cache(&self) -> bool {
        self.cache.is_some()
    }

    /// Waits for a tile as a client does.
    async fn flight(self: &Arc<Self>, key: &Key, provider: &Arc<dyn TileProvider>) -> Outcome {
        let _waiting = provider.is_remote().then(|| Waiting::new(&self.waiting));
        self.begin(key, provider).await
    }

    /// Joins the fetch of a tile that is under way, or begins one. It ends when nobody waits for it any more.
    pub(super) fn begin(self: &Arc<Self>, key: &Key, provider: &Arc<dyn TileProvider>) -> Flight {
        let mut flights = self.flights();
        if let Some(flight) = flights.by_key.get(key).and_then(|(_, flight)| flight.upgrade()) {
            count(&self.counters.joined);
            return flight;
        }
        flights.last += 1;
        let number = flights.last;
        let (shared, provider, of) = (Arc::clone(self), Arc::clone(provider), key.clone());
        let entry = Entry { shared: Arc::clone(self), key: key.clone(), number };
        let flight = async move {
            let _entry = entry;
            shared.look_up(&of, &*provider).await
        };
        let flight: Flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.by_key.insert(key.clone(), (number, weak));
        }
        flight
    }

    async fn look_up(self: &Arc<Self>, key: &Key, provider: &dyn TileProvider) -> Outcome {
        if self.is_absent(key) {
            count(&self.counters.absent_hits);
            return Ok(None);
        }
        let mut old = None;
        if provider.is_remote()
            && let Some(cache) = &self.cache
        {
            let (cache, of) = (Arc::clone(cache), key.clone());
            let cached = tokio::task::spawn_blocking(move || cache.get(&of, SystemTime::now())).await;
            self.count_cache();
            match cached.ok().flatten() {
                Some(cached) if cached.age <= self.settings.age_max => {
                    count(&self.counters.hits);
                    return Ok(Some(cached.bytes));
                }
                cached => old = cached,
            }
            count(&self.counters.misses);
        }
        count(&self.counters.fetched);
        match provider.fetch(key.tile).await {
            Ok(Some(bytes)) => {
                if provider.is_remote() {
                    self.keep(key, &bytes).await;
                }
                Ok(Some(bytes))
            }
            Ok(None) => {
                self.keep_absent(key);
                Ok(None)
            }
            Err(error) => {
                count(&self.counters.failed);
                let Some(old) = old else { return Err(error) };
                count(&self.counters.stale);
                Ok(Some(old.bytes))
            }
        }
    }

    async fn keep(&self, key: &Key, bytes: &Bytes) {
        let Some(cache) = &self.cache else { return };
        let (cache, key, bytes) = (Arc::clone(cache), key.clone(), Arc::clone(bytes));
        let kept = tokio::task::spawn_blocking(move || cache.put(&key, &bytes, SystemTime::now())).await;
        self.count_cache();
        if let Ok(Err(error)) = kept {
            count(&self.counters.unwritten);
            tracing::debug!("a tile cannot be kept: {error}");
        }
    }

    fn count_cache(&self) {
        let Some(cache) = &self.cache else { return };
        let (evicted, damaged) = cache.take_counts();
        self.counters.evicted.fetch_add(evicted, Relaxed);
        self.counters.damaged.fetch_add(damaged, Relaxed);
    }

    fn is_absent(&self, key: &Key) -> bool {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        match absent.get(key) {
            Some(since) if since.elapsed() < self.settings.absent_age_max => true,
            Some(_) => {
                absent.remove(key);
                false
            }
            None => false,
        }
    }

    fn keep_absent(&self, key: &Key) {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        if absent.len() >= ABSENT_MAX {
            absent.clear();
        }
        absent.insert(key.clone(), Instant::now());
    }

    fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry of a fetch that is under way. It is taken out when the fetch ends, or when nobody waits for it any more.
struct Entry {
    shared: Arc<Shared>,
    key: Key,
    number: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut flights = self.shared.flights();
        if flights.by_key.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            flights.by_key.remove(&self.key);
        }
    }
}
