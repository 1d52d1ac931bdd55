//! One player of this core.

use super::backlog::Backlog;
use super::input_buffer::InputBuffer;
use super::introductions_budget::IntroductionsBudget;
use super::services_budget::ServicesBudget;
use crate::game::player::PlayerId;
use crate::runtime::fleet::Stay;
use crate::runtime::services::AccountId;
use crate::world::replication::Viewer;
use ringshard_protocol::endpoint::SessionId;
use ringshard_protocol::wire::ConnectionId;
use ringshard_world::Rules;
use ringshard_world::messages::{EnterAnswer, Owner};
use std::mem::offset_of;
use std::net::{Ipv6Addr, SocketAddr};
use std::ops::Range;

/// Where a player is between its first request and the end of its session.
///
/// ```text
///          knock                ticket is good,
///                               join: Pending           admit
/// Outside --------> Knocking ------------------> Pending ------> Inside
///   ^                    \__________________________________________^ |
///   |                       ticket is good, join: Accepted           |
///   +----------------------------------------------------------------+
///      ticket or client refused, put out, too much waited for it
/// ```
/// Without services there are no tickets to check, and a client is not Knocking.
///
/// The end of its session ends every presence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    /// Not in the world: refused or put out. It may ask again.
    Outside,
    /// The services have not decided about its ticket yet. The game does not know of it.
    Knocking,
    /// The game has not decided yet.
    Pending,
    /// In the world, whether its client is connected or suspended.
    Inside,
}

impl Presence {
    /// Whether the game knows of the player.
    pub(crate) fn is_known_to_game(self) -> bool {
        matches!(self, Presence::Pending | Presence::Inside)
    }
}

/// How far the numbers of snapshots leap from one presence to the next: half of their range.
const PRESENCE_LEAP: u16 = 1 << 15;

/// A player, as long as its session lasts. What a tick reads and writes comes first, in the order in which it does: the
/// players of a core do not stay in the processor's cache, and are prefetched by ranges of bytes.
#[repr(C)]
pub(crate) struct Member<R: Rules> {
    pub(crate) id: PlayerId,
    /// The connection of its client; None while the session is suspended.
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) presence: Presence,
    /// How far ahead the newest input was, and how old the last one in time, when the last tick took its input.
    pub(crate) lead: i8,
    pub(crate) input_age: u8,
    /// Whether its visible entities were determined since it entered, or since it has its body.
    pub(crate) has_looked: bool,
    /// The acknowledgment that was not applied yet.
    pub(crate) acknowledgment: Option<Acknowledgment>,
    /// The snapshot whose digest was compared last.
    pub(crate) compared: Option<u16>,
    /// Its own state, and its body.
    pub(crate) owner: Owner<R::Own>,
    /// Clients with the same address can be sent one run of datagrams.
    pub(crate) address: SocketAddr,
    pub(crate) inputs: InputBuffer<R::Input>,
    /// What its client has and sees.
    pub(crate) viewer: Viewer<R::Own>,
    pub(crate) slice: usize,
    pub(crate) session: SessionId,
    /// Number of the first snapshot of this presence.
    pub(crate) first_snapshot: u16,
    /// Asks that the game has not answered.
    pub(crate) asks_open: usize,
    /// Reliable messages that wait until its client is back.
    pub(crate) backlog: Backlog,
    pub(crate) requests: Requests,
    /// The account that it has entered with.
    pub(crate) account: Option<AccountId>,
    /// How much it may send to services.
    pub(crate) services: ServicesBudget,
    /// How many introductions it may send.
    pub(crate) introductions: IntroductionsBudget,
    /// Its client may not know yet that it has moved here: its inputs are for ticks of another server.
    pub(crate) is_elsewhere: bool,
    /// Its stay in the world of the fleet. None: it has no account, or the fleet keeps no checkpoints.
    pub(crate) stay: Option<Stay>,
    /// The tick of its next checkpoint.
    pub(crate) checkpoint_at: u64,
}

impl<R: Rules> Member<R> {
    /// The bytes that taking a message or an input reads: all before the viewer but the inputs that wait.
    pub(crate) const FRONT: Range<usize> = 0..offset_of!(Member<R>, inputs) + InputBuffer::<R::Input>::FRONT;
    /// The bytes that serving reads first: the viewer's front.
    pub(crate) const VIEW: [Range<usize>; 2] = {
        let viewer = offset_of!(Member<R>, viewer);
        let [first, second] = Viewer::<R::Own>::FRONT;
        [viewer + first.start..viewer + first.end, viewer + second.start..viewer + second.end]
    };

    /// The bytes in which the input for `tick` waits.
    #[inline]
    pub(crate) fn waiting(tick: u32) -> Range<usize> {
        let place = InputBuffer::<R::Input>::place(tick);
        let start = offset_of!(Member<R>, inputs) + place.start;
        start..start + place.len()
    }
}

