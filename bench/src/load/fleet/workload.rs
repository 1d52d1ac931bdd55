//! What one client of a fleet sends and receives.

use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;

pub trait Workload: Send + 'static {
    /// A message arrived.
    fn on_message(&mut self, channel: Channel, message: &[u8]);

    /// Everything that arrived has been handled: sends what is due.
    fn advance(&mut self, now: Instant, client: &mut Client);

    /// When it next has something to send, if nothing arrives before.
    fn deadline(&self) -> Instant;

    /// Its connection changed.
    fn on_event(&mut self, event: ClientEvent);
}
