//! What a player types: `/name 1 2` sends a message, `?name 1 2` asks, anything else is said.

use ringshard_client::world::contract::Text;
use ringshard_scripts_rules::messages::Name;
use ringshard_scripts_rules::values::NotAdded;
use ringshard_scripts_rules::{Ask, Event, Value, Values};

/// What a line means.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Line {
    Tell(Event),
    Ask(Ask),
}

/// Reads a line. `None` if it is empty.
pub fn read(line: &str) -> Result<Option<Line>, String> {
    let line = line.trim();
    Ok(match line.chars().next() {
        None => None,
        Some('/') => {
            let (name, words) = parts(&line[1..])?;
            Some(Line::Tell(Event { name, values: values(words)? }))
        }
        Some('?') => {
            let (name, words) = parts(&line[1..])?;
            Some(Line::Ask(Ask { name, values: values(words)? }))
        }
        Some(_) => {
            let values = Values::of(&[Value::Text(line)]).map_err(|error| error.to_string())?;
            Some(Line::Tell(Event { name: Text::new("say"), values }))
        }
    })
}

fn parts(line: &str) -> Result<(Name, impl Iterator<Item = &str>), String> {
    let mut words = line.split_whitespace();
    let name = words.next().ok_or("give a name after the sign, as in /hello 1")?;
    let short: Name = Text::new(name);
    if short.as_str() == name { Ok((short, words)) } else { Err(format!("the name {name} is too long")) }
}

fn values<'a, const N: usize>(words: impl Iterator<Item = &'a str>) -> Result<Values<N>, String> {
    let mut list = Values::default();
    for word in words {
        list.push(value(word)).map_err(|error: NotAdded| error.to_string())?;
    }
    Ok(list)
}

fn value(word: &str) -> Value<'_> {
    match word {
        "nil" => Value::Nil,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match word.parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Number(number),
            _ => Value::Text(word),
        },
    }
}

/// Values as people read them. Characters that would control the terminal are replaced.
pub fn describe<'a>(values: impl Iterator<Item = Value<'a>>) -> String {
    let words = values.map(|value| match value {
        Value::Nil => "nil".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Text(text) => text.replace(char::is_control, " "),
        Value::Vector([x, y, z]) => format!("({x}, {y}, {z})"),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_a_question_or_something_said() {
        let Ok(Some(Line::Tell(event))) = read("/buy sword 3 true") else { panic!("it is a message") };
        assert_eq!((event.name.as_str(), describe(event.values.iter()).as_str()), ("buy", "sword 3 true"));
        assert_eq!(event.values.get(1), Some(Value::Number(3.0)));
        let Ok(Some(Line::Ask(ask))) = read(" ?score ") else { panic!("it is a question") };
        assert_eq!((ask.name.as_str(), ask.values.len()), ("score", 0));
        let Ok(Some(Line::Tell(event))) = read("hello all") else { panic!("it is said") };
        assert_eq!((event.name.as_str(), event.values.get(0)), ("say", Some(Value::Text("hello all"))));
        assert_eq!(read("  "), Ok(None));
        assert!(read("/").is_err() && read("/a-name-that-is-longer-than-24-bytes").is_err());
        assert!(read(&"x".repeat(300)).is_err());
    }

    #[test]
    fn what_would_control_the_terminal_is_replaced() {
        assert_eq!(describe([Value::Text("a\u{1b}[2Jb"), Value::Nil].into_iter()), "a [2Jb nil");
    }
}
