//! How the commands that ask a running server find it.

use clap::ValueEnum;
use ringshard::admin::{AskError, Asker, Order};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a server answers questions about itself, unless told otherwise.
const ADMIN_DEFAULT: &str = "127.0.0.1:3566";

/// Where the server answers.
#[derive(clap::Args)]
pub struct AdminArguments {
    /// The server's admin address.
    #[arg(long, value_name = "ADDRESS:PORT", env = "RINGSHARD_ADMIN", default_value = ADMIN_DEFAULT)]
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

    /// Who asks it.
    ///
    /// # Errors
    /// The file with the secret cannot be read.
    pub fn asker(&self) -> Result<Asker, AskError> {
        Asker::with_token_file(self.admin, self.admin_token_file.as_deref())
    }
}

/// An order of connections by the name that `--sort` and the server have for it.
pub fn order_name(order: Order) -> String {
    order.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
