//! The process of the sending server.

use super::server::SendOptions;
use crate::scenario::{Scenario, option_name};
use crate::server_process::{ServerProcess, free_ports};
use crate::system::usage::{Usage, usage};
use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::crypto::PublicKey;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};

pub struct SendingServer {
    process: ServerProcess,
    commands: ChildStdin,
    pub address: SocketAddr,
    pub key: PublicKey,
    admin_client: AdminClient,
}

impl SendingServer {
    /// Starts it, and waits until it prints its key.
    pub fn start(scenario: &Scenario, load: &SendOptions) -> Result<Self, String> {
        let (address, admin) = free_ports()?;
        let own = std::env::current_exe().map_err(|error| format!("cannot find this program's path: {error}"))?;
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
        let (commands, output) = process.take_pipes().ok_or("the sending server has no pipes")?;
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        match PublicKey::from_hex(&line) {
            Ok(key) => Ok(SendingServer { process, commands, address, key, admin_client: AdminClient::new(admin) }),
            Err(_) => Err("the sending server ended at startup; see its error above".into()),
        }
    }

    /// Sends it the command `send` or `end`.
    pub fn command(&mut self, command: &str) -> Result<(), String> {
        writeln!(self.commands, "{command}").map_err(|error| format!("the sending server has ended: {error}"))
    }

    /// Its own report, and its usage according to the kernel.
    pub fn observe(&self) -> Result<(ServerReport, Usage), String> {
        let report = self.admin_client.get("/stats").map_err(|error| error.to_string())?;
        Ok((report, usage(self.process.id())))
    }
}
