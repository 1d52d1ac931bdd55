//! What must hold always, and what must hold after a calm.

use super::client::Client;
use super::core::Player;
use super::fleet::{Fleet, GHOST_MAX, Place, WALK};
use super::server::{CHECKPOINT, Running, SLACK};
use crate::balancer::{Ask, Outcome, Request};
use crate::model::{Name, RunId, Zones};
use ringshard::runtime::fleet::Token;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use tokio::time::Instant;

/// Who gets a zone waits so long for the last state of one that has given it away.
const GIVEN_PATIENCE: Duration = Duration::from_secs(4);
/// Faults before a violation that are printed.
const FAULTS_SHOWN: usize = 40;
/// An order to move a zone is in the registry within this time, or it has failed.
const ORDER_MAX: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Audit {
    seed: u64,
    zones: Zones,
    /// Hosts that an operator ordered to take a zone, and when last.
    ordered: BTreeMap<(Name, Name), Instant>,
    /// Runs that are over.
    dead: BTreeSet<RunId>,
    /// Runs that ended in order, and when: the bucket has their last checkpoints.
    in_order: BTreeMap<RunId, Instant>,
    /// When the bucket was last removed.
    removed_at: Option<Instant>,
    /// Sessions in a world whose client has begun another one, and since when.
    ghosts: BTreeMap<Token, Instant>,
    /// What a core last had of a zone, by the zone's name and the number of the core.
    contents: BTreeMap<(String, usize), Contents>,
    /// The last faults. A violation prints them.
    faults_lately: VecDeque<String>,
    /// What happened, as one number.
    pub digest: u64,
    pub faults: u64,
    pub kills: u64,
    pub fences: u64,
    pub drains: u64,
    moves: u64,
    entries: u64,
    takeovers: u64,
    handovers: u64,
    returned: u64,
    refused: u64,
    late: u64,
    rolled_back: u64,
    ghosts_seen: u64,
    restored: u64,
    put_out: u64,
    put_out_latest: u64,
    /// The most play that a client has lost while nothing was wrong with checkpoints.
    oldest: Duration,
    /// The same of a zone.
    zones_oldest: Duration,
}

/// What a core last had of a zone.
struct Contents {
    count: u64,
    /// Since when.
    at: Instant,
    run: RunId,
    /// When its host last had something wrong with its checkpoints.
    unkept_at: Option<Instant>,
}

/// Sums over many runs.
#[derive(Default)]
pub(super) struct Totals {
    /// Seeds whose fleets a violation has ended.
    pub violated: Vec<u64>,
    pub fleets: u64,
    seconds: u64,
    faults: u64,
    kills: u64,
    pub moves: u64,
    entries: u64,
    restored: u64,
    handovers: u64,
    pub takeovers: u64,
    carried: u64,
}

impl Audit {
    pub(super) fn new(seed: u64) -> Self {
        let mut audit = Audit::default();
        audit.seed = seed;
        audit
    }

    fn note(&mut self, what: impl Hash) {
        let mut hasher = DefaultHasher::new();
        (self.digest, what).hash(&mut hasher);
        self.digest = hasher.finish();
    }

    /// A fault happens at this time of the fleet.
    pub(super) fn fault(&mut self, at: Duration, what: impl fmt::Debug) {
        self.faults_lately.push_back(format!("{:8.2} s {what:?}", at.as_secs_f64()));
        if self.faults_lately.len() > FAULTS_SHOWN {
            self.faults_lately.pop_front();
        }
    }

    pub(super) fn ordered(&mut self, zone: &Name, to: &Name) {
        self.ordered.insert((zone.clone(), to.clone()), Instant::now());
    }

    pub(super) fn entered(&mut self, client: &Client) {
        self.entries += 1;
        self.note((client.number, client.home));
    }

