//! The order of regions for a client, and how far down it may go.

use super::index::Index;
use super::policy::{Overflow, Policy, Way};
use super::request::{Request, Whereabouts};
use super::step::Step;

/// The regions for a client, the best first, and why. Closed regions are left out.
///
/// Each way orders those regions that no earlier way has ordered, and of which it says something. The rest comes last, by name.
pub(super) fn regions(index: &Index, policy: &Policy, request: &Request, why: &mut Vec<Step>) -> Vec<u32> {
    let mut order: Vec<u32> = Vec::with_capacity(index.regions.len());
    for way in &policy.regions_by {
        let begins = order.is_empty();
        match way {
            Way::Wish => by_wish(index, request, &mut order, why),
            Way::RoundTrip => by_round_trip(index, request, &mut order, why, begins),
            Way::Location => by_location(index, request, &mut order, why, begins),
        }
    }
    let rest: Vec<u32> = open(index).filter(|region| !order.contains(region)).collect();
    if let (true, Some(first)) = (order.is_empty(), rest.first()) {
        why.push(Step::ByName { first: index.region(*first).name.clone() });
    }
    order.extend(rest);
    order
}

/// The regions of `order` that the client may play in: all, or fewer by the policy's overflow.
pub(super) fn reach(index: &Index, policy: &Policy, order: Vec<u32>) -> Vec<u32> {
    let Some(first) = order.first().copied() else { return order };
    match policy.overflow {
        Overflow::Next => order,
        Overflow::None => vec![first],
        Overflow::Listed => {
            let mut reach = vec![first];
            for other in &index.region(first).overflow {
                if !index.region(*other).is_closed && !reach.contains(other) {
                    reach.push(*other);
                }
            }
            reach
        }
    }
}

fn open(index: &Index) -> impl Iterator<Item = u32> {
    (0..index.regions.len() as u32).filter(|region| !index.region(*region).is_closed)
}

fn by_wish(index: &Index, request: &Request, order: &mut Vec<u32>, why: &mut Vec<Step>) {
    let Some(wish) = &request.region else { return };
    match index.region_number(wish) {
        None => why.push(Step::UnknownWish { region: wish.clone() }),
        Some(region) if index.region(region).is_closed => why.push(Step::ClosedWish { region: wish.clone() }),
        Some(region) => {
            if !order.contains(&region) {
                order.push(region);
            }
            why.push(Step::Wish { region: wish.clone() });
        }
    }
}

fn by_round_trip(index: &Index, request: &Request, order: &mut Vec<u32>, why: &mut Vec<Step>, begins: bool) {
    if request.round_trips.is_empty() {
        if begins {
            why.push(Step::NoRoundTrips);
        }
        return;
    }
    let known = request.round_trips.iter().filter_map(|(name, ms)| Some((index.region_number(name)?, *ms)));
    let mut known: Vec<(u32, f32)> = known.filter(|(region, _)| !index.region(*region).is_closed).collect();
    // Of a region that is named twice, the shorter one counts: the sort brings it first.
    known.sort_by(|one, other| one.1.total_cmp(&other.1).then(one.0.cmp(&other.0)));
    if let (true, Some((first, ms))) = (begins, known.first()) {
        why.push(Step::ByRoundTrip { first: index.region(*first).name.clone(), ms: *ms });
    }
    for (region, _) in known {
        if !order.contains(&region) {
            order.push(region);
        }
    }
}

fn by_location(index: &Index, request: &Request, order: &mut Vec<u32>, why: &mut Vec<Step>, begins: bool) {
    let place = match request.place {
        Whereabouts::At(place) => place,
        unknown => {
            if begins {
                why.push(Step::NoLocation { has_database: unknown == Whereabouts::Unknown });
            }
            return;
        }
    };
    let distance = |region| Some((region, index.region(region).position?.distance_km(place.position)));
    let mut known: Vec<(u32, f64)> =
        open(index).filter(|region| !order.contains(region)).filter_map(distance).collect();
    known.sort_by(|one, other| one.1.total_cmp(&other.1).then(one.0.cmp(&other.0)));
    if let (true, Some((first, km))) = (begins, known.first()) {
        let first = index.region(*first).name.clone();
        why.push(Step::ByLocation { first, km: km.round() as u32, country: place.country, is_exact: place.is_exact });
    }
    order.extend(known.into_iter().map(|(region, _)| region));
}
