//! The servers that have the same resources, and which of them a client should take.
//!
//! Servers that share a store find each other in its folder `instances`: each writes how loaded it is into a file of its own
//! there, every few seconds, and reads the others' ([`exchange`]). A program with another way to exchange reports
//! calls [`ResourceInstances::report`].

use super::hexadecimal::to_hex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

/// Instances that are kept.
pub const INSTANCES_MAX: usize = 64;
/// An instance without a report for so long is not chosen, in ms.
pub const SILENCE_MAX_MS: u64 = 10_000;
/// How often instances report, in ms.
pub const REPORT_INTERVAL_MS: u64 = 2_000;
/// Its file is removed after so long, in ms.
const FORGET_MS: u64 = 600_000;
/// Bytes of a report.
const REPORT_BYTES_MAX: u64 = 1_024;
/// Ranges that wait at a server that has as much as it can do, if it has no rate.
const RANGES_FULL: f64 = 256.0;
/// How much each client that is sent to an instance adds to its load until its next report.
const CHOICE_LOAD: f64 = 0.02;

/// A server that has the resources.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// Names the instance among its like: 32 hexadecimal digits, random for each start.
    pub id: String,
    /// Where clients reach it.
    pub address: SocketAddr,
    /// The server's public key, in hexadecimal digits.
    pub server_key: String,
    /// Ranges that wait or are being sent.
    pub ranges_waiting: u64,
    /// Bytes of content that it sends per second.
    pub bytes_per_second: u64,
    /// Bytes of content that it sends per second at most; 0: any number.
    pub bytes_per_second_max: u64,
    /// When it said so, in Unix ms.
    pub reported: u64,
}

impl Instance {
    /// Its load: 0 idle, 1 as much as it can do.
    pub fn load(&self) -> f64 {
        let rate = match self.bytes_per_second_max {
            0 => 0.0,
            most => self.bytes_per_second as f64 / most as f64,
        };
        rate.max(self.ranges_waiting as f64 / RANGES_FULL)
    }

    fn is_valid(&self) -> bool {
        let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|it| it.is_ascii_hexdigit());
        is_hex(&self.id, 32) && is_hex(&self.server_key, 64)
    }
}

/// A name for an instance.
pub fn new_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    to_hex(&bytes)
}

/// A report that is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadReport {
    /// Its id or its key is not in hexadecimal digits.
    #[error("a report must have an id of 32 and a server key of 64 hexadecimal digits")]
    Malformed,
    /// Too many instances are known.
    #[error("{INSTANCES_MAX} instances have reported within 10 s, which is the most")]
    Full,
}

/// The servers that have the same resources.
#[derive(Debug, Default)]
pub struct ResourceInstances {
    known: Mutex<BTreeMap<String, Known>>,
}

#[derive(Debug)]
struct Known {
    instance: Instance,
    /// Clients sent there since its report.
    choices: u32,
}

impl ResourceInstances {
    /// Notes how loaded an instance is. `now` is in Unix ms, by the clock of this host, as is [`Instance::reported`] then.
    ///
    /// # Errors
    /// [`BadReport`].
    pub fn report(&self, now: u64, instance: Instance) -> Result<(), BadReport> {
        if !instance.is_valid() {
            return Err(BadReport::Malformed);
        }
        let mut known = self.known();
        known.retain(|_, it| it.instance.is_healthy(now));
        if known.len() >= INSTANCES_MAX && !known.contains_key(&instance.id) {
            return Err(BadReport::Full);
        }
        let instance = Instance { reported: now, ..instance };
        known.insert(instance.id.clone(), Known { instance, choices: 0 });
        Ok(())
    }

    /// The instances that have reported lately, the least loaded first.
    pub fn list(&self, now: u64) -> Vec<Instance> {
        let mut healthy: Vec<Instance> =
            self.known().values().map(|it| it.instance.clone()).filter(|it| it.is_healthy(now)).collect();
        healthy.sort_by(|one, other| one.load().total_cmp(&other.load()));
        healthy
    }

    /// The instance that a client should take. Those who ask between two reports are spread.
    pub fn choose(&self, now: u64) -> Option<Instance> {
        let mut known = self.known();
        let healthy = known.values_mut().filter(|it| it.instance.is_healthy(now));
        let least = healthy.min_by(|one, other| one.load().total_cmp(&other.load()))?;
        least.choices += 1;
        Some(least.instance.clone())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().expect("no thread panics with the lock")
    }
}

impl Known {
    fn load(&self) -> f64 {
        self.instance.load() + f64::from(self.choices) * CHOICE_LOAD
    }
}

impl Instance {
    fn is_healthy(&self, now: u64) -> bool {
        now.saturating_sub(self.reported) < SILENCE_MAX_MS
    }
}

