//! Keeps the record of a node in the registry, under a lease.

use super::record::shorten;
use crate::model::{Node, RunId};
use crate::registry::Backoff;
use crate::store::{Commit, Committed, Condition, Lease, Store, StoreError, Write};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Time between two looks at what the node says about itself: its links change.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The registration of one node.
pub(super) struct Registration {
    store: Store,
    key: String,
    lease_time: Duration,
    lease: Option<(Lease, Instant)>,
    /// What was written, and the revision of that.
    written: Option<(Node, u64)>,
    backoff: Backoff,
    /// The last trouble that was logged.
    trouble: Option<String>,
    /// The record has no room for all links. The log has said so.
    is_short: bool,
}

/// What keeps a node out of the registry.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a node at {0} has the same name: give one of the two another `--name`")]
    Taken(String),
}

impl Registration {
    /// A node whose record is at this key, under leases of this time.
    pub(super) fn new(store: Store, key: String, lease_time: Duration, seed: u64) -> Self {
        let backoff = Backoff::new(lease_time / 3, seed);
        Registration { store, key, lease_time, lease: None, written: None, backoff, trouble: None, is_short: false }
    }

    /// Keeps the record current until `ends` is true, and takes it away then.
    pub(super) async fn run(mut self, node: impl Fn() -> Node, mut ends: watch::Receiver<bool>) {
        while !*ends.borrow() {
            let wait = match self.step(node()).await {
                Ok(()) => {
                    self.backoff.reset();
                    if self.trouble.take().is_some() {
                        tracing::info!("the node is in the registry again");
                    }
                    LOOK_INTERVAL.min(self.lease_time / 3)
                }
                Err(error) => {
                    self.complain(&error);
                    self.backoff.wait()
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                // If nobody can say that it ends, it does.
                _ = ends.wait_for(|ends| *ends) => break,
            }
        }
        if let Some((lease, _)) = self.lease {
            // If the registry does not answer, the lease ends by itself.
            let _ = self.store.revoke(lease).await;
        }
    }

    async fn step(&mut self, mut node: Node) -> Result<(), Trouble> {
        self.shorten(&mut node);
        let lease = self.lease().await?;
        if self.written.as_ref().is_some_and(|(written, _)| *written == node) {
            return Ok(());
        }
        let condition = match &self.written {
            Some((_, revision)) => Condition::Modified(*revision),
            None => Condition::Absent,
        };
        let value = serde_json::to_vec(&node).expect("a node is plain data");
        let write = Write::Put { value, lease: Some(lease) };
        let commit =
            Commit { conditions: vec![(self.key.clone(), condition)], writes: vec![(self.key.clone(), write)] };
        let committed = self.store.commit(commit).await;
        if committed.as_ref().is_err_and(|error| *error == StoreError::LeaseEnded) {
            (self.lease, self.written) = (None, None);
        }
        match committed? {
            Committed::Done { revision } => {
                self.written = Some((node, revision));
                Ok(())
            }
            Committed::Refused { found } => self.refused(node, found.into_iter().flatten().next()),
        }
    }

    fn shorten(&mut self, node: &mut Node) {
        let left_out = shorten(node);
        if left_out > 0 && !self.is_short {
            tracing::warn!(
                left_out,
                bytes_max = Node::RECORD_BYTES_MAX,
                "the record of this node has no room for all its links: `ringshard fleet routes` shows the best alone; clients \
                 still take the best route"
            );
        }
        self.is_short = left_out > 0;
    }

    /// The record is not what was expected: somebody deleted it, an answer was lost, or another node has the name.
    fn refused(&mut self, node: Node, found: Option<crate::store::Record>) -> Result<(), Trouble> {
        self.written = None;
        let Some(record) = found else { return Ok(()) };
        let other: Option<Node> = serde_json::from_slice(&record.value).ok();
        if run_of(other.as_ref()) == node.run {
            // The next look writes over it.
            let unknown = Node { version: String::new(), ..node };
            self.written = Some((unknown, record.modified));
            return Ok(());
        }
        Err(Trouble::Taken(other.map_or_else(|| "an unknown address".to_owned(), |other| other.address)))
    }

    /// A lease that lasts.
    async fn lease(&mut self) -> Result<Lease, StoreError> {
        if let Some((lease, renewed_at)) = self.lease {
            if renewed_at.elapsed() < self.lease_time / 3 {
                return Ok(lease);
            }
            match self.store.keep_alive(lease).await {
                Ok(()) => {
                    self.lease = Some((lease, Instant::now()));
                    if self.store.get(&self.key).await?.is_none() {
                        // Somebody has deleted it.
                        self.written = None;
                    }
                    return Ok(lease);
                }
                Err(StoreError::LeaseEnded) => (self.lease, self.written) = (None, None),
                Err(error) => return Err(error),
            }
        }
        let lease = self.store.grant(self.lease_time).await?;
        self.lease = Some((lease, Instant::now()));
        Ok(lease)
    }

    fn complain(&mut self, trouble: &Trouble) {
        let text = trouble.to_string();
        if self.trouble.as_ref() != Some(&text) {
            tracing::warn!("the registry does not have this node, which goes on: {text}");
            self.trouble = Some(text);
        }
    }
}

fn run_of(node: Option<&Node>) -> Option<RunId> {
    node.and_then(|node| node.run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Links, Quality};
    use crate::registry::{Keys, follow};
    use crate::store::MemoryStore;
    use std::cell::RefCell;
    use std::rc::Rc;
    use tokio::task::{LocalSet, spawn_local};

    fn node(run: u64) -> Node {
        Node {
            name: "n".parse().unwrap(),
            run: Some(RunId(run)),
            region: "eu".parse().unwrap(),
            address: format!("192.0.2.{run}:3600"),
            doors: Default::default(),
            gateway: None,
            version: "1".into(),
            links: Links::default(),
        }
    }

    /// Starts the registration of what `node` has, and gives the switch that ends it.
    fn start(store: &MemoryStore, node: &Rc<RefCell<Node>>) -> watch::Sender<bool> {
        let (end, ends) = watch::channel(false);
        let key = Keys::new("/f/").node(&node.borrow().name);
        let registration = Registration::new(Store::Memory(store.client()), key, Duration::from_secs(6), 1);
        let node = Rc::clone(node);
        spawn_local(registration.run(move || node.borrow().clone(), ends));
        end
    }

    /// Runs `test` with a store, under a stopped clock.
    fn with_store<F: Future<Output = ()>>(test: impl FnOnce(MemoryStore) -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, async { test(MemoryStore::new()).await });
    }

