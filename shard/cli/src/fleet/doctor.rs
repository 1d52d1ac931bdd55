//! `ringshard doctor --fleet`: whether this machine can use the registry and the bus of a fleet.

use super::connect::{Fleet, seed};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use ringshard::ops::doctor::{Finding, Verdict};
use ringshard_fleet::bus::{BusKey, BusSettings};
use ringshard_fleet::registry::{FleetSettings, RegistrySettings, open_store};
use ringshard_fleet::store::{Commit, EtcdSettings, StoreError};
use rustls::crypto::ring;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// How long a node of etcd may take to tell its time.
const CLOCK_TIMEOUT: Duration = Duration::from_secs(3);
/// Clocks may differ by this much. etcd tells whole seconds.
const SKEW_MAX_S: f64 = 2.0;

/// What was found about the registry in this file of a fleet.
pub fn examine(file: &Path) -> Vec<Finding> {
    let settings = match FleetSettings::load(file) {
        Ok(settings) => settings,
        Err(error) => return vec![fail("fleet file", error.to_string(), "correct the file")],
    };
    let RegistrySettings::Etcd(etcd) = &settings.registry else {
        return vec![ok("fleet file", "it lists the hosts, so there is no registry")];
    };
    let mut findings = vec![ok("fleet file", file.display().to_string())];
    findings.extend(registry(&settings, etcd));
    findings.extend(settings.bus.iter().flat_map(bus));
    findings
}

/// Whether etcd answers, and takes what hosts write.
fn registry(settings: &FleetSettings, etcd: &EtcdSettings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let nodes: Vec<_> = etcd.endpoints.iter().map(|node| (node, answer(etcd, node))).collect();
    let is_alone = nodes.iter().all(|(_, answer)| answer.is_err());
    findings.extend(nodes.iter().map(|(node, answer)| match answer {
        Ok(took) => ok("registry node", format!("{node} answers after {:.0} ms", took.as_secs_f64() * 1e3)),
        Err(error @ StoreError::Denied(_)) => fail("registry node", format!("{node}: {error}"), "correct the file"),
        Err(error) if is_alone => fail("registry node", format!("{node}: {error}"), "start etcd, or open its port"),
        Err(error) => warn("registry node", format!("{node}: {error}"), "start etcd there, or open its port"),
    }));
    if !is_alone {
        findings.push(rights(etcd));
        findings.extend(host_keys(settings));
        findings.extend(nodes.iter().filter(|(_, answer)| answer.is_ok()).map(|(node, _)| clock(etcd, node)));
    }
    findings
}

/// Whether the fleet's key can be read, and NATS carries letters and keeps checkpoints.
fn bus(settings: &BusSettings) -> Vec<Finding> {
    let key = match BusKey::load(settings) {
        Ok(_) => ok("fleet key", settings.key_file.display().to_string()),
        Err(error) => fail("fleet key", error, "ringshard fleet keygen on one host, and copy the file to all"),
    };
    let servers: Vec<_> = settings.servers.iter().map(|server| (server, nats::round_trip(settings, server))).collect();
    let is_alone = servers.iter().all(|(_, answer)| answer.is_err());
    let answering: Vec<_> = servers.iter().filter(|(_, answer)| answer.is_ok()).map(|(server, _)| *server).collect();
    let kept = answering.into_iter().map(|server| checkpoints(settings, server));
    let found = servers.iter().map(|(server, answer)| match answer {
        Ok(took) => ok("bus", format!("{server} brings a letter back after {:.1} ms", took.as_secs_f64() * 1e3)),
        Err(error) if is_alone => fail("bus", format!("{server}: {error}"), "start nats-server, or open its port"),
        Err(error) => warn("bus", format!("{server}: {error}"), "start nats-server there, or open its port"),
    });
    std::iter::once(key).chain(found).chain(kept).collect()
}

/// Whether a server of NATS keeps checkpoints, if hosts are to write any.
fn checkpoints(settings: &BusSettings, server: &str) -> Finding {
    const CHECK: &str = "checkpoints";
    if settings.checkpoint_secs == 0 {
        return ok(CHECK, "bus.checkpoint-secs is 0: hosts keep none");
    }
    match nats::has_jetstream(settings, server) {
        Ok(()) => ok(CHECK, format!("{server} has JetStream, for the bucket {}", settings.checkpoint_bucket)),
        Err(error) => {
            let found = format!("{server}: {error}: players of a host that is killed would enter as newcomers");
            let fix = "nats-server -js --store_dir DIRECTORY, or set checkpoint-secs = 0 in [bus] if none are wanted";
            warn(CHECK, found, fix)
        }
    }
}

/// Questions to a server of NATS.
#[cfg(feature = "fleet")]
mod nats {
    use ringshard_fleet::bus::{BusSettings, nats};
    use std::time::Duration;

    /// How long it takes to bring a letter back.
    pub(super) fn round_trip(settings: &BusSettings, server: &str) -> Result<Duration, String> {
        in_runtime(nats::round_trip(settings, server))
    }

    /// Whether it has a JetStream, which checkpoints need.
    pub(super) fn has_jetstream(settings: &BusSettings, server: &str) -> Result<(), String> {
        in_runtime(nats::has_jetstream(settings, server))
    }

    fn in_runtime<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(work)
    }
}

#[cfg(not(feature = "fleet"))]
mod nats {
    use ringshard_fleet::bus::BusSettings;
    use std::time::Duration;

    const NONE: &str = "this program is built without the feature fleet, so it has no client of NATS";

    pub(super) fn round_trip(_: &BusSettings, _: &str) -> Result<Duration, String> {
        Err(NONE.into())
    }

