//! A decision in full: every region and every host, with the reasons. Nothing is held, and nobody waits.

use super::fit::{Fit, Need};
use super::instance::Balancer;
use super::order;
use super::pick::{load, pick};
use super::request::{Party, Request, Whereabouts};
use super::step::Step;
use crate::location::Place;
use crate::model::Name;
use serde::Serialize;
use std::fmt;

/// A decision in full.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Explanation {
    /// The host that the client would get. None: it would wait or be refused.
    pub host: Option<Name>,
    /// Why.
    pub why: Vec<Step>,
    /// Where the client's address is.
    pub place: Option<Place>,
    /// The revision of the directory that was looked at.
    pub revision: u64,
    /// The regions that the client may play in, the best first.
    pub regions: Vec<ExplainedRegion>,
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
        match &self.host {
            Some(host) => writeln!(formatter, "host {host}")?,
            None => writeln!(formatter, "no host")?,
        }
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
    /// Explains what [`Balancer::route`] would decide, if nobody waits.
    pub fn explain(&self, request: &Request, now_ms: u64, random: u64) -> Explanation {
        let mut why = Vec::new();
        let mut host = match &request.party {
            Some(Party::Member(pass)) => self.party_host(request, pass, now_ms, &mut why),
            _ => None,
        };
        let order = order::regions(&self.index, &self.policy, request, &mut why);
        let need = Need::new(&self.index, &self.live, &self.policy, request, now_ms);
        let reach = order::reach(&self.index, &self.policy, order);
        for region in &reach {
            let (tally, fitting) = need.survey(*region);
            why.push(Step::Region { region: self.index.region(*region).name.clone(), tally });
            if host.is_none() && !fitting.is_empty() {
                host = Some(pick((&self.index, &self.live, &self.policy), request, &fitting, random, &mut why));
            }
        }
        let place = match request.place {
            Whereabouts::At(place) => Some(place),
            Whereabouts::NoDatabase | Whereabouts::Unknown => None,
        };
        Explanation {
            host: host.map(|host| self.index.host(host).name.clone()),
            why,
            place,
            revision: self.index.directory.revision,
            regions: reach.into_iter().map(|region| self.explain_region(region, request, place, &need)).collect(),
        }
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
