//! A real etcd against the store in memory: the same requests get the same answers. Without Debian's etcd-server, the tests
//! say so and check nothing.

mod node;
mod tls;

use crate::store::memory::MemoryStore;
use crate::store::{
    Commit, Committed, Condition, EtcdSettings, Lease, Listing, Record, Store, StoreError, Watch, WatchEvent, Write,
    etcd::EtcdStore,
};
use node::{Etcd, free_address};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout};

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// A small generator: a seed replays a walk.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// The two stores, and their leases in the order in which they were granted.
struct Pair {
    stores: [Store; 2],
    leases: Vec<[Lease; 2]>,
    /// Revisions that have occurred, for conditions that may hold.
    revisions: Vec<u64>,
    dice: Dice,
}

/// A record without what differs: value, revisions, and which lease.
type Comparable = (Vec<u8>, u64, u64, Option<usize>);

const KEYS: [&str; 5] = ["/f/a", "/f/a/b", "/f/b", "/g/a", "/f"];

impl Pair {
    /// A record without what differs: the numbers of leases.
    fn comparable(&self, store: usize, record: Record) -> Comparable {
        let number = |lease| self.leases.iter().position(|pair| pair[store] == lease).expect("a known lease");
        (record.value, record.created, record.modified, record.lease.map(number))
    }

    fn comparable_listing(&self, store: usize, listing: Listing) -> (u64, Vec<(String, Comparable)>) {
        let records = listing.records.into_iter().map(|(key, record)| (key, self.comparable(store, record)));
        (listing.revision, records.collect())
    }

    fn commits(&mut self) -> [Commit; 2] {
        let mut keys: Vec<_> = KEYS.to_vec();
        let mut pair = [Commit::default(), Commit::default()];
        for _ in 0..self.dice.below(2) {
            let condition = match self.dice.below(3) {
                0 => Condition::Absent,
                _ if self.revisions.is_empty() => Condition::Absent,
                _ => {
                    let latest = self.revisions.len().min(4);
                    Condition::Modified(self.revisions[self.revisions.len() - 1 - self.dice.below(latest)])
                }
            };
            let key = KEYS[self.dice.below(KEYS.len())];
            pair = pair.map(|commit| commit.when(key, condition));
        }
        for number in 0..1 + self.dice.below(2) {
            let key = keys.swap_remove(self.dice.below(keys.len()));
            let lease =
                (!self.leases.is_empty() && self.dice.below(2) == 0).then(|| self.dice.below(self.leases.len()));
            let deletes = self.dice.below(4) == 0;
            let value = vec![number as u8, self.dice.below(256) as u8];
            for (store, commit) in pair.iter_mut().enumerate() {
                let lease = lease.map(|lease| self.leases[lease][store]);
                let write = if deletes { Write::Delete } else { Write::Put { value: value.clone(), lease } };
                commit.writes.push((key.into(), write));
            }
        }
        pair
    }

    async fn step(&mut self) {
        match self.dice.below(10) {
            0 => {
                let mut leases = [Lease(0); 2];
                for (lease, store) in leases.iter_mut().zip(&self.stores) {
                    *lease = store.grant(Duration::from_secs(60)).await.unwrap();
                }
                self.leases.push(leases);
            }
            1 if !self.leases.is_empty() => {
                let leases = self.leases[self.dice.below(self.leases.len())];
                for (lease, store) in leases.iter().zip(&self.stores) {
                    store.revoke(*lease).await.unwrap();
                }
            }
            2 if !self.leases.is_empty() => {
                let leases = self.leases[self.dice.below(self.leases.len())];
                let one = self.stores[0].keep_alive(leases[0]).await;
                assert_eq!(one, self.stores[1].keep_alive(leases[1]).await);
            }
            3 => {
                let key = KEYS[self.dice.below(KEYS.len())];
                let records = [self.stores[0].get(key).await.unwrap(), self.stores[1].get(key).await.unwrap()];
                let [one, other] = records;
                assert_eq!(
                    one.map(|record| self.comparable(0, record)),
                    other.map(|record| self.comparable(1, record)),
                    "{key}"
                );
            }
            4 => {
                let prefix = ["/f/", "/f/a", "/", "/x"][self.dice.below(4)];
                let one = self.stores[0].list(prefix).await.unwrap();
                let other = self.stores[1].list(prefix).await.unwrap();
                assert_eq!(self.comparable_listing(0, one), self.comparable_listing(1, other), "{prefix}");
            }
            _ => self.commit().await,
        }
    }

