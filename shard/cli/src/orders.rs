//! `ringshard drain`, `ringshard reload` and `ringshard kick`: what a running server can be told.

use crate::admin::AdminArguments;
use crate::output::print_line;
use ringshard::config::Reloaded;
use ringshard::ops::admin::order;
use ringshard::runtime::control::kick::{Kicked, Target};
use std::error::Error;
use std::path::{Path, PathBuf};

/// Where an installed server takes orders.
const SOCKET_DEFAULT: &str = "/run/ringshard/admin.sock";

/// Which server is told.
#[derive(clap::Args)]
pub struct ServerArguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// The server's admin socket, in place of its admin address. Default: /run/ringshard/admin.sock, where there is one and
    /// no admin address or secret is given.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_ADMIN_SOCKET")]
    admin_socket: Option<PathBuf>,
}

impl ServerArguments {
    fn post(&self, path: &str) -> Result<String, Box<dyn Error>> {
        let default = Path::new(SOCKET_DEFAULT);
        let installed = Some(default).filter(|socket| self.admin.is_default() && socket.exists());
        match self.admin_socket.as_deref().or(installed) {
            Some(socket) => Ok(order::post(socket, path)?),
            None => Ok(self.admin.asker()?.post(path)?),
        }
    }
}

/// What `drain` and `reload` take.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
}

/// What `kick` takes.
#[derive(clap::Args)]
pub struct KickArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// A connection by the id that `ringshard sessions` shows, or all from an IP address, or the one from ADDRESS:PORT.
    #[arg(value_name = "ID|ADDRESS")]
    target: Target,
}

/// Lets nobody in any more.
pub fn drain(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    arguments.server.post("/drain")?;
    Ok(print_line("draining: nobody new is let in, and the server ends when all have left or drain-ms is over")?)
}

/// Has the settings read anew.
pub fn reload(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let answer = arguments.server.post("/reload")?;
    let Reloaded { changed, refused } = serde_json::from_str(&answer)?;
    match changed.is_empty() {
        true => print_line("nothing has changed")?,
        false => print_line(format_args!("changed: {}", changed.join(", ")))?,
    }
    if !refused.is_empty() {
        return Err(format!("these cannot change while the server runs, restart it: {}", refused.join(", ")).into());
    }
    Ok(())
}

/// Ends connections.
pub fn kick(arguments: &KickArguments) -> Result<(), Box<dyn Error>> {
    let target = &arguments.target;
    let answer = arguments.server.post(&format!("/kick?target={target}"))?;
    let Kicked { connections, missing } = serde_json::from_str(&answer)?;
    if !missing.is_empty() {
        let cores = missing.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        return Err(format!("ended {connections}; core {cores} does not answer, and may have more").into());
    }
    match connections {
        0 => Err(format!("no connection is {target}: `ringshard sessions` lists them").into()),
        connections => {
            let plural = if connections == 1 { "" } else { "s" };
            Ok(print_line(format_args!("ended {connections} connection{plural}"))?)
        }
    }
}
