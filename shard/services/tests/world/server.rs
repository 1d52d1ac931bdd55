//! A server with services on loopback, in this process, and clients of it.

use crate::game::{Input, Still, StillGame};
use ringshard::config::{Configuration, Settings, Sources};
use ringshard::ops::services::Services as _;
use ringshard::runtime::jobs::Jobs;
use ringshard::runtime::server::Server;
use ringshard::runtime::services::{ServicesEnd, between};
use ringshard::serve::start_world;
use ringshard_client::{ClientConfig, News, PublicKey, ServiceEvent, Services as ClientServices, Udp};
use ringshard_services::accounts::{Administration, Existing};
use ringshard_services::actions::{Access, Action, Caller, Limits};
use ringshard_services::tickets::{ServerKey, TicketIssuer};
use ringshard_services::{AccountId, Providers, ServerIdentity, Services};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

ringshard_requests::record! {
    /// Adds two numbers.
    pub struct Add {
        /// One.
        pub one: u32,
        /// The other.
        pub other: u32,
    }

    /// What they are together.
    pub struct Sum {
        /// The sum.
        pub sum: u64,
        /// The account that has asked.
        pub account: u64,
    }
}

/// A folder of a test, which goes with it.
pub struct Folder(pub PathBuf);

impl Folder {
    fn new() -> Folder {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("ringshard-world-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server of two cores with services.
pub struct World {
    pub services: Arc<Services>,
    server: Option<Server>,
    pub folder: Folder,
}

impl World {
    /// A server with these settings beside those of every test. `prepare` fills the folder of the services.
    pub fn new(settings: &[(&str, &str)], prepare: impl FnOnce(&Path)) -> World {
        World::with(settings, prepare, Providers::default())
    }

    /// The same with what the game brings.
    pub fn with(settings: &[(&str, &str)], prepare: impl FnOnce(&Path), providers: Providers) -> World {
        let folder = Folder::new();
        prepare(&folder.0);
        let path = folder.0.display().to_string();
        let own =
            [("listen", "127.0.0.1:0"), ("login", "127.0.0.1:0"), ("services", &path), ("cpus", "0"), ("admin", "off")];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let flags = own.iter().chain(settings).map(owned).collect();
        let (configuration, prepared) =
            Configuration::prepared(Sources { flags, has_services: true, ..Sources::default() })
                .expect("sound settings");
        let (ports, ends) = between(1);
        let server =
            start_world(&prepared, Jobs::none(1), ports, Vec::new(), |_| StillGame).expect("the server starts");
        let services = start(configuration.settings(), &server, ends, providers);
        World { services, server: Some(server), folder }
    }

    /// A ticket of an account for this server, by the issuer whose key is in the folder.
    pub fn ticket(&self, account: u64, name: &str) -> Vec<u8> {
        let issuer = TicketIssuer::open(&self.folder.0.join("ticket.key")).expect("a key");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
        let key = ServerKey(*self.server().public_key().as_bytes());
        issuer.issue(now, AccountId(account), name, key).bytes.clone()
    }

    /// Makes an account, and gives its number.
    pub fn register(&self, name: &str) -> u64 {
        let line = format!("{{\"name\": \"{name}\"}}\n");
        let mut accounts = self.accounts();
        accounts.import(&mut line.as_bytes(), Existing::Refuse).expect("an account");
        accounts.find(name).expect("the database is sound").expect("it was made a moment ago").id.0
    }

    /// Disables an account, as an operator does.
    pub fn disable(&self, account: u64) {
        self.accounts().set_disabled(AccountId(account), true).expect("the database is sound");
    }

    fn accounts(&self) -> Administration {
        Administration::open(&self.folder.0, false).expect("the database of the services")
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs until the test is over")
    }

    /// A counter of the services.
    pub fn count(&self, name: &str) -> u64 {
        let mut found = None;
        self.services.counters(&mut |it, count| {
            if it == name {
                found = Some(count);
            }
        });
        found.unwrap_or_else(|| panic!("there is no counter {name}"))
    }

    /// A client that shows this ticket.
    pub fn client(&self, ticket: &[u8]) -> Player {
        static INSTANCES: AtomicU64 = AtomicU64::new(1);
        let key = PublicKey::from_bytes(*self.server().public_key().as_bytes());
        let config = ClientConfig { reconnect: true, ..ClientConfig::new(key) };
        let udp = Udp::connect(self.server().listen(), Still, config, ticket).expect("a socket");
        let mut instance = [0; 16];
        instance[..8].copy_from_slice(&INSTANCES.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        instance[8..12].copy_from_slice(&std::process::id().to_le_bytes());
        Player { udp, services: ClientServices::new(instance, None), news: Vec::new(), events: Vec::new() }
    }
}

fn start(settings: &Settings, server: &Server, ends: Vec<ServicesEnd>, providers: Providers) -> Arc<Services> {
    let identity = ServerIdentity { key: *server.public_key().as_bytes(), listen: server.listen() };
    let services = Services::start(settings, identity, ends, providers, |actions, _| {
        let limits = Limits { per_second: 1e6, burst: 1_000_000, parallel: 1_000, ..Limits::default() };
        let action = Action { path: "/v1/test/add", about: "Adds.", access: Access::Account, limits };
        actions.add(action, |caller: Caller, add: Add| async move {
            let account = caller.account.map_or(0, |account| account.0);
            Ok(Sum { sum: u64::from(add.one) + u64::from(add.other), account })
        });
    });
    services.expect("the services start").expect("the settings ask for them")
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.lifecycle().stop();
            server.join();
        }
        self.services.stop(Duration::from_secs(5));
    }
}

/// A client with its services, and what it was told.
pub struct Player {
    pub udp: Udp<Still>,
    pub services: ClientServices,
    pub news: Vec<News<Still>>,
    pub events: Vec<ServiceEvent>,
}

impl Player {
    /// The time by the client's clock.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.udp.now().as_nanos())
    }

    /// One frame.
    pub fn frame(&mut self) {
        self.udp.poll(|_| Input {});
        let now = self.now();
        self.services.update(now, self.udp.client_mut());
        self.udp.flush();
        self.news.extend(std::iter::from_fn(|| self.udp.news()));
        self.events.extend(std::iter::from_fn(|| self.services.poll(now)));
    }

    /// Plays until something is so.
    pub fn until<T>(&mut self, mut found: impl FnMut(&mut Player) -> Option<T>) -> T {
        let give_up = Instant::now() + PATIENCE;
        loop {
            self.frame();
            if let Some(it) = found(self) {
                return it;
            }
            assert!(Instant::now() < give_up, "it never happened: {:?}, {:?}", self.news, self.events);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Plays until the client is in the world and has its own state.
    pub fn enter(&mut self) -> u32 {
        self.until(|player| {
            let owner = player.udp.client().view().newest().is_some().then(|| player.udp.client().view().owner());
            owner.filter(|owner| owner.body.is_some()).map(|owner| owner.own.account)
        })
    }

    /// The reason for which the client is refused or put out.
    pub fn turned_away(&mut self) -> u8 {
        self.until(|player| {
            player.news.iter().find_map(|news| match news {
                News::Refused(reason) | News::PutOut(reason) => Some(*reason),
                _ => None,
            })
        })
    }
}
