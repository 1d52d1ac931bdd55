//! The clients at the last node of their route. Each has a socket of its own to its host, so the host sees each as an address of
//! its own, and validates it as any other (PROTOCOL.md#migration).

use super::ended::{Client, Ended};
use super::outbox::ExitId;
use super::wire::Hops;
use crate::topology::PlaceId;
use ringshard_protocol::crypto::ReplayWindow;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// A client of which nothing comes for this time, from neither side, is forgotten.
const LIFETIME: Duration = Duration::from_secs(60);
/// One whose host has sent nothing of a session is forgotten after this time, even if it goes on sending.
const UNANSWERED_LIFETIME: Duration = Duration::from_secs(10);

/// The clients.
#[derive(Debug)]
pub(super) struct Exits {
    exits: HashMap<ExitId, Exit>,
    ids: HashMap<Client, ExitId>,
    /// Those that had no answer of a session when they were looked at last, the oldest first.
    unanswered: VecDeque<ExitId>,
    /// Those that were forgotten: as many as there may be clients.
    ended: Ended,
    most: usize,
    next: u64,
}

/// A client.
#[derive(Debug)]
pub(super) struct Exit {
    pub(super) client: Client,
    pub(super) host: PlaceId,
    /// Where its socket leads.
    address: SocketAddr,
    /// The way that its newest datagram came, reversed.
    pub(super) back: Hops,
    /// Number of the last datagram to the client. It goes on where an earlier socket of the same client may have ended.
    pub(super) sent: u64,
    /// What came from the client.
    window: ReplayWindow,
    /// The highest number of an earlier socket of the client: what is not above it came before, or too late to tell.
    floor: u64,
    is_answered: bool,
    opened_at: Duration,
    heard_at: Duration,
}

impl Exits {
    /// At most so many clients.
    pub(super) fn new(most: usize) -> Self {
        Exits {
            exits: HashMap::new(),
            ids: HashMap::new(),
            unanswered: VecDeque::new(),
            ended: Ended::new(most),
            most,
            next: 0,
        }
    }

    /// Clients now.
    pub(super) fn len(&self) -> usize {
        self.exits.len()
    }

    /// The socket of a client, if it has one.
    pub(super) fn id(&self, client: Client) -> Option<ExitId> {
        self.ids.get(&client).copied()
    }

    /// Whether a client without a socket may get one for a datagram with this number. If not, it was forgotten, and this came
    /// before.
    pub(super) fn is_new(&self, client: Client, number: u64) -> bool {
        number > self.ended.highest(client)
    }

    /// Forgets the oldest client without a session if there are as many clients as there may be. Gives which: its address may be
    /// invented.
    pub(super) fn make_room(&mut self) -> Option<ExitId> {
        while self.exits.len() >= self.most {
            let id = self.unanswered.pop_front()?;
            if self.exits.get(&id).is_some_and(|exit| !exit.is_answered) {
                self.remove(id);
                return Some(id);
            }
        }
        None
    }

    fn remove(&mut self, id: ExitId) {
        if let Some(exit) = self.exits.remove(&id) {
            self.ids.remove(&exit.client);
            self.ended.put(exit.client, exit.window.highest().max(exit.floor));
        }
    }

    /// A new one, with a socket to this address of a host. None: there are too many.
    pub(super) fn open(
        &mut self,
        client: Client,
        (host, address): (PlaceId, SocketAddr),
        back: Hops,
        now: Duration,
    ) -> Option<ExitId> {
        if self.exits.len() >= self.most {
            return None;
        }
        self.next += 1;
        let id = ExitId(self.next);
        // A million datagrams per second would be needed to come to a number twice.
        let sent = now.as_micros() as u64;
        let (window, floor) = (ReplayWindow::default(), self.ended.take(client));
        let exit = Exit {
            client,
            host,
            address,
            back,
            sent,
            window,
            floor,
            is_answered: false,
            opened_at: now,
            heard_at: now,
        };
        self.exits.insert(id, exit);
        self.ids.insert(client, id);
        self.unanswered.push_back(id);
        Some(id)
    }