    async fn commit(&mut self) {
        let [one, other] = self.commits();
        let told = format!("{one:?}");
        let answers = (self.stores[0].commit(one).await, self.stores[1].commit(other).await);
        match answers {
            (Ok(Committed::Done { revision: one }), Ok(Committed::Done { revision: other })) => {
                assert_eq!(one, other, "{told}");
                self.revisions.push(one);
            }
            (Ok(Committed::Refused { found: one }), Ok(Committed::Refused { found: other })) => {
                let comparable = |store, found: Vec<Option<Record>>| {
                    let of = |record: Option<Record>| record.map(|record| self.comparable(store, record));
                    found.into_iter().map(of).collect::<Vec<_>>()
                };
                assert_eq!(comparable(0, one), comparable(1, other), "{told}");
            }
            (Err(one), Err(other)) => assert_eq!(one, other, "{told}"),
            (one, other) => panic!("{told}: {one:?}, {other:?}"),
        }
    }

    /// All changes of a watch, up to this revision.
    async fn changes(&self, store: usize, watch: &mut Watch, until: u64) -> Vec<((u64, String), Option<Comparable>)> {
        let mut changes = BTreeMap::new();
        watch.ask_progress().await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut seen = 0;
        while seen < until && Instant::now() < deadline {
            match timeout(Duration::from_secs(1), watch.next()).await {
                Ok(Ok(WatchEvent::Changed(more))) => {
                    for change in more {
                        seen = seen.max(change.revision);
                        let record = change.record.map(|record| self.comparable(store, record));
                        let before = changes.insert((change.revision, change.key.clone()), record);
                        assert!(before.is_none(), "{} was reported twice", change.key);
                    }
                }
                Ok(Ok(WatchEvent::Progress { .. })) | Err(_) => {}
                Ok(Err(error)) => panic!("{error}"),
            }
        }
        changes.into_iter().collect()
    }
}

#[test]
fn etcd_and_memory_give_the_same_answers() {
    let Some(etcd) = Etcd::start() else { return };
    run(async {
        let stores = [Store::Memory(MemoryStore::new()), etcd.store().await];
        let mut pair = Pair { stores, leases: Vec::new(), revisions: Vec::new(), dice: Dice(7) };
        let first = pair.stores[0].list("/").await.unwrap().revision;
        assert_eq!(first, pair.stores[1].list("/").await.unwrap().revision, "both are new");
        let mut early = [
            pair.stores[0].watch("/f/", first + 1).await.unwrap(),
            pair.stores[1].watch("/f/", first + 1).await.unwrap(),
        ];
        for _ in 0..300 {
            pair.step().await;
        }
        // A change that both watches report last.
        for store in &pair.stores {
            store.commit(Commit::put("/f/end", Vec::new(), None)).await.unwrap();
        }
        let last = pair.stores[0].list("/").await.unwrap().revision;
        let mut late = [
            pair.stores[0].watch("/f/", first + 1).await.unwrap(),
            pair.stores[1].watch("/f/", first + 1).await.unwrap(),
        ];
        for watches in [&mut early, &mut late] {
            let one = pair.changes(0, &mut watches[0], last).await;
            let other = pair.changes(1, &mut watches[1], last).await;
            assert!(one.len() > 25 && one == other, "{one:#?}\n{other:#?}");
        }
    });
}

