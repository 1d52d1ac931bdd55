//! What a host keeps of its zones.
//!
//! A host that gets a zone first writes its own name into the record, and then gives its cores what is in it. One that loses a
//! zone to a living host writes what its cores have at that moment: the other one waits for that, 2 s at most. While the bucket does
//! not answer, both wait: a zone that began anew would replace what was saved.

use super::AGE_MAX;
use super::answer::{BucketError, Standing};
use super::output::Output;
use super::record::key_of_zone;
use super::tasks::Desk;
use super::zone_tasks::{Heard, take, write};
use crate::model::{Area, Name, RunId, Zone};
use ringshard::runtime::fleet::{OwnZone, SavedPart, ToCore};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The most that a zone's record may have, in bytes: NATS takes 1 MiB.
const SHARES_BYTES_MAX: usize = 900 * 1_024;
/// A record that has not changed is written again after this time, so that it does not become too old.
const REFRESH: Duration = AGE_MAX.checked_div(4).expect("four is not zero");

/// What is counted of zones.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ZoneCounters {
    /// Saved zones that the bucket has taken.
    pub saved: u64,
    /// Zones that were not written, because nothing in them had changed.
    pub unchanged: u64,
    /// Zones that the bucket has not taken, that are too large, or that another host has written.
    pub failed: u64,
    /// Zones that this host got with what was saved of them.
    pub restored: u64,
    /// Zones of this host that its cores do not have yet, because the bucket has not answered.
    pub waiting: u64,
    /// Zones that other hosts have now, or soon, and whose last state the bucket has not taken yet.
    pub losing: u64,
}

/// Keeps the zones of a host.
pub(super) struct Zones {
    desk: Arc<Desk>,
    cores: usize,
    every: Duration,
    /// The zones of this host, as the registry has them.
    wanted: Vec<(Name, Zone)>,
    /// The same, as its cores know them: a zone that is split or merged before they have it follows.
    own: BTreeMap<Name, Owned>,
    /// Zones whose last state is being written.
    losing: BTreeSet<Name>,
    /// What the cores were last told that they have.
    told: Arc<[Arc<OwnZone>]>,
    /// The cores that have ended, and what these had of their zones. When one has, nothing changes any more.
    ended: BTreeMap<usize, Vec<SavedPart>>,
    requests: BTreeMap<u64, Request>,
    next_request: u64,
    serial: u64,
    tasks: JoinSet<Finished>,
    heard: Heard,
    /// Until the bucket is open, or certainly absent, no zone is given to the cores.
    standing: Standing,
    counters: ZoneCounters,
}

struct Owned {
    /// Distinguishes it from what this host had under the name before.
    serial: u64,
    zone: Arc<OwnZone>,
    epoch: u64,
    given_by: Option<RunId>,
    phase: Phase,
    /// Zones that it was merged with, and whose records go when its own has what they had.
    merged: Vec<Name>,
    /// Whether the log says that it waits.
    is_late: bool,
}

enum Phase {
    /// Its last state is not written yet, or the bucket does not answer.
    Waiting,
    /// Its record is being read.
    Reading,
    /// The cores have it.
    Here(Here),
}

struct Here {
    /// The number of the record's last change, if that was this host's.
    revision: Option<u64>,
    /// What was written last, and when.
    written: Option<(u64, Instant)>,
    save_at: Instant,
    /// Another host has written the record since: nothing is written until this host gets the zone again.
    is_lost: bool,
}

/// What cores are asked.
struct Request {
    name: Name,
    serial: u64,
    epoch: u64,
    is_last: bool,
    merged: Vec<Name>,
    shares: Vec<Option<Vec<u8>>>,
}

enum Finished {
    Taken {
        name: Name,
        serial: u64,
        epoch: u64,
        taken: Option<(u64, Vec<Vec<u8>>)>,
    },
    Removed,
    Verified {
        name: Name,
        serial: u64,
        is_there: bool,
    },
    Written {
        name: Name,
        serial: u64,
        is_last: bool,
        merged: Vec<Name>,
        hash: u64,
        written: Result<Option<u64>, BucketError>,
    },
}

impl Zones {
    pub(super) fn new(desk: Arc<Desk>, cores: usize, every: Duration) -> Self {
        Zones {
            desk,
            cores,
            every,
            wanted: Vec::new(),
            own: BTreeMap::new(),
            losing: BTreeSet::new(),
            told: Arc::default(),
            ended: BTreeMap::new(),
            requests: BTreeMap::new(),
            next_request: 0,
            serial: 0,
            tasks: JoinSet::new(),
            heard: Heard::default(),
            standing: Standing::Opening,
            counters: ZoneCounters::default(),
        }
    }

