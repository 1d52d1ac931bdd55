//! Accounts and tickets as the login door and operators use them.

mod administration;
mod crash;
mod damage;
mod devices;
mod directory;
mod folder;
mod guessing;
mod sessions;
mod tickets;
