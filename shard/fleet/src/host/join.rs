//! How a server joins its fleet when it starts.

use super::{FleetHost, HostSettings};
use crate::model::RunId;
use ringshard::config::Settings;
use ringshard::ops::fleet::Fleet;
use ringshard::ops::host::HostProbe;
use ringshard::runtime::entropy::random_bytes;
use ringshard::runtime::fleet::FleetEnd;
use ringshard::runtime::server::Server;
use ringshard::serve::Membership;
use ringshard::world::border::AnyBorder;
use std::error::Error;
use std::sync::Arc;

impl Membership for HostSettings {
    fn has_bus(&self) -> bool {
        self.fleet.bus.is_some()
    }

    fn join(
        &self,
        server: &Server,
        ends: Vec<FleetEnd>,
        border: Option<Box<dyn AnyBorder>>,
    ) -> Result<Option<Arc<dyn Fleet>>, Box<dyn Error>> {
        let [a, b, c, d, e, f, g, h, ..] = random_bytes();
        let run = RunId(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
        let host = FleetHost::start(self, HostProbe::new(server), server.listen(), run, ends, border)?;
        Ok(host.map(|host| host as Arc<_>))
    }
}

/// What the settings of a server say about its fleet: with it, a game of one's own joins a fleet.
///
/// ```no_run
/// # use ringshard::game::{Game, GameStart};
/// # fn arena<G: Game<Job = ringshard::game::NoJob, Done = ringshard::game::NoJob>>(game: fn(GameStart, &()) -> G) {
/// use ringshard::serve::{Beside, serve_beside};
///
/// let beside = Beside::none().with_fleet(ringshard_fleet::host::membership);
/// serve_beside(game, ringshard::no_jobs, beside);
/// # }
/// ```
///
/// # Errors
/// [`HostSettingsError`](super::HostSettingsError).
pub fn membership(settings: &Settings) -> Result<Option<Box<dyn Membership>>, Box<dyn Error>> {
    Ok(HostSettings::load(settings)?.map(|settings| Box::new(settings) as Box<_>))
}
