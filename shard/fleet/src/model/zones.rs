//! Zones: the parts of the map, and which host owns each.
//!
//! All zones are one record of the registry, which is written on the condition that nobody has changed it since it was read.
//! So zones never overlap, and of two hosts that take one zone, one is refused.

use super::{Area, AreaError, Cut, Name, Order, RunId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most zones of a fleet: the record stays well below the 1.5 MiB that etcd takes.
pub const ZONES_MAX: usize = 2_048;

/// All zones of a fleet, at one moment.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Zones {
    /// The zones, by name. No two overlap.
    #[serde(default)]
    pub zones: BTreeMap<Name, Zone>,
    /// The hosts that own zones, and the run of each that took its last one: a later run owns nothing.
    #[serde(default)]
    pub owners: BTreeMap<Name, RunId>,
    /// The highest epoch that a zone has had.
    #[serde(default)]
    pub epochs: u64,
}

/// A part of the map, and who owns it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Zone {
    /// Where it is.
    pub area: Area,
    /// The host that owns it. None: no host has taken it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Name>,
    /// Names the time that it is at its owner: of two owners, the later one has the higher number. It is higher, too, than that of
    /// each zone that had the name before.
    #[serde(default)]
    pub epoch: u64,
    /// The run of a host that has given it to its present owner, which waits for the last state. None: that one has taken it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_by: Option<RunId>,
    /// The host that it goes to: its owner gives it away as soon as that host takes zones, and its players follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving: Option<Moving>,
}

/// Who owns a zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    /// The host.
    pub host: Name,
    /// The run of it that took its last zone. None: the record does not say it, so that no run owns the zone.
    pub run: Option<RunId>,
}

/// An order to hand a zone over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moving {
    /// The host that takes it.
    pub to: Name,
    /// Who ordered it.
    pub order: Order,
}

/// Why zones stay as they are.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ZoneError {
    /// There is no such zone.
    #[error("there is no zone {0}: `ringshard fleet zones list` shows all")]
    Unknown(Name),
    /// There is one already.
    #[error("there is a zone {0} already")]
    Exists(Name),
    /// Too many.
    #[error("a fleet has at most {ZONES_MAX} zones")]
    TooMany,
    /// It would overlap.
    #[error("{0} overlaps the zone {1}, which is {2}")]
    Overlaps(Area, Name, Area),
    /// An area that cannot be used.
    #[error(transparent)]
    Area(#[from] AreaError),
    /// Two zones of different hosts.
    #[error("{0} and {1} have different owners: move one of them first")]
    Owners(Name, Name),
    /// It has an owner, so it cannot go.
    #[error("the zone {0} belongs to {1}: merge it into a zone of the same host instead")]
    Owned(Name, Name),
    /// Its owner has ended or ends, and nobody has taken it over yet.
    #[error("the run of {1} that has the zone {0} ends, or has ended: try again when a host has taken the zone")]
    OwnerEnds(Name, Name),
    /// It is on its way.
    #[error("the zone {0} is moving to {1}: wait until it is there")]
    Moving(Name, Name),
    /// The host that is to get it has zones of another run, which may be alive.
    #[error("the zones of {0} belong to another run of it: it takes them back when that one is gone")]
    OtherRun(Name),
    /// It belongs to another host, or to another run of it.
    #[error("the zone {0} does not belong to {1} any more")]
    NotOwner(Name, Name),
}

