//! The arguments of the commands that ask a running server: where it is, and the token.

use clap::ValueEnum;
use ringshard::config::key_files::refuse_exposed;
use ringshard::ops::admin::{AdminClient, SortOrder};
use std::error::Error;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

/// The default of the setting `admin`.
const ADMIN_DEFAULT: &str = "127.0.0.1:3566";
/// How long one address of a host may take to answer before the next is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Which server to ask.
#[derive(clap::Args)]
pub struct AdminArguments {
    /// Admin port of the server: an IP address or host name with a port.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "RINGSHARD_ADMIN",
        default_value = ADMIN_DEFAULT,
        value_parser = look_up
    )]
    admin: SocketAddr,
    /// File with the admin token, if the server needs one.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_ADMIN_TOKEN_FILE")]
    admin_token_file: Option<PathBuf>,
}

impl AdminArguments {
    /// The address of the admin port.
    pub fn address(&self) -> SocketAddr {
        self.admin
    }

    /// Whether neither an address nor a token is given.
    pub fn is_default(&self) -> bool {
        self.admin_token_file.is_none() && ADMIN_DEFAULT.parse() == Ok(self.admin)
    }

    /// A client of the server.
    ///
    /// # Errors
    /// The file with the token cannot be read, or every user can read it.
    pub fn client(&self) -> Result<AdminClient, Box<dyn Error>> {
        if let Some(file) = &self.admin_token_file
            && let Ok(status) = file.metadata()
        {
            refuse_exposed(file, &status)?;
        }
        Ok(AdminClient::with_token_file(self.admin, self.admin_token_file.as_deref())?)
    }
}

/// The first address of the host that accepts a connection. If none does, the first one, for the error message.
fn look_up(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let unknown = |error| format!("{error}; use an address or a host name with a port, such as {ADMIN_DEFAULT}");
    let addresses: Vec<SocketAddr> = text.to_socket_addrs().map_err(unknown)?.collect();
    let answers = |address: &&SocketAddr| TcpStream::connect_timeout(address, CONNECT_TIMEOUT).is_ok();
    let found = if addresses.len() > 1 { addresses.iter().find(answers) } else { None };
    found.or(addresses.first()).copied().ok_or_else(|| format!("the host name in {text} has no address"))
}

/// The name of an order, as `--sort` and the server write it.
pub fn order_name(order: SortOrder) -> String {
    order.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