    /// The counters.
    pub(super) fn counters(&self) -> ZoneCounters {
        let waiting = self.own.values().filter(|owned| owned.here().is_none()).count();
        ZoneCounters { waiting: waiting as u64, losing: self.losing.len() as u64, ..self.counters }
    }

    /// These are the zones of this host from now on.
    pub(super) fn set(&mut self, zones: &[(Name, Zone)], out: &mut VecDeque<Output>) {
        self.wanted = zones.to_vec();
        self.follow(out);
        self.tell_cores(out);
    }

    /// Does what the registry says. A zone that is split or merged stays with the cores: only the records change. If the cores do not
    /// have all parts yet, that waits.
    fn follow(&mut self, out: &mut VecDeque<Output>) {
        if !self.ended.is_empty() {
            return;
        }
        let wanted = std::mem::take(&mut self.wanted);
        let former: Vec<_> = self.own.iter().map(|(name, owned)| (name.clone(), owned.zone.area)).collect();
        for (name, area) in &former {
            let is_in = |(other, zone): &(Name, Zone)| other == name || is_within(*area, corners(&zone.area));
            if !wanted.iter().any(is_in) {
                self.lose(name, out);
            }
        }
        for (name, zone) in &wanted {
            let area = corners(&zone.area);
            let parts = || former.iter().filter(|(_, other)| overlap(area, *other)).map(|(name, _)| name);
            let are_here = parts().all(|part| self.own.get(part).is_none_or(|owned| owned.here().is_some()));
            match self.own.get_mut(name) {
                Some(owned) if owned.zone.area == area && owned.epoch == zone.epoch => {}
                // It was another host's in between.
                Some(owned) if owned.zone.area == area => {
                    self.lose(name, out);
                    self.gain(name, zone, false);
                }
                _ if !are_here => {}
                Some(owned) => {
                    owned.zone = Arc::new(OwnZone { name: name.to_string(), area });
                    owned.epoch = zone.epoch;
                    owned.save_now();
                    let merged = parts().filter(|part| wanted.iter().all(|(other, _)| other != *part));
                    let merged: Vec<_> =
                        merged.filter_map(|part| Some((part.clone(), self.own.remove(part)?))).collect();
                    let merged = merged.into_iter().flat_map(|(part, owned)| owned.merged.into_iter().chain([part]));
                    self.own.get_mut(name).expect("it was found").merged.extend(merged);
                }
                None => self.gain(name, zone, parts().next().is_some()),
            }
        }
        self.wanted = wanted;
    }

    /// Says to the cores which zones they have, if that has changed.
    fn tell_cores(&mut self, out: &mut VecDeque<Output>) {
        let here = || self.own.values().filter(|owned| owned.here().is_some()).map(|owned| &owned.zone);
        if !here().eq(self.told.iter()) {
            self.told = here().cloned().collect();
            out.extend((0..self.cores).map(|core| Output::ToCore(core, ToCore::Zones(self.told.clone()))));
        }
    }

    fn gain(&mut self, name: &Name, Zone { area, epoch, given_by, .. }: &Zone, is_split: bool) {
        self.serial += 1;
        let (serial, epoch, given_by) = (self.serial, *epoch, *given_by);
        let zone = Arc::new(OwnZone { name: name.to_string(), area: corners(area) });
        let phase = if is_split { Phase::Here(Here::new(None, Instant::now())) } else { Phase::Waiting };
        self.own
            .insert(name.clone(), Owned { serial, zone, epoch, given_by, phase, merged: Vec::new(), is_late: false });
        if !is_split {
            self.read(name);
        }
    }

    /// A zone is a part of another one, whose record has what this one had.
    fn remove(&mut self, name: &Name) {
        let (desk, key) = (self.desk.clone(), key_of_zone(name));
        self.tasks.spawn(async move {
            // What stays is removed when it is too old.
            if let Ok(found) = desk.get(&key).await {
                let _ = desk.delete(&key, found.revision).await;
            }
            Finished::Removed
        });
    }