    pub(super) fn has_jetstream(_: &BusSettings, _: &str) -> Result<(), String> {
        Err(NONE.into())
    }
}

fn finding(check: &'static str, verdict: Verdict, found: String, fix: &str) -> Finding {
    Finding { check, verdict, found, fix: fix.into(), tune_host: false }
}

fn ok(check: &'static str, found: impl Into<String>) -> Finding {
    finding(check, Verdict::Ok, found.into(), "")
}

fn warn(check: &'static str, found: String, fix: &str) -> Finding {
    finding(check, Verdict::Warn, found, fix)
}

fn fail(check: &'static str, found: String, fix: &str) -> Finding {
    finding(check, Verdict::Fail, found, fix)
}

/// How long this node takes to read.
fn answer(etcd: &EtcdSettings, node: &str) -> Result<Duration, StoreError> {
    let alone = EtcdSettings { endpoints: vec![node.to_owned()], ..etcd.clone() };
    let store = open_store(&alone, 0).map_err(|error| StoreError::Refused(error.to_string()))?;
    in_runtime(async {
        // The first request also connects.
        store.get(&format!("{}doctor", etcd.prefix)).await?;
        let began = Instant::now();
        store.get(&format!("{}doctor", etcd.prefix)).await?;
        Ok(began.elapsed())
    })
}

/// Whether each host has a key of its own. None: the registry does not say.
fn host_keys(settings: &FleetSettings) -> Option<Finding> {
    const CHECK: &str = "host keys";
    let fleet = Fleet::of(settings.clone()).ok()?;
    let (_, directory) = fleet.run(fleet.reader()).ok()?;
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, host) in &directory.hosts {
        by_key.entry(&host.key).or_default().push(name.as_str());
    }
    Some(match by_key.values().find(|names| names.len() > 1) {
        None => ok(CHECK, format!("each of the {} hosts has its own", directory.hosts.len())),
        Some(names) => {
            let found = format!("{} have the same, so each of them takes a ticket for the others", names.join(", "));
            warn(CHECK, found, "ringshard keygen --out server.key on each of them, and start them again")
        }
    })
}

/// Whether the credentials allow what a host does.
fn rights(etcd: &EtcdSettings) -> Finding {
    const CHECK: &str = "registry rights";
    let key = format!("{}doctor/{:016x}", etcd.prefix, seed());
    let written = in_runtime(async {
        let store = open_store(etcd, seed()).map_err(|error| StoreError::Refused(error.to_string()))?;
        // The lease takes the key away if this program cannot.
        let lease = store.grant(etcd.lease()).await?;
        store.commit(Commit::put(key, Vec::new(), Some(lease))).await?;
        store.revoke(lease).await
    });
    match written {
        Ok(()) => ok(CHECK, "it can write and delete keys"),
        Err(error) => {
            let fix = format!("etcdctl role grant-permission ROLE readwrite --prefix {}", etcd.prefix);
            fail(CHECK, error.to_string(), &fix)
        }
    }
}

fn in_runtime<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| StoreError::Refused(error.to_string()))?.block_on(work)
}

/// Compares the clocks. Logs, the audit and the age of hosts show times of several machines.
fn clock(etcd: &EtcdSettings, node: &str) -> Finding {
    const CHECK: &str = "clock";
    match skew_s(etcd, node) {
        Ok(skew) if skew.abs() <= SKEW_MAX_S => {
            ok(CHECK, format!("that of {node} differs by less than {SKEW_MAX_S} s"))
        }
        Ok(skew) => {
            let direction = if skew > 0.0 { "behind" } else { "ahead of" };
            let found = format!("this machine is {:.0} s {direction} {node}", skew.abs());
            warn(CHECK, found, "apt-get install chrony, on both")
        }
        Err(error) => warn(CHECK, format!("{node} does not tell its time: {error}"), "compare `date` on both"),
    }
}

/// By how many seconds the clock of a node is ahead. Its answers to HTTP have the time, in whole seconds.
fn skew_s(etcd: &EtcdSettings, node: &str) -> Result<f64, Box<dyn Error>> {
    let config = Agent::config_builder()
        .timeout_global(Some(CLOCK_TIMEOUT))
        .http_status_as_error(false)
        .proxy(None)
        .tls_config(tls(etcd)?)
        .build();
    let agent: Agent = config.into();
    let answer = agent.get(format!("{node}/version")).call()?;
    let date = answer.headers().get("Date").ok_or("its answer has no Date")?.to_str()?;
    let theirs = rfc2822::parse(date)?.timestamp();
    // Half a second: it was cut off.
    Ok(theirs.duration_since(Timestamp::now()).as_secs_f64() + 0.5)
}

fn tls(etcd: &EtcdSettings) -> Result<TlsConfig, Box<dyn Error>> {
    let mut tls = TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()));
    if let Some(authority) = &etcd.ca_certificate {
        tls = tls.root_certs(RootCerts::new_with_certs(&certificates(authority)?));
    }
    if let (Some(chain), Some(key)) = (&etcd.certificate, &etcd.certificate_key) {
        let key = PrivateKey::from_pem(&std::fs::read(key)?)?;
        tls = tls.client_cert(Some(ClientCert::new_with_certs(&certificates(chain)?, key)));
    }
    Ok(tls.build())
}

fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>, Box<dyn Error>> {
    let pem = std::fs::read(file)?;
    let items = parse_pem(&pem).collect::<Result<Vec<_>, _>>()?;
    let certificates = items.into_iter().filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    Ok(certificates.collect())
}
