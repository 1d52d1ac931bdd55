//! What a host keeps of its players and zones.

use super::bucket::Bucket;
use super::output::Output;
use super::players::{PlayerCounters, Players};
use super::tasks::Desk;
use super::vault::Vault;
use super::zones::{ZoneCounters, Zones};
use crate::clock::Clock;
use crate::model::{Name, RunId, Zone};
use ringshard::game::AccountId;
use ringshard::runtime::fleet::{FromCore, ToCore};
use ringshard::runtime::tick::TICK;
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keeps the checkpoints of a host. Its driver hands in what cores and other hosts say, and carries out each [`Output`].
pub struct Keeper {
    players: Players,
    zones: Zones,
    out: VecDeque<Output>,
}

impl Keeper {
    /// For this run of a host with so many cores. Each player and each zone has a checkpoint every so often.
    pub fn new(bucket: Bucket, vault: Vault, clock: Clock, me: RunId, cores: usize, every: Duration) -> Self {
        let ticks = (every.as_secs_f64() / TICK.as_secs_f64()) as u32;
        let desk = Arc::new(Desk {
            bucket,
            vault,
            clock,
            me,
            refused: AtomicU64::new(0),
            failing_since: Mutex::default(),
            complained_at: Mutex::default(),
        });
        Keeper {
            players: Players::new(desk.clone()),
            zones: Zones::new(desk, cores, every),
            out: (0..cores).map(|core| Output::ToCore(core, ToCore::Checkpoints { ticks })).collect(),
        }
    }

    /// What is counted of players.
    pub fn counters(&self) -> PlayerCounters {
        self.players.counters()
    }

    /// What is counted of zones.
    pub fn zone_counters(&self) -> ZoneCounters {
        self.zones.counters()
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front().or_else(|| self.players.poll())
    }

    /// A core says something about an account or a zone, or that it has ended. Other letters are not the keeper's.
    pub fn hear_core(&mut self, core: usize, letter: FromCore) {
        match letter {
            FromCore::ZoneSaved { request, bytes } => self.zones.hear_core(core, request, bytes),
            FromCore::Ends { zones } => {
                self.players.core_ended(core);
                self.zones.core_ended(core, zones);
            }
            letter => self.players.hear_core(core, letter),
        }
    }

    /// Whether all cores have said that they have ended.
    pub fn has_heard_ends(&self) -> bool {
        self.zones.has_heard_ends()
    }

    /// These are the zones of this host from now on.
    pub fn set_zones(&mut self, zones: &[(Name, Zone)]) {
        self.zones.set(zones, &mut self.out);
    }

    /// Another host asks to let an account go.
    pub fn asked(&mut self, by: RunId, account: AccountId) {
        self.players.asked(by, account);
    }

    /// Another host has let an account go.
    pub fn answered(&mut self, by: RunId, account: AccountId) {
        self.players.answered(by, account);
    }

    /// Looks at what is due and what takes too long. Call it every 50 ms or so, with the runs of other hosts that are heard, and whether
    /// these are all that live: after an interruption of the bus they are not.
    pub fn tick(&mut self, alive: &BTreeSet<RunId>, is_complete: bool) {
        self.players.tick(alive, is_complete);
        self.zones.tick(self.players.standing(), alive, is_complete, &mut self.out);
    }

    /// Waits until the bucket has answered something. It can be dropped at any time.
    pub async fn hear_bucket(&mut self) {
        tokio::select! {
            biased;
            () = self.players.hear_bucket() => {}
            () = self.zones.hear_bucket(&mut self.out) => {}
        }
    }
}
