//! A whole gateway over loopback: real sockets, a real server, and clients with nothing but a WebSocket.

mod capture;
mod doctor;
mod floods;
mod http;
mod peers;
mod player;
mod server;
mod sessions;
mod tampering;
mod tcp_tap;
mod udp_proxy;
