//! The sending server as a process of its own.

use super::server::Load;
use crate::process::{ServerProcess, Usage, free_ports, usage};
use crate::scenario::{Scenario, option_name};
use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::crypto::PublicKey;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};

pub struct SendingServer {
    process: ServerProcess,
    orders: ChildStdin,
    pub address: SocketAddr,
    pub key: PublicKey,
    asker: AdminClient,
}

impl SendingServer {
    /// Starts one, and waits until it says its key.
    pub fn start(scenario: &Scenario, load: &Load) -> Result<Self, String> {
        let (address, admin) = free_ports()?;
        let own = std::env::current_exe().map_err(|error| format!("cannot tell where this program is: {error}"))?;
        let cpus: Vec<String> = scenario.server_cpus.iter().map(usize::to_string).collect();
        let mut command = Command::new(own);
        command
            .arg("transfer-server")
            .args(["--listen", &address.to_string(), "--admin", &admin.to_string(), "--cpus", &cpus.join(",")])
            .args(["--cipher", &option_name(scenario.cipher), "--datapath", &option_name(scenario.datapath)])
            .args(["--idle", &option_name(scenario.idle), "--clients", &scenario.clients.to_string()])
            .args((!scenario.arrival_stamps).then_some("--no-arrival-stamps"))
            .args(["--size", &load.size.to_string(), "--channel", &load.channel.to_string()])
            .args(["--congestion", &option_name(load.congestion), "--queue", &load.queue.to_string()])
            .args(load.no_compression.then_some("--no-compression"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = ServerProcess::start(&mut command)?;
        let (orders, said) = process.take_pipes().ok_or("the sending server has no pipes")?;
        let mut line = String::new();
        let _ = BufReader::new(said).read_line(&mut line);
        match PublicKey::from_hex(&line) {
            Ok(key) => Ok(SendingServer { process, orders, address, key, asker: AdminClient::new(admin) }),
            Err(_) => Err("the sending server ended at once; it said why above".into()),
        }
    }

    /// Tells it `send` or `end`.
    pub fn order(&mut self, order: &str) -> Result<(), String> {
        writeln!(self.orders, "{order}").map_err(|error| format!("the sending server is gone: {error}"))
    }

    /// What it says of itself, and the system of it.
    pub fn look(&self) -> Result<(ServerReport, Usage), String> {
        let report = self.asker.get("/stats").map_err(|error| error.to_string())?;
        Ok((report, usage(self.process.id())))
    }
}
