//! Clients in the world of a small model server, over a simulated network, under virtual time.

mod model;
mod moves;

mod asks;
mod entering;
mod hostile;
mod inputs;
mod memory;
mod shown;
mod udp;
