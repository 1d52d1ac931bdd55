//! A connection as its request sees it.

use crate::limits::Place;
use std::net::SocketAddr;
use std::rc::Rc;

/// A connection as its request sees it. The place is kept until the connection ends.
#[derive(Clone)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) place: Rc<Place>,
}
