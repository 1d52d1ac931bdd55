//! Every kind of news has its place in each binding, also in those that no compiler of this workspace sees.

use std::path::Path;

/// The folder of the client and its bindings.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn text(file: &str) -> String {
    let path = Path::new(FOLDER).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of all kinds, as the Rust client declares them.
fn kinds() -> Vec<String> {
    let source = text("src/client/news.rs");
    let (_, rest) = source.split_once("pub enum News<R: Rules> {\n").expect("the enum is there");
    let (body, _) = rest.split_once("\n}\n").expect("it ends");
    let variants = body.lines().filter_map(|line| line.strip_prefix("    ")).map(|line| {
        let end = line.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(line.len());
        line[..end].to_owned()
    });
    variants.filter(|name| !name.is_empty()).collect()
}

/// The name in C: PUT_OUT for PutOut.
fn in_c(kind: &str) -> String {
    let mut name = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// Whether a text has this name, and not as a part of a longer one.
fn has(text: &str, name: &str) -> bool {
    let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(is_of_name) && !text[at + name.len()..].starts_with(is_of_name))
}

/// What is missing in a file, of what each kind must have there.
fn missing(file: &str, must_have: impl Fn(&str) -> String) -> Vec<String> {
    let text = text(file);
    let names = kinds().into_iter().map(|kind| must_have(&kind));
    names.filter(|name| !has(&text, name)).map(|name| format!("{file} has no {name}")).collect()
}

#[test]
fn every_kind_of_news_is_in_every_binding() {
    assert!(kinds().len() >= 16 && has(&kinds().join(" "), "PutOut"), "{:?}", kinds());
    let header = text("c/include/ringshard.h");
    let number_of = |kind: &str| {
        let line = format!(" RS_NEWS_KIND_{} = ", in_c(kind));
        let (_, rest) = header.split_once(&line).unwrap_or_else(|| panic!("ringshard.h has no{line}"));
        rest.split_once(',').expect("a comma follows").0.to_owned()
    };
    let unreal = "unreal/RingshardClient/Source/RingshardClient/Private/RingshardClientSubsystem.cpp";
    let mut all = missing("csharp/Types.cs", |kind| format!("{kind} = {}", number_of(kind)));
    all.extend(missing("godot/src/node.rs", |kind| format!("News::{kind}")));
    all.extend(missing(unreal, |kind| format!("case RS_NEWS_KIND_{}:", in_c(kind))));
    assert!(all.is_empty(), "{all:#?}");
}
