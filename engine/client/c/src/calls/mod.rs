//! The functions of the header. Each checks what it is given, and lets no panic through.
//!
//! | module | for |
//! |---|---|
//! | `general` | versions, texts, keys, schema numbers |
//! | `lifetime` | making and freeing clients, entering, leaving |
//! | `frame` | datagrams, time and inputs; moving to another server |
//! | `world` | what there is to draw |
//! | `talk` | news, asks, events |
//! | `udp` | a client with a socket |
//! | `terrain` | the map, and the step of a character on it |

mod frame;
mod general;
mod lifetime;
mod talk;
mod terrain;
mod udp;
mod world;