/// Requests to enter that the game may still hear of. Each calls [`Game::join`](crate::game::Game::join), and a client can send
/// thousands per second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Requests {
    /// What the client was told when it was last turned away or put out.
    pub(crate) told: Option<EnterAnswer>,
    /// Requests that count, and the tick up to which they are forgotten.
    heard: u64,
    tick: u64,
}

impl Requests {
    /// Requests in a row that the game hears of: a client may mistype its password.
    const IN_A_ROW: u64 = 4;
    /// After so many ticks, it hears of one more.
    const REST_TICKS: u64 = ringshard_world::limits::TICKS_PER_SECOND as u64;

    /// Whether the game hears of a request at this tick. If so, it counts.
    pub(crate) fn take(&mut self, tick: u64) -> bool {
        let rests = tick.saturating_sub(self.tick) / Self::REST_TICKS;
        self.tick = if rests >= self.heard { tick } else { self.tick + rests * Self::REST_TICKS };
        self.heard = self.heard.saturating_sub(rests);
        let is_heard = self.heard < Self::IN_A_ROW;
        self.heard += u64::from(is_heard);
        is_heard
    }
}

/// An acknowledgment of a client. It is applied when the client is served next: then what the server knows of the client
/// is loaded into the processor's cache once per tick, not twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledgment {
    /// The tick in which it arrived.
    pub(crate) tick: u32,
    /// The newest snapshot that arrived, and a bit for each before it.
    pub(crate) newest: u16,
    pub(crate) before: u64,
    /// The digest of what the client then saw.
    pub(crate) digest: Option<u32>,
}

impl<R: Rules> Member<R> {
    pub(crate) fn new(
        rules: &R,
        id: PlayerId,
        session: SessionId,
        connection: Option<ConnectionId>,
        address: SocketAddr,
        first_snapshot: u16,
    ) -> Self {
        Member {
            id,
            presence: Presence::Outside,
            session,
            connection,
            address,
            owner: Owner { body: None, own: rules.blank_own() },
            inputs: InputBuffer::new(rules.neutral_input(), 0),
            lead: ringshard_world::messages::NO_LEAD,
            input_age: u8::MAX,
            first_snapshot,
            viewer: Viewer::new(rules.blank_own(), u32::from(id.slot), first_snapshot),
            has_looked: false,
            asks_open: 0,
            backlog: Backlog::default(),
            acknowledgment: None,
            compared: None,
            slice: 0,
            requests: Requests::default(),
            account: None,
            services: ServicesBudget::default(),
            introductions: IntroductionsBudget::default(),
            is_elsewhere: false,
            stay: None,
            checkpoint_at: 0,
        }
    }

    /// A player that comes from another server, which would have sent it this snapshot next. It is not in the world yet, and
    /// its client is not there.
    pub(crate) fn arriving(
        rules: &R,
        id: PlayerId,
        session: SessionId,
        account: Option<AccountId>,
        stay: Option<Stay>,
        next_snapshot: u16,
    ) -> Self {
        let nowhere = (Ipv6Addr::UNSPECIFIED, 0).into();
        // Snapshots look old to the client until it knows that it is here.
        let first = next_snapshot.wrapping_add(PRESENCE_LEAP);
        let member = Member::new(rules, id, session, None, nowhere, first);
        Member { presence: Presence::Pending, account, stay, is_elsewhere: true, ..member }
    }

    /// The client asks to enter. A new presence begins: nothing of a former one remains but the numbers of snapshots, which leap.
    pub(crate) fn begin(&mut self, rules: &R, id: PlayerId) {
        assert_eq!(self.presence, Presence::Outside, "a presence begins outside");
        // Snapshots of the new presence look old to a client that does not know yet that the former one has ended, and its
        // acknowledgments of the former presence were not sent in this one.
        let next = self.viewer.next_number();
        let first = if next == self.first_snapshot { next } else { next.wrapping_add(PRESENCE_LEAP) };
        let Member { session, connection, address, slice, requests, services, introductions, .. } = *self;
        *self = Member::new(rules, id, session, connection, address, first);
        (self.slice, self.requests, self.services) = (slice, requests, services);
        self.introductions = introductions;
        self.presence = Presence::Knocking;
    }

    /// The ticket is good: the game decides next.
    pub(crate) fn pend(&mut self, account: Option<AccountId>) {
        assert_eq!(self.presence, Presence::Knocking, "a ticket is checked once");
        (self.presence, self.account) = (Presence::Pending, account);
    }

    /// The player enters the world at this tick.
    pub(crate) fn enter(&mut self, rules: &R, tick: u32) {
        assert_eq!(self.presence, Presence::Pending, "a player enters once");
        self.presence = Presence::Inside;
        self.inputs = InputBuffer::new(rules.neutral_input(), tick);
    }
}
