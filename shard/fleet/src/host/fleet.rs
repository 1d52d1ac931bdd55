//! The server's side of the registration: metrics, the dashboard and `/ready`.

use super::HostSettings;
use super::member::{Member, Server, Shown};
#[cfg(feature = "nats")]
use super::traffic::{CHECKPOINTS_PATIENCE, Traffic, TrafficParts, TrafficShown};
#[cfg(feature = "nats")]
use crate::bus::nats::NatsBus;
#[cfg(feature = "nats")]
use crate::bus::{Bus, BusKey, BusSettings, Seal};
#[cfg(feature = "nats")]
use crate::checkpoints::{Bucket, Keeper, NatsBucket, Vault};
#[cfg(feature = "nats")]
use crate::clock::Clock;
#[cfg(feature = "nats")]
use crate::courier::Peer;
use crate::model::{HostState, RunId};
use crate::registry::membership::Standing;
use crate::registry::{Keys, OpenError, RegistrySettings, open_store};
#[cfg(feature = "nats")]
use crate::registry::{follow_nodes, follow_zones};
use ringshard::ops::fleet::Fleet;
use ringshard::ops::host::{HostProbe, HostStatus};
use ringshard::runtime::fleet::FleetEnd;
use ringshard::world::border::AnyBorder;
use serde_json::{Value, json};
use std::net::SocketAddr;
#[cfg(feature = "nats")]
use std::net::ToSocketAddrs;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// A server's place in a fleet. Its thread ends with [`Fleet::stop`].
pub struct FleetHost {
    shown: Arc<Mutex<Shown>>,
    /// None: the fleet has no bus.
    #[cfg(feature = "nats")]
    traffic: Option<Arc<Mutex<TrafficShown>>>,
    stop: watch::Sender<bool>,
    /// Gets a message, or closes, when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

/// Why a server could not join its fleet.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The registry cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The program was built without NATS.
    #[error("this program is built without the feature nats, so that the fleet can have no table [bus]")]
    NoBus,
    /// The bus cannot be used.
    #[cfg(feature = "nats")]
    #[error(transparent)]
    Bus(#[from] crate::bus::nats::BusError),
    /// The fleet's key.
    #[error("{0}")]
    Key(String),
    /// Other hosts could send no client here.
    #[error(
        "clients of other hosts cannot be sent to {0}: set fleet-address to HOST:PORT, where clients reach this host"
    )]
    Address(String),
    /// There is no thread for it.
    #[error("cannot start the thread of the fleet: {0}")]
    Thread(#[from] std::io::Error),
}

impl Server for HostProbe {
    fn status(&self) -> HostStatus {
        HostProbe::status(self)
    }

    fn drain(&self) {
        HostProbe::drain(self);
    }

    #[cfg(any(test, feature = "nats"))]
    fn stop(&self) {
        HostProbe::stop(self);
    }
}

