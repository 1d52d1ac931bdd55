//! Resources: signed blobs, and how they reach clients.
