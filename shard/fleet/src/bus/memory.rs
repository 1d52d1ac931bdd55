//! A bus in this process, on tokio's clock, which loses, repeats and delays letters and can be cut in parts: for simulations.

use crate::model::RunId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// What is wrong with a bus.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct BusFaults {
    /// Of 1,000 letters, so many do not arrive.
    pub lost: u64,
    /// Of 1,000 letters, so many arrive twice.
    pub repeated: u64,
    /// A letter takes up to so long.
    pub delay: Duration,
}

/// Ends in this part hear all, and all hear them: as at the one of three servers whose link to another has not broken.
pub(crate) const MIDDLE: u8 = u8::MAX;

/// One end of a bus in this process.
pub(crate) struct MemoryBus {
    shared: Arc<Mutex<Shared>>,
    own: RunId,
    news: Arc<Notify>,
}

/// The bus, for those who disturb it. A clone is the same bus.
#[derive(Clone)]
pub(crate) struct MemoryHub(Arc<Mutex<Shared>>);

struct Shared {
    readers: BTreeMap<RunId, Reader>,
    faults: BusFaults,
    random: u64,
    /// Letters that were under way.
    carried: u64,
}

struct Reader {
    /// Only ends of one part hear each other, but for [`MIDDLE`]. None: this one hears nobody, not even itself.
    part: Option<u8>,
    /// What is under way to it, by the time of arrival.
    queue: BTreeMap<(Instant, u64), Vec<u8>>,
    news: Arc<Notify>,
}

impl MemoryHub {
    /// A bus without faults. `seed` draws which letters suffer from those that come.
    pub(crate) fn new(seed: u64) -> Self {
        let random = seed.wrapping_mul(2).wrapping_add(1);
        let shared = Shared { readers: BTreeMap::new(), faults: BusFaults::default(), random, carried: 0 };
        MemoryHub(Arc::new(Mutex::new(shared)))
    }

    /// An end for this run of a host.
    pub(crate) fn connect(&self, own: RunId) -> MemoryBus {
        let news = Arc::new(Notify::new());
        let reader = Reader { part: Some(0), queue: BTreeMap::new(), news: news.clone() };
        lock(&self.0).readers.insert(own, reader);
        MemoryBus { shared: self.0.clone(), own, news }
    }

    /// What is wrong from now on.
    pub(crate) fn set_faults(&self, faults: BusFaults) {
        lock(&self.0).faults = faults;
    }

    /// The part of the bus that an end is in from now on. None: it hears nobody.
    pub(crate) fn set_part(&self, of: RunId, part: Option<u8>) {
        if let Some(reader) = lock(&self.0).readers.get_mut(&of) {
            reader.part = part;
        }
    }

    /// The part of the bus that an end is in.
    pub(crate) fn part(&self, of: RunId) -> Option<u8> {
        lock(&self.0).readers.get(&of).and_then(|reader| reader.part)
    }

    /// Letters that have been under way.
    pub(crate) fn carried(&self) -> u64 {
        lock(&self.0).carried
    }
}

impl MemoryBus {
    /// Says something to all hosts, or to one run.
    pub(super) fn say(&self, to: Option<RunId>, bytes: &[u8]) {
        let now = Instant::now();
        let mut shared = lock(&self.shared);
        let part = shared.readers.get(&self.own).and_then(|own| own.part);
        let hears = |(run, reader): (&RunId, &Reader)| {
            let (from, at) = (part?, reader.part?);
            let is_near = from == at || from == MIDDLE || at == MIDDLE;
            (is_near && to.is_none_or(|to| to == *run)).then_some(*run)
        };
        let readers: Vec<RunId> = shared.readers.iter().filter_map(hears).collect();
        for run in readers {
            for _ in 0..shared.copies() {
                let at = now + shared.delay();
                shared.carried += 1;
                let number = shared.carried;
                let reader = shared.readers.get_mut(&run).expect("it was found");
                reader.queue.insert((at, number), bytes.to_vec());
                reader.news.notify_one();
            }
        }
    }

    /// The next thing that somebody says to all or to this run.
    pub(super) async fn hear(&self) -> Vec<u8> {
        loop {
            let due = {
                let mut shared = lock(&self.shared);
                let reader = shared.readers.get_mut(&self.own).expect("it is here as long as its end");
                match reader.queue.first_entry() {
                    Some(first) if first.key().0 <= Instant::now() => return first.remove(),
                    first => first.map(|first| first.key().0),
                }
            };
            match due {
                Some(due) => tokio::select! {
                    biased;
                    () = sleep_until(due) => {}
                    () = self.news.notified() => {}
                },
                None => self.news.notified().await,
            }
        }
    }
}

impl Drop for MemoryBus {
    fn drop(&mut self) {
        lock(&self.shared).readers.remove(&self.own);
    }
}

impl Shared {
    fn copies(&mut self) -> u64 {
        let BusFaults { lost, repeated, .. } = self.faults;
        match self.draw(1_000) {
            drawn if drawn < lost => 0,
            drawn if drawn < lost + repeated => 2,
            _ => 1,
        }
    }

    fn delay(&mut self) -> Duration {
        let most = self.faults.delay.as_micros() as u64;
        Duration::from_micros(self.draw(most + 1))
    }

    /// A number below `below`.
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % below
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