    /// A client with an account enters: with its last checkpoint, if it has one.
    pub(super) fn recalled(&mut self, player: &Player, is_restored: bool, client: &Client, unkept_at: Option<Instant>) {
        let Audit { seed, .. } = *self;
        let Player { client: number, version, .. } = *player;
        let is_recent = |at: Option<Instant>| at.is_some_and(|at| at.elapsed() < CHECKPOINT + 2 * SLACK);
        self.restored += u64::from(is_restored);
        if !is_restored {
            assert!(!client.is_kept, "seed {seed}: client {number} enters as a newcomer, although it has a checkpoint");
            return;
        }
        let latest = client.version;
        // A host without the bucket lets an account go on as it left there, wherever it has been since, and however old that is.
        // Nor does anything say which of two sessions is the later one, if the bucket was removed while both were there.
        let was_removed = self.removed_at.is_some_and(|at| at.elapsed() < GHOST_MAX + CHECKPOINT + 2 * SLACK);
        let is_known = client.is_newcomer || version <= client.highest || is_recent(unkept_at) || was_removed;
        assert!(is_known, "seed {seed}: client {number} enters as it never was");
        let age = client.play_after(version);
        let is_without = unkept_at.is_some_and(|at| at.elapsed() < 2 * SLACK);
        let is_excused = client.is_newcomer || is_without || client.was_unkept_within(CHECKPOINT + 2 * SLACK);
        assert!(
            is_excused || age <= CHECKPOINT + SLACK,
            "seed {seed}: client {number} enters without its last {age:?} of play: {version} of {latest} changes"
        );
        let ended_at = client.left_at.and_then(|run| self.in_order.get(&run));
        let came_later = ended_at.zip(client.waits_since()).is_some_and(|(ended_at, since)| since > *ended_at);
        assert!(
            is_excused || !came_later || version >= latest,
            "seed {seed}: client {number} enters as it was at {version} of {latest} changes, although its host ended in order"
        );
        self.oldest = self.oldest.max(if is_excused { Duration::ZERO } else { age });
    }

    /// A player is put out, because its account has entered elsewhere. `is_latest`: that is not so.
    pub(super) fn put_out(&mut self, run: RunId, player: &Player, is_latest: bool) {
        self.note((run, player.token, is_latest));
        self.put_out += 1;
        self.put_out_latest += u64::from(is_latest);
    }

    pub(super) fn taken(&mut self, run: RunId, player: &Player) {
        self.note((run, player.token));
    }

    /// A player has come to a world from another one. Its state is the latest, unless the host that had it died.
    pub(super) fn came(&mut self, run: RunId, player: &Player, client: &mut Client) {
        self.note((run, player.token, player.version));
        self.moves += 1;
        if client.version == player.version {
            return;
        }
        if client.token != player.token {
            // The client has begun another session, after its host died, but is in no world yet.
            if client.home.is_none() {
                client.unkept_at = Some(Instant::now());
            }
            return;
        }
        let has_died = client.home.is_some_and(|home| self.dead.contains(&home));
        assert!(
            has_died && player.version < client.version,
            "seed {}: client {} comes to run {run} as it was at {} of {} changes, although its host lives",
            self.seed,
            client.number,
            player.version,
            client.version
        );
        self.rolled_back += 1;
        // The host that died may have written a later checkpoint, which this one overwrites.
        client.unkept_at = Some(Instant::now());
    }

    /// A zone at a core has grown.
    pub(super) fn zone_grew(&mut self, run: RunId, core: usize, zone: &str, count: u64, is_kept: bool) {
        let known = self.contents.entry((zone.to_owned(), core)).or_insert(Contents {
            count,
            at: Instant::now(),
            run,
            unkept_at: None,
        });
        if known.run != run {
            (known.run, known.unkept_at) = (run, None);
        }
        (known.count, known.at) = (count, Instant::now());
        if !is_kept {
            known.unkept_at = Some(Instant::now());
        }
    }

