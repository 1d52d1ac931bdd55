//! One core of the server.

use super::checked_service::CheckedService;
use super::game::SharedEventLog;
use super::model::SessionModel;
use ringshard::runtime::control::ControlEnd;
use ringshard::runtime::core::Core;
use ringshard::runtime::service::Service;
use ringshard_link::sim::SimLink;
use ringshard_protocol::Endpoint;
use ringshard_protocol::time::Instant;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

/// Maximum turns of a core per round: enough to send to all clients.
pub const TURNS_MAX: usize = 4;

pub struct ServerCore {
    pub core: Core<SimLink, CheckedService>,
    pub address: SocketAddr,
    pub model: Rc<RefCell<SessionModel>>,
    pub event_log: SharedEventLog,
    pub _inlet: ControlEnd,
}

impl ServerCore {
    pub fn endpoint(&self) -> &Endpoint {
        self.core.endpoint()
    }

    pub fn check(&self, _now: Instant) -> Result<(), String> {
        self.model.borrow().check(&self.core.service().world().stats(), &self.event_log)
    }

    pub fn check_connections(&self, now: Instant) -> Result<(), String> {
        self.model.borrow().check_connections(now, self.endpoint())
    }

    pub fn check_empty(&self, _now: Instant) -> Result<(), String> {
        self.model.borrow().check_empty(self.endpoint())
    }

    /// Returns false when the core has ended.
    pub fn turn(&mut self, now: Instant) -> bool {
        let mut goes_on = true;
        for _ in 0..TURNS_MAX {
            goes_on = self.core.turn();
            if self.core.service().deadline() > now {
                break;
            }
        }
        goes_on
    }
}
