//! Tickets: what a client shows to enter the world as an account.