    #[test]
    fn a_node_is_in_the_directory_while_it_runs_with_its_links_as_they_are() {
        with_store(|store| async move {
            let reader = follow(Store::Memory(store.client()), Keys::new("/f/"), 1);
            let one = Rc::new(RefCell::new(node(1)));
            let end = start(&store, &one);
            sleep(Duration::from_secs(1)).await;
            assert_eq!(reader.latest().nodes.values().collect::<Vec<_>>(), [&node(1)]);
            let quality = Quality { up: true, round_trip_ms: 9, loss_percent: 0 };
            one.borrow_mut().links.hosts.insert("h".parse().unwrap(), quality);
            sleep(Duration::from_secs(20)).await;
            assert_eq!(reader.latest().nodes.values().collect::<Vec<_>>(), [&*one.borrow()]);
            end.send(true).unwrap();
            sleep(Duration::from_secs(1)).await;
            assert!(reader.latest().nodes.is_empty(), "it has left");
        });
    }

    #[test]
    fn a_node_with_more_links_than_a_record_takes_is_in_the_directory_with_some() {
        with_store(|store| async move {
            let reader = follow(Store::Memory(store.client()), Keys::new("/f/"), 1);
            let one = Rc::new(RefCell::new(node(1)));
            let quality = Quality { up: true, round_trip_ms: 9, loss_percent: 0 };
            let hosts =
                |count: u32| (0..count).map(|host| (format!("h-{host:061}").parse().unwrap(), quality)).collect();
            one.borrow_mut().links.hosts = hosts(334);
            let _end = start(&store, &one);
            let links = || reader.latest().nodes.values().map(|node| node.links.hosts.len()).collect::<Vec<_>>();
            sleep(Duration::from_secs(2)).await;
            assert_eq!(links(), [334]);
            one.borrow_mut().links.hosts = hosts(3_000);
            sleep(Duration::from_secs(2)).await;
            assert!((1_000..3_000).contains(&links()[0]), "{:?}", links());
        });
    }

    #[test]
    fn a_record_that_is_lost_is_written_again_and_a_name_that_is_taken_is_waited_for() {
        with_store(|store| async move {
            let reader = follow(Store::Memory(store.client()), Keys::new("/f/"), 1);
            let (one, other) = (Rc::new(RefCell::new(node(1))), Rc::new(RefCell::new(node(2))));
            let end = start(&store, &one);
            sleep(Duration::from_secs(1)).await;
            let _end = start(&store, &other);
            sleep(Duration::from_secs(10)).await;
            let address = || reader.latest().nodes.values().map(|node| node.address.clone()).collect::<Vec<_>>();
            assert_eq!(address(), ["192.0.2.1:3600"], "the first one has the name");
            let key = Keys::new("/f/").node(&node(1).name);
            store.set_running(false);
            sleep(Duration::from_secs(30)).await;
            store.set_running(true);
            sleep(Duration::from_secs(10)).await;
            assert_eq!(address().len(), 1, "the registry was away");
            end.send(true).unwrap();
            sleep(Duration::from_secs(10)).await;
            assert_eq!(address(), ["192.0.2.2:3600"], "the name is free");
            Store::Memory(store.client()).commit(Commit::delete(key)).await.unwrap();
            sleep(Duration::from_secs(5)).await;
            assert_eq!(address(), ["192.0.2.2:3600"], "somebody deleted it");
        });
    }
}
