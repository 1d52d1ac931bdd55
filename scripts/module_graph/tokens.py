"""Rust sources as tokens, without comments and without what is compiled for tests only."""
import re

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<block>/\*)
    |(?P<raw>\b[bc]?r(?P<hashes>\#*)".*?"(?P=hashes))
    |(?P<string>[bc]?"(?:\\.|[^"\\])*")
    |(?P<char>b?'(?:\\u\{[0-9a-fA-F_]+\}|\\x[0-9a-fA-F]{2}|\\.|[^'\\\n])')
    |(?P<lifetime>'[A-Za-z_]\w*)
    |(?P<word>(?:r\#)?[A-Za-z_]\w*)
    |(?P<number>\d[\w.]*?(?=\.\.|[^\w.]|\.[A-Za-z_])|\d\w*)
    |(?P<mark>::|=>|->|.)""",
    re.VERBOSE | re.DOTALL,
)
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}
ITEM_WORDS = {"fn", "struct", "enum", "union", "trait", "type", "const", "static"}
# What an item begins with: it ends with `;` or its braces. Anything else may end with a comma, too.
DECLARATIONS = ITEM_WORDS | {"pub", "mod", "use", "impl", "unsafe", "extern", "async", "macro_rules", "let"}


class Token:
    __slots__ = ("kind", "text", "line")

    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line


def tokens_of(text):
    """The words, marks and strings of a source file, without comments."""
    found, at, line = [], 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        kind, piece, end = match.lastgroup, match.group(), match.end()
        if kind == "hashes":
            kind = "raw"
        if kind == "block":
            end = end_of_comment(text, at)
            piece = text[at:end]
        elif kind in ("word", "mark"):
            found.append(Token(kind, piece.removeprefix("r#"), line))
        elif kind not in ("space",):
            found.append(Token(kind, "", line))
        line += piece.count("\n")
        at = end
    return found


def end_of_comment(text, at):
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)


def matching(tokens, at):
    """The index after the bracket that closes the one at `at`."""
    depth = 0
    while at < len(tokens):
        if tokens[at].text in OPEN:
            depth += 1
        elif tokens[at].text in CLOSE:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return at


def end_of_item(tokens, at):
    """The index after the item, field, variant, arm or statement that begins at `at`."""
    while tokens[at].text == "#" and tokens[at + 1].text == "[":
        at = matching(tokens, at + 1)
    if tokens[at].text not in DECLARATIONS:
        return end_of_piece(tokens, at)
    by_semicolon = is_ended_by_semicolon(tokens, at)
    while at < len(tokens):
        text = tokens[at].text
        if text == ";":
            return at + 1
        at = matching(tokens, at) if text in OPEN else at + 1
        if text == "{" and not by_semicolon:
            return at
    return at


def is_ended_by_semicolon(tokens, at):
    """Whether braces in this item are part of a group or a value, and not its body."""
    words = [token.text for token in tokens[at:at + 12] if token.kind == "word"]
    while words and words[0] in ("pub", "crate", "super", "self", "in", "async", "unsafe", "extern"):
        words.pop(0)
    if words[:1] == ["const"]:
        return words[1] not in ("fn", "unsafe", "async", "extern")
    return words[:1] in (["use"], ["static"], ["let"], ["type"])


def end_of_piece(tokens, at):
    """The index after a field, a variant, an arm or an expression."""
    while at < len(tokens) and tokens[at].text not in CLOSE:
        text = tokens[at].text
        if text in (",", ";"):
            return at + 1
        at = matching(tokens, at) if text in OPEN else at + 1
        if text == "{" and at < len(tokens) and tokens[at].text not in (",", ";", ".", "?"):
            return at
    return at


def is_for_tests(tokens, at):
    """Whether the attribute whose `[` is at `at` keeps its item out of the product."""
    inside = [token.text for token in tokens[at + 1:matching(tokens, at) - 1]]
    if inside == ["cfg", "(", "test", ")"]:
        return True
    if inside[:4] != ["cfg", "(", "all", "("]:
        return False
    depth = 0
    for text in inside:
        depth += (text == "(") - (text == ")")
        if text == "test" and depth == 2:
            return True
    return False


def without_tests(tokens):
    """The tokens without what is compiled for tests only."""
    kept, at = [], 0
    while at < len(tokens):
        if tokens[at].text == "#" and at + 1 < len(tokens):
            if tokens[at + 1].text == "[" and is_for_tests(tokens, at + 1):
                at = end_of_item(tokens, at)
                continue
            if tokens[at + 1].text == "!" and is_for_tests(tokens, at + 2):
                return []
        kept.append(tokens[at])
        at += 1
    return kept
