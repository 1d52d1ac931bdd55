//! The server: one thread, on a core of its own.

use crate::fleet;
use core_affinity::CoreId;
use ringshard_fleet::balance::{Server, Settings};
use ringshard_fleet::registry::{DirectoryReader, Freshness};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};

/// Different directories.
const ROUNDS: u32 = 20;
/// Time between two directories.
const DIRECTORY_EVERY: Duration = Duration::from_millis(100);

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    /// `PID/task/TID` of its thread.
    pub(crate) thread: String,
    stop: oneshot::Sender<()>,
    handle: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(hosts: u32, regions: u32, core: Option<CoreId>) -> Running {
        let (started, start) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let directories: Vec<_> = (0..ROUNDS).map(|round| fleet::directory(hosts, regions, round)).collect();
        let handle = std::thread::spawn(move || {
            if let Some(core) = core {
                core_affinity::set_for_current(core);
            }
            let thread = std::fs::read_link("/proc/thread-self").expect("this is Linux").display().to_string();
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
            runtime.block_on(async {
                let (sender, directory) = watch::channel(Arc::clone(&directories[0]));
                let (_, freshness) = watch::channel(Freshness::default());
                let reader = DirectoryReader { directory, freshness };
                let server = Server::start(settings(regions), reader, None).await.expect("the balancer starts");
                started.send((server.address(), thread)).expect("the caller waits");
                // A registry would make them on another thread, so they are made beforehand.
                let feeding = tokio::spawn(async move {
                    for directory in directories.iter().cycle() {
                        sender.send_replace(Arc::clone(directory));
                        tokio::time::sleep(DIRECTORY_EVERY).await;
                    }
                });
                let _ = stopped.await;
                server.drain().await;
                feeding.abort();
            });
        });
        let (address, thread) = start.recv().expect("the server starts");
        Running { address, thread, stop, handle }
    }

    pub(crate) fn stop(self) {
        let _ = self.stop.send(());
        self.handle.join().expect("the server ends");
    }
}

fn settings(regions: u32) -> Settings {
    let policy = std::env::temp_dir().join(format!("ringshard-balance-load-{}.toml", std::process::id()));
    let text = toml::to_string(&fleet::policy(regions)).expect("a policy is plain data");
    std::fs::write(&policy, text).expect("the folder for temporary files is there");
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        policy: Some(policy),
        location: std::env::var_os("LOCATION_DATABASE").map(Into::into),
        // Each request says its address, as behind a proxy.
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("it is a network")],
        ..Settings::default()
    }
}
