//! Actions: requests with answers, declared once, reachable over UDP and HTTPS.