/// Writes `own` into the folder `instances` of a store, and notes what the others have written there. Blocks the thread.
///
/// A report counts from when it is first seen, so the clocks of the hosts need not agree. Files that say nothing new for 10
/// minutes are removed. `seen` is kept from call to call.
///
/// # Errors
/// What the system reports about the folder or the own file. Other files that cannot be read are skipped.
pub fn exchange(
    store: &Path,
    own: &Instance,
    instances: &ResourceInstances,
    seen: &mut BTreeMap<String, (u64, u64)>,
) -> io::Result<()> {
    let folder = store.join("instances");
    fs::create_dir_all(&folder)?;
    let now = own.reported;
    let (file, partial) = (folder.join(&own.id), folder.join(format!("partial-{}", own.id)));
    fs::write(&partial, serde_json::to_vec(own)?)?;
    // A report may be lost in a crash: the next one comes soon.
    fs::rename(&partial, &file)?;
    let _ = instances.report(now, own.clone());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)?.take(4 * INSTANCES_MAX) {
        let path = entry?.path();
        let Some(instance) = read(&path).filter(|it| it.id != own.id) else { continue };
        let (reported, since) = *seen.get(&instance.id).unwrap_or(&(0, now));
        let since = if reported == instance.reported { since } else { now };
        match now.saturating_sub(since) {
            age if age > FORGET_MS => drop(fs::remove_file(&path)),
            // It has been seen before: only news counts.
            _ if reported == instance.reported => {}
            _ => drop(instances.report(now, instance.clone())),
        }
        names.push((instance.id, (instance.reported, since)));
    }
    *seen = names.into_iter().collect();
    Ok(())
}

fn read(path: &Path) -> Option<Instance> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(REPORT_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let instance: Instance = serde_json::from_slice(&bytes).ok()?;
    (path.file_name()?.to_str()? == instance.id && instance.is_valid()).then_some(instance)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Folder;
    use super::*;

    fn instance(id: u8, ranges_waiting: u64, reported: u64) -> Instance {
        Instance {
            id: to_hex(&[id; 16]),
            address: "192.0.2.1:3565".parse().unwrap(),
            server_key: to_hex(&[1; 32]),
            ranges_waiting,
            bytes_per_second: 0,
            bytes_per_second_max: 0,
            reported,
        }
    }

    #[test]
    fn clients_go_to_the_least_loaded_instance_and_are_spread_between_reports() {
        let instances = ResourceInstances::default();
        assert_eq!(instances.choose(0), None);
        for (id, waiting) in [(1, 100), (2, 0), (3, 10)] {
            instances.report(1_000, instance(id, waiting, 0)).unwrap();
        }
        let mut chosen = BTreeMap::<String, u32>::new();
        for _ in 0..20 {
            *chosen.entry(instances.choose(1_000).unwrap().id).or_default() += 1;
        }
        let count = |id: u8| chosen.get(&to_hex(&[id; 16])).copied().unwrap_or(0);
        assert!(count(1) == 0 && count(2) > count(3) && count(3) >= 8, "{chosen:?}");
        instances.report(10_500, instance(1, 100, 0)).unwrap();
        assert_eq!(instances.choose(11_500).unwrap().id, to_hex(&[1; 16]), "the others are silent");
    }

    #[test]
    fn reports_are_bounded_and_checked() {
        let instances = ResourceInstances::default();
        (0..INSTANCES_MAX).for_each(|id| instances.report(0, instance(id as u8, 0, 0)).unwrap());
        assert_eq!(instances.report(0, instance(200, 0, 0)), Err(BadReport::Full));
        instances.report(0, instance(3, 9, 0)).unwrap();
        instances.report(SILENCE_MAX_MS, instance(200, 0, 0)).unwrap();
        let strange = Instance { id: "../../x".into(), ..instance(1, 0, 0) };
        assert_eq!(instances.report(0, strange), Err(BadReport::Malformed));
    }

    #[test]
    fn instances_that_share_a_store_find_each_other_and_notice_who_is_gone() {
        let folder = Folder::new("instances");
        let store = folder.path();
        let (one, two) = (ResourceInstances::default(), ResourceInstances::default());
        let (mut seen_by_one, mut seen_by_two) = Default::default();
        exchange(store, &instance(1, 5, 1_000), &one, &mut seen_by_one).unwrap();
        // The clock of the second host is an hour ahead.
        exchange(store, &instance(2, 0, 3_601_000), &two, &mut seen_by_two).unwrap();
        exchange(store, &instance(1, 5, 3_000), &one, &mut seen_by_one).unwrap();
        assert_eq!(one.choose(3_000).unwrap().id, to_hex(&[2; 16]));
        assert_eq!(two.list(3_601_000).len(), 2);
        // The second one is killed: its file says nothing new.
        for now in [8_000, 13_500] {
            exchange(store, &instance(1, 5, now), &one, &mut seen_by_one).unwrap();
        }
        assert_eq!(one.list(13_500).len(), 1);
        std::fs::write(store.join("instances/nonsense"), "{").unwrap();
        exchange(store, &instance(1, 5, 700_000), &one, &mut seen_by_one).unwrap();
        assert!(!store.join("instances").join(to_hex(&[2; 16])).exists(), "its file is removed after 10 minutes");
    }
}