    /// A core has got a zone: with all that it was at its former host, or, if that is gone, with its last checkpoint.
    pub(super) fn gained(fleet: &mut Fleet, run: RunId, core: usize, zone: String, count: u64) {
        fleet.audit.note((run, &zone, count));
        let Some(former) = fleet.audit.contents.get(&(zone.clone(), core)) else { return };
        let there = fleet.running().find(|host| host.peer.run == former.run && !host.server.is_stopped());
        let lost = former.count.saturating_sub(count);
        let most = CHECKPOINT + 2 * SLACK;
        // A host that does not hear the registry may not know that it has given the zone away.
        let knows = there.is_some_and(|host| host.unanswered_at.is_none_or(|at| at.elapsed() > GIVEN_PATIENCE + SLACK));
        let has_said_all = knows || fleet.audit.in_order.contains_key(&former.run);
        let may_lose = if has_said_all { 0 } else { (most.as_millis() / WALK.as_millis()) as u64 };
        // A living host may have been cut off from the bucket when it had lost the zone and was to write its last state.
        // And the bucket may have been removed between the former owner's first record of the zone and its next one.
        let unkept_at = former.unkept_at.max(there.and_then(|host| host.unkept_at)).max(fleet.audit.removed_at);
        let is_excused = unkept_at.is_some_and(|at| at + 2 * most > former.at);
        fleet.audit.zones_oldest =
            fleet.audit.zones_oldest.max(if is_excused { Duration::ZERO } else { WALK * lost as u32 });
        assert!(
            lost <= may_lose || is_excused,
            "seed {}: run {run} gets zone {zone} with {count} of {} changes; it was at run {} before",
            fleet.plan.seed,
            former.count,
            former.run
        );
    }

    pub(super) fn dead(&mut self, run: RunId) {
        self.dead.insert(run);
    }

    /// A run has ended, and the bucket has its last checkpoints.
    pub(super) fn ended_in_order(&mut self, run: RunId) {
        self.in_order.insert(run, Instant::now());
    }

    /// Nobody has a checkpoint any more. Those that live write new ones.
    pub(super) fn bucket_is_removed(fleet: &mut Fleet) {
        let now = Instant::now();
        fleet.audit.in_order.clear();
        fleet.audit.removed_at = Some(now);
        for client in &mut fleet.clients {
            (client.is_kept, client.unkept_at) = (false, Some(now));
        }
        for contents in fleet.audit.contents.values_mut() {
            contents.unkept_at = Some(now);
        }
        for place in &mut fleet.places {
            if let Place::Up(host) = place {
                host.unkept_at = Some(now);
            }
        }
    }

    pub(super) fn ended(&mut self, host: &Running) {
        let counters = host.traffic().courier;
        assert_eq!(counters.lost, 0, "seed {}: {} has lost players", self.seed, host.peer.name);
        self.returned += counters.returned;
        self.refused += counters.refused;
        self.late += counters.late;
    }

    /// At every moment.
    pub(super) fn look(fleet: &mut Fleet) {
        Self::look_at_zones(fleet);
        let Fleet { places, clients, audit, plan, .. } = fleet;
        let now = Instant::now();
        let mut seen = BTreeSet::new();
        let mut ghosts = BTreeMap::new();
        for place in places {
            let Place::Up(host) = place else { continue };
            for core in &mut host.cores {
                let mut over = Vec::new();
                for (number, player) in &core.players {
                    let client = &clients[player.client];
                    if client.token == player.token {
                        let is_first = seen.insert(player.client);
                        assert!(is_first, "seed {}: client {} is in two worlds", plan.seed, player.client);
                        continue;
                    }
                    let since = *audit.ghosts.get(&player.token).unwrap_or(&now);
                    audit.ghosts_seen += u64::from(since == now);
                    ghosts.insert(player.token, since);
                    // Its account is elsewhere. When the other one has written a checkpoint, this one learns it at its next.
                    let must_know = client.home.is_some() && player.account.is_some();
                    let troubles = [Some(since), Some(client.home_since), client.unkept_at, host.unkept_at];
                    let quiet_since = troubles.into_iter().flatten().max().expect("two are times");
                    assert!(
                        !must_know || now - quiet_since < 2 * CHECKPOINT + SLACK,
                        "seed {}: the account of client {} is in two worlds: at {:?} as {player:?}, and for {:?} at {:?}",
                        plan.seed,
                        player.client,
                        host.peer,
                        client.home_since.elapsed(),
                        client.home
                    );
                    if now - since >= GHOST_MAX {
                        over.push((*number, player.client));
                    }
                }
                for (number, client) in over {
                    core.end(number);
                    // It may have been the last who wrote its checkpoint.
                    clients[client].is_kept = false;
                }
            }
        }
        audit.ghosts = ghosts;
    }