impl Zones {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }

    /// The zone at a point of the map: of a point outside of all, the nearest one. None: there are no zones.
    pub fn at(&self, point: [f32; 2]) -> Option<(&Name, &Zone)> {
        let distance = |(_, zone): &(&Name, &Zone)| match zone.area.contains(point) {
            true => -1.0,
            false => zone.area.distance(point),
        };
        self.zones.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// The zones that this run of a host owns.
    pub fn owned_by<'a>(&'a self, host: &'a Name, run: RunId) -> impl Iterator<Item = (&'a Name, &'a Zone)> {
        let is_current = self.owners.get(host) == Some(&run);
        self.zones.iter().filter(move |(_, zone)| is_current && zone.owner.as_ref() == Some(host))
    }

    /// Adds a zone without an owner.
    ///
    /// # Errors
    /// [`ZoneError`]; nothing has changed then, here and below.
    pub fn create(&mut self, name: &Name, area: Area) -> Result<(), ZoneError> {
        let area = Area::new(area.min, area.max)?;
        self.check_new(name)?;
        if let Some((other, zone)) = self.zones.iter().find(|(_, zone)| zone.area.overlaps(&area)) {
            return Err(ZoneError::Overlaps(area, other.clone(), zone.area));
        }
        let epoch = self.next_epoch();
        self.zones.insert(name.clone(), Zone { area, owner: None, epoch, given_by: None, moving: None });
        Ok(())
    }

    /// Removes a zone that nobody owns.
    ///
    /// # Errors
    /// [`ZoneError`].
    pub fn remove(&mut self, name: &Name) -> Result<(), ZoneError> {
        if let Some(owner) = &self.get(name)?.owner {
            return Err(ZoneError::Owned(name.clone(), owner.clone()));
        }
        self.zones.remove(name);
        Ok(())
    }

    /// Cuts a zone in two: the part with the lower coordinates keeps the name, the other one gets the name `new`. Both belong
    /// to its owner.
    ///
    /// # Errors
    /// [`ZoneError`].
    pub fn split(&mut self, name: &Name, cut: Cut, new: &Name) -> Result<(), ZoneError> {
        let zone = self.resting(name)?;
        let [low, high] = zone.area.split(cut)?;
        let other = Zone { area: high, ..zone.clone() };
        self.check_new(new)?;
        let other = Zone { epoch: self.next_epoch(), ..other };
        self.zones.get_mut(name).expect("it was found").area = low;
        self.zones.insert(new.clone(), other);
        Ok(())
    }

    /// Makes one zone of two with a common side and a common owner. The other name goes.
    ///
    /// # Errors
    /// [`ZoneError`].
    pub fn merge(&mut self, name: &Name, other: &Name) -> Result<(), ZoneError> {
        let (zone, with) = (self.resting(name)?, self.resting(other)?);
        if zone.owner != with.owner {
            return Err(ZoneError::Owners(name.clone(), other.clone()));
        }
        let (area, epoch) = (zone.area.joined(&with.area)?, zone.epoch.max(with.epoch));
        self.zones.remove(other);
        let zone = self.zones.get_mut(name).expect("it was found");
        (zone.area, zone.epoch) = (area, epoch);
        Ok(())
    }

    /// Orders the owner of a zone to hand it over to another host. Gives whether that changed anything.
    ///
    /// # Errors
    /// [`ZoneError`].
    pub fn order_move(&mut self, name: &Name, to: &Name, order: Order) -> Result<bool, ZoneError> {
        let zone = self.get(name)?;
        match &zone.moving {
            Some(moving) if moving.to == *to => return Ok(false),
            Some(moving) => return Err(ZoneError::Moving(name.clone(), moving.to.clone())),
            None if zone.owner.as_ref() == Some(to) => return Ok(false),
            None => {}
        }
        self.zones.get_mut(name).expect("it was found").moving = Some(Moving { to: to.clone(), order });
        Ok(true)
    }

    /// Takes back the order to hand a zone over. Gives whether there was one.
    ///
    /// # Errors
    /// [`ZoneError`].
    pub fn stop_move(&mut self, name: &Name) -> Result<bool, ZoneError> {
        self.get(name)?;
        Ok(self.zones.get_mut(name).expect("it was found").moving.take().is_some())
    }

    /// The owner of a zone.
    pub fn owner(&self, zone: &Zone) -> Option<Owner> {
        let host = zone.owner.clone()?;
        let run = self.owners.get(&host).copied();
        Some(Owner { host, run })
    }

    /// A host takes a zone that belongs to nobody, or to a run of a host that is gone: the caller has to be sure of that. A zone
    /// that was to move stays with the one that takes it.
    ///
    /// # Errors
    /// [`ZoneError::NotOwner`], if the zone belongs to another host than `from`, or to another run of it;
    /// [`ZoneError::OtherRun`], if another run has zones of `host`, and this zone is none of them.
    pub fn take(&mut self, name: &Name, from: Option<&Owner>, host: &Name, run: RunId) -> Result<(), ZoneError> {
        if self.owner(self.get(name)?).as_ref() != from {
            return Err(ZoneError::NotOwner(name.clone(), from.map_or(host, |from| &from.host).clone()));
        }
        if from.is_none_or(|from| from.host != *host) {
            self.check_run(host, run)?;
        }
        self.hand(name, host, run, None);
        Ok(())
    }

    /// The owner of a zone gives it to another host: to the one that it moves to, if there is an order.
    ///
    /// # Errors
    /// [`ZoneError::NotOwner`], if it belongs to another host or run, or moves to another host; [`ZoneError::OtherRun`], if another
    /// run has zones of `host`.
    pub fn give(&mut self, name: &Name, from: (&Name, RunId), host: &Name, run: RunId) -> Result<(), ZoneError> {
        let zone = self.get(name)?;
        let is_owner = zone.owner.as_ref() == Some(from.0)
            && self.owners.get(from.0) == Some(&from.1)
            && zone.moving.as_ref().is_none_or(|moving| moving.to == *host);
        if !is_owner {
            return Err(ZoneError::NotOwner(name.clone(), from.0.clone()));
        }
        self.check_run(host, run)?;
        self.hand(name, host, run, Some(from.1));
        Ok(())
    }

    /// With one zone, a run gets all zones of its host. So it first takes back what belongs to a former one.
    fn check_run(&self, host: &Name, run: RunId) -> Result<(), ZoneError> {
        match self.owners.get(host) {
            Some(other) if *other != run => Err(ZoneError::OtherRun(host.clone())),
            _ => Ok(()),
        }
    }

    fn hand(&mut self, name: &Name, host: &Name, run: RunId, given_by: Option<RunId>) {
        let epoch = self.next_epoch();
        let zone = self.zones.get_mut(name).expect("it was found");
        (zone.owner, zone.epoch) = (Some(host.clone()), epoch);
        (zone.given_by, zone.moving) = (given_by, None);
        self.owners.insert(host.clone(), run);
        let zones = &self.zones;
        self.owners.retain(|host, _| zones.values().any(|zone| zone.owner.as_ref() == Some(host)));
    }

    fn next_epoch(&mut self) -> u64 {
        // A record of an earlier build does not have the highest one.
        self.epochs = self.zones.values().map(|zone| zone.epoch).fold(self.epochs, u64::max) + 1;
        self.epochs
    }

    fn get(&self, name: &Name) -> Result<&Zone, ZoneError> {
        self.zones.get(name).ok_or_else(|| ZoneError::Unknown(name.clone()))
    }

    /// A zone that does not move.
    fn resting(&self, name: &Name) -> Result<&Zone, ZoneError> {
        let zone = self.get(name)?;
        match &zone.moving {
            Some(moving) => Err(ZoneError::Moving(name.clone(), moving.to.clone())),
            None => Ok(zone),
        }
    }

    fn check_new(&self, name: &Name) -> Result<(), ZoneError> {
        match self.zones.contains_key(name) {
            true => Err(ZoneError::Exists(name.clone())),
            false if self.zones.len() >= ZONES_MAX => Err(ZoneError::TooMany),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn order() -> Order {
        Order { by: "test".into(), at_ms: 1, reason: String::new() }
    }

    fn two() -> Zones {
        let mut zones = Zones::default();
        zones.create(&name("west"), "0,0..100,100".parse().unwrap()).unwrap();
        zones.create(&name("east"), "100,0..200,100".parse().unwrap()).unwrap();
        zones
    }

    #[test]
    fn a_point_outside_of_all_zones_belongs_to_the_nearest() {
        let zones = two();
        for (point, expected) in
            [([99.9, 0.0], "west"), ([100.0, 0.0], "east"), ([-5.0, 50.0], "west"), ([150.0, 500.0], "east")]
        {
            assert_eq!(zones.at(point).unwrap().0.as_str(), expected, "{point:?}");
        }
        assert!(Zones::default().at([0.0, 0.0]).is_none());
    }

    #[test]
    fn only_the_owner_gives_a_zone_away_and_only_to_the_host_that_it_goes_to() {
        let mut zones = two();
        let (west, a, b) = (name("west"), name("a"), name("b"));
        zones.take(&west, None, &a, RunId(1)).unwrap();
        assert_eq!(zones.take(&west, None, &b, RunId(2)), Err(ZoneError::NotOwner(west.clone(), b.clone())));
        let earlier = Owner { host: a.clone(), run: Some(RunId(0)) };
        assert_eq!(
            zones.take(&west, Some(&earlier), &b, RunId(2)),
            Err(ZoneError::NotOwner(west.clone(), a.clone())),
            "that run is gone, but a later one has the zone by now"
        );
        assert_eq!(zones.order_move(&west, &b, order()), Ok(true));
        assert_eq!(zones.order_move(&west, &b, order()), Ok(false));
        assert_eq!(zones.order_move(&west, &name("c"), order()), Err(ZoneError::Moving(west.clone(), b.clone())));
        assert!(zones.give(&west, (&a, RunId(1)), &name("c"), RunId(3)).is_err(), "it goes to another host");
        assert!(zones.give(&west, (&a, RunId(7)), &b, RunId(2)).is_err(), "another run of the host owns nothing");
        assert!(zones.split(&west, Cut::X(50.0), &name("mid")).is_err(), "it is on its way");
        let before = zones.zones[&west].epoch;
        zones.give(&west, (&a, RunId(1)), &b, RunId(2)).unwrap();
        let zone = &zones.zones[&west];
        assert_eq!((zone.owner.as_ref(), &zone.moving), (Some(&b), &None));
        assert!(zone.epoch > before);
        assert_eq!(zones.owners.keys().collect::<Vec<_>>(), [&b], "who owns nothing is no owner");
        assert_eq!(zones.owned_by(&b, RunId(2)).count(), 1);
        assert_eq!(zones.owned_by(&b, RunId(3)).count(), 0);
    }

    #[test]
    fn a_name_that_is_used_again_gets_a_higher_epoch() {
        let mut zones = two();
        let (west, east, mid, a) = (name("west"), name("east"), name("mid"), name("a"));
        for zone in [&west, &east, &west] {
            let from = zones.owner(&zones.zones[zone]);
            zones.take(zone, from.as_ref(), &a, RunId(1)).unwrap();
        }
        zones.split(&west, Cut::X(50.0), &mid).unwrap();
        let first = zones.zones[&mid].epoch;
        assert!(first > zones.zones[&west].epoch);
        zones.merge(&west, &mid).unwrap();
        zones.split(&west, Cut::X(50.0), &mid).unwrap();
        assert!(zones.zones[&mid].epoch > first);
    }

    #[test]
    fn a_new_run_gets_no_zone_before_it_has_taken_back_those_of_the_former_one() {
        let mut zones = two();
        let (west, east, a, b) = (name("west"), name("east"), name("a"), name("b"));
        zones.take(&west, None, &a, RunId(1)).unwrap();
        let other_run = Err(ZoneError::OtherRun(a.clone()));
        assert_eq!(zones.take(&east, None, &a, RunId(2)), other_run);
        zones.take(&east, None, &b, RunId(3)).unwrap();
        zones.order_move(&east, &a, order()).unwrap();
        assert_eq!(zones.give(&east, (&b, RunId(3)), &a, RunId(2)), other_run);
        let former = Owner { host: a.clone(), run: Some(RunId(1)) };
        zones.take(&west, Some(&former), &a, RunId(2)).unwrap();
        zones.give(&east, (&b, RunId(3)), &a, RunId(2)).unwrap();
        assert_eq!(zones.owned_by(&a, RunId(2)).count(), 2);
    }

    #[test]
    fn a_record_without_zones_is_read() {
        assert_eq!(serde_json::from_str::<Zones>("{}").unwrap(), Zones::default());
        let zones = two();
        assert_eq!(serde_json::from_slice::<Zones>(&serde_json::to_vec(&zones).unwrap()).unwrap(), zones);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Split(usize, f32, bool),
        Merge(usize, usize),
        Take(usize, u8),
        Move(usize, u8),
        Give(usize),
        Create(f32, f32),
        Remove(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..20usize, 0.0f32..400.0, any::<bool>()).prop_map(|(zone, at, is_x)| Step::Split(zone, at, is_x)),
            (0..20usize, 0..20usize).prop_map(|(a, b)| Step::Merge(a, b)),
            (0..20usize, 0..3u8).prop_map(|(zone, host)| Step::Take(zone, host)),
            (0..20usize, 0..3u8).prop_map(|(zone, host)| Step::Move(zone, host)),
            (0..20usize).prop_map(Step::Give),
            (0.0f32..400.0, 0.0f32..400.0).prop_map(|(x, y)| Step::Create(x, y)),
            (0..20usize).prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn zones_never_overlap_and_an_epoch_never_falls(steps in prop::collection::vec(step(), 1..60)) {
            let mut zones = Zones::default();
            zones.create(&name("all"), "0,0..400,400".parse().unwrap()).unwrap();
            for (number, step) in steps.into_iter().enumerate() {
                let before = zones.clone();
                let pick = |at: usize| before.zones.keys().nth(at % before.zones.len().max(1)).cloned().unwrap_or(name("none"));
                let host = |host: u8| name(["a", "b", "c"][usize::from(host)]);
                let new = name(&format!("z{number}"));
                let area: f32 = before.zones.values().map(size).sum();
                let is_done = match step {
                    Step::Split(zone, at, is_x) => {
                        let cut = if is_x { Cut::X(at) } else { Cut::Y(at) };
                        zones.split(&pick(zone), cut, &new).is_ok()
                    }
                    Step::Merge(a, b) => zones.merge(&pick(a), &pick(b)).is_ok(),
                    Step::Take(zone, by) => zones.take(&pick(zone), None, &host(by), RunId(u64::from(by))).is_ok(),
                    Step::Move(zone, to) => zones.order_move(&pick(zone), &host(to), order()) == Ok(true),
                    Step::Give(zone) => before.zones.get(&pick(zone)).is_some_and(|it| match (&it.owner, &it.moving) {
                        (Some(from), Some(moving)) => {
                            let run = before.owners[from];
                            zones.give(&pick(zone), (from, run), &moving.to, RunId(9)).is_ok()
                        }
                        _ => false,
                    }),
                    Step::Create(x, y) => {
                        let area = Area { min: [x, y], max: [x + 40.0, y + 40.0] };
                        let created = zones.create(&new, area).is_ok();
                        if created { zones.zones.remove(&new); }
                        false
                    }
                    Step::Remove(zone) => {
                        let mut copy = zones.clone();
                        prop_assert_eq!(copy.remove(&pick(zone)).is_ok(), before.zones.get(&pick(zone)).is_some_and(|zone| zone.owner.is_none()));
                        false
                    }
                };
                if !is_done {
                    prop_assert_eq!(&zones, &before, "what is refused changes nothing");
                }
                let all: Vec<_> = zones.zones.values().collect();
                for (at, zone) in all.iter().enumerate() {
                    prop_assert!(all[at + 1..].iter().all(|other| !zone.area.overlaps(&other.area)));
                    prop_assert!(zone.owner.as_ref().is_none_or(|owner| zones.owners.contains_key(owner)));
                }
                for (name, zone) in &zones.zones {
                    prop_assert!(before.zones.get(name).is_none_or(|old| zone.epoch >= old.epoch));
                }
                prop_assert!((all.iter().map(|zone| size(zone)).sum::<f32>() - area).abs() < 1.0, "nothing of the map is lost");
            }
        }
    }

    fn size(zone: &Zone) -> f32 {
        let Area { min, max } = zone.area;
        (max[0] - min[0]) * (max[1] - min[1])
    }
}
