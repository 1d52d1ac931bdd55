//! Folds names and queries, so that they match without regard to case, accents and punctuation.
//!
//! The text index keeps folded words only, and queries are made of folded words only. So no text of a user reaches the query
//! language of the index: quotes, operators and stars are punctuation.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The longest query, in bytes.
pub const QUERY_BYTES_MAX: usize = 256;
/// The most words of a query.
pub const QUERY_WORDS_MAX: usize = 12;

/// A text that is not a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidQuery {
    /// Too many bytes.
    #[error("a query has at most {QUERY_BYTES_MAX} bytes")]
    TooLong,
    /// Too many words.
    #[error("a query has at most {QUERY_WORDS_MAX} words")]
    TooManyWords,
    /// Only punctuation, or nothing.
    #[error("a query needs a letter or a digit")]
    Empty,
}

/// The words of a text: lower-case, without marks, with one blank between words. Letters and digits of any script make words;
/// the rest separates them. An apostrophe separates nothing: "L'Aquila" is `laquila`.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.nfkd() {
        // A spacing mark is part of a syllable in Indic scripts.
        if is_combining_mark(character) && !character.is_alphabetic()
            || matches!(character, '\'' | '’' | '‘' | 'ʻ' | '`')
        {
            continue;
        }
        if character.is_alphanumeric() {
            character.to_lowercase().filter(|it| it.is_alphanumeric()).for_each(|it| push_plain(&mut folded, it));
        } else if !folded.is_empty() && !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// Letters that Unicode does not take apart, but that people type with plain ones.
fn push_plain(folded: &mut String, letter: char) {
    let plain = match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'þ' => "th",
        other => return folded.push(other),
    };
    folded.push_str(plain);
}

/// A folded query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    folded: String,
}

/// How a name matches a query, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Match {
    /// The query is the name.
    Exact,
    /// The name begins with the query.
    Start,
    /// The name has all words of the query; the last one may be the beginning of a word.
    Words,
}

impl Query {
    /// Folds a text.
    ///
    /// # Errors
    /// [`InvalidQuery`] if it is too long or has no word.
    pub fn new(text: &str) -> Result<Query, InvalidQuery> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(InvalidQuery::TooLong);
        }
        let folded = fold(text);
        match folded.split(' ').count() {
            _ if folded.is_empty() => Err(InvalidQuery::Empty),
            words if words > QUERY_WORDS_MAX => Err(InvalidQuery::TooManyWords),
            _ => Ok(Query { folded }),
        }
    }

    /// The words with a blank between them.
    pub fn text(&self) -> &str {
        &self.folded
    }

    /// How a folded name matches.
    pub fn matches(&self, folded: &str) -> Option<Match> {
        if let Some(rest) = folded.strip_prefix(&self.folded) {
            return Some(if rest.is_empty() { Match::Exact } else { Match::Start });
        }
        let (whole, last) = self.folded.rsplit_once(' ').unwrap_or(("", &self.folded));
        let has_whole = |word: &str| folded.split(' ').any(|it| it == word);
        let has_words = whole.split(' ').filter(|word| !word.is_empty()).all(has_whole);
        (has_words && folded.split(' ').any(|it| it.starts_with(last))).then_some(Match::Words)
    }

    /// The query of the text index for names that begin with this query. Includes [`Match::Exact`].
    pub(super) fn start(&self) -> String {
        format!("^\"{}\" *", self.folded)
    }

    /// The query of the text index for names that have these words. Includes [`Match::Exact`] and [`Match::Start`].
    pub(super) fn words(&self) -> String {
        let quoted: Vec<String> = self.folded.split(' ').map(|word| format!("\"{word}\"")).collect();
        format!("{} *", quoted.join(" AND "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_to_what_people_type() {
        let folded = [
            ("São Paulo", "sao paulo"),
            ("  Saint-Étienne ", "saint etienne"),
            ("L’Aquila", "laquila"),
            ("Łódź", "lodz"),
            ("STRASSE straße", "strasse strasse"),
            ("Ærø", "aero"),
            ("İstanbul", "istanbul"),
            ("Đà Nẵng", "da nang"),
            ("東京", "東京"),
            ("नई दिल्ली", "नई दिलली"),
            ("Ｆｕｌｌ", "full"),
            ("\"*\" OR ^ (NEAR)", "or near"),
            ("'; DROP TABLE place; --", "drop table place"),
            ("\0\u{7f}\u{202e}", ""),
        ];
        for (text, expected) in folded {
            assert_eq!(fold(text), expected, "{text:?}");
            assert_eq!(fold(&fold(text)), fold(text), "folding twice changes nothing: {text:?}");
        }
    }

    #[test]
    fn queries_are_bounded() {
        assert_eq!(Query::new(&"a".repeat(257)), Err(InvalidQuery::TooLong));
        assert_eq!(Query::new(&"a ".repeat(13)), Err(InvalidQuery::TooManyWords));
        assert_eq!(Query::new("**\"'"), Err(InvalidQuery::Empty));
        assert_eq!(Query::new("New  York!").unwrap().text(), "new york");
    }

    #[test]
    fn a_match_has_a_kind() {
        let query = Query::new("new y").unwrap();
        assert_eq!(query.matches("new y"), Some(Match::Exact));
        assert_eq!(query.matches("new york"), Some(Match::Start));
        assert_eq!(query.matches("york new"), Some(Match::Words));
        assert_eq!(query.matches("old new york"), Some(Match::Words));
        assert_eq!(query.matches("newer york"), None, "only the last word may be a beginning");
    }
}