    /// A zone goes from a host that lives to another one only if it gives the zone away: because an operator has ordered that, or
    /// because it drains.
    fn look_at_zones(fleet: &mut Fleet) {
        if !fleet.zones.directory.has_changed().unwrap_or(false) {
            return;
        }
        let directory = fleet.zones.directory.borrow_and_update().clone();
        let after = &directory.zones;
        let before = std::mem::take(&mut fleet.audit.zones);
        for (name, zone) in &after.zones {
            let owner = |zones: &Zones, owner: &Option<Name>| {
                owner.clone().and_then(|owner| zones.owners.get(&owner).map(|run| (owner, *run)))
            };
            let Some(was) = before.zones.get(name).and_then(|zone| owner(&before, &zone.owner)) else { continue };
            let is = owner(after, &zone.owner);
            if is.as_ref() == Some(&was) {
                continue;
            }
            fleet.audit.note((name, &is));
            let area = before.zones[name].area;
            let middle = [0, 1].map(|axis| (area.min[axis] + area.max[axis]) / 2.0);
            // One that was cut off after it took the zone does not know that it has it.
            let serves = |host: &&Running| host.peer.run == was.1 && !host.server.is_stopped() && host.has(middle);
            let living = fleet.running().find(serves);
            let to = is.as_ref().map(|(to, _)| to);
            // An order that is carried out at once may never have been seen.
            let order = |to: &Name| fleet.audit.ordered.get(&(name.clone(), to.clone()));
            let moving = before.zones[name].moving.as_ref().map(|moving| &moving.to);
            let is_ordered =
                moving.is_some() && moving == to || to.and_then(order).is_some_and(|at| at.elapsed() < ORDER_MAX);
            let gives = living.is_none_or(|host| host.server.is_draining() || is_ordered);
            assert!(
                gives,
                "seed {}, {:?}: zone {name} goes from {} (run {}), which lives and keeps it, to {is:?}",
                fleet.plan.seed, fleet.plan, was.0, was.1
            );
            // Before it gives a zone away, its cores have lost it.
            let is_given = fleet.running().any(|host| host.peer.run == was.1 && !host.server.is_stopped());
            fleet.audit.handovers += u64::from(is_given);
            fleet.audit.takeovers += u64::from(!is_given);
        }
        fleet.audit.zones = after.clone();
    }

