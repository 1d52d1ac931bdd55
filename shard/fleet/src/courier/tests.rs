//! Hosts that hand players to each other over a network that loses, repeats and delays, while hosts die. An auditor knows who
//! has each player.

use super::*;
use proptest::prelude::*;
use ringshard::runtime::fleet::Token;
use ringshard_protocol::crypto::noise::ResumeKey;
use std::collections::{BTreeMap, BTreeSet};

const HOSTS: usize = 3;
const CORES: usize = 2;
const STEP: Duration = Duration::from_millis(10);

/// A core, as the courier sees one.
#[derive(Default)]
struct Core {
    /// Players in its world: by number, the session of each.
    players: BTreeMap<u64, Token>,
    expected: BTreeSet<Token>,
    next: u64,
    /// Whether it expects no more sessions.
    is_full: bool,
}

struct Host {
    peer: Peer,
    courier: Courier,
    cores: [Core; CORES],
    is_alive: bool,
    /// Whether its game refuses players of others.
    refuses: bool,
}

enum Event {
    ToHost {
        to: Peer,
        from: Peer,
        id: MoveId,
        note: Note,
    },
    /// The client of a session has got to a core.
    Client {
        host: usize,
        core: usize,
        token: Token,
    },
}

struct Fleet {
    now: Duration,
    random: u64,
    hosts: Vec<Host>,
    on_the_way: Vec<(Duration, Event)>,
    loss: u64,
    /// The percentage of clients that never get there.
    stray: u64,
    runs: u64,
    lost_with_a_host: usize,
}

impl Fleet {
    fn new(seed: u64, loss: u64, stray: u64) -> Self {
        let mut fleet = Fleet {
            now: Duration::ZERO,
            random: seed.wrapping_mul(2).wrapping_add(1),
            hosts: Vec::new(),
            on_the_way: Vec::new(),
            loss,
            stray,
            runs: 0,
            lost_with_a_host: 0,
        };
        for number in 0..HOSTS {
            let host = fleet.start(number);
            fleet.hosts.push(host);
        }
        fleet
    }

    fn start(&mut self, number: usize) -> Host {
        self.runs += 1;
        let run = RunId(self.runs);
        let peer = Peer { name: format!("host-{number}").parse().unwrap(), run };
        let door = Door { is_open: true, contract: "1".into() };
        let courier = Courier::new(run, CORES, door);
        Host { peer, courier, cores: Default::default(), is_alive: true, refuses: false }
    }

