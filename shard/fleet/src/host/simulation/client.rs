//! A player at home.

use super::core::Player;
use super::dice::Dice;
use super::fleet::WALK;
use super::server::{CHECKPOINT, SLACK};
use crate::balancer::Ticket;
use crate::model::{Name, RunId};
use ringshard::game::AccountId;
use ringshard::runtime::fleet::Token;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How far a client walks in a second, in units of the map.
const SPEED: f32 = 12.0;
/// How long it waits until a server lets it in.
const KNOCK: Duration = Duration::from_secs(6);
/// Versions that it remembers: of two minutes.
const PAST_MAX: usize = 240;

pub(super) struct Client {
    pub number: usize,
    /// The session. Each time that it enters, it has a new one.
    pub token: Token,
    entered: u64,
    pub point: [f32; 2],
    aim: [f32; 2],
    /// Its account. None: a guest.
    pub account: Option<AccountId>,
    /// How often its state has changed.
    pub version: u64,
    /// The highest version since it entered. A host that died may have had it.
    pub highest: u64,
    /// When its state had which version, the oldest first.
    past: VecDeque<(Instant, u64)>,
    /// Since when it is in the world with this session.
    pub home_since: Instant,
    /// When its host last had something wrong with its checkpoints.
    pub unkept_at: Option<Instant>,
    /// Whether the bucket certainly has a checkpoint of it.
    pub is_kept: bool,
    /// Whether what the bucket has may be of an earlier life: it entered without.
    pub is_newcomer: bool,
    /// The server that has the player, or had it last. None: it is in no world.
    pub home: Option<RunId>,
    /// The run that had it when its cores ended in order. None: it has been in a world since.
    pub left_at: Option<RunId>,
    /// The server at which it waits to enter, and until when.
    pub entering: Option<(RunId, Instant)>,
    /// The other server at which it waits, and until when.
    pub beside: Option<(RunId, Instant)>,
    /// Its place in a balancer's queue.
    pub ticket: Option<Ticket>,
    /// Hosts that did not let it in, the latest first.
    pub failed: Vec<Name>,
    /// When it enters again.
    pub enter_at: Instant,
}

impl Client {
    pub(super) fn new(number: usize, point: [f32; 2]) -> Self {
        Client {
            number,
            token: [0; 16],
            entered: 0,
            point,
            aim: point,
            // Every third is a guest.
            account: (!number.is_multiple_of(3)).then_some(AccountId(number as u64)),
            version: 0,
            highest: 0,
            past: VecDeque::new(),
            home_since: Instant::now(),
            unkept_at: None,
            is_kept: false,
            is_newcomer: true,
            home: None,
            left_at: None,
            entering: None,
            beside: None,
            ticket: None,
            failed: Vec::new(),
            enter_at: Instant::now(),
        }
    }

    /// It begins anew at this time, with what is left of its player: it goes to the host of this point.
    pub(super) fn restart(&mut self, point: [f32; 2], at: Instant) {
        self.point = point;
        (self.home, self.entering, self.beside, self.enter_at) = (None, None, None, at);
        self.forget_session();
    }

    /// It begins a new session, at this server.
    pub(super) fn knock(&mut self, at: RunId) {
        self.forget_session();
        (self.home, self.beside) = (None, None);
        self.entering = Some((at, Instant::now() + KNOCK));
    }

    /// Its player, as it enters.
    pub(super) fn player(&self) -> Player {
        let (client, token, account, version) = (self.number, self.token, self.account, self.version);
        Player { client, token, account, stay: None, version }
    }

    /// The player of its old session has no client any more.
    fn forget_session(&mut self) {
        self.entered += 1;
        let parts = [(self.number as u64).to_le_bytes(), self.entered.to_le_bytes()].concat();
        self.token = parts.try_into().expect("two numbers of eight bytes");
    }

    /// Since when it has waited to enter, if it does.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        self.entering.and_then(|(_, until)| until.checked_sub(KNOCK))
    }

    /// It is in a world, in this state.
    pub(super) fn enter(&mut self, home: RunId, version: u64, is_restored: bool) {
        let now = Instant::now();
        (self.home, self.entering, self.version, self.home_since) = (Some(home), None, version, now);
        (self.left_at, self.highest) = (None, version);
        // A newcomer is in the bucket after its first checkpoint.
        (self.is_newcomer, self.is_kept) = (!is_restored, is_restored);
        self.past.clear();
        self.failed.clear();
        self.past.push_back((now, version));
    }

    /// It has come to another world in this state, which is earlier than the last if a host died that had the player.
    pub(super) fn set_version(&mut self, version: u64) {
        self.version = version;
        self.past.retain(|(_, other)| *other <= version);
    }

    /// Its state has changed. `is_kept`: nothing is wrong with the checkpoints of its host.
    pub(super) fn changed(&mut self, version: u64, is_kept: bool) {
        let now = Instant::now();
        self.version = version;
        self.highest = self.highest.max(version);
        if !is_kept {
            self.unkept_at = Some(now);
        }
        let since = self.unkept_at.max(Some(self.home_since)).expect("one is a time");
        self.is_kept |= now - since > CHECKPOINT + SLACK;
        self.is_newcomer &= !self.is_kept;
        self.past.push_back((Instant::now(), version));
        if self.past.len() > PAST_MAX {
            self.past.pop_front();
        }
    }

    /// How much play a state of this version lacks. The time between two worlds is no play.
    pub(super) fn play_after(&self, version: u64) -> Duration {
        WALK * self.version.saturating_sub(version) as u32
    }

    /// Whether something was wrong with the checkpoints of its host so shortly before it entered, or that much play ago.
    pub(super) fn was_unkept_within(&self, time: Duration) -> bool {
        self.unkept_at.is_some_and(|unkept_at| {
            let played = WALK * self.past.iter().filter(|(at, _)| *at > unkept_at).count() as u32;
            unkept_at + time > self.home_since && played < time
        })
    }

    /// Walks for a time, in seconds.
    pub(super) fn walk(&mut self, seconds: f32, size: f32, dice: &mut Dice) {
        let [x, y] = [self.aim[0] - self.point[0], self.aim[1] - self.point[1]];
        let (distance, step) = (x.hypot(y), SPEED * seconds);
        if distance <= step {
            self.point = self.aim;
            self.aim = [dice.below(size as u64) as f32, dice.below(size as u64) as f32];
        } else {
            self.point = [self.point[0] + x / distance * step, self.point[1] + y / distance * step];
        }
    }
}
