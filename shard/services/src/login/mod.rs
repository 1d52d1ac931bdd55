//! The login door: HTTPS and WebSocket.
