//! What runs beside the cores of a server: services, and its place in a fleet.

use super::{Membership, StartedServices};
use crate::config::{Settings, Sources};
use crate::ops::fleet::Fleet;
use crate::ops::serve::Started;
use crate::runtime::fleet::{self, FleetEnd, FleetPort};
use crate::runtime::server::Server;
use crate::runtime::services::{ServicesEnd, ServicesPort, between};
use crate::world::border::AnyBorder;
use std::error::Error;
use std::sync::Arc;

/// Starts the services of a server, if its settings ask for any.
type StartServices<'a> = Box<dyn FnOnce(&Settings, &Server, Vec<ServicesEnd>) -> StartedServices + 'a>;

/// Reads what the settings say about a fleet. None: the server belongs to none.
pub type ReadMembership = fn(&Settings) -> Result<Option<Box<dyn Membership>>, Box<dyn Error>>;

/// What a program can run beside the cores. Each part runs if the settings ask for it.
#[derive(Default)]
pub struct Beside<'a> {
    services: Option<StartServices<'a>>,
    fleet: Option<ReadMembership>,
}

/// The ends of the cores, in order: fewer than cores if there are none.
#[derive(Default)]
pub struct BesidePorts {
    /// Those to the services.
    pub services: Vec<ServicesPort>,
    /// Those to the fleet. If there are any, the world has a border.
    pub fleet: Vec<FleetPort>,
}

/// A game that runs, and the border of its world if it has one.
pub type StartedGame = (Started, Option<Box<dyn AnyBorder>>);

impl<'a> Beside<'a> {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// And services, which `start` starts: `ringshard_services::beside` gives one.
    pub fn with_services(
        self,
        start: impl FnOnce(&Settings, &Server, Vec<ServicesEnd>) -> StartedServices + 'a,
    ) -> Self {
        Beside { services: Some(Box::new(start)), ..self }
    }

    /// And a place in a fleet: `ringshard_fleet::host::membership` reads what the settings say about it.
    pub fn with_fleet(self, read: ReadMembership) -> Self {
        Beside { fleet: Some(read), ..self }
    }

    /// The sources of the settings of a program that runs this: without services or a fleet, settings of these are errors.
    pub fn sources(&self, sources: Sources) -> Sources {
        Sources { has_services: self.services.is_some(), has_fleet: self.fleet.is_some(), ..sources }
    }

    /// Starts the cores with `start`, which gives them their ports, and then what the settings ask for beside them. If that
    /// fails, the server ends.
    ///
    /// # Errors
    /// Those of `start`, and why the services or the place in the fleet cannot be had.
    pub fn start(
        self,
        settings: &Settings,
        start: impl FnOnce(BesidePorts) -> Result<StartedGame, Box<dyn Error>>,
    ) -> Result<Started, Box<dyn Error>> {
        // Faults of the settings are reported before anything starts.
        let membership = self.fleet.map_or(Ok(None), |read| read(settings))?;
        let cores = settings.cpus.len();
        let start_services = self.services.filter(|_| settings.services.is_some());
        let (services, services_ends) = between(if start_services.is_some() { cores } else { 0 });
        let has_bus = membership.as_ref().is_some_and(|membership| membership.has_bus());
        let (fleet, fleet_ends) = fleet::between(if has_bus { cores } else { 0 });
        let (started, border) = start(BesidePorts { services, fleet })?;
        let begun = Begun { start_services, services_ends, membership, fleet_ends, border };
        match begun.finish(settings, &started.server) {
            Ok((services, fleet)) => Ok(Started { services, fleet, ..started }),
            Err(error) => {
                started.server.lifecycle().stop();
                started.server.join();
                Err(error)
            }
        }
    }
}

/// A server whose cores run, before what is beside them does.
struct Begun<'a> {
    start_services: Option<StartServices<'a>>,
    services_ends: Vec<ServicesEnd>,
    membership: Option<Box<dyn Membership>>,
    fleet_ends: Vec<FleetEnd>,
    border: Option<Box<dyn AnyBorder>>,
}

type ServicesAndFleet = (Option<Arc<dyn crate::ops::services::Services>>, Option<Arc<dyn Fleet>>);

impl Begun<'_> {
    fn finish(self, settings: &Settings, server: &Server) -> Result<ServicesAndFleet, Box<dyn Error>> {
        let Begun { start_services, services_ends, membership, fleet_ends, border } = self;
        let services = start_services.map_or(Ok(None), |start| start(settings, server, services_ends))?;
        let fleet = membership.map_or(Ok(None), |membership| membership.join(server, fleet_ends, border))?;
        Ok((services, fleet))
    }
}
