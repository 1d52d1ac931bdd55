//! Fields and JSON of the command line as a request of the type that the server wants.

use crate::failure::Failure;
use ringshard_client::requests::value::{Schema, Value};
use serde_json::{Map, Value as Json};

/// A field of the command line: its name and its text.
pub type FieldText = (String, String);

/// Makes a request. A field takes the place of the field of the same name in the JSON.
///
/// # Errors
/// [`Failure::Usage`]: the words do not fit the schema.
pub fn build(schema: &Schema, json: Option<&Json>, fields: &[FieldText]) -> Result<Value, Failure> {
    let mut json = json.cloned().unwrap_or_else(|| Json::Object(Map::new()));
    for (name, text) in fields {
        let value = field(schema, name, text)?;
        let Json::Object(object) = &mut json else {
            return Err(Failure::Usage("--field goes with a --json that is an object".into()));
        };
        object.insert(name.clone(), value.to_json());
    }
    Value::from_json(schema, &json).map_err(|mismatch| Failure::Usage(format!("{mismatch}; the request is {schema}")))
}

fn field(schema: &Schema, name: &str, text: &str) -> Result<Value, Failure> {
    let wrong = |why: String| Failure::Usage(format!("--field {name}={text}: {why}; the request is {schema}"));
    let Schema::Record(fields) = schema else { return Err(wrong("the request has no fields".into())) };
    let field = fields.iter().find(|field| *field.name == *name);
    let field = field.ok_or_else(|| wrong("there is no such field".into()))?;
    Value::parse_field(&field.schema, text).map_err(|mismatch| wrong(mismatch.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Schema {
        let fields =
            [("text", Schema::Text), ("limit", Schema::optional(Schema::U8)), ("id", Schema::optional(Schema::U64))];
        Schema::record(fields)
    }

    fn fields(words: &[(&str, &str)]) -> Vec<FieldText> {
        words.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
    }

    #[test]
    fn fields_are_typed_by_the_schema_and_replace_those_of_the_json() {
        let json = json!({"text": "a", "limit": 1});
        // A number that no double holds arrives whole, and a text that looks like a number stays text.
        let words = fields(&[("text", "12"), ("id", "18446744073709551615")]);
        let value = build(&schema(), Some(&json), &words).unwrap();
        assert_eq!(value.to_json(), json!({"text": "12", "limit": 1, "id": "18446744073709551615"}));
        assert!(build(&Schema::Nothing, None, &[]).is_ok());
    }

    #[test]
    fn what_does_not_fit_names_the_field_and_the_request() {
        for (json, words, expected) in [
            (None, fields(&[("txt", "a")]), "--field txt=a: there is no such field; the request is {"),
            (None, fields(&[("text", "a"), ("limit", "256")]), "--field limit=256: 256 is out of range"),
            (None, fields(&[]), "text: the field is absent"),
            (Some(json!([1])), fields(&[("text", "a")]), "--field goes with a --json that is an object"),
        ] {
            let Failure::Usage(text) = build(&schema(), json.as_ref(), &words).unwrap_err() else { panic!("usage") };
            assert!(text.contains(expected), "{text}");
        }
        assert!(build(&Schema::Nothing, None, &fields(&[("a", "b")])).is_err());
    }
}
