//! What a run does, and on which CPUs.

mod options;
mod values;

pub use self::options::{
    Arguments, Load, MapOption, NetworkOptions, Placement, RunOptions, RunningServer, ServerOptions, Setting, Settings,
};
pub use self::values::{Cipher, Datapath, Flows, IdleStrategy, Rate, number_in, option_name};

use ringshard_link::conditions::NetworkSpec;
use ringshard_protocol::limits::WHOLE_MESSAGE_BYTES_MAX;
use std::time::Duration;

/// Smallest payload: the header of a message.
pub const PAYLOAD_BYTES_MIN: usize = 16;
/// Default number of sockets of relay flows.
const RELAYS: usize = 64;

/// A validated run.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub flows: Flows,
    pub clients: usize,
    pub sockets: usize,
    pub rate: Rate,
    pub payload_bytes: usize,
    pub measure: Duration,
    pub server_cpus: Vec<usize>,
    pub client_cpus: Vec<usize>,
    pub cipher: Cipher,
    pub datapath: Datapath,
    pub idle: IdleStrategy,
    pub arrival_stamps: bool,
    /// Further settings of the server.
    pub settings: Vec<Setting>,
    /// The simulated network between clients and server.
    pub network: Option<NetworkSpec>,
}

impl Scenario {
    /// Checks the options against each other and against this machine.
    pub fn new(
        load: Load,
        place: &Placement,
        serving: &ServerOptions,
        settings: &Settings,
        network: Option<NetworkSpec>,
    ) -> Result<Self, String> {
        let Load { flows, clients, rate, size, secs } = load;
        let (server_cpus, client_cpus) = split_cpus(place)?;
        let most = match flows {
            Flows::Distinct => 15_000,
            Flows::Relay => 65_536,
        };
        if !(1..=most).contains(&clients) {
            return Err(format!("--clients is {clients}; with {} flows it must be 1 to {most}", option_name(flows)));
        }
        if !(PAYLOAD_BYTES_MIN..=WHOLE_MESSAGE_BYTES_MAX).contains(&size) {
            return Err(format!("--size is {size}; it must be {PAYLOAD_BYTES_MIN} to {WHOLE_MESSAGE_BYTES_MAX}"));
        }
        if !(0.1..=3600.0).contains(&secs) {
            return Err(format!("--secs is {secs}; it must be 0.1 to 3600"));
        }
        let relays = place.relays.unwrap_or(RELAYS);
        if !(1..=4096).contains(&relays) {
            return Err(format!("--relays is {relays}; it must be 1 to 4096"));
        }
        if place.relays.is_some() && flows == Flows::Distinct {
            return Err("--relays has no effect on distinct flows; use --flows relay, or omit it".to_owned());
        }
        let sockets = match flows {
            Flows::Distinct => clients,
            Flows::Relay => relays.clamp(client_cpus.len().min(clients), clients),
        };
        Ok(Scenario {
            flows,
            clients,
            sockets,
            rate,
            payload_bytes: size,
            measure: Duration::from_secs_f64(secs),
            server_cpus,
            client_cpus,
            cipher: serving.cipher,
            datapath: serving.datapath,
            idle: serving.idle,
            arrival_stamps: !serving.no_arrival_stamps,
            settings: settings.settings.clone(),
            network,
        })
    }
}

/// The CPUs of each side: those given, or the first half for the server and the others for the clients.
fn split_cpus(place: &Placement) -> Result<(Vec<usize>, Vec<usize>), String> {
    let all: Vec<usize> = core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
    if let Some(cpu) = place.server_cpus.iter().chain(&place.client_cpus).find(|cpu| !all.contains(cpu)) {
        return Err(format!("there is no CPU {cpu} here; there are {all:?}"));
    }
    let half = (all.len() / 2).max(1);
    let server = match place.server_cpus.is_empty() {
        true => all.iter().copied().filter(|cpu| !place.client_cpus.contains(cpu)).take(half).collect(),
        false => place.server_cpus.clone(),
    };
    let client: Vec<usize> = match place.client_cpus.is_empty() {
        true => all.iter().copied().filter(|cpu| !server.contains(cpu)).collect(),
        false => place.client_cpus.clone(),
    };
    match (server.is_empty(), client.is_empty()) {
        // One CPU for both: the figures mean little, but everything runs.
        (false, true) => Ok((server.clone(), server)),
        (true, false) => Ok((client.clone(), client)),
        _ => Ok((server, client)),
    }
}
