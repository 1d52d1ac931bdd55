//! How the commands that ask a running server find it.

use clap::ValueEnum;
use ringshard::config::key_files::refuse_exposed;
use ringshard::ops::admin::{AdminClient, Order};
use std::error::Error;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

/// Where a server answers questions about itself, unless told otherwise.
const ADMIN_DEFAULT: &str = "127.0.0.1:3566";
/// How long one of several addresses of a host may take to answer before the next is tried.
const TRY_FOR: Duration = Duration::from_millis(500);

/// Where the server answers.
#[derive(clap::Args)]
pub struct AdminArguments {
    /// The server's admin address: an IP address or a host name, with the port.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "RINGSHARD_ADMIN",
        default_value = ADMIN_DEFAULT,
        value_parser = look_up
    )]
    admin: SocketAddr,
    /// File with the secret that questions must bear, if the server wants one.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_ADMIN_TOKEN_FILE")]
    admin_token_file: Option<PathBuf>,
}

impl AdminArguments {
    /// Where the server answers.
    pub fn address(&self) -> SocketAddr {
        self.admin
    }

    /// Whether nobody has said which server is meant.
    pub fn is_default(&self) -> bool {
        self.admin_token_file.is_none() && ADMIN_DEFAULT.parse() == Ok(self.admin)
    }

    /// Who asks it.
    ///
    /// # Errors
    /// The file with the secret cannot be read, or can be read by everybody.
    pub fn asker(&self) -> Result<AdminClient, Box<dyn Error>> {
        if let Some(file) = &self.admin_token_file
            && let Ok(status) = file.metadata()
        {
            refuse_exposed(file, &status)?;
        }
        Ok(AdminClient::with_token_file(self.admin, self.admin_token_file.as_deref())?)
    }
}

/// The address that answers, of those that a host name has; the first when none does, for the message about it.
fn look_up(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let unknown = |error| format!("{error}; give an address or a host name with a port, such as {ADMIN_DEFAULT}");
    let addresses: Vec<SocketAddr> = text.to_socket_addrs().map_err(unknown)?.collect();
    let answers = |address: &&SocketAddr| TcpStream::connect_timeout(address, TRY_FOR).is_ok();
    let found = if addresses.len() > 1 { addresses.iter().find(answers) } else { None };
    found.or(addresses.first()).copied().ok_or_else(|| format!("the host of {text} has no address"))
}

/// An order of connections by the name that `--sort` and the server have for it.
pub fn order_name(order: Order) -> String {
    order.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
