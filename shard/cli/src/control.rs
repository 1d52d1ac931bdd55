//! `ringshard drain`, `ringshard reload` and `ringshard kick`: commands to a running server.

use crate::admin::AdminArguments;
use crate::output::print_line;
use ringshard::config::Reloaded;
use ringshard::ops::admin::unix_client;
use ringshard::runtime::control::kick::{Kicked, Target};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The admin socket of an installed server.
const SOCKET_DEFAULT: &str = "/run/ringshard/admin.sock";

/// Which server gets the command.
#[derive(clap::Args)]
pub struct ServerArguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// Admin socket of the server, instead of its admin port. Default: /run/ringshard/admin.sock if it exists and neither
    /// --admin nor --admin-token-file is given.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_ADMIN_SOCKET")]
    admin_socket: Option<PathBuf>,
}

impl ServerArguments {
    fn post(&self, path: &str) -> Result<String, Box<dyn Error>> {
        let default = Path::new(SOCKET_DEFAULT);
        let installed = Some(default).filter(|socket| self.admin.is_default() && socket.exists());
        match self.admin_socket.as_deref().or(installed) {
            Some(socket) => Ok(unix_client::post(socket, path)?),
            None => Ok(self.admin.client()?.post(path)?),
        }
    }
}

/// Arguments of `drain` and `reload`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
}

/// Arguments of `kick`.
#[derive(clap::Args)]
pub struct KickArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// An id, as `ringshard sessions` shows it, or ADDRESS:PORT ends one connection. An IP address ends all its
    /// connections.
    #[arg(value_name = "ID|ADDRESS")]
    target: Target,
}

/// Runs `ringshard drain`.
pub fn drain(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    arguments.server.post("/drain")?;
    Ok(print_line("draining: the server admits no new clients, and ends when all have left or drain-ms has passed")?)
}

/// Runs `ringshard reload`.
pub fn reload(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let answer = arguments.server.post("/reload")?;
    let Reloaded { changed, refused } = serde_json::from_str(&answer)?;
    match changed.is_empty() {
        true => print_line("nothing has changed")?,
        false => print_line(format_args!("changed: {}", changed.join(", ")))?,
    }
    if !refused.is_empty() {
        return Err(format!("restart the server to change these settings: {}", refused.join(", ")).into());
    }
    Ok(())
}

/// Runs `ringshard kick`.
pub fn kick(arguments: &KickArguments) -> Result<(), Box<dyn Error>> {
    let target = &arguments.target;
    let answer = arguments.server.post(&format!("/kick?target={target}"))?;
    let Kicked { connections, missing } = serde_json::from_str(&answer)?;
    if !missing.is_empty() {
        let cores = missing.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        return Err(format!("ended {connections} connections; core {cores} does not answer and may have more: repeat the command once it does").into());
    }
    match connections {
        0 => Err(format!("no connection matches {target}: `ringshard sessions` lists all").into()),
        connections => {
            let plural = if connections == 1 { "" } else { "s" };
            Ok(print_line(format_args!("ended {connections} connection{plural}"))?)
        }
    }
}
