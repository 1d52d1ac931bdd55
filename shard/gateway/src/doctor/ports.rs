//! The ports: whether they are free for the gateway, or a gateway has them already.

use crate::settings::Settings;
use crate::start::{self, StartError};
use ringshard_operation::Finding;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// For the admin port to answer. It is on this host.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn examine(settings: &Settings) -> Finding {
    const CHECK: &str = "ports";
    let admin = settings.admin.as_ref().map(|admin| admin.listen);
    let taken = start::try_ports(settings).err().or_else(|| admin.and_then(admin_error));
    let fix = |setting: &str| format!("`ss -lntup` names the program that has it; choose another with --{setting}");
    match taken {
        None => Finding::ok(CHECK, format!("{} is free, for TCP and UDP, and so are the others", settings.listen)),
        Some(StartError::InUse { address, what, .. }) if admin.is_some_and(is_served) => {
            Finding::ok(CHECK, format!("{address} ({what}) is in use: a gateway runs"))
        }
        Some(StartError::InUse { address, what, setting }) if admin.is_none() => Finding::warn(
            CHECK,
            format!("{address} ({what}) is in use; without an admin port, nobody says whether by a gateway"),
            fix(setting),
        ),
        Some(StartError::InUse { address, what, setting }) => {
            Finding::fail(CHECK, format!("another program has {address} ({what})"), fix(setting))
        }
        Some(StartError::Bind { address, what, setting, source }) => Finding::fail(
            CHECK,
            format!("{address} ({what}) cannot be listened on: {source}"),
            format!(
                "set {setting} to an address of this host; below port 1024 the unit needs CAP_NET_BIND_SERVICE (see \
                 ringshard-gateway.service)"
            ),
        ),
        Some(other) => Finding::fail(CHECK, other.to_string(), "correct the settings that it names"),
    }
}

fn admin_error(address: SocketAddr) -> Option<StartError> {
    TcpListener::bind(address).err().map(|source| start::bind_error(address, "TCP", "admin", source))
}

/// Whether the admin port of a gateway answers here.
fn is_served(admin: SocketAddr) -> bool {
    ask(admin).is_ok_and(|answer| answer.ends_with("ready\n") || answer.ends_with("draining\n"))
}

fn ask(admin: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /ready HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4_096).read_to_string(&mut answer)?;
    Ok(answer)
}