#[test]
fn a_lease_of_etcd_ends_in_time_and_takes_its_records_along() {
    let Some(etcd) = Etcd::start() else { return };
    run(async {
        let store = etcd.store().await;
        let lease = store.grant(Duration::from_secs(2)).await.unwrap();
        store.commit(Commit::put("/f/a", vec![1], Some(lease))).await.unwrap();
        let mut watch = store.watch("/f/", store.list("/f/").await.unwrap().revision + 1).await.unwrap();
        let kept = Instant::now();
        store.keep_alive(lease).await.unwrap();
        let Ok(WatchEvent::Changed(changes)) = watch.next().await else { panic!("the record must go") };
        let after = kept.elapsed();
        assert!(changes.len() == 1 && changes[0].record.is_none());
        assert!((Duration::from_secs(2)..Duration::from_millis(3_500)).contains(&after), "{after:?}");
        assert_eq!(store.keep_alive(lease).await, Err(StoreError::LeaseEnded));
        assert_eq!(store.commit(Commit::put("/f/a", vec![1], Some(lease))).await, Err(StoreError::LeaseEnded));
        assert_eq!(store.revoke(lease).await, Ok(()));
    });
}

#[test]
fn a_node_that_is_dead_is_left_for_the_next_and_compaction_is_told() {
    let Some(etcd) = Etcd::start() else { return };
    run(async {
        let direct = etcd.store().await;
        let dead = format!("http://{}", free_address());
        let settings = EtcdSettings::at(vec![dead.clone(), etcd.endpoint.clone()]);
        let store = Store::Etcd(EtcdStore::new(&settings, 0).unwrap());
        assert_eq!(store.get("/f/a").await, Ok(None), "the second node answers");
        let alone = Store::Etcd(EtcdStore::new(&EtcdSettings::at(vec![dead]), 0).unwrap());
        let Err(StoreError::Unavailable(why)) = alone.get("/f/a").await else { panic!("nobody can answer") };
        assert!(why.contains("refused"), "it says why: {why}");
        let put = |value| direct.commit(Commit::put("/f/a", vec![value], None));
        for value in 0..5 {
            put(value).await.unwrap();
        }
        let revision = direct.list("/f/").await.unwrap().revision;
        let mut client = etcd_client::Client::connect([&etcd.endpoint], None).await.unwrap();
        client.compact(revision as i64, None).await.unwrap();
        let mut watch = direct.watch("/f/", revision - 2).await.unwrap();
        assert_eq!(watch.next().await, Err(StoreError::Compacted(revision)));
    });
}

#[test]
fn a_wrong_password_is_refused_with_advice_and_the_right_one_is_not() {
    let Some(etcd) = Etcd::start() else { return };
    run(async {
        etcd.store().await;
        let mut client = etcd_client::Client::connect([&etcd.endpoint], None).await.unwrap();
        client.user_add("root", "right", None).await.unwrap();
        client.role_add("root").await.unwrap();
        client.user_grant_role("root", "root").await.unwrap();
        client.auth_enable().await.unwrap();
        let anonymous = Store::Etcd(EtcdStore::new(&etcd.settings(), 0).unwrap());
        let denied = anonymous.get("/f/a").await.expect_err("it needs a user");
        assert!(matches!(denied, StoreError::Denied(_)), "{denied}");
        for (password, works) in [("wrong", false), ("right", true)] {
            let file = etcd.folder.join(format!("password-{password}"));
            std::fs::write(&file, format!("{password}\n")).unwrap();
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            let settings = EtcdSettings { user: Some("root".into()), password_file: Some(file), ..etcd.settings() };
            let store = Store::Etcd(EtcdStore::new(&settings, 0).unwrap());
            let answer = store.commit(Commit::put("/f/a", vec![1], None)).await;
            assert_eq!(answer.is_ok(), works, "{password}: {answer:?}");
            if let Err(error) = answer {
                assert!(
                    matches!(error, StoreError::Denied(_)) && error.to_string().contains("password-file"),
                    "{error}"
                );
            }
        }
    });
}
