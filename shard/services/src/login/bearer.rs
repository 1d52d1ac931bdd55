//! The token of a request: `Authorization: Bearer TOKEN`, and nowhere else.
//!
//! There are no cookies, so no page of another origin can use a player's login. No token stands in an address, where logs and
//! histories would keep it.

use axum::http::{HeaderMap, header};

/// Characters of a token.
const TOKEN_BYTES_MAX: usize = 128;

/// The token, if there is exactly one that could be valid.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && is_token(token)).then_some(token)
}

/// Whether a text could be a token.
pub(super) fn is_token(text: &str) -> bool {
    (1..=TOKEN_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        token(&headers).map(str::to_owned)
    }

    #[test]
    fn only_one_bearer_token_of_the_right_characters_counts() {
        assert_eq!(of(&["Bearer ab-_9"]).as_deref(), Some("ab-_9"));
        assert_eq!(of(&["bearer  ab"]).as_deref(), Some("ab"));
        for wrong in ["Basic ab", "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "ab"] {
            assert_eq!(of(&[wrong]), None, "{wrong}");
        }
        assert_eq!(of(&[&format!("Bearer {}", "a".repeat(129))]), None);
        assert_eq!(of(&["Bearer ab", "Bearer ab"]), None);
        assert_eq!(of(&[]), None);
    }
}
