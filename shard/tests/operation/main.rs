//! A server on real sockets, and the doctor that examines its host.

mod border;
mod doctor;
mod server;
