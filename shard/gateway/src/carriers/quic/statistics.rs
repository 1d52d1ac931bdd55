//! The figures of a QUIC connection, for the admin port.

use quinn::Connection;
use serde_json::{Value, json};

/// Round trip, loss, congestion window, packets, streams and path of a connection.
pub(super) fn of(connection: &Connection, migrations: u64, bulk_streams: usize) -> Value {
    let stats = connection.stats();

    json!({
        "round_trip_us": u64::try_from(stats.path.rtt.as_micros()).unwrap_or(u64::MAX),
        "congestion_window_bytes": stats.path.cwnd,
        "congestion_events": stats.path.congestion_events,
        "packets_sent": stats.path.sent_packets,
        "packets_lost": stats.path.lost_packets,
        "bytes_lost": stats.path.lost_bytes,
        "udp_datagrams_sent": stats.udp_tx.datagrams,
        "udp_bytes_sent": stats.udp_tx.bytes,
        "udp_datagrams_received": stats.udp_rx.datagrams,
        "udp_bytes_received": stats.udp_rx.bytes,
        "datagram_frames_sent": stats.frame_tx.datagram,
        "datagram_frames_received": stats.frame_rx.datagram,
        "stream_frames_sent": stats.frame_tx.stream,
        "stream_frames_received": stats.frame_rx.stream,
        "bulk_streams": bulk_streams,
        "path_bytes": stats.path.current_mtu,
        "black_holes": stats.path.black_holes_detected,
        "migrations": migrations,
    })
}