    /// A number below `below`.
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 16) % below
    }

    fn add_player(&mut self, number: u8) {
        let host = usize::from(number) % HOSTS;
        let core = &mut self.hosts[host].cores[usize::from(number) % CORES];
        core.next += 1;
        core.players.insert(core.next, [number; 16]);
    }

    fn destination(&self, host: usize) -> Destination {
        Destination {
            peer: self.hosts[host].peer.clone(),
            address: ([127, 0, 0, 1], host as u16 + 1).into(),
            key: [host as u8; 32],
        }
    }

    fn begin(&mut self) -> bool {
        let (from, to) = (self.draw(HOSTS as u64) as usize, self.draw(HOSTS as u64) as usize);
        let core = self.draw(CORES as u64) as usize;
        let count = self.hosts[from].cores[core].players.len() as u64;
        if from == to || count == 0 || !self.hosts[from].is_alive {
            return false;
        }
        let at = self.draw(count) as usize;
        let player = *self.hosts[from].cores[core].players.keys().nth(at).unwrap();
        let to = self.destination(to);
        self.hosts[from].courier.begin(self.now, core, player, &to)
    }

    fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.on_the_way).into_iter().partition(|(at, _)| *at <= now);
        self.on_the_way = later;
        for (_, event) in due {
            match event {
                Event::ToHost { to, from, id, note } => {
                    if let Some(host) = self.hosts.iter_mut().find(|host| host.peer == to && host.is_alive) {
                        host.courier.hear_host(now, &from, id, note);
                    }
                }
                Event::Client { host, core, token } => {
                    let host = &mut self.hosts[host];
                    if host.is_alive && host.cores[core].expected.contains(&token) {
                        host.courier.hear_core(now, core, FromCore::Awaited { token });
                    }
                }
            }
        }
        for host in 0..HOSTS {
            if self.hosts[host].is_alive {
                self.hosts[host].courier.tick(now);
                self.carry_out(host);
            }
        }
        self.audit();
    }

    fn carry_out(&mut self, at: usize) {
        while let Some(output) = self.hosts[at].courier.poll() {
            match output {
                Output::ToCore(core, letter) => self.say_to_core(at, core, letter),
                Output::Send { core, player, to, .. } => self.say_to_core(at, core, ToCore::Send { player, to }),
                Output::ToHost(to, id, note) => {
                    let from = self.hosts[at].peer.clone();
                    for _ in 0..1 + u64::from(self.draw(10) == 0) {
                        if self.draw(100) >= self.loss {
                            // A few overtake all their repetitions.
                            let most = if self.draw(20) == 0 { 2_000 } else { 120 };
                            let delay = Duration::from_millis(5 + self.draw(most));
                            let (to, from, note) = (to.clone(), from.clone(), note.clone());
                            self.on_the_way.push((self.now + delay, Event::ToHost { to, from, id, note }));
                        }
                    }
                }
                Output::IsGone(peer) => {
                    if !self.hosts.iter().any(|host| host.peer == peer && host.is_alive) {
                        self.hosts[at].courier.is_gone(self.now, &peer);
                    }
                }
            }
        }
    }

    fn say_to_core(&mut self, at: usize, number: usize, letter: ToCore) {
        let (now, goes_astray, delay) = (self.now, self.draw(100) < self.stray, self.draw(400));
        let host = &mut self.hosts[at];
        let core = &mut host.cores[number];
        let answer = match letter {
            ToCore::Own(_) => return,
            ToCore::Offer { player } => {
                let key = core.players.get(&player).map(|token| {
                    let mut bytes = [0; ResumeKey::BYTES];
                    bytes[..16].copy_from_slice(token);
                    ResumeKey::from_bytes(&bytes)
                });
                FromCore::Key { player, key, gateway: None }
            }
            ToCore::Expect { key } if core.is_full => FromCore::Given { token: key.token, player: None },
            ToCore::Expect { key } => {
                core.expected.insert(key.token);
                return;
            }
            ToCore::Forget { token } => {
                core.expected.remove(&token);
                return;
            }
            ToCore::Send { player, to } => {
                if let Some(&token) = core.players.get(&player).filter(|_| !goes_astray) {
                    let event =
                        Event::Client { host: usize::from(to.address.port()) - 1, core: usize::from(to.core), token };
                    self.on_the_way.push((now + Duration::from_millis(20 + delay), event));
                }
                return;
            }
            ToCore::Take { token } => {
                let player = core.players.iter().find(|(_, of)| **of == token).map(|(player, _)| *player);
                if let Some(player) = player {
                    core.players.remove(&player);
                }
                FromCore::Taken { token, player: player.map(|_| token.to_vec()) }
            }
            ToCore::Give { token, player, .. } => {
                assert_eq!(player, token);
                let is_own = !core.expected.remove(&token);
                let is_in = is_own || !host.refuses;
                if is_in {
                    core.next += 1;
                    assert!(!core.players.values().any(|of| *of == token), "a core is given a player that it has");
                    core.players.insert(core.next, token);
                }
                FromCore::Given { token, player: is_in.then_some(core.next) }
            }
            other => panic!("a courier does not say that: {other:?}"),
        };
        host.courier.hear_core(now, number, answer);
    }

    fn in_worlds(&self) -> Vec<Token> {
        let cores = self.hosts.iter().filter(|host| host.is_alive).flat_map(|host| &host.cores);
        cores.flat_map(|core| core.players.values().copied()).collect()
    }

    fn audit(&self) {
        let mut all = self.in_worlds();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a player is in two worlds");
    }

    fn kill(&mut self, host: usize) {
        let players: usize = self.hosts[host].cores.iter().map(|core| core.players.len()).sum();
        self.hosts[host].is_alive = false;
        // Those that its courier has just then.
        self.lost_with_a_host += players + MOVES_MAX.min(self.hosts[host].courier.under_way().0);
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// A player moves from host 0 to host 1. Its core has just taken it, as these bytes.
    fn taken(&mut self, player: Vec<u8>) -> (Destination, MoveId, &mut Courier) {
        self.add_player(0);
        let (now, to) = (self.now, self.destination(1));
        let id = MoveId { source: self.hosts[0].peer.run.0, number: 0 };
        let courier = &mut self.hosts[0].courier;
        assert!(courier.begin(now, 0, 1, &to));
        let key = ResumeKey::from_bytes(&[0; ResumeKey::BYTES]);
        courier.hear_core(now, 0, FromCore::Key { player: 1, key: Some(key), gateway: None });
        courier.hear_host(now, &to.peer, id, Note::Welcome { core: 0 });
        courier.hear_host(now, &to.peer, id, Note::Here);
        courier.hear_core(now, 0, FromCore::Taken { token: [0; 16], player: Some(player) });
        (to, id, courier)
    }

    fn counters(&self, of: impl Fn(CourierCounters) -> u64) -> u64 {
        self.hosts.iter().map(|host| of(host.courier.counters())).sum()
    }

    fn is_quiet(&self) -> bool {
        self.hosts.iter().filter(|host| host.is_alive).all(|host| host.courier.under_way() == (0, 0))
    }
}

