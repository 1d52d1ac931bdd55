//! The server of a contract, towards clients that say what a test tells them.

mod arena;
mod entering;
mod inputs;
