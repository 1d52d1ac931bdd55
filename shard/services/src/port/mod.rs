//! The connection to the cores: messages of clients in and out.