#[test]
fn a_player_goes_to_another_host_and_rests_there() {
    let mut fleet = Fleet::new(1, 0, 0);
    fleet.add_player(0);
    let to = fleet.destination(1);
    assert!(fleet.hosts[0].courier.begin(fleet.now, 0, 1, &to));
    assert!(!fleet.hosts[0].courier.begin(fleet.now, 0, 1, &to), "it moves already");
    fleet.carry_out(0);
    fleet.pass(Duration::from_secs(2));
    let there: Vec<_> = fleet.hosts[1].cores.iter().enumerate().filter(|(_, core)| !core.players.is_empty()).collect();
    assert_eq!((there.len(), fleet.counters(|it| it.left), fleet.counters(|it| it.came)), (1, 1, 1));
    let (core, player) = (there[0].0, *there[0].1.players.keys().next().unwrap());
    let back = fleet.destination(0);
    assert!(!fleet.hosts[1].courier.begin(fleet.now, core, player, &back), "it has just come");
    fleet.pass(Duration::from_secs(4));
    assert!(fleet.hosts[1].courier.begin(fleet.now, core, player, &back));
}

#[test]
fn what_a_host_refuses_stays_or_comes_back() {
    for (is_open, contract) in [(false, "1"), (true, "2")] {
        let mut fleet = Fleet::new(2, 0, 0);
        fleet.add_player(0);
        fleet.hosts[1].courier.set_door(Door { is_open, contract: contract.into() });
        let to = fleet.destination(1);
        assert!(fleet.hosts[0].courier.begin(fleet.now, 0, 1, &to));
        fleet.pass(Duration::from_secs(2));
        assert_eq!((fleet.counters(|it| it.refused), fleet.counters(|it| it.turned_away)), (1, 1));
        assert_eq!(fleet.hosts[0].cores[0].players.len(), 1);
    }
    let mut fleet = Fleet::new(4, 0, 0);
    fleet.add_player(0);
    fleet.hosts[1].cores.iter_mut().for_each(|core| core.is_full = true);
    let to = fleet.destination(1);
    assert!(fleet.hosts[0].courier.begin(fleet.now, 0, 1, &to));
    fleet.pass(Duration::from_secs(1));
    assert_eq!((fleet.counters(|it| it.refused), fleet.counters(|it| it.turned_away), fleet.is_quiet()), (1, 1, true));
    assert_eq!(fleet.hosts[0].cores[0].players.len(), 1);
    let mut fleet = Fleet::new(3, 0, 0);
    fleet.add_player(0);
    fleet.hosts[1].refuses = true;
    let to = fleet.destination(1);
    assert!(fleet.hosts[0].courier.begin(fleet.now, 0, 1, &to));
    fleet.pass(Duration::from_secs(2));
    assert_eq!((fleet.counters(|it| it.returned), fleet.hosts[0].cores[0].players.len()), (1, 1));
}

#[test]
fn a_player_that_is_too_long_for_the_bus_stays() {
    let mut fleet = Fleet::new(5, 0, 0);
    let (_, _, courier) = fleet.taken(vec![1; PLAYER_BYTES_MAX + 1]);
    let outputs: Vec<_> = std::iter::from_fn(|| courier.poll()).collect();
    assert!(matches!(outputs.last(), Some(Output::ToCore(0, ToCore::Give { .. }))), "its core takes it back");
    assert!(!outputs.iter().any(|output| matches!(output, Output::ToHost(_, _, Note::Player(_)))));
}

