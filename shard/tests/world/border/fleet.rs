//! Hosts, and the network between them.

use super::host::{CORES, Host, Owned, SIGHT, area};
use crate::dice::Dice;
use ringshard::world::border::{BorderSettings, BorderStats, MESSAGE_BYTES_MAX};
use ringshard::world::store::Rate;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::{EntityId, Map};
use std::collections::BTreeSet;

const TICK: Duration = Duration::from_micros(16_667);

/// What happens to messages.
#[derive(Clone, Copy)]
pub struct Network {
    pub loss_per_mille: u32,
    pub repeat_per_mille: u32,
    pub delay_ms: (u32, u32),
}

pub const GOOD: Network = Network { loss_per_mille: 0, repeat_per_mille: 0, delay_ms: (1, 2) };
pub const BAD: Network = Network { loss_per_mille: 150, repeat_per_mille: 100, delay_ms: (2, 90) };

pub struct Fleet {
    pub hosts: Vec<Host>,
    pub network: Network,
    pub dice: Dice,
    pub now: Instant,
    /// Directions in which nothing passes: from, to.
    pub cut: BTreeSet<(usize, usize)>,
    /// On the way: due, to, from.
    on_the_way: Vec<(Instant, usize, usize, Vec<u8>)>,
    settings: BorderSettings,
    /// Bytes sent by each host.
    pub bytes: Vec<u64>,
}

impl Fleet {
    pub fn new(hosts: usize, network: Network, seed: u64) -> Self {
        Fleet::with_settings(hosts, network, seed, BorderSettings::default())
    }

    pub fn with_settings(hosts: usize, network: Network, seed: u64, settings: BorderSettings) -> Self {
        let mut dice = Dice::new(seed);
        let ahead = |dice: &mut Dice| Duration::from_micros(dice.below(5_000_000) as u64);
        Fleet {
            hosts: (0..hosts).map(|host| Host::new(host, hosts, 1_000, ahead(&mut dice), settings)).collect(),
            network,
            dice,
            now: Instant::from_nanos(1_000_000_000),
            cut: BTreeSet::new(),
            on_the_way: Vec::new(),
            settings,
            bytes: vec![0; hosts],
        }
    }

    /// The process of a host is another one, with another world.
    pub fn restart(&mut self, host: usize, incarnation: u64) {
        let ahead = Duration::from_micros(self.dice.below(5_000_000) as u64);
        self.hosts[host] = Host::new(host, self.hosts.len(), incarnation, ahead, self.settings);
    }

    pub fn turn(&mut self) {
        self.now = self.now + TICK;
        let now = self.now;
        // Not in order: what is due arrives as it lies.
        let due: Vec<_> = self.on_the_way.extract_if(.., |(due, ..)| *due <= now).collect();
        for (_, to, from, bytes) in due {
            self.hosts[to].receive(now, from, &bytes);
        }
        for host in 0..self.hosts.len() {
            self.hosts[host].turn(now);
            while let Some((to, bytes)) = self.hosts[host].border.poll_send() {
                assert!(bytes.len() <= MESSAGE_BYTES_MAX);
                self.bytes[host] += bytes.len() as u64;
                self.send(host, to.0 as usize, bytes);
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        let Network { loss_per_mille, repeat_per_mille, delay_ms: (least, most) } = self.network;
        let copies = 1 + usize::from(self.dice.per_mille(repeat_per_mille));
        for _ in 0..copies {
            let due = self.now + Duration::from_micros(u64::from(self.dice.between(least * 1_000, most * 1_000)));
            if !self.cut.contains(&(from, to)) && !self.dice.per_mille(loss_per_mille) {
                self.on_the_way.push((due, to, from, bytes.clone()));
            }
        }
    }

    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.turn();
        }
    }

    /// Lets entities change at random.
    pub fn stir(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            for host in 0..self.hosts.len() {
                let Fleet { hosts, dice, .. } = self;
                hosts[host].stir(dice);
            }
            self.turn();
        }
    }

    /// Cuts or restores both directions between two hosts.
    pub fn set_cut(&mut self, one: usize, other: usize, is_cut: bool) {
        for way in [(one, other), (other, one)] {
            if is_cut {
                self.cut.insert(way)
            } else {
                self.cut.remove(&way)
            };
        }
    }

    /// Checks that each host sees of the others what it must, and nothing else.
    pub fn check(&self) {
        for here in &self.hosts {
            for core in 0..CORES {
                let mut seen = here.sees(core);
                for there in self.hosts.iter().filter(|there| there.number != here.number) {
                    for owned in there.owned() {
                        let key = (there.number as u32, owned.id);
                        match (sight(owned, here.number), seen.remove(&key)) {
                            (Sight::Must, None) => panic!("{} does not see {key:?}", here.number),
                            (Sight::MustNot, Some(_)) => panic!("{} sees {key:?}", here.number),
                            (_, Some((_, state))) => assert_eq!(state, owned.state, "of {key:?}"),
                            (_, None) => {}
                        }
                    }
                }
                assert!(seen.is_empty(), "{} sees what is not there: {:?}", here.number, seen.keys());
            }
        }
    }

    /// How many entities of `there` the host `here` sees.
    pub fn sees(&self, here: usize, there: usize) -> usize {
        self.hosts[here].sees(0).keys().filter(|(owner, _)| *owner == there as u32).count()
    }

    /// What an entity of `there` is called at `here`.
    pub fn called(&self, here: usize, there: usize, id: EntityId) -> Option<EntityId> {
        self.hosts[here].sees(0).get(&(there as u32, id)).map(|seen| seen.0)
    }

    pub fn stats(&self, host: usize) -> BorderStats {
        self.hosts[host].border.stats()
    }
}

enum Sight {
    Must,
    May,
    MustNot,
}

/// Whether a host sees an entity of another.
fn sight(owned: &Owned, host: usize) -> Sight {
    let [x, y, _] = Map::default().point(owned.state.position);
    let distance = area(host).distance_squared([x, y]).sqrt();
    let sight = SIGHT[usize::from(owned.state.shown.kind)];
    match () {
        () if owned.rate == Rate::Never || distance > sight * 1.1 => Sight::MustNot,
        () if distance <= sight => Sight::Must,
        () => Sight::May,
    }
}
