//! The command, from its options to its end.

use super::admin;
use super::driver::Driver;
use super::node::Relay;
use super::options::Options;
use super::own::Own;
use super::record;
use super::registration::Registration;
use super::roster::Roster;
use super::{RelayKey, key};
use crate::end_signal::end_signal;
use crate::model::{Name, Node, RunId, gateway_name};
use crate::registry::{FleetSettings, Keys, RegistrySettings, open_store};
use crate::topology::{PlaceId, RelaySettings, is_reachable};
use ringshard_operation::private_file;
use ringshard_protocol::gateway::GatewayKey;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::error::Error;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::sleep;

/// Time between two looks at the file and the registry.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Files that are open beside the sockets of clients.
const FILES_BESIDE: u64 = 256;

/// A node that is about to start.
struct Prepared {
    fleet: FleetSettings,
    own: Own,
    key: RelayKey,
    gateway: Option<GatewayKey>,
    node: Node,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// The options are wrong, or the node does not start.
pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let prepared = prepare(options)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(options, prepared))
}

/// Checks the options and the files that they name, and starts nothing.
///
/// # Errors
/// What is wrong.
pub fn check(options: &Options) -> Result<(), Box<dyn Error>> {
    prepare(options).map(drop)
}

fn prepare(options: &Options) -> Result<Prepared, Box<dyn Error>> {
    let faults = options.faults();
    if !faults.is_empty() {
        return Err(faults.join("\n  ").into());
    }
    let fleet = FleetSettings::load(&options.fleet)?;
    let Some(RelaySettings { key_file, direct }) = fleet.relays.clone() else {
        return Err(
            format!("{} has no table [relays], which names the key of the nodes", options.fleet.display()).into()
        );
    };
    let key = key::RelayKey::load(&beside(&options.fleet, &key_file))?;
    let gateway = options.gateway_key.as_deref().map(gateway_key).transpose()?;
    let node = node(options, &fleet, gateway.as_ref());
    // Where the file lists the nodes, others read the address there.
    let is_told = options.address.is_some() || matches!(fleet.registry, RegistrySettings::Etcd(_));
    if is_told && !is_reachable(&node.address) {
        return Err(format!(
            "other nodes cannot reach {}: set --address to HOST:PORT, as others reach this node",
            node.address
        )
        .into());
    }
    if record::bytes(&node) > Node::RECORD_BYTES_MAX {
        let doors = options.doors.len();
        return Err(format!(
            "{doors} doors do not fit into the record of a node, which has {} bytes: leave some to another edge",
            Node::RECORD_BYTES_MAX
        )
        .into());
    }
    let own = Own {
        id: PlaceId::of_node(&options.name),
        run: node.run.expect("a node that runs has a run").0,
        doors: options.doors.iter().map(|door| door.host.clone()).collect(),
        exits: direct || options.doors.is_empty(),
        clients_max: options.clients_max as usize,
    };
    Ok(Prepared { fleet, own, key, gateway, node })
}

/// A file that is named relative to the file of the fleet.
fn beside(fleet: &Path, file: &Path) -> std::path::PathBuf {
    fleet.parent().map_or_else(|| file.to_owned(), |folder| folder.join(file))
}

fn gateway_key(path: &Path) -> Result<GatewayKey, String> {
    let text = private_file::read(path)?;
    GatewayKey::from_hex(&text).map_err(|error| {
        format!("{} is no key of a gateway: {error}; `ringshard keygen --out FILE` makes one", path.display())
    })
}