#[test]
fn a_late_answer_to_the_first_question_does_not_bring_a_player_back() {
    for (why, comes_back) in [
        (Refusal::Closed, false),
        (Refusal::Busy, false),
        (Refusal::Contract, false),
        (Refusal::Late, true),
        (Refusal::Game, true),
    ] {
        let mut fleet = Fleet::new(8, 0, 0);
        let now = fleet.now;
        let (to, id, courier) = fleet.taken(vec![1; 16]);
        courier.hear_host(now, &to.peer, id, Note::Refused(why));
        let outputs: Vec<_> = std::iter::from_fn(|| courier.poll()).collect();
        let is_back = outputs.iter().any(|output| matches!(output, Output::ToCore(_, ToCore::Give { .. })));
        assert_eq!(is_back, comes_back, "{why}: {outputs:?}");
    }
}

#[test]
fn a_player_is_taken_only_if_its_client_is_here() {
    let mut fleet = Fleet::new(6, 0, 0);
    let (from, id) = (fleet.hosts[0].peer.clone(), MoveId { source: fleet.hosts[0].peer.run.0, number: 0 });
    let courier = &mut fleet.hosts[1].courier;
    let ask = Note::Ask { key: vec![7; ResumeKey::BYTES], contract: "1".into() };
    courier.hear_host(fleet.now, &from, id, ask);
    courier.hear_host(fleet.now, &from, id, Note::Player(vec![7; 16]));
    let outputs: Vec<_> = std::iter::from_fn(|| courier.poll()).collect();
    assert!(!outputs.iter().any(|output| matches!(output, Output::ToCore(_, ToCore::Give { .. }))), "{outputs:?}");
}

#[test]
fn a_player_moves_on_when_its_source_has_no_copy_any_more() {
    let mut fleet = Fleet::new(7, 0, 0);
    let (from, id) = (fleet.hosts[0].peer.clone(), MoveId { source: fleet.hosts[0].peer.run.0, number: 0 });
    let third = fleet.destination(2);
    let courier = &mut fleet.hosts[1].courier;
    let key = ResumeKey::from_bytes(&[7; ResumeKey::BYTES]);
    let (token, mut now) = (key.token, fleet.now);
    courier.hear_host(now, &from, id, Note::Ask { key: key.to_bytes().to_vec(), contract: "1".into() });
    courier.hear_core(now, 0, FromCore::Awaited { token });
    courier.hear_host(now, &from, id, Note::Player(vec![7; 16]));
    courier.hear_core(now, 0, FromCore::Given { token, player: Some(1) });
    let outputs = |courier: &mut Courier| std::iter::from_fn(|| courier.poll()).collect::<Vec<_>>();
    assert!(matches!(outputs(courier).last(), Some(Output::ToHost(_, _, Note::Took))));
    let mut moves_on = |courier: &mut Courier| {
        now += Duration::from_secs(4);
        courier.tick(now);
        let before = outputs(courier);
        assert!(courier.begin(now, 0, 1, &third));
        courier.hear_core(now, 0, FromCore::Key { player: 1, key: Some(key), gateway: None });
        let asks = outputs(courier).iter().any(|it| matches!(it, Output::ToHost(_, _, Note::Ask { .. })));
        (asks, before)
    };
    let (asks, before) = moves_on(courier);
    assert!(!asks && matches!(before[..], [Output::ToHost(_, _, Note::Took)]), "it is repeated: {before:?}");
    let (asks, before) = moves_on(courier);
    assert!(
        !asks && matches!(before[..], [Output::ToHost(..), Output::IsGone(_)]),
        "the source may be gone: {before:?}"
    );
    courier.hear_host(Duration::from_secs(8), &from, id, Note::Over);
    assert_eq!(courier.under_way(), (0, 0));
    let (asks, before) = moves_on(courier);
    assert!(asks && before.is_empty(), "{before:?}");
}

#[test]
fn where_a_client_is_sent_depends_on_its_gateway() {
    let mut fleet = Fleet::new(9, 0, 0);
    fleet.add_player(0);
    let (now, to) = (fleet.now, fleet.destination(1));
    let id = MoveId { source: fleet.hosts[0].peer.run.0, number: 0 };
    let courier = &mut fleet.hosts[0].courier;
    assert!(courier.begin(now, 0, 1, &to));
    let key = ResumeKey::from_bytes(&[0; ResumeKey::BYTES]);
    courier.hear_core(now, 0, FromCore::Key { player: 1, key: Some(key), gateway: Some(77) });
    courier.hear_host(now, &to.peer, id, Note::Welcome { core: 1 });
    let outputs: Vec<_> = std::iter::from_fn(|| courier.poll()).collect();
    let Some(Output::Send { core: 0, player: 1, to: server, host, gateway: Some(77) }) = outputs.last() else {
        panic!("{outputs:?}")
    };
    assert_eq!((host, server.core, server.address), (&to.peer.name, 1, to.address));
}

