//! The services beside a server, as its operation sees them.

use crate::config::Settings;
use serde_json::Value;
use std::time::Duration;

/// The services beside a server. Each method may wait for a moment, but not for a client.
pub trait Services: Send + Sync {
    /// Applies the settings that can change while the services run, and reads certificates again.
    ///
    /// # Errors
    /// What is wrong, for the operator. What could be applied is.
    fn reload(&self, settings: &Settings) -> Result<(), String>;

    /// Hands over the name and value of each counter. Names begin with `services_`.
    fn counters(&self, to: &mut dyn FnMut(&'static str, u64));

    /// What the dashboard shows beside the counters: addresses, the fingerprint of the certificate.
    fn describe(&self) -> Value;

    /// Finishes what runs, for at most `patience`, and ends.
    fn stop(&self, patience: Duration);
}
