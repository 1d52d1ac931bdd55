//! Which pages may connect. A browser tells with each request to another host from which page it comes. Programs other than
//! browsers need not tell, and may connect.

/// Whether a page of this origin may connect to a gateway of this name.
pub(crate) fn is_allowed(origin: &[u8], host: &[u8], origins: &[String], is_development: bool) -> bool {
    match origins {
        [] if is_development => true,
        [] => origin.strip_prefix(b"https://") == Some(host),
        origins => origins.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_a_public_gateway_takes_its_own_pages_alone() {
        let takes = |origin: &str| is_allowed(origin.as_bytes(), b"play.example:8443", &[], false);
        assert!(takes("https://play.example:8443"));
        assert!(!takes("http://play.example:8443"));
        assert!(!takes("https://play.example"));
        assert!(!takes("null"));
        assert!(!is_allowed(b"https://", b"", &["https://a".to_owned()], false));
    }

    #[test]
    fn a_list_replaces_that_even_in_development() {
        let origins = ["https://game.example".to_owned()];
        assert!(is_allowed(b"https://GAME.example", b"gateway", &origins, true));
        assert!(!is_allowed(b"https://gateway", b"gateway", &origins, true));
        assert!(is_allowed(b"http://anything", b"gateway", &[], true));
    }
}