    fn lose(&mut self, name: &Name, out: &mut VecDeque<Output>) {
        let owned = self.own.remove(name).expect("it was found");
        // A zone that the cores do not have yet is lost when its record was read.
        if owned.here().is_some() {
            if self.standing != Standing::Absent {
                self.losing.insert(name.clone());
            }
            self.ask_cores(name.clone(), &owned, true, out);
        }
    }

    /// Reads the record of a zone that waits for that, unless its last state is not written yet.
    fn read(&mut self, name: &Name) {
        let must_wait = self.standing != Standing::Open || self.losing.contains(name);
        let waits = |owned: &&mut Owned| matches!(owned.phase, Phase::Waiting) && !must_wait;
        let Some(owned) = self.own.get_mut(name).filter(waits) else { return };
        owned.phase = Phase::Reading;
        let (serial, epoch, given_by) = (owned.serial, owned.epoch, owned.given_by);
        let (desk, name, heard) = (self.desk.clone(), name.clone(), self.heard.clone());
        self.tasks.spawn(async move {
            let taken = take(&desk, &name, epoch, given_by, &heard).await;
            Finished::Taken { name, serial, epoch, taken }
        });
    }

    /// A core has saved its part.
    pub(super) fn hear_core(&mut self, core: usize, request: u64, bytes: Vec<u8>) {
        let Some(asked) = self.requests.get_mut(&request) else { return };
        asked.shares[core] = Some(bytes);
        if asked.shares.iter().any(Option::is_none) {
            return;
        }
        let Request { name, serial, epoch, is_last, merged, shares } =
            self.requests.remove(&request).expect("it was found");
        self.write(name, serial, epoch, is_last, merged, shares.into_iter().flatten().collect());
    }

    /// A core has ended, with these parts of its zones. When all cores have ended, the last state of each zone is written. Its next
    /// host goes on from that state.
    pub(super) fn core_ended(&mut self, core: usize, zones: Vec<SavedPart>) {
        self.requests.retain(|_, request| request.is_last);
        // What it was asked at last, and has not heard.
        let is_asked = |request: &&u64| self.requests[request].shares[core].is_none();
        for request in self.requests.keys().filter(is_asked).copied().collect::<Vec<_>>() {
            if let Some(bytes) = part_of(&zones, &self.requests[&request].name) {
                self.hear_core(core, request, bytes);
            }
        }
        self.ended.insert(core, zones);
        if !self.has_heard_ends() {
            return;
        }
        for (name, Owned { serial, epoch, phase, merged, .. }) in std::mem::take(&mut self.own) {
            let shares: Option<Vec<_>> = self.ended.values().map(|zones| part_of(zones, &name)).collect();
            // If not all cores had it, its record has what they were to get.
            if let (Phase::Here(Here { is_lost: false, .. }), Some(shares)) = (phase, shares)
                && self.standing != Standing::Absent
            {
                self.losing.insert(name.clone());
                self.write(name, serial, epoch, true, merged, shares);
            }
        }
    }

    /// Whether all cores have said that they have ended.
    pub(super) fn has_heard_ends(&self) -> bool {
        self.ended.len() == self.cores
    }

    fn write(&mut self, name: Name, serial: u64, epoch: u64, is_last: bool, merged: Vec<Name>, shares: Vec<Vec<u8>>) {
        let hash = hash_of(&shares);
        let owned = self.own.get(&name).filter(|owned| owned.serial == serial);
        let (known, written) = match owned.and_then(Owned::here) {
            // Without a bucket it would be tried for ever.
            _ if is_last && self.standing == Standing::Absent => return,
            _ if is_last => (None, None),
            Some(here) => (here.revision, here.written),
            // It was lost meanwhile: its last state follows.
            None => return,
        };
        let is_fresh = written.is_some_and(|(last, at)| last == hash && at.elapsed() < REFRESH);
        if is_fresh && merged.is_empty() {
            self.counters.unchanged += 1;
            return self.verify(name, serial, known);
        }
        let size: usize = shares.iter().map(Vec::len).sum();
        if size > SHARES_BYTES_MAX {
            self.counters.failed += 1;
            tracing::error!(zone = %name, size, most = SHARES_BYTES_MAX, "a zone is too large to be saved: the game must save less");
            return self.last_written(&name, is_last);
        }
        let desk = self.desk.clone();
        self.tasks.spawn(async move {
            let written = write(&desk, &name, epoch, known, is_last, shares).await;
            Finished::Written { name, serial, is_last, merged, hash, written }
        });
    }

