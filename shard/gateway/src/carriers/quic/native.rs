//! Ringshard datagrams directly over QUIC, for native clients. Streams that the client opens are bulk streams.

use super::codes::{BULK_REFUSED, GOING, NO_DATAGRAMS, REFUSED};
use super::configuration::WINDOW_BYTES;
use super::counted::{Count, Counted};
use super::datagrams::{Datagrams, canonical};
use super::handshakes::{HANDSHAKE, Handshake};
use super::{Quic, bulk};
use crate::carrier::Carrier;
use crate::limits::Refused;
use crate::settings::Door;
use crate::thread::Port;
use crate::uplink::packet;
use quinn::{Connection, VarInt, ZeroRttAccepted};
use std::future::pending;
use std::rc::Rc;
use tokio::task::{JoinSet, spawn_local};
use tokio::time::timeout;

/// A handshake that runs while early data arrives.
pub(super) struct Early {
    pub(super) completed: ZeroRttAccepted,
    pub(super) handshake: Handshake,
}

/// Serves a connection whose handshake is complete.
pub(super) async fn serve(quic: &Rc<Quic>, connection: &Connection, server: &str) {
    if let Some(port) = join(quic, connection, server) {
        carry(quic, connection, server, port).await;
    }
}

/// Serves a connection whose handshake runs.
pub(super) async fn serve_early(quic: &Rc<Quic>, connection: &Connection, server: &str, early: Early) {
    match timeout(HANDSHAKE, begin(quic, connection, server, early.completed)).await {
        Ok(Some(port)) => match quic.handshakes.complete(early.handshake, port.address().ip()) {
            Ok(_place) => carry(quic, connection, server, port).await,
            Err(refused) => refuse(connection, &refused),
        },
        Ok(None) => quic.thread.counters().quic_handshakes_failed.add(1),
        Err(_) => {
            quic.thread.counters().quic_handshakes_failed.add(1);
            connection.close(GOING, b"the handshake takes too long");
        }
    }
}

/// Takes Connects out of early data, until the handshake is complete.
///
/// Anybody who recorded early data can send it again. TLS takes each ticket once, so a repetition is not read at all. If it
/// were, a Connect is safe to repeat: a server keeps no state for it before the client has answered. Nothing else is taken. A
/// datagram that is read after the end of the handshake is no repetition: only the client can end the handshake.
async fn begin(quic: &Quic, connection: &Connection, server: &str, mut completed: ZeroRttAccepted) -> Option<Port> {
    let mut datagram = tokio::select! {
        biased;
        _ = &mut completed => return if is_open(connection) { join(quic, connection, server) } else { None },
        datagram = connection.read_datagram() => datagram.ok()?,
    };
    let port = join(quic, connection, server)?;
    let migrations = Rc::default();
    let counters = quic.thread.counters();
    let datagrams = Datagrams { quic, connection, port: &port, in_session: false, migrations: &migrations };
    let take = async {
        loop {
            if packet::is_connect(&datagram) {
                counters.quic_early_connects.add(1);
                port.received(&datagram).ok()?;
            } else {
                counters.quic_early_dropped.add(1);
            }
            tokio::select! {
                biased;
                _ = &mut completed => return is_open(connection).then_some(()),
                next = connection.read_datagram() => datagram = next.ok()?,
            }
        }
    };
    let done = tokio::select! { done = take => done, _ = datagrams.down() => None };
    done.map(|()| port)
}

/// Whether a handshake that has ended was completed. On the server's side, what [`ZeroRttAccepted`] gives means nothing.
fn is_open(connection: &Connection) -> bool {
    connection.close_reason().is_none()
}

fn join(quic: &Quic, connection: &Connection, server: &str) -> Option<Port> {
    if connection.max_datagram_size().is_none() {
        connection.close(NO_DATAGRAMS, b"the client's QUIC does not take datagrams: switch them on");
        return None;
    }
    let address = canonical(connection.remote_address());
    match quic.thread.join(server, address, Carrier::Quic) {
        Ok(port) => Some(port),
        Err(refused) => {
            refuse(connection, &refused);
            None
        }
    }
}

/// Closes a connection with the reason of a refusal.
pub(super) fn refuse(connection: &Connection, refused: &Refused) {
    let code = VarInt::from_u32(REFUSED + u32::from(refused.status()));
    connection.close(code, refused.to_string().as_bytes());
}

async fn carry(quic: &Rc<Quic>, connection: &Connection, server: &str, port: Port) {
    let bulk_streams = Count::default();
    // They end with the connection, or with this function.
    let mut streams = JoinSet::new();
    let (door, open) = (quic.door(server), Rc::clone(&bulk_streams));
    streams.spawn_local(take_streams(Rc::clone(quic), connection.clone(), door, open));
    streams.spawn_local(refuse_one_way_streams(connection.clone()));
    let migrations = Rc::default();
    let datagrams = Datagrams { quic, connection, port: &port, in_session: false, migrations: &migrations };
    if let Some((code, reason)) = datagrams.carry(&bulk_streams, pending()).await {
        connection.close(code, reason.as_bytes());
    }
}

/// Tells the client that the gateway reads no unidirectional streams, until the connection ends.
async fn refuse_one_way_streams(connection: Connection) {
    while let Ok(mut receive) = connection.accept_uni().await {
        // It fails only on a stream that has ended already.
        let _ = receive.stop(BULK_REFUSED);
    }
}

/// Takes bulk streams, until the connection ends.
async fn take_streams(quic: Rc<Quic>, connection: Connection, door: Option<Door>, open: Count) {
    if door.is_some() {
        connection.set_receive_window(WINDOW_BYTES.into());
        connection.set_max_concurrent_bi_streams(bulk::STREAMS_MAX.into());
    }
    while let Ok((send, receive)) = connection.accept_bi().await {
        let Some(door) = door.filter(|_| quic.bulk_streams.get() < bulk::STREAMS_OF_THREAD_MAX) else {
            bulk::refuse(quic.thread.counters(), send, receive);
            continue;
        };
        let (thread, client) = (Rc::clone(&quic.thread), canonical(connection.remote_address()));
        let counted = [&open, &quic.bulk_streams].map(Counted::new);
        spawn_local(async move {
            bulk::carry(thread.counters(), door, client, send, receive).await;
            drop(counted);
        });
    }
}
