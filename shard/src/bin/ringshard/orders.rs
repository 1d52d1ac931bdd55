//! `ringshard drain`, `ringshard reload` and `ringshard kick`: what a running server can be told.

use crate::admin::AdminArguments;
use ringshard::config::Reloaded;
use ringshard::kick::{Kicked, Target};
use std::error::Error;

/// What `drain` takes.
#[derive(clap::Args)]
pub struct DrainArguments {
    #[command(flatten)]
    admin: AdminArguments,
}

/// What `reload` takes.
#[derive(clap::Args)]
pub struct ReloadArguments {
    #[command(flatten)]
    admin: AdminArguments,
}

/// What `kick` takes.
#[derive(clap::Args)]
pub struct KickArguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// A connection by the id that `ringshard sessions` shows, or all from an IP address, or the one from ADDRESS:PORT.
    #[arg(value_name = "ID|ADDRESS")]
    target: Target,
}

/// Lets nobody in any more.
pub fn drain(arguments: &DrainArguments) -> Result<(), Box<dyn Error>> {
    arguments.admin.asker()?.post("/drain")?;
    println!("draining: nobody new is let in, and the server ends when all have left or drain-ms is over");
    Ok(())
}

/// Has the settings read anew.
pub fn reload(arguments: &ReloadArguments) -> Result<(), Box<dyn Error>> {
    let answer = arguments.admin.asker()?.post("/reload")?;
    let Reloaded { changed, refused } = serde_json::from_str(&answer)?;
    match changed.is_empty() {
        true => println!("nothing has changed"),
        false => println!("changed: {}", changed.join(", ")),
    }
    if !refused.is_empty() {
        return Err(format!("these cannot change while the server runs, restart it: {}", refused.join(", ")).into());
    }
    Ok(())
}

/// Ends connections.
pub fn kick(arguments: &KickArguments) -> Result<(), Box<dyn Error>> {
    let target = &arguments.target;
    let answer = arguments.admin.asker()?.post(&format!("/kick?target={target}"))?;
    match serde_json::from_str(&answer)? {
        Kicked { connections: 0 } => Err(format!("no connection is {target}: `ringshard sessions` lists them").into()),
        Kicked { connections } => {
            println!("ended {connections} connection{}", if connections == 1 { "" } else { "s" });
            Ok(())
        }
    }
}