    /// Looks whether the record is still the one that was written: if not, it is written again.
    fn verify(&mut self, name: Name, serial: u64, known: Option<u64>) {
        let desk = self.desk.clone();
        self.tasks.spawn(async move {
            // If the bucket does not answer, nobody else changes it either.
            let found = desk.get(&key_of_zone(&name)).await;
            let is_there = found.map_or(true, |found| Some(found.revision) == known);
            Finished::Verified { name, serial, is_there }
        });
    }

    /// Reads the records of zones that wait for that, and asks the cores to save what is due.
    pub(super) fn tick(
        &mut self,
        standing: Standing,
        alive: &BTreeSet<RunId>,
        is_complete: bool,
        out: &mut VecDeque<Output>,
    ) {
        self.heard.set(alive, is_complete);
        self.standing = standing;
        if !self.ended.is_empty() {
            return;
        }
        self.follow(out);
        self.tell_cores(out);
        for name in self.own.keys().cloned().collect::<Vec<_>>() {
            self.read(&name);
        }
        match standing {
            Standing::Open => {}
            Standing::Opening => return,
            Standing::Absent => return self.begin_anew(out),
        }
        let (now, every) = (Instant::now(), self.every);
        let mut due = Vec::new();
        for (name, owned) in &mut self.own {
            if let Phase::Here(here) = &mut owned.phase
                && now >= here.save_at
                && !here.is_lost
            {
                here.save_at = now + every;
                due.push(name.clone());
            }
        }
        for name in due {
            let owned = self.own.remove(&name).expect("it was found");
            self.ask_cores(name.clone(), &owned, false, out);
            self.own.insert(name, owned);
        }
    }