fn node(options: &Options, fleet: &FleetSettings, gateway: Option<&GatewayKey>) -> Node {
    let entry = fleet.nodes.iter().find(|node| node.name == options.name);
    let usual: Name = "default".parse().expect("it is a name");
    let address = options.address.clone().or_else(|| entry.map(|entry| entry.address.clone()));
    let address = address.unwrap_or_else(|| options.listen.to_string());
    let public = address.rsplit_once(':').map_or(&*address, |(host, _)| host);
    let doors = options.doors.iter().map(|door| (door.host.clone(), format!("{public}:{}", door.listen.port())));
    Node {
        name: options.name.clone(),
        run: Some(RunId(now_ms())),
        region: options.region.clone().or_else(|| entry.map(|entry| entry.region.clone())).unwrap_or(usual),
        doors: doors.collect(),
        gateway: gateway.map(|key| gateway_name(key.name())),
        address,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        links: Default::default(),
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

async fn serve(options: &Options, prepared: Prepared) -> Result<(), Box<dyn Error>> {
    let mut ends = end_signal()?;
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)?;
    let seed = u64::from_le_bytes(seed);
    let Prepared { fleet, own, key, gateway, node } = prepared;
    let doors: Vec<_> = options.doors.iter().map(|door| door.listen).collect();
    let has_gateway_key = gateway.is_some();
    raise_file_limit(options.clients_max);
    let driver = Driver::open(Relay::new(own, key, gateway, seed), options.listen, &doors)?;
    let admin = TcpListener::bind(options.admin)
        .await
        .map_err(|error| format!("cannot open the admin port {}: {error}; set `--admin` to another", options.admin))?;
    driver.start();
    let registered = register(&fleet, &driver, &node, seed, ends.clone())?;
    let mut roster = Roster::open(fleet, node.name.clone(), seed)?;
    spawn_local(admin::serve(admin, Rc::clone(&driver), node.clone()));
    let kind = if doors.is_empty() { "relay" } else { "edge" };
    tracing::info!(name = %node.name, kind, listen = %options.listen, "the node serves; http://{}/node shows its links and routes", options.admin);
    for door in &options.doors {
        tracing::info!(host = %door.host, listen = %door.listen, "a door is open");
    }
    if !doors.is_empty() && !has_gateway_key {
        tracing::warn!("there is no gateway key: hosts see the addresses of nodes instead of the clients'");
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let follow = async {
        loop {
            if let Some(places) = roster.poll().await {
                driver.set_places(places.nodes, places.hosts);
            }
            sleep(LOOK_INTERVAL).await;
        }
    };
    tokio::select! {
        () = follow => {}
        // The thread of the signals is there until one comes.
        _ = ends.wait_for(|ends| *ends) => {}
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    if let Some(registered) = registered {
        // A task that panicked has said so.
        let _ = registered.await;
    }
    tracing::info!("the node ends");
    Ok(())
}

/// Lets the process open as many files as the system allows: a last node has a socket per client.
fn raise_file_limit(clients_max: u32) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    if files.is_some_and(|files| files < u64::from(clients_max) + FILES_BESIDE) {
        tracing::warn!(
            files,
            clients_max,
            "this process may open fewer files than it may have clients: raise LimitNOFILE"
        );
    }
}

/// Starts the registration, if there is a registry.
fn register(
    fleet: &FleetSettings,
    driver: &Rc<Driver>,
    node: &Node,
    seed: u64,
    ends: watch::Receiver<bool>,
) -> Result<Option<JoinHandle<()>>, Box<dyn Error>> {
    let RegistrySettings::Etcd(etcd) = &fleet.registry else { return Ok(None) };
    let key = Keys::new(etcd.prefix.as_str()).node(&node.name);
    let registration = Registration::new(open_store(etcd, seed)?, key, etcd.lease(), seed);
    let (driver, node) = (Rc::clone(driver), node.clone());
    let described = move || Node { links: driver.with_relay(Relay::links), ..node.clone() };
    Ok(Some(spawn_local(registration.run(described, ends))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// What is wrong with a node of this file, which listens there, has these doors, and says that it is at this address.
    fn fault(file: &str, listen: &str, doors: &[String], address: Option<&str>) -> Option<String> {
        let folder = std::env::temp_dir().join(format!("ringshard-relay-run-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let [fleet, key] = ["fleet.toml", "relay.key"].map(|name| folder.join(name));
        std::fs::write(&fleet, file).unwrap();
        std::fs::write(&key, "5".repeat(64)).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let options = Options {
            fleet,
            name: "n".parse().unwrap(),
            region: None,
            listen: listen.parse().unwrap(),
            address: address.map(str::to_owned),
            doors: doors.iter().map(|door| door.parse().unwrap()).collect(),
            gateway_key: None,
            admin: "127.0.0.1:3590".parse().unwrap(),
            clients_max: 9,
        };
        check(&options).err().map(|error| error.to_string())
    }

    #[test]
    fn a_node_that_registers_needs_an_address_that_others_reach_and_a_short_record() {
        let relays = "[relays]\nkey-file = 'relay.key'\n";
        let etcd = format!("[etcd]\nendpoints = ['http://10.0.0.1:2379']\n{relays}");
        let listed = format!("{etcd}[[nodes]]\nname='n'\nregion='eu'\naddress='192.0.2.1:3600'\n");
        let key = "0".repeat(64);
        let static_hosts = format!(
            "[[hosts]]\nname='a'\nregion='eu'\naddress='a.example:1'\nkey='{key}'\nadmin='10.0.0.1:3566'\n{relays}"
        );
        for (file, listen, address, refused) in [
            (&etcd, "0.0.0.0:3600", None, Some("0.0.0.0:3600")),
            (&etcd, "[::]:3600", None, Some("[::]:3600")),
            (&etcd, "127.0.0.1:0", None, Some("127.0.0.1:0")),
            (&etcd, "192.0.2.1:3600", None, None),
            (&etcd, "0.0.0.0:3600", Some("a.example:3600"), None),
            (&etcd, "0.0.0.0:3600", Some("a.example"), Some("a.example")),
            (&etcd, "192.0.2.1:3600", Some("0.0.0.0:3600"), Some("0.0.0.0:3600")),
            (&listed, "0.0.0.0:3600", None, None),
            (&static_hosts, "0.0.0.0:3600", None, None),
            (&static_hosts, "0.0.0.0:3600", Some("a"), Some("a")),
        ] {
            let expected = refused.map(|address| {
                format!("other nodes cannot reach {address}: set --address to HOST:PORT, as others reach this node")
            });
            assert_eq!(fault(file, listen, &[], address), expected, "{listen} {address:?}: {file}");
        }
        let doors: Vec<_> = (0..3_000).map(|host| format!("h-{host:061}=0.0.0.0:{}", 10_000 + host)).collect();
        let error = fault(&etcd, "192.0.2.1:3600", &doors, None).unwrap();
        assert!(error.starts_with("3000 doors do not fit into the record of a node"), "{error}");
        let error = fault(&etcd, "192.0.2.1:3600", &["h=0.0.0.0:0".to_owned()], None).unwrap();
        assert!(error.contains("the door to h has port 0"), "{error}");
    }
}