    /// After a calm: each zone has a living owner that knows it, each client one player, at the owner of the place where it stands.
    pub(super) fn check_calm(fleet: &mut Fleet) {
        let seed = fleet.plan.seed;
        let directory = fleet.zones.latest();
        let zones = &directory.zones;
        for host in fleet.running() {
            let name = &host.peer.name;
            assert!(host.is_ready(), "seed {seed}: {name} is not ready after a calm");
            let traffic = host.traffic();
            assert_eq!(traffic.moves, (0, 0), "seed {seed}: moves of {name} do not end");
            assert_eq!(traffic.courier.lost, 0, "seed {seed}: {name} has lost players");
            let kept = traffic.checkpoints.expect("they are kept").1;
            assert_eq!((kept.waiting, kept.losing), (0, 0), "seed {seed}: {name} waits for the bucket after a calm");
            let mut owned: Vec<_> =
                zones.owned_by(name, host.peer.run).map(|(_, zone)| [zone.area.min, zone.area.max].concat()).collect();
            owned.sort_by(|one, other| one.partial_cmp(other).unwrap());
            for core in &host.cores {
                let own = core.own.as_ref().expect("a host says its zones to its cores");
                let mut known: Vec<_> = own.areas.iter().map(|area| area.concat()).collect();
                known.sort_by(|one, other| one.partial_cmp(other).unwrap());
                assert_eq!(known, owned, "seed {seed}: {name} does not know its zones");
                let has = |(zone, _): (&Name, _)| core.zones.contains_key(zone.as_str());
                let has_all = zones.owned_by(name, host.peer.run).all(has);
                assert!(has_all, "seed {seed}: a core of {name} has not got all its zones after a calm");
            }
        }
        assert_eq!(fleet.running().count(), fleet.plan.hosts, "seed {seed}: hosts are missing after a calm");
        for (name, zone) in &zones.zones {
            let owner = zone.owner.as_ref().and_then(|owner| fleet.running().find(|host| host.peer.name == *owner));
            let is_owned = owner.is_some_and(|host| zones.owners.get(&host.peer.name) == Some(&host.peer.run));
            assert!(is_owned, "seed {seed}: zone {name} has no living owner after a calm: {:?}", zone.owner);
        }
        let ready: Vec<RunId> = fleet.running().map(|host| host.peer.run).collect();
        for balancer in &mut fleet.balancers {
            let request = Request::default();
            let ask = Ask { request, network: u64::MAX, holder: u64::MAX, has_account: true, ticket: None };
            let decision = balancer.decide(&ask, 0);
            let is_right = match &decision.outcome {
                Outcome::Host(host) => host.run.is_some_and(|run| ready.contains(&run)),
                Outcome::Waits(_) | Outcome::Refused(_) => false,
            };
            assert!(is_right, "seed {seed}: a balancer finds no host after a calm: {decision:?}");
        }
        for client in &fleet.clients {
            let mut places = Vec::new();
            for host in fleet.running() {
                for core in &host.cores {
                    let own = core.own.as_ref().expect("it was checked");
                    let is_here = |player: &&Player| player.client == client.number;
                    let count = core.players.values().filter(is_here).count();
                    places.extend((0..count).map(|_| (host.peer.name.clone(), !own.excludes(client.point))));
                }
            }
            let [(place, is_right)] = &places[..] else {
                panic!("seed {seed}: client {} is in {} worlds after a calm: {places:?}", client.number, places.len())
            };
            assert!(is_right, "seed {seed}: client {} at {:?} is still at {place}", client.number, client.point);
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("The last faults before that:");
            self.faults_lately.iter().for_each(|line| eprintln!("{line}"));
        }
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} faults ({} kills, {} ended in order, {} ended themselves), {} players came ({} returned, {} refused, {} late, {} as \
             they were before their host died), {} entered ({} with a checkpoint, at most {:.1} s old; {} put out for that, {} of \
             them in vain), {} zones handed over, {} taken over (at most {:.1} s old), {} sessions without a client",
            self.faults,
            self.kills,
            self.drains,
            self.fences,
            self.moves,
            self.returned,
            self.refused,
            self.late,
            self.rolled_back,
            self.entries,
            self.restored,
            self.oldest.as_secs_f32(),
            self.put_out,
            self.put_out_latest,
            self.handovers,
            self.takeovers,
            self.zones_oldest.as_secs_f32(),
            self.ghosts_seen
        )
    }
}

impl Totals {
    pub(super) fn add(&mut self, fleet: &Fleet) {
        let Audit { faults, kills, moves, entries, restored, handovers, takeovers, .. } = fleet.audit;
        self.fleets += 1;
        self.seconds += fleet.plan.time.as_secs();
        self.faults += faults;
        self.kills += kills;
        self.moves += moves;
        self.entries += entries;
        self.restored += restored;
        self.handovers += handovers;
        self.takeovers += takeovers;
        self.carried += fleet.base.hub.carried();
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.seconds as f64 / 3_600.0;
        let Totals { faults, kills, moves, entries, restored, handovers, takeovers, carried, .. } = self;
        write!(
            formatter,
            "{hours:.1} hours of fleets: {faults} faults ({kills} kills), {moves} players came, {entries} entered ({restored} with a \
             checkpoint), {handovers} zones handed over, {takeovers} taken over, {carried} letters: {} violations",
            self.violated.len()
        )
    }
}
