//! Calls that a client makes: repeated until they are answered, executed at most once.
