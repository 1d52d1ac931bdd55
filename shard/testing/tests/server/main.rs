//! The server of a contract, towards clients that say what a test tells them.

mod actions;
mod arena;
mod border;
mod control;
mod entering;
mod inputs;
mod life;
mod mages;
mod messages;
mod moves;
mod overload;
mod presence;
mod sight;
mod wild;
