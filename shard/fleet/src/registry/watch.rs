//! The task that follows a store.

use super::reader::Feed;
use super::{DirectoryReader, Follower, Freshness, Keys, Roster, Step};
use crate::model::Name;
use crate::store::{Store, StoreError, Watch};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Shortest time between two directories. Hosts report every second, and each directory costs its readers an index.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(100);

/// Follows everything of a fleet in `store` on a task of the current tokio runtime, until every reader is dropped. `seed` spreads the
/// waits of many followers.
///
/// # Panics
/// Outside a tokio runtime.
pub fn follow(store: Store, keys: Keys, seed: u64) -> DirectoryReader {
    let prefix = keys.state();
    follow_prefix(store, keys, prefix, seed)
}

/// Like [`follow`], but reads only what is about one host: its record and its orders.
///
/// # Panics
/// Outside a tokio runtime.
pub fn follow_host(store: Store, keys: Keys, name: &Name, seed: u64) -> DirectoryReader {
    let prefix = keys.host(name);
    follow_prefix(store, keys, prefix, seed)
}

/// Like [`follow`], but reads only the zones.
///
/// # Panics
/// Outside a tokio runtime.
pub fn follow_zones(store: Store, keys: Keys, seed: u64) -> DirectoryReader {
    let prefix = keys.zones();
    follow_prefix(store, keys, prefix, seed)
}

/// Like [`follow`], but reads only the edges and relays.
///
/// # Panics
/// Outside a tokio runtime.
pub fn follow_nodes(store: Store, keys: Keys, seed: u64) -> DirectoryReader {
    let prefix = keys.nodes();
    follow_prefix(store, keys, prefix, seed)
}

fn follow_prefix(store: Store, keys: Keys, prefix: String, seed: u64) -> DirectoryReader {
    let (feed, reader) = DirectoryReader::channel();
    let task = FollowTask {
        store,
        prefix,
        follower: Follower::new(Roster::new(keys), seed),
        watch: None,
        feed,
        started: Instant::now(),
        publish_at: None,
        away_since: None,
    };
    tokio::spawn(task.run());
    reader
}

struct FollowTask {
    store: Store,
    prefix: String,
    follower: Follower,
    watch: Option<Watch>,
    feed: Feed,
    started: Instant,
    /// When what has changed is published.
    publish_at: Option<Instant>,
    away_since: Option<Instant>,
}

impl FollowTask {
    async fn run(mut self) {
        while !self.feed.is_closed() {
            let step = self.follower.next(self.now());
            if let Err(error) = self.carry_out(step).await {
                self.watch = None;
                self.away(&error);
            }
            self.publish();
            self.report_freshness();
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    async fn carry_out(&mut self, step: Step) -> Result<(), StoreError> {
        match step {
            Step::List => {
                let answer = self.store.list(&self.prefix).await;
                let failure = answer.as_ref().err().cloned();
                self.follower.listed(self.now(), answer);
                failure.map_or(Ok(()), Err)?;
                self.is_back();
                self.publish_at.get_or_insert_with(Instant::now);
            }
            Step::Watch(from) => {
                self.watch = None;
                let answer = self.store.watch(&self.prefix, from).await;
                let answer = answer.map(|watch| self.watch = Some(watch));
                self.follower.watching(self.now(), answer.clone());
                answer?;
            }
            Step::Hear(until) => self.hear(until).await?,
            Step::Ask => {
                let watch = self.watch.as_mut().expect("the follower asks only while it watches");
                if let Err(error) = watch.ask_progress().await {
                    self.follower.heard(self.now(), Err(error.clone()));
                    return Err(error);
                }
            }
            Step::Wait(until) => {
                if self.watch.take().is_some() {
                    self.away(&StoreError::Unavailable("the watch has gone silent".into()));
                }
                sleep_until(self.started + until).await;
            }
        }
        Ok(())
    }

    async fn hear(&mut self, until: Duration) -> Result<(), StoreError> {
        let watch = self.watch.as_mut().expect("the follower hears only while it watches");
        let until = (self.started + until).min(self.publish_at.unwrap_or(self.started + until));
        tokio::select! {
            biased;
            event = watch.next() => {
                let failure = event.as_ref().err().cloned();
                let now = self.now();
                if self.follower.heard(now, event) {
                    self.publish_at.get_or_insert(Instant::now() + PUBLISH_INTERVAL);
                }
                match failure {
                    None => Ok(()),
                    // That is no trouble: everything is listed again.
                    Some(StoreError::Compacted(_)) => {
                        self.watch = None;
                        Ok(())
                    }
                    Some(error) => Err(error),
                }
            }
            () = sleep_until(until) => Ok(()),
        }
    }

    fn publish(&mut self) {
        if self.publish_at.is_some_and(|at| at <= Instant::now()) {
            self.publish_at = None;
            self.feed.publish(self.follower.roster().directory());
        }
    }

    fn report_freshness(&self) {
        let current_at = self.follower.current_at().map(|at| self.started + at);
        let (resyncs, unreadable) = (self.follower.resyncs(), self.follower.roster().unreadable());
        self.feed.set_freshness(|freshness| {
            *freshness = Freshness { current_at, resyncs, unreadable, ..freshness.clone() };
        });
    }

    fn away(&mut self, error: &StoreError) {
        let since = *self.away_since.get_or_insert_with(|| {
            tracing::warn!(%error, "the registry is away: the directory of hosts stays as it was");
            Instant::now()
        });
        self.feed.set_freshness(|freshness| {
            freshness.away_since = Some(since);
            freshness.trouble = Some(error.to_string());
        });
    }

    fn is_back(&mut self) {
        if let Some(since) = self.away_since.take() {
            tracing::info!(away_s = since.elapsed().as_secs_f32(), "the registry is back");
            self.feed.set_freshness(|freshness| {
                freshness.away_since = None;
                freshness.trouble = None;
            });
        }
    }
}
