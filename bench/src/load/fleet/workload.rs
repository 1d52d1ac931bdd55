//! What one client of a fleet sends and receives.

use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;

/// What one client of a fleet hears and says.
pub trait Workload: Send + 'static {
    /// A message came.
    fn on_message(&mut self, channel: Channel, message: &[u8]);

    /// What came has been handled: says what is due.
    fn advance(&mut self, now: Instant, client: &mut Client);

    /// When it wants to advance, if nothing is heard before.
    fn deadline(&self) -> Instant;

    /// Something happened to its connection.
    fn on_event(&mut self, event: ClientEvent);
}
