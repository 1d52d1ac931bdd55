//! The door over real loopback sockets. Waits are for things that must happen, never for a time.

mod chat;
mod client;
mod connections;
mod logins;
mod pages;

use super::{Door, LoginSettings, World};
use crate::AccountId;
use crate::accounts::{AccountSettings, Accounts, LoginLimits, PasswordCost};
use crate::actions::{Access, Action, Actions, Caller, Failure, Limits};
use crate::hub::{Hub, HubSettings};
use crate::tickets::ServerKey;
use client::{Client, trust};
use ringshard_certificates::CertificateSource;
use rustls::ClientConfig;
use serde_json::{Value, json};
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

const WORLD: World = World { address: String::new(), key: ServerKey([7; 32]) };

/// An open door with everything behind it.
struct Bench {
    door: Door,
    hub: Hub,
    tls: Arc<ClientConfig>,
    folder: Folder,
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ringshard-login-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn certificate(&self) -> PathBuf {
        self.0.join("tls/development.pem")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn development(folder: &Path) -> CertificateSource {
    CertificateSource::Development { folder: folder.join("tls"), names: Vec::new() }
}

fn account_settings() -> AccountSettings {
    let limits = LoginLimits {
        attempts_burst: 10_000,
        registrations_burst: 10_000,
        tickets_burst: 10_000,
        ..LoginLimits::default()
    };
    let password_cost = PasswordCost { memory_kib: 8, passes: 1, lanes: 1 };
    AccountSettings { password_cost, limits, ..AccountSettings::default() }
}

ringshard_requests::record! {
    struct Twice {
        number: u32,
    }
}

fn actions(hub: &Hub) -> Actions {
    let mut builder = Actions::builder();
    let action = |path, access| Action { path, about: "A test.", access, limits: Limits::default() };
    builder.add(action("/v1/twice", Access::Anybody), |_: Caller, request: Twice| {
        let number = request.number.checked_mul(2);
        ready(number.map(|number| Twice { number }).ok_or(Failure::new(409, "the number is too large")))
    });
    builder.add(action("/v1/mine", Access::Account), |caller: Caller, (): ()| {
        ready(Ok::<u64, Failure>(caller.account.map_or(0, |account: AccountId| account.0)))
    });
    builder.add(action("/v1/rule", Access::Operator), |_: Caller, (): ()| ready(Ok::<(), Failure>(())));
    hub.add_actions(&mut builder);
    builder.build()
}

impl Bench {
    async fn open(change: impl FnOnce(&mut LoginSettings)) -> Bench {
        let folder = Folder::new();
        let mut settings = LoginSettings::new("127.0.0.1:0".parse().unwrap(), development(&folder.0));
        settings.worlds = vec![World { address: "play.example:4433".to_owned(), ..WORLD }];
        change(&mut settings);
        let accounts = Accounts::open(&folder.0, account_settings()).unwrap();
        let hub = Hub::new(HubSettings { lines_burst: 1_000, moves_burst: 1_000, ..HubSettings::default() });
        let door = Door::open(settings, accounts, actions(&hub), hub.clone()).await.unwrap();
        let tls = trust(&folder.certificate(), &[]);
        Bench { door, hub, tls, folder }
    }

    async fn client(&self) -> Client {
        Client::connect(self.door.address(), &self.tls).await.unwrap()
    }

    /// Registers a player, and returns the token.
    async fn player(&self, name: &str) -> String {
        let answer = self.client().await.post("/v1/accounts", None, &registration(name)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["token"].as_str().unwrap().to_owned()
    }

    fn count(&self, name: &str) -> u64 {
        let mut found = None;
        self.door.counters().each(&mut |counter, value| {
            if counter == format!("services_login_{name}") {
                found = Some(value);
            }
        });
        found.unwrap_or_else(|| panic!("there is no counter {name}"))
    }
}

fn registration(name: &str) -> Value {
    json!({ "email": format!("{name}@example.org"), "name": name, "password": "correct horse" })
}

/// Waits until something is so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until a counter moves.
async fn moves(counter: &AtomicU64) {
    until(|| counter.load(Ordering::Relaxed) > 0).await;
}