impl FleetHost {
    /// Begins to register a server that listens on `listen`. It does not wait for the registry. `run` is a random number. With
    /// a bus, it owns zones, moves players between the cores of `ends` and other hosts, and shows them what is beyond the `border`.
    /// None: the fleet's hosts are in a file, so there is nothing to register.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn start(
        settings: &HostSettings,
        server: HostProbe,
        listen: SocketAddr,
        run: RunId,
        ends: Vec<FleetEnd>,
        border: Option<Box<dyn AnyBorder>>,
    ) -> Result<Option<Arc<FleetHost>>, JoinError> {
        let RegistrySettings::Etcd(etcd) = &settings.fleet.registry else {
            tracing::info!("the file of the fleet lists its hosts, so this one does not register");
            return Ok(None);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (store, keys, lease) = (open_store(etcd, run.0)?, Keys::new(&*etcd.prefix), etcd.lease());
        let (stop, stopped) = watch::channel(false);
        let host = settings.host(run, listen);
        let name = host.name.clone();
        let address = host.address.clone();
        let member = {
            let _inside = runtime.enter();
            Member::new(server.clone(), store.clone(), keys.clone(), host, lease, stopped)
        };
        let shown = member.shown().clone();
        #[cfg(feature = "nats")]
        let traffic = match &settings.fleet.bus {
            None => None,
            Some(bus) => {
                let key = BusKey::load(bus).map_err(JoinError::Key)?;
                let me = Peer { name, run };
                let address = resolved(&address)?;
                let _inside = runtime.enter();
                let zones = follow_zones(store.clone(), keys.clone(), run.0);
                let nodes = Some(follow_nodes(store.clone(), keys.clone(), run.0));
                let (seal, member) = (Seal::new(&key, run), shown.clone());
                let border = border.map(|mut border| {
                    border.set_rates(bus.border_rates());
                    border
                });
                let margin = bus.margin;
                let settings = bus;
                let bus = runtime.block_on(NatsBus::start(settings, run))?;
                let keeper = keeper(settings, &key, &bus, run, ends.len());
                let bus = Bus::Nats(Box::new(bus));
                let parts = TrafficParts {
                    me,
                    address,
                    server: Box::new(server),
                    clock: Clock::System,
                    member,
                    ends,
                    border,
                    bus,
                    seal,
                    store,
                    keys,
                    zones,
                    nodes,
                    lease,
                    margin,
                    keeper,
                };
                let traffic = Traffic::new(parts);
                let shown = traffic.shown().clone();
                runtime.spawn(traffic.run());
                Some(shown)
            }
        };
        #[cfg(not(feature = "nats"))]
        if settings.fleet.bus.is_some() {
            let _ = (name, address, ends, border);
            return Err(JoinError::NoBus);
        }
        let (end, ended) = sync_channel(1);
        std::thread::Builder::new().name("fleet".into()).spawn(move || {
            runtime.block_on(member.run());
            // The server may have given up waiting.
            let _ = end.try_send(());
        })?;
        Ok(Some(Arc::new(FleetHost {
            shown,
            #[cfg(feature = "nats")]
            traffic,
            stop,
            ended: Mutex::new(ended),
        })))
    }

    /// Waits until what the players and zones were at last is written: the cores have ended.
    #[cfg(feature = "nats")]
    fn wait_for_checkpoints(&self) {
        let Some(traffic) = &self.traffic else { return };
        let shown = || *traffic.lock().unwrap_or_else(PoisonError::into_inner);
        let until = std::time::Instant::now() + CHECKPOINTS_PATIENCE;
        while !shown().is_written() {
            if std::time::Instant::now() >= until {
                let shown = shown();
                let (players, zones) = shown.checkpoints.unwrap_or_default();
                return match shown.is_over {
                    false => tracing::warn!(
                        "not all cores have ended: players and zones come back from their last checkpoints"
                    ),
                    true => tracing::warn!(
                        accounts = players.accounts,
                        zones = zones.losing,
                        moving = shown.unsettled,
                        "NATS or another host has not taken the last state of players and zones: they come back from earlier ones"
                    ),
                };
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fleet for FleetHost {
    fn counters(&self, to: &mut dyn FnMut(&'static str, f64)) {
        let shown = self.shown();
        let away = match &shown.standing {
            Standing::Away { since, .. } => age(&shown, *since).as_secs_f64(),
            _ => 0.0,
        };
        let one = |so: bool| f64::from(u8::from(so));
        let counters = shown.counters;
        to("fleet_registered", one(shown.is_registered()));
        to("fleet_away_seconds", away);
        to("fleet_name_taken", one(matches!(shown.standing, Standing::Taken { .. })));
        to("fleet_maintenance", one(shown.host.state == HostState::Maintenance));
        to("fleet_registrations", counters.registrations as f64);
        to("fleet_updates", counters.updates as f64);
        to("fleet_leases_lost", counters.leases_lost as f64);
        to("fleet_records_lost", counters.records_lost as f64);
        to("fleet_names_taken", counters.names_taken as f64);
        to("fleet_failures", counters.failures as f64);
        #[cfg(feature = "nats")]
        if let Some(traffic) = &self.traffic {
            let shown = *traffic.lock().unwrap_or_else(PoisonError::into_inner);
            let moves = shown.courier;
            to("fleet_bus_connected", one(shown.is_bus_there));
            to("fleet_hosts_heard", shown.hosts_heard as f64);
            to("fleet_letters_refused", shown.refused as f64);
            to("fleet_zones", shown.zones as f64);
            to("fleet_zones_without_host", shown.zones_without_host as f64);
            to("fleet_zones_taken", shown.zones_taken as f64);
            to("fleet_zones_given", shown.zones_given as f64);
            to("fleet_players_leaving", shown.moves.0 as f64);
            to("fleet_players_coming", shown.moves.1 as f64);
            to("fleet_oldest_move_seconds", shown.longest_wait.as_secs_f64());
            to("fleet_moves_begun", moves.begun as f64);
            to("fleet_players_left", moves.left as f64);
            to("fleet_players_came", moves.came as f64);
            to("fleet_moves_refused", moves.refused as f64);
            to("fleet_moves_late", moves.late as f64);
            to("fleet_players_returned", moves.returned as f64);
            to("fleet_players_lost", moves.lost as f64);
            to("fleet_players_turned_away", moves.turned_away as f64);
            if let Some((checkpoints, zones)) = shown.checkpoints {
                to("fleet_checkpoints_kept", one(checkpoints.is_open));
                to("fleet_accounts_held", checkpoints.accounts as f64);
                to("fleet_checkpoints_written", checkpoints.written as f64);
                to("fleet_checkpoints_unchanged", checkpoints.unchanged as f64);
                to("fleet_checkpoints_failed", checkpoints.failed as f64);
                to("fleet_checkpoints_left", checkpoints.left as f64);
                to("fleet_checkpoints_refused", checkpoints.refused as f64);
                to("fleet_players_restored", checkpoints.restored as f64);
                to("fleet_players_without_checkpoint", checkpoints.without as f64);
                to("fleet_players_kept_out", checkpoints.kept_out as f64);
                to("fleet_players_released", checkpoints.released as f64);
                to("fleet_players_superseded", checkpoints.superseded as f64);
                to("fleet_zones_saved", zones.saved as f64);
                to("fleet_zones_unchanged", zones.unchanged as f64);
                to("fleet_zones_unsaved", zones.failed as f64);
                to("fleet_zones_restored", zones.restored as f64);
                to("fleet_zones_waiting", zones.waiting as f64);
                to("fleet_zones_losing", zones.losing as f64);
            }
            if let Some(border) = shown.border {
                to("fleet_border_dark", border.dark as f64);
                to("fleet_border_replicas", border.replicas as f64);
                to("fleet_border_shown", border.shown as f64);
                to("fleet_border_clock_error_us", border.clock_error_us as f64);
                to("fleet_border_left_out", border.left_out as f64);
                to("fleet_border_darkened", border.darkened as f64);
                to("fleet_border_bytes_out", border.bytes_out as f64);
                to("fleet_border_messages_out", border.messages_out as f64);
                to("fleet_border_messages_in", border.messages_in as f64);
                to("fleet_border_messages_unsent", border.messages_unsent as f64);
                to("fleet_border_messages_repeated", border.repeated as f64);
                to("fleet_border_messages_stale", border.stale as f64);
                to("fleet_border_messages_overflowed", border.overflowed as f64);
                to("fleet_border_messages_of_strangers", border.strangers as f64);
                to("fleet_border_messages_lost", border.lost as f64);
                to("fleet_border_states_out", border.published as f64);
                to("fleet_border_states_out_full", border.published_full as f64);
                to("fleet_border_states_in", border.received as f64);
                to("fleet_border_states_baseless", border.baseless as f64);
                to("fleet_border_states_deferred", border.deferred as f64);
                to("fleet_border_crowded", border.crowded as f64);
                to("fleet_border_malformed", border.malformed as f64);
                to("fleet_border_commands_out", border.commands_out as f64);
                to("fleet_border_commands_taken", border.commands_taken as f64);
                to("fleet_border_commands_refused", border.commands_refused as f64);
                to("fleet_border_commands_in", border.commands_in as f64);
                to("fleet_border_commands_lost", border.commands_lost as f64);
            }
        }
    }

    fn describe(&self) -> Value {
        let shown = self.shown();
        let standing = match &shown.standing {
            Standing::Joining => "joining".to_owned(),
            Standing::Registered => "registered".to_owned(),
            Standing::Taken { by, .. } => format!("not registered: {by} has the name"),
            Standing::Away { since, .. } => format!("registry away for {} s", age(&shown, *since).as_secs()),
        };
        json!({ "host": shown.host, "orders": shown.orders, "standing": standing })
    }

    fn trouble(&self) -> Option<String> {
        let shown = self.shown();
        match &shown.standing {
            Standing::Joining | Standing::Registered => None,
            Standing::Taken { since, by } => Some(format!(
                "{by} has the name {} in the fleet for {} s: this host goes on serving outside of the fleet",
                shown.host.name,
                age(&shown, *since).as_secs()
            )),
            // `/ready` needs no token, so it does not say why: the log does.
            Standing::Away { since, .. } => {
                Some(format!("the registry is away for {} s: this host goes on serving", age(&shown, *since).as_secs()))
            }
        }
    }

    #[cfg(feature = "nats")]
    fn is_handing_over(&self) -> bool {
        let shown = |traffic: &Arc<Mutex<TrafficShown>>| *traffic.lock().unwrap_or_else(PoisonError::into_inner);
        self.traffic.as_ref().map(shown).is_some_and(|shown| {
            let losing = shown.checkpoints.map_or(0, |(_, zones)| zones.losing);
            shown.moves != (0, 0) || shown.can_give || losing > 0
        })
    }

    #[cfg(not(feature = "nats"))]
    fn is_handing_over(&self) -> bool {
        false
    }

    fn stop(&self, patience: Duration) {
        #[cfg(feature = "nats")]
        self.wait_for_checkpoints();
        self.stop.send_replace(true);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(patience) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("the registry does not answer: this host stays in it until its lease ends");
        }
    }
}

/// What keeps the checkpoints, if the settings ask for them.
#[cfg(feature = "nats")]
fn keeper(settings: &BusSettings, key: &BusKey, bus: &NatsBus, run: RunId, cores: usize) -> Option<Keeper> {
    let bucket = &settings.checkpoint_bucket;
    let keep = |secs| {
        let (kept, vault) = (NatsBucket::new(bus.client(), bucket), Vault::new(key, bucket));
        Keeper::new(Bucket::Nats(Box::new(kept)), vault, Clock::System, run, cores, Duration::from_secs(secs))
    };
    Some(settings.checkpoint_secs).filter(|secs| *secs > 0).map(keep)
}

/// The address that clients are sent to.
#[cfg(feature = "nats")]
fn resolved(address: &str) -> Result<SocketAddr, JoinError> {
    let all = address.to_socket_addrs().map_err(|_| JoinError::Address(address.to_owned()))?;
    let found = all.into_iter().find(|address| !address.ip().is_unspecified() && address.port() != 0);
    found.ok_or_else(|| JoinError::Address(address.to_owned()))
}

/// How long ago that was, on the clock of the registration.
fn age(shown: &Shown, since: Duration) -> Duration {
    Instant::now().saturating_duration_since(shown.started + since)
}
