//! A server on real sockets, and the doctor that examines its host.

mod doctor;
mod server;
