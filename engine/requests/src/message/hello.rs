//! Hello and Greeting: they tie a client program to the server's memory of its calls.

use super::kind;
use super::kinds::{GREETING, HELLO};
use crate::codec::{Malformed, Reader};

/// Names a run of a client program: random, made when the program starts. It is secret: with it, another program could get
/// the client's outcomes.
pub type Instance = [u8; 16];

/// Client to server: the first services message of a presence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hello {
    /// The client program.
    pub instance: Instance,
}

/// Server to client: the answer to a Hello.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Greeting {
    /// Names the server's memory of the instance's calls. If it changes, the server has forgotten the former calls.
    pub epoch: u64,
}

impl Hello {
    /// Reads a whole message.
    pub fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut reader = kind(message, HELLO)?;
        let hello = Hello { instance: reader.array()? };
        reader.finish().map(|()| hello)
    }

    /// Appends the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(HELLO);
        out.extend(self.instance);
    }
}

impl Greeting {
    /// Reads a whole message.
    pub fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut reader: Reader<'_> = kind(message, GREETING)?;
        let greeting = Greeting { epoch: reader.u64()? };
        reader.finish().map(|()| greeting)
    }

    /// Appends the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(GREETING);
        out.extend(self.epoch.to_le_bytes());
    }
}
