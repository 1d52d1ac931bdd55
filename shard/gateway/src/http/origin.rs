//! From which page a request comes, and whether that page may connect.

use super::Site;
use crate::limits::is_allowed;
use hyper::HeaderMap;
use hyper::header::{self, HeaderValue};

/// Whether a request may connect, and the origin that it tells.
pub(super) fn allowed(headers: &HeaderMap, site: &Site) -> Option<Option<HeaderValue>> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Some(None) };
    let settings = site.thread.settings();
    let host = headers.get(header::HOST).map_or(&[][..], HeaderValue::as_bytes);
    is_allowed(origin.as_bytes(), host, &settings.origins, settings.is_development()).then(|| Some(origin.clone()))
}