#[test]
fn a_forged_answer_changes_nothing() {
    let mut fleet = Fleet::new(4, 0, 0);
    fleet.add_player(0);
    let to = fleet.destination(1);
    assert!(fleet.hosts[0].courier.begin(fleet.now, 0, 1, &to));
    fleet.carry_out(0);
    let id = MoveId { source: fleet.hosts[0].peer.run.0, number: 0 };
    let other = fleet.hosts[2].peer.clone();
    for note in [Note::Welcome { core: 0 }, Note::Here, Note::Took, Note::Refused(Refusal::Busy), Note::Over] {
        fleet.hosts[0].courier.hear_host(fleet.now, &other, id, note);
    }
    let ask = Note::Ask { key: vec![7; ResumeKey::BYTES], contract: "1".into() };
    fleet.hosts[1].courier.hear_host(fleet.now, &other, id, ask);
    assert_eq!(fleet.hosts[1].courier.under_way(), (0, 0), "only the source asks for its moves");
    for length in [0, 1, ResumeKey::BYTES - 1, ResumeKey::BYTES + 1] {
        let ask = Note::Ask { key: vec![7; length], contract: "1".into() };
        let id = MoveId { source: other.run.0, number: length as u64 };
        fleet.hosts[1].courier.hear_host(fleet.now, &other, id, ask);
    }
    assert_eq!(fleet.hosts[1].courier.counters().turned_away, 4);
    fleet.pass(Duration::from_secs(2));
    assert_eq!(fleet.counters(|it| it.left), 1, "the move goes on");
}

/// Players move for 30 s between hosts that refuse some, close their doors, and die at these times in milliseconds. Then the
/// network is whole again, and all moves end.
fn wander(fleet: &mut Fleet, deaths: &[(u64, usize)]) {
    (0..30).for_each(|number| fleet.add_player(number));
    for turn in 0..300u64 {
        if fleet.draw(3) == 0 {
            let host = fleet.draw(HOSTS as u64) as usize;
            fleet.hosts[host].refuses ^= true;
        }
        if fleet.draw(3) == 0 {
            let host = fleet.draw(HOSTS as u64) as usize;
            let door = Door { is_open: fleet.draw(3) > 0, contract: "1".into() };
            fleet.hosts[host].courier.set_door(door);
        }
        (0..3).for_each(|_| _ = fleet.begin());
        for &(at, host) in deaths {
            if (turn * 100..turn * 100 + 100).contains(&at) {
                fleet.kill(host);
            }
            if turn * 100 > at + 8_000 && !fleet.hosts[host].is_alive {
                fleet.hosts[host] = fleet.start(host);
            }
        }
        fleet.pass(Duration::from_millis(100));
    }
    fleet.loss = 0;
    fleet.pass(Duration::from_secs(40));
}

#[test]
fn many_players_move() {
    for (loss, stray) in [(0, 0), (20, 15)] {
        let mut fleet = Fleet::new(1, loss, stray);
        wander(&mut fleet, &[]);
        let (left, refused) = (fleet.counters(|it| it.left), fleet.counters(|it| it.refused));
        let (returned, late) = (fleet.counters(|it| it.returned), fleet.counters(|it| it.late));
        assert!(left > 20 && refused > 20 && returned > 5, "{left} left, {refused} refused, {returned} returned");
        assert_eq!(late > 0, stray > 0, "{late} late");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nobody_is_twice_in_the_world_and_nobody_is_lost(
        seed: u64, loss in 0u64..40, stray in 0u64..30, deaths in prop::collection::vec((0u64..30_000, 0..HOSTS), 0..3),
    ) {
        let mut fleet = Fleet::new(seed, loss, stray);
        wander(&mut fleet, &deaths);
        prop_assert!(fleet.is_quiet(), "a move never ends");
        prop_assert_eq!(fleet.counters(|it| it.lost), 0);
        let here = fleet.in_worlds().len();
        if deaths.is_empty() {
            prop_assert_eq!(here, 30);
            prop_assert_eq!(fleet.counters(|it| it.left), fleet.counters(|it| it.came));
        } else {
            prop_assert!(here + fleet.lost_with_a_host >= 30, "{} of 30, {} died", here, fleet.lost_with_a_host);
        }
    }
}
