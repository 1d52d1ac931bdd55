//! The C interface of the client: a C program plays with types that are known only when it runs.
//!
//! A [`Client`](client::Client) needs a game's rules as a Rust type. Here one type, `Game`, stands for all of them: its
//! states are records of bytes, and a layout from the program says which fields lie in them. A record has the same bytes on
//! the wire, and the same schema number, as the struct that a server declares with `wire!`.
//!
//! | module | for | unsafe |
//! |---|---|---|
//! | `error` | error codes, and what they say | no |
//! | `layout` | the fields of a record: checks, schema numbers | no |
//! | `record` | inputs and states: bytes with a layout | no |
//! | `message` | asks, answers and events: bytes alone | no |
//! | `types` | the structs and constants of the header | no |
//! | `address` | addresses of servers | no |
//! | `reason` | why a connection ended, as numbers | no |
//! | `game` | rules that call the program's functions | calls of function pointers |
//! | `memory` | reading and writing what the program points to | pointers |
//! | `config` | what a client is made with, checked | through `memory` |
//! | `handle` | one client, and the guard of each call | pointers |
//! | `calls` | the functions of the header | pointers |
//!
//! The header `include/ringshard.h` is generated from `types` and `calls`; a test compares them.

mod address;
mod calls;
mod config;
mod error;
mod game;
mod handle;
mod layout;
mod memory;
mod message;
mod reason;
mod record;
mod types;

#[cfg(test)]
mod tests;
