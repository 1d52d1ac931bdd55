//! A decision in full: what a client would be told, and every region and every host, with the reasons. A copy of the balancer
//! decides, by the path that decides for clients. So both cannot differ, and nothing changes.

use super::decision::{Decision, Outcome, Refused};
use super::fit::{Fit, Need};
use super::instance::{Ask, Balancer};
use super::order;
use super::pick::load;
use super::queue::Waits;
use super::request::{Request, Whereabouts};
use super::step::Step;
use crate::location::Place;
use crate::model::Name;
use serde::{Serialize, Serializer};
use std::fmt;

/// A decision in full.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Explanation {
    /// What the client would be told.
    #[serde(flatten)]
    pub answer: Answer,
    /// Why.
    pub why: Vec<Step>,
    /// Where the client's address is.
    pub place: Option<Place>,
    /// The revision of the directory that was looked at.
    pub revision: u64,
    /// The regions that the client may play in, the best first.
    pub regions: Vec<ExplainedRegion>,
}

/// What a client would be told. As JSON it is one field: `host`, `queue` or `refused`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To play on this host.
    Host(Name),
    /// To wait. There is no ticket: nobody waits because of an explanation.
    Queue {
        /// Its estimated position. The next to be admitted has 1.
        position: u64,
        /// Estimated seconds until its turn. None: nobody was admitted lately.
        #[serde(skip_serializing_if = "Option::is_none")]
        wait: Option<u64>,
        /// Seconds until it would ask again.
        retry_after: u64,
    },
    /// That it can play nowhere.
    #[serde(serialize_with = "name_of")]
    Refused(Refused),
}

fn name_of<S: Serializer>(refused: &Refused, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(refused.name())
}

impl From<&Outcome> for Answer {
    fn from(outcome: &Outcome) -> Answer {
        match outcome {
            Outcome::Host(host) => Answer::Host(host.name.clone()),
            Outcome::Waits(Waits { position, wait_s, ask_again_s, .. }) => {
                Answer::Queue { position: *position, wait: *wait_s, retry_after: *ask_again_s }
            }
            Outcome::Refused(refused) => Answer::Refused(*refused),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Host(host) => write!(formatter, "host {host}"),
            Answer::Queue { position, wait, .. } => {
                write!(formatter, "waits, at position {position}")?;
                wait.map_or(Ok(()), |wait| write!(formatter, ", for about {wait} s"))
            }
            Answer::Refused(refused) => write!(formatter, "{refused}"),
        }
    }
}

/// A region of an explanation.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ExplainedRegion {
    /// Its name.
    pub name: Name,
    /// Distance from the client, in km.
    pub km: Option<f64>,
    /// Round trip that the client measured, in milliseconds.
    pub round_trip_ms: Option<f32>,
    /// Its hosts.
    pub hosts: Vec<ExplainedHost>,
}

/// A host of an explanation.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ExplainedHost {
    /// Its name.
    pub name: Name,
    /// Whether it takes the client, or why not.
    pub fit: Fit,
    /// Places that newcomers may take.
    pub places: u32,
    /// Places that are held for clients that were sent there.
    pub held: u32,
    /// How full or busy it is: 1 is full.
    pub load: f64,
}

/// Sentences, then a line for each region and each host.
impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.answer)?;
        for step in &self.why {
            writeln!(formatter, "  {step}")?;
        }
        for region in &self.regions {
            write!(formatter, "region {}", region.name)?;
            if let Some(km) = region.km {
                write!(formatter, ", {km} km")?;
            }
            if let Some(ms) = region.round_trip_ms {
                write!(formatter, ", {ms} ms")?;
            }
            writeln!(formatter)?;
            for ExplainedHost { name, fit, places, held, load } in &region.hosts {
                let percent = (load * 100.0).round();
                writeln!(
                    formatter,
                    "  {name}: {}; {places} places for newcomers, {held} held, load {percent} %",
                    fit.name()
                )?;
            }
        }
        Ok(())
    }
}

impl Balancer {
    /// Explains what [`Balancer::route`] would answer now, with the same `random`. Nobody waits and no place is held because of
    /// it.
    pub fn explain(&self, ask: &Ask, now_ms: u64, random: u64) -> Explanation {
        self.copy_for(ask, now_ms).into_explanation(ask, now_ms, random)
    }

    /// The same, of a copy for this ask.
    pub(crate) fn into_explanation(mut self, ask: &Ask, now_ms: u64, random: u64) -> Explanation {
        self.advance(now_ms);
        let place = match ask.request.place {
            Whereabouts::At(place) => Some(place),
            Whereabouts::NoDatabase | Whereabouts::Unknown => None,
        };
        // Before the decision, which holds places.
        let regions = self.explain_regions(&ask.request, place, now_ms);
        let revision = self.index.directory.revision;
        let Decision { outcome, why, .. } = self.route(ask, now_ms, random);
        Explanation { answer: Answer::from(&outcome), why, place, revision, regions }
    }

    fn explain_regions(&self, request: &Request, place: Option<Place>, now_ms: u64) -> Vec<ExplainedRegion> {
        // Why they are in this order, the decision says.
        let order = order::regions(&self.index, &self.policy, request, &mut Vec::new());
        let need = Need::new(&self.index, &self.live, &self.policy, request, now_ms);
        let reach = order::reach(&self.index, &self.policy, order);
        reach.into_iter().map(|region| self.explain_region(region, request, place, &need)).collect()
    }

    fn explain_region(&self, number: u32, request: &Request, place: Option<Place>, need: &Need<'_>) -> ExplainedRegion {
        let region = self.index.region(number);
        let hosts = self.index.hosts_of(number).map(|host| {
            let (fit, places) = need.of(host);
            ExplainedHost {
                name: self.index.host(host).name.clone(),
                fit,
                places,
                held: self.live.held(host),
                load: load(&self.index, &self.live, &self.policy, host),
            }
        });
        ExplainedRegion {
            name: region.name.clone(),
            km: place.and_then(|place| Some(place.position.distance_km(region.position?).round())),
            round_trip_ms: request.round_trips.iter().find(|(name, _)| *name == region.name).map(|(_, ms)| *ms),
            hosts: hosts.collect(),
        }
    }
}