    /// There is no bucket. If one opens later, it gets what these zones have then.
    fn begin_anew(&mut self, out: &mut VecDeque<Output>) {
        let waiting: Vec<_> = self.own.iter().filter(|(_, owned)| matches!(owned.phase, Phase::Waiting)).collect();
        for name in waiting.into_iter().map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.give(&name, None, Vec::new(), out);
        }
    }

    fn ask_cores(&mut self, name: Name, owned: &Owned, is_lost: bool, out: &mut VecDeque<Output>) {
        self.next_request += 1;
        let request = self.next_request;
        let Owned { serial, epoch, ref zone, ref merged, .. } = *owned;
        let shares = vec![None; self.cores];
        let request_of = Request { name, serial, epoch, is_last: is_lost, merged: merged.clone(), shares };
        self.requests.insert(request, request_of);
        for core in 0..self.cores {
            out.push_back(Output::ToCore(core, ToCore::SaveZone { request, zone: zone.clone(), is_lost }));
        }
    }

    /// Waits until the bucket has answered something. It can be dropped at any time.
    pub(super) async fn hear_bucket(&mut self, out: &mut VecDeque<Output>) {
        let finished = match self.tasks.join_next().await {
            Some(finished) => finished.expect("a task does not panic"),
            None => return std::future::pending().await,
        };
        match finished {
            Finished::Taken { name, serial, epoch, taken } => self.taken(name, serial, epoch, taken, out),
            Finished::Written { name, serial, is_last, merged, hash, written } => {
                if let Ok(Some(_)) = written {
                    merged.iter().for_each(|part| self.remove(part));
                    if let Some(owned) = self.own.get_mut(&name).filter(|owned| owned.serial == serial) {
                        owned.merged.retain(|part| !merged.contains(part));
                    }
                }
                self.written(&name, serial, is_last, hash, written);
            }
            Finished::Removed => {}
            Finished::Verified { is_there: true, .. } => {}
            Finished::Verified { name, serial, .. } => {
                let owned = self.own.get_mut(&name).filter(|owned| owned.serial == serial);
                if let Some(Phase::Here(here)) = owned.map(|owned| &mut owned.phase) {
                    (here.revision, here.written, here.save_at) = (None, None, Instant::now());
                }
            }
        }
        self.tell_cores(out);
    }

    fn taken(
        &mut self,
        name: Name,
        serial: u64,
        epoch: u64,
        taken: Option<(u64, Vec<Vec<u8>>)>,
        out: &mut VecDeque<Output>,
    ) {
        if !self.ended.is_empty() {
            return;
        }
        let owned = self.own.get_mut(&name);
        let is_at_no_core = owned.is_none();
        match (owned.filter(|owned| owned.serial == serial), taken) {
            (Some(_), Some((revision, shares))) => self.give(&name, Some(revision), shares, out),
            (Some(owned), None) => {
                owned.phase = Phase::Waiting;
                if !std::mem::replace(&mut owned.is_late, true) {
                    tracing::warn!(zone = %name, "a zone waits for what was saved of it: NATS does not answer");
                }
            }
            // It was lost meanwhile, and its next owner waits. If this host has got it again, the cores have it, or will have it.
            (None, Some((_, shares))) if is_at_no_core && self.losing.insert(name.clone()) => {
                self.write(name, serial, epoch, true, Vec::new(), shares);
            }
            (None, _) => {}
        }
    }

    /// The cores get a zone, with what was saved of it.
    fn give(&mut self, name: &Name, revision: Option<u64>, shares: Vec<Vec<u8>>, out: &mut VecDeque<Output>) {
        let owned = self.own.get_mut(name).expect("it was found");
        if owned.is_late {
            tracing::info!(zone = %name, "a zone waits no more");
        }
        let zone = owned.zone.clone();
        self.counters.restored += u64::from(!shares.is_empty());
        owned.phase = Phase::Here(Here::new(revision, Instant::now() + self.every));
        let mut saved = vec![Vec::new(); self.cores];
        for (number, share) in shares.into_iter().enumerate() {
            saved[number % self.cores].push(share);
        }
        for (core, saved) in saved.into_iter().enumerate() {
            out.push_back(Output::ToCore(core, ToCore::GainZone { zone: zone.clone(), saved }));
        }
    }

    fn written(
        &mut self,
        name: &Name,
        serial: u64,
        is_last: bool,
        hash: u64,
        result: Result<Option<u64>, BucketError>,
    ) {
        let is_lost = matches!(result, Ok(None));
        match &result {
            Ok(Some(_)) => self.counters.saved += 1,
            Ok(None) => {
                self.counters.failed += 1;
                match is_last {
                    true => {
                        tracing::warn!(zone = %name, "the last state of a zone came too late: its next host goes on from an earlier one")
                    }
                    false => {
                        tracing::warn!(zone = %name, "another host has written this zone: nothing of it is saved here until this host gets it again")
                    }
                }
            }
            // A last state, or a checkpoint whose answer was lost, was faster.
            Err(BucketError::Conflict) => {}
            Err(error) => {
                self.counters.failed += 1;
                tracing::warn!(zone = %name, %error, "a zone was not saved");
            }
        }
        let owned = self.own.get_mut(name).filter(|owned| owned.serial == serial && !is_last);
        if let Some(Phase::Here(here)) = owned.map(|owned| &mut owned.phase) {
            let revision = result.ok().flatten();
            here.written = revision.map(|_| (hash, Instant::now()));
            (here.revision, here.is_lost) = (revision, is_lost);
        }
        self.last_written(name, is_last);
    }

    /// If that was the last state, this host may read them itself.
    fn last_written(&mut self, name: &Name, is_last: bool) {
        if is_last && self.losing.remove(name) {
            self.read(name);
        }
    }
}

impl Owned {
    fn here(&self) -> Option<&Here> {
        if let Phase::Here(here) = &self.phase { Some(here) } else { None }
    }

    fn save_now(&mut self) {
        if let Phase::Here(here) = &mut self.phase {
            here.save_at = Instant::now();
        }
    }
}

impl Here {
    fn new(revision: Option<u64>, save_at: Instant) -> Self {
        Here { revision, written: None, save_at, is_lost: false }
    }
}

fn part_of(zones: &[SavedPart], name: &Name) -> Option<Vec<u8>> {
    zones.iter().find(|part| part.zone.name == name.as_str()).map(|part| part.bytes.clone())
}

fn corners(area: &Area) -> [[f32; 2]; 2] {
    [area.min, area.max]
}

fn is_within(inner: [[f32; 2]; 2], outer: [[f32; 2]; 2]) -> bool {
    (0..2).all(|axis| outer[0][axis] <= inner[0][axis] && inner[1][axis] <= outer[1][axis])
}

fn overlap(one: [[f32; 2]; 2], other: [[f32; 2]; 2]) -> bool {
    (0..2).all(|axis| one[0][axis] < other[1][axis] && other[0][axis] < one[1][axis])
}

fn hash_of(shares: &[Vec<u8>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    shares.hash(&mut hasher);
    hasher.finish()
}
