//! A key log: traffic secrets as lines of text.
//!
//! ```text
//! RINGSHARD_TRAFFIC_SECRETS <id> <suite> <key phase> <client to server> <server to client>
//! ```

use ringshard_protocol::crypto::Suite;
use ringshard_protocol::endpoint::TrafficSecrets;
use ringshard_protocol::wire::ConnectionId;
use std::fmt::Write;

/// The first word of each line.
const LABEL: &str = "RINGSHARD_TRAFFIC_SECRETS";

/// A key log of these secrets.
pub fn write(secrets: &[TrafficSecrets]) -> String {
    let mut log = String::new();
    for TrafficSecrets { id, suite, phase, client_to_server, server_to_client } in secrets {
        let (inbound, outbound) = (hex(client_to_server), hex(server_to_client));
        let _ = writeln!(log, "{LABEL} {:08x} {} {phase} {inbound} {outbound}", id.bits(), suite.name());
    }
    log
}

/// Parses a line.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(line: &str) -> Result<TrafficSecrets, String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let &[LABEL, id, suite, phase, inbound, outbound] = fields.as_slice() else {
        return Err(format!("its fields must be {LABEL} ID SUITE PHASE SECRET SECRET"));
    };
    let suites = [Suite::ChaCha20Poly1305, Suite::Aes128Gcm];
    Ok(TrafficSecrets {
        id: ConnectionId::from_bits(u32::from_str_radix(id, 16).map_err(|_| format!("`{id}` is not a connection id"))?),
        suite: suites.into_iter().find(|it| it.name() == suite).ok_or(format!("`{suite}` is not a cipher"))?,
        phase: phase.parse().map_err(|_| format!("`{phase}` is not a key phase"))?,
        client_to_server: unhex(inbound).ok_or("the first secret is not 64 hexadecimal digits")?,
        server_to_client: unhex(outbound).ok_or("the second secret is not 64 hexadecimal digits")?,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}
