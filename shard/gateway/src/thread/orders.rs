//! What other threads ask of a thread: the admin port and the signals.

use super::Thread;
use crate::client::Going;
use crate::clock::SECOND;
use crate::settings::Settings;
use serde::Serialize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Something to do.
#[derive(Debug)]
pub enum Order {
    /// Take these settings. The limits that threads share have them already.
    Reload(Arc<Settings>),
    /// Admit nobody, and close all clients within this time.
    Drain(Duration),
    /// Tell the clients, at most this many, oldest first.
    Connections(usize, oneshot::Sender<Vec<ConnectionRow>>),
    /// Close the client with this number.
    Kick(u64),
    /// End the thread.
    Stop,
}

/// How other threads ask.
pub type Orders = mpsc::UnboundedSender<Order>;

/// One client, as the admin port tells it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectionRow {
    /// The thread.
    pub thread: usize,
    /// Number within the thread.
    pub number: u64,
    /// Name of the server.
    pub server: String,
    /// What carries it.
    pub carrier: &'static str,
    /// Address and port.
    pub address: String,
    /// Seconds since it joined.
    pub seconds: u64,
    /// Seconds since it last sent something.
    pub silent_seconds: u64,
    /// Datagrams from the client.
    pub datagrams_up: u64,
    /// Bytes of datagrams from the client.
    pub bytes_up: u64,
    /// Datagrams that its carrier took.
    pub datagrams_down: u64,
    /// Bytes of datagrams that its carrier took.
    pub bytes_down: u64,
    /// Datagrams dropped, either way.
    pub dropped: u64,
    /// Bytes that wait for the client.
    pub waiting_bytes: usize,
    /// What the carrier knows of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}

impl Thread {
    /// Runs orders until [`Order::Stop`], or until nobody can send any.
    pub(crate) async fn run_orders(self: Rc<Self>, mut orders: mpsc::UnboundedReceiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Reload(settings) => {
                    self.memory.limit(settings.limits.queue_bytes_per_thread);
                    *self.settings.borrow_mut() = settings;
                    self.close_denied();
                }
                Order::Drain(within) => self.drain(within),
                Order::Connections(most, answer) => {
                    // Whoever asked may be gone.
                    let _ = answer.send(self.rows(most));
                }
                Order::Kick(number) => {
                    if let Some(client) = self.clients.borrow().get(&number) {
                        self.close(client, Going::Kicked);
                    }
                }
                Order::Stop => return,
            }
        }
    }

    fn rows(&self, most: usize) -> Vec<ConnectionRow> {
        let now = self.now();
        let seconds = |since: u64| now.saturating_sub(since) / SECOND;
        let clients = self.clients.borrow();
        let rows = clients.values().take(most).map(|client| ConnectionRow {
            thread: self.index,
            number: client.serial,
            server: self.servers[client.server].name.clone(),
            carrier: client.carrier.name(),
            address: client.address().to_string(),
            seconds: seconds(client.since),
            silent_seconds: seconds(client.heard()),
            datagrams_up: client.tally.datagrams_up.get(),
            bytes_up: client.tally.bytes_up.get(),
            datagrams_down: client.tally.datagrams_down.get(),
            bytes_down: client.tally.bytes_down.get(),
            dropped: client.tally.dropped.get(),
            waiting_bytes: client.waiting_bytes(),
            details: client.details(),
        });
        rows.collect()
    }
}
