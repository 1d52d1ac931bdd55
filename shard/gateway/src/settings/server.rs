//! A server behind the gateway.

use ringshard_protocol::crypto::PublicKey;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// A server that clients of the gateway reach.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerEntry {
    /// Its name in paths: 1 to 63 of a-z, 0-9 and `-`.
    pub name: String,
    /// Where its datagrams go.
    pub address: SocketAddr,
    /// Its public key, which the gateway tells clients.
    pub key: PublicKey,
    /// Its login door, which bulk streams of QUIC go to. None: bulk streams are refused.
    pub bulk: Option<Door>,
}

/// The login door of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Door {
    /// TCP address.
    pub address: SocketAddr,
    /// Whether each connection begins with a header of the PROXY protocol, which tells the client's address. The server must
    /// list this gateway in `login-proxies`.
    pub tells_client: bool,
}

const FORM: &str = "write NAME=ADDRESS,KEY[,bulk=ADDRESS[,proxy]]";

impl FromStr for ServerEntry {
    type Err = String;

    /// Reads `NAME=ADDRESS,KEY[,bulk=ADDRESS[,proxy]]`. Names of hosts are resolved.
    fn from_str(text: &str) -> Result<ServerEntry, String> {
        let wrong = |what: String| format!("server `{text}`: {what}; {FORM}");
        let (name, rest) = text.split_once('=').ok_or_else(|| wrong("there is no =".to_owned()))?;
        let is_sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=63).contains(&name.len()) || !name.bytes().all(is_sound) {
            return Err(wrong("a name has 1 to 63 of a-z, 0-9 and -".to_owned()));
        }
        let mut parts = rest.split(',');
        let address = resolve(parts.next().unwrap_or_default()).map_err(wrong)?;
        let key = parts.next().ok_or_else(|| wrong("the key is missing".to_owned()))?;
        let key = PublicKey::from_hex(key).map_err(|error| wrong(format!("the key is wrong: {error}")))?;
        let bulk = match parts.next().map(|part| part.strip_prefix("bulk=")) {
            None => None,
            Some(Some(address)) => Some(resolve(address).map_err(wrong)?),
            Some(None) => return Err(wrong("after the key, only bulk= may follow".to_owned())),
        };
        let tells_client = match parts.next() {
            None => false,
            Some("proxy") => true,
            Some(_) => return Err(wrong("after bulk=, only proxy may follow".to_owned())),
        };
        match parts.next() {
            None => {
                let bulk = bulk.map(|address| Door { address, tells_client });
                Ok(ServerEntry { name: name.to_owned(), address, key, bulk })
            }
            Some(_) => Err(wrong("there is too much".to_owned())),
        }
    }
}

/// The first address of `host:port`.
fn resolve(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|error| format!("`{text}` is no address with a port that can be resolved: {error}"))?;
    addresses.next().ok_or_else(|| format!("`{text}` has no address"))
}