    /// Notes a datagram of the client that came this way. False: it came before. Only the newest one decides the way back.
    pub(super) fn heard(&mut self, id: ExitId, number: u64, back: Hops, now: Duration) -> bool {
        let Some(exit) = self.exits.get_mut(&id) else { return false };
        if number <= exit.floor || !exit.window.is_fresh(number) {
            return false;
        }
        if number > exit.window.highest() {
            exit.back = back;
        }
        exit.window.commit(number);
        exit.heard_at = now;
        true
    }

    /// The client that the host has sent something to, of a session or not.
    pub(super) fn answered(&mut self, id: ExitId, is_of_session: bool, now: Duration) -> Option<&mut Exit> {
        let exit = self.exits.get_mut(&id)?;
        exit.is_answered |= is_of_session;
        exit.heard_at = now;
        exit.sent += 1;
        Some(exit)
    }

    /// Forgets clients that are silent, and those whose host is gone or is elsewhere now: `host` gives its address. Gives which.
    pub(super) fn expire(&mut self, now: Duration, host: impl Fn(PlaceId) -> Option<SocketAddr>) -> Vec<ExitId> {
        let ends = |exit: &Exit| {
            let ends_at = match exit.is_answered {
                true => exit.heard_at + LIFETIME,
                false => exit.opened_at + UNANSWERED_LIFETIME,
            };
            ends_at <= now || host(exit.host) != Some(exit.address)
        };
        let gone: Vec<_> = self.exits.iter().filter(|(_, exit)| ends(exit)).map(|(id, _)| *id).collect();
        gone.iter().for_each(|id| self.remove(*id));
        let exits = &self.exits;
        self.unanswered.retain(|id| exits.get(id).is_some_and(|exit| !exit.is_answered));
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: PlaceId = PlaceId(1);
    const HOST: PlaceId = PlaceId(2);

    fn address(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 3565).into()
    }

    fn open(exits: &mut Exits, flow: u64) -> Option<ExitId> {
        let back = Hops::new(&[PlaceId(3), EDGE]).unwrap();
        exits.open((EDGE, flow), (HOST, address(1)), back, Duration::ZERO)
    }

    #[test]
    fn a_newcomer_displaces_the_oldest_without_a_session_and_nobody_in_one() {
        let mut exits = Exits::new(3);
        let [player, oldest, other] = [1, 2, 3].map(|flow| open(&mut exits, flow).unwrap());
        exits.answered(player, true, Duration::ZERO);
        exits.answered(oldest, false, Duration::ZERO);
        assert_eq!(exits.make_room(), Some(oldest), "a Cookie is no session");
        assert_eq!(exits.make_room(), None, "there is room");
        let newcomer = open(&mut exits, 4).unwrap();
        for exit in [other, newcomer] {
            exits.answered(exit, true, Duration::ZERO);
        }
        assert_eq!((exits.make_room(), open(&mut exits, 5)), (None, None), "all play");
    }

    #[test]
    fn sockets_to_a_hosts_former_address_are_closed() {
        let mut exits = Exits::new(3);
        let exit = open(&mut exits, 1).unwrap();
        assert!(exits.expire(Duration::ZERO, |_| Some(address(1))).is_empty());
        assert_eq!(exits.expire(Duration::ZERO, |_| Some(address(2))), [exit]);
        assert_eq!((exits.len(), exits.ids.len(), exits.unanswered.len()), (0, 0, 0));
    }

    #[test]
    fn what_a_client_sent_does_not_count_again_after_it_was_forgotten() {
        let mut exits = Exits::new(3);
        let back = Hops::new(&[PlaceId(3), EDGE]).unwrap();
        let mut floor = 0;
        for turn in 0..3 {
            assert!(!exits.is_new((EDGE, 1), floor) && exits.is_new((EDGE, 1), floor + 5));
            let exit = open(&mut exits, 1).unwrap();
            assert!(!exits.heard(exit, floor, back, Duration::ZERO), "turn {turn}");
            assert!(exits.heard(exit, floor + 5, back, Duration::ZERO), "it goes on");
            assert!(exits.heard(exit, floor + 3, back, Duration::ZERO), "in another order");
            assert_eq!(exits.expire(UNANSWERED_LIFETIME, |_| Some(address(1))), [exit]);
            assert!([3, 4, 5].iter().all(|more| !exits.is_new((EDGE, 1), floor + more)), "turn {turn}");
            floor += 5;
        }
    }
}
