//! A server sends a client to another server (PROTOCOL.md#changing-the-server).

use super::kinds;
use crate::codec::{Malformed, NoRoom, Reader, Writer};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The server that a session moves to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangeServer {
    /// The core that expects the session.
    pub core: u8,
    /// The server's static public key.
    pub key: [u8; 32],
    /// Its address.
    pub address: SocketAddr,
}

impl ChangeServer {
    /// Size of the message.
    pub const BYTES: usize = 1 + 1 + 32 + 16 + 2;

    /// Writes the message.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u8(kinds::CHANGE_SERVER)?;
        writer.u8(self.core)?;
        writer.raw(&self.key)?;
        let address = match self.address.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        writer.raw(&address.octets())?;
        writer.u16(self.address.port())
    }

    /// Reads the whole message.
    ///
    /// # Errors
    /// [`Malformed`] when it is another message, or the port is 0.
    pub fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        if reader.u8()? != kinds::CHANGE_SERVER {
            return Err(Malformed::UnknownValue);
        }
        let (core, key) = (reader.u8()?, reader.array()?);
        let address = Ipv6Addr::from(reader.array::<16>()?).to_canonical();
        let port = reader.u16()?;
        reader.finish()?;
        if port == 0 {
            return Err(Malformed::UnknownValue);
        }
        Ok(ChangeServer { core, key, address: SocketAddr::new(address, port) })
    }
}
