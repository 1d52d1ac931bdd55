//! `ringshard balance` with a login door and two hosts: what a client got from it does not help a second time, too late, or
//! elsewhere.

use crate::call::{PASSWORD, add_ann};
use crate::shared::{Folder, Server, TIMEOUT, assert_refused, free_address, ringshard, text};
use ringshard_services::AccountId;
use ringshard_services::tickets::{ServerKey, TicketIssuer};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// A balancer, two hosts that take the tickets of one login door, and the account ann.
struct Fleet {
    balancer: Child,
    url: String,
    agent: Agent,
    hosts: [Server; 2],
    issuer: TicketIssuer,
    door: String,
    _folder: Folder,
}

impl Fleet {
    fn start() -> Fleet {
        let folder = Folder::new("balance");
        let dirs = ["one", "two"].map(|name| folder.file(name));
        std::fs::create_dir(&dirs[0]).unwrap();
        let issuer = TicketIssuer::open(&Path::new(&dirs[0]).join("ticket.key")).unwrap();
        let issuers = issuer.key().to_string();
        let services = |dir| ["--game", "demo", "--services", dir, "--login"];
        let two = [&services(&dirs[1])[..], &["off", "--ticket-issuers", &issuers]].concat();
        let two = Server::start("balance-two", "", &two);
        let (login, worlds) = (free_address().to_string(), format!("{}={}", two.key, two.listen));
        let one = [&services(&dirs[0])[..], &[&login, "--login-worlds", &worlds]].concat();
        let hosts = [Server::start("balance-one", "", &one), two];
        add_ann(&folder, &dirs[0]);
        let entries = ["one", "two"].into_iter().zip(&hosts).map(|(name, Server { listen, key, admin, .. })| {
            format!("[[hosts]]\nname = '{name}'\nregion = '{name}'\naddress = '{listen}'\nkey = '{key}'\nadmin = '{admin}'\n")
        });
        std::fs::write(folder.file("fleet.toml"), entries.collect::<String>()).unwrap();
        let certificate = format!("{}/tls/development.pem", dirs[0]);
        let (listen, door) =
            (free_address().to_string(), format!("https://{}", login.replace("127.0.0.1", "localhost")));
        let balancer = Command::new(env!("CARGO_BIN_EXE_ringshard"))
            .args(["balance", "--fleet", &folder.file("fleet.toml"), "--listen", &listen])
            .args(["--login", &door, "--login-certificate", &certificate])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let fleet = Fleet {
            balancer,
            url: format!("http://{listen}"),
            agent: agent(&certificate),
            hosts,
            issuer,
            door,
            _folder: folder,
        };
        fleet.until_known();
        fleet
    }

    /// Waits until the balancer knows that both hosts are ready.
    fn until_known(&self) {
        let give_up = Instant::now() + TIMEOUT;
        let is_known = || {
            let mut answer = self.agent.get(format!("{}/v1/fleet", self.url)).call().ok()?;
            let fleet = answer.body_mut().read_to_string().ok()?;
            (fleet.matches("\"state\":\"ready\"").count() == 2).then_some(())
        };
        while is_known().is_none() {
            assert!(Instant::now() < give_up, "the balancer does not know the hosts");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Logs in as ann.
    fn log_in(&self) -> String {
        let request = json!({ "email": "ann@example.com", "password": PASSWORD });
        let mut answer = self.agent.post(format!("{}/v1/login", self.door)).send_json(request).unwrap();
        let session: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        session["token"].as_str().unwrap().to_owned()
    }

    /// What the balancer answers a client that wants this region.
    fn route(&self, token: &str, region: &str) -> Value {
        let asked = self.agent.get(format!("{}/v1/route?region={region}", self.url));
        let mut answer = asked.header("authorization", format!("Bearer {token}")).call().unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }

    /// How often a host refused tickets for this reason, or accepted them.
    fn tickets(&self, host: usize, reason: &str) -> u64 {
        let text = self.hosts[host].admin_client().text("/metrics").unwrap();
        let line = format!("ringshard_services_events_total{{event=\"tickets_{reason}\"}} ");
        text.lines().find_map(|text| text.strip_prefix(&line)).unwrap_or_else(|| panic!("{text}")).parse().unwrap()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.balancer.kill();
        let _ = self.balancer.wait();
    }
}

fn agent(certificate: &str) -> Agent {
    let pem = std::fs::read(certificate).unwrap();
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(provider)
        .build();
    Agent::config_builder().timeout_global(Some(TIMEOUT)).tls_config(tls).build().into()
}

/// A client with a key and an address of its own enters a host with a ticket, and asks for the list of its actions.
fn enter(host: &Server, ticket: &str) -> std::process::Output {
    let (listen, key) = (host.listen.to_string(), host.key.to_string());
    ringshard(&["call", &listen, &key, "--ticket", ticket, "--list", "/v1/actions"])
}

#[test]
fn a_route_with_a_ticket_is_good_once_at_its_host_and_in_its_time() {
    let fleet = Fleet::start();
    let token = fleet.log_in();
    let [one, two] = &fleet.hosts;
    let route = fleet.route(&token, "one");
    assert_eq!((route["host"].as_str(), route["address"].as_str()), (Some("one"), Some(&*one.listen.to_string())));
    let ticket = route["ticket"].as_str().unwrap();

    // At another host first: that one refuses it, and does not use it up.
    assert_refused(&enter(two, ticket), &["ticket"]);
    assert_eq!((fleet.tickets(1, "other_server"), fleet.tickets(1, "accepted")), (1, 0));
    let entered = enter(one, ticket);
    assert!(entered.status.success(), "{}", text(&entered.stderr));
    // The same answer again, from another client.
    assert_refused(&enter(one, ticket), &["ticket", "get a new one"]);
    assert_eq!((fleet.tickets(0, "used"), fleet.tickets(0, "accepted")), (1, 1));
    // A ticket for the other host does not help here.
    let other = fleet.route(&token, "two");
    assert_refused(&enter(one, other["ticket"].as_str().unwrap()), &["ticket"]);
    assert_eq!(fleet.tickets(0, "other_server"), 1);
    // Nor does one of the same door whose time is over.
    let past = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64 - 36_000;
    let late = fleet.issuer.issue(past, AccountId(1), "ann", ServerKey(*one.key.as_bytes()));
    assert_refused(&enter(one, &late.to_text()), &["ticket"]);
    assert_eq!((fleet.tickets(0, "expired"), fleet.tickets(0, "accepted")), (1, 1));
    // Without any, nobody enters.
    assert!(!enter(one, "").status.success());
    assert_eq!(fleet.tickets(0, "accepted"), 1);
}
