//! The decisions of the last minutes, by where the clients are and by region: what the dashboard draws.

use crate::balancer::{Outcome, Whereabouts};
use crate::model::Name;
use serde::Serialize;
use std::collections::{HashMap, VecDeque};

/// Degrees of a cell's side.
const CELL_DEGREES: f64 = 5.0;
/// Seconds of a slice.
const SLICE_S: u64 = 10;
/// Slices that are kept.
const SLICES: usize = 30;
/// Flows of one slice. Beyond them, clients count as from nowhere.
const FLOWS_MAX: usize = 4_000;

/// Decisions of the last five minutes.
#[derive(Debug, Default)]
pub(super) struct Flows {
    /// The newest last.
    slices: VecDeque<Slice>,
}

#[derive(Debug, Default)]
struct Slice {
    number: u64,
    counts: HashMap<(Option<Cell>, To), u64>,
}

/// A cell of the map, in units of its side.
type Cell = (i16, i16);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum To {
    Region(Name),
    Queue,
    Nowhere,
}

/// Clients of one cell that were sent to one region.
#[derive(Debug, Serialize)]
pub(super) struct Flow {
    /// The middle of the cell: latitude and longitude. None: it is not known where the clients are.
    from: Option<(f64, f64)>,
    /// The region; `queue` or `nowhere` in its place.
    to: String,
    clients: u64,
}

/// What the flows report.
#[derive(Debug, Serialize)]
pub(super) struct FlowReport {
    /// The time that they cover.
    seconds: u64,
    /// All decisions, by slice of ten seconds, the oldest first.
    per_slice: Vec<u64>,
    flows: Vec<Flow>,
}

impl Flows {
    pub(super) fn count(&mut self, place: Whereabouts, outcome: &Outcome, now_ms: u64) {
        let number = now_ms / 1_000 / SLICE_S;
        self.advance(number);
        let from = match place {
            Whereabouts::At(place) => Some(cell(place.position.latitude(), place.position.longitude())),
            Whereabouts::NoDatabase | Whereabouts::Unknown => None,
        };
        let to = match outcome {
            Outcome::Host(host) => To::Region(host.region.clone()),
            Outcome::Waits(_) => To::Queue,
            Outcome::Refused(_) => To::Nowhere,
        };
        let slice = self.slices.back_mut().expect("the present slice is there");
        let key = (from, to);
        if slice.counts.len() >= FLOWS_MAX && !slice.counts.contains_key(&key) {
            *slice.counts.entry((None, key.1)).or_default() += 1;
        } else {
            *slice.counts.entry(key).or_default() += 1;
        }
    }

    pub(super) fn report(&mut self, now_ms: u64) -> FlowReport {
        let number = now_ms / 1_000 / SLICE_S;
        self.advance(number);
        let mut sums: HashMap<&(Option<Cell>, To), u64> = HashMap::new();
        let mut per_slice = vec![0; SLICES];
        for slice in &self.slices {
            for (key, count) in &slice.counts {
                *sums.entry(key).or_default() += count;
                per_slice[SLICES - 1 - (number - slice.number) as usize] += count;
            }
        }
        let flows = sums.into_iter().map(|((from, to), clients)| Flow {
            from: from
                .map(|(row, column)| ((f64::from(row) + 0.5) * CELL_DEGREES, (f64::from(column) + 0.5) * CELL_DEGREES)),
            to: match to {
                To::Region(name) => name.to_string(),
                To::Queue => "queue".to_owned(),
                To::Nowhere => "nowhere".to_owned(),
            },
            clients,
        });
        let mut flows: Vec<Flow> = flows.collect();
        flows.sort_by(|one, other| other.clients.cmp(&one.clients).then_with(|| one.to.cmp(&other.to)));
        FlowReport { seconds: SLICE_S * SLICES as u64, per_slice, flows }
    }

    fn advance(&mut self, number: u64) {
        // A clock that is set back counts into the newest slice.
        if self.slices.back().is_none_or(|newest| newest.number < number) {
            self.slices.push_back(Slice { number, counts: HashMap::new() });
        }
        let newest = self.slices.back().map_or(number, |slice| slice.number);
        while self.slices.front().is_some_and(|oldest| oldest.number + SLICES as u64 <= newest) {
            self.slices.pop_front();
        }
    }
}

fn cell(latitude: f64, longitude: f64) -> Cell {
    ((latitude / CELL_DEGREES).floor() as i16, (longitude / CELL_DEGREES).floor() as i16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balancer::Refused;
    use crate::location::{Place, Position};

    fn at(latitude: f64, longitude: f64) -> Whereabouts {
        let position = Position::new(latitude, longitude).unwrap();
        Whereabouts::At(Place { country: None, position, is_exact: true })
    }

    const NOWHERE: Outcome = Outcome::Refused(Refused::Full);

    #[test]
    fn clients_are_summed_by_cell_and_forgotten_after_five_minutes() {
        let mut flows = Flows::default();
        flows.count(at(52.5, 13.4), &NOWHERE, 0);
        flows.count(at(54.9, 10.1), &NOWHERE, 15_000);
        flows.count(at(-0.1, -0.1), &NOWHERE, 15_000);
        flows.count(Whereabouts::Unknown, &NOWHERE, 15_000);
        let report = flows.report(20_000);
        assert_eq!(report.flows.len(), 3);
        assert_eq!((report.flows[0].from, report.flows[0].clients), (Some((52.5, 12.5)), 2));
        assert_eq!(report.per_slice[SLICES - 3..], [1, 3, 0]);
        assert_eq!(flows.report(300_000).flows.iter().map(|flow| flow.clients).sum::<u64>(), 3);
        assert!(flows.report(310_000).flows.is_empty());
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut flows = Flows::default();
        for row in -18..18 {
            for column in -36..36 {
                for outcome in [NOWHERE, Outcome::Refused(Refused::Closed)] {
                    flows.count(at(f64::from(row) * 5.0, f64::from(column) * 5.0), &outcome, 0);
                }
            }
        }
        assert_eq!(flows.slices[0].counts.len(), 36 * 72);
    }

    #[test]
    fn a_clock_that_goes_back_loses_nothing() {
        let mut flows = Flows::default();
        flows.count(Whereabouts::Unknown, &NOWHERE, 100_000);
        flows.count(Whereabouts::Unknown, &NOWHERE, 50_000);
        assert_eq!(flows.report(100_000).flows[0].clients, 2);
    }
}
