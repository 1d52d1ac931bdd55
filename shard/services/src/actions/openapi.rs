//! The actions as an OpenAPI 3.1 document, for the tools of those who call them over HTTPS.

use super::action::Access;
use super::list::Description;
use super::registry::Actions;
use ringshard_requests::value::Schema;
use serde_json::{Map, Value as Json, json};

impl Actions {
    /// The document. `version` is that of the server.
    pub fn openapi(&self, version: &str) -> Json {
        let paths: Map<_, _> = self.describe().iter().map(|action| (action.path.to_owned(), path(action))).collect();
        json!({
            "openapi": "3.1.0",
            "info": { "title": "Ringshard server", "version": version },
            "paths": paths,
            "components": {
                "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
                "schemas": {
                    "Refusal": {
                        "type": "object",
                        "properties": {
                            "status": { "type": "integer" },
                            "error": { "type": "string" },
                            "wait_ms": { "type": "integer", "description": "After so many milliseconds, another try can help; 0: none can." },
                        },
                        "required": ["status", "error", "wait_ms"],
                    },
                },
                "headers": {
                    "Wait": { "description": "Seconds after which to try again.", "schema": { "type": "integer" } },
                },
            },
        })
    }
}

fn path(action: &Description) -> Json {
    let refusal =
        |description: &str| json!({ "description": description, "content": content(&reference("schemas/Refusal")) });
    let mut with_wait = refusal("Too many calls, or the server is busy.");
    with_wait["headers"] = json!({ "Retry-After": reference("headers/Wait") });
    let mut post = json!({
        "operationId": action.path.trim_start_matches('/').replace('/', "."),
        "summary": action.about,
        "description": format!(
            "At most {} calls per second, {} at once. It may take {} s.",
            action.per_second, action.burst, action.timeout.as_secs_f64()
        ),
        "parameters": [{
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A call that is repeated with the same key within 50 s is not executed again.",
            "schema": { "type": "string", "minLength": 16, "maxLength": 64 },
        }],
        "requestBody": {
            "required": needs_body(&action.request),
            "content": content(&schema(&action.request)),
        },
        "responses": {
            "200": { "description": "Executed.", "content": content(&schema(&action.answer)) },
            "400": refusal("The request cannot be read; the message says which field."),
            "429": with_wait,
            "503": with_wait,
            "default": refusal("The call was refused, or failed."),
        },
    });
    if action.access != Access::Anybody {
        post["security"] = json!([{ "token": [] }]);
        post["responses"]["401"] = refusal("The caller is not logged in.");
    }
    json!({ "post": post })
}

fn reference(to: &str) -> Json {
    json!({ "$ref": format!("#/components/{to}") })
}

fn content(schema: &Json) -> Json {
    json!({ "application/json": { "schema": schema } })
}

/// Whether a request cannot go without a body.
fn needs_body(schema: &Schema) -> bool {
    match schema {
        Schema::Nothing => false,
        Schema::Record(fields) => fields.iter().any(|field| !matches!(field.schema, Schema::Optional(_))),
        _ => true,
    }
}

/// A type as JSON Schema: of the JSON that [`ringshard_requests::value::Value::to_json`] writes.
fn schema(schema: &Schema) -> Json {
    let integer = |min: i64, max: u64| json!({ "type": "integer", "minimum": min, "maximum": max });
    let wide = |format: &str| json!({ "type": ["integer", "string"], "format": format, "pattern": "^-?[0-9]+$" });
    match schema {
        Schema::Nothing => json!({ "type": "null" }),
        Schema::Bool => json!({ "type": "boolean" }),
        Schema::U8 => integer(0, u8::MAX.into()),
        Schema::U16 => integer(0, u16::MAX.into()),
        Schema::U32 => integer(0, u32::MAX.into()),
        Schema::I8 => integer(i8::MIN.into(), i8::MAX as u64),
        Schema::I16 => integer(i16::MIN.into(), i16::MAX as u64),
        Schema::I32 => integer(i32::MIN.into(), i32::MAX as u64),
        Schema::U64 => wide("uint64"),
        Schema::I64 => wide("int64"),
        Schema::F32 => json!({ "type": "number", "format": "float" }),
        Schema::F64 => json!({ "type": "number", "format": "double" }),
        Schema::Text => json!({ "type": "string" }),
        Schema::Bytes => json!({ "type": "string", "contentEncoding": "base64url" }),
        Schema::List(element) => json!({ "type": "array", "items": self::schema(element) }),
        Schema::Optional(inner) => json!({ "oneOf": [self::schema(inner), { "type": "null" }] }),
        Schema::Record(fields) => {
            let properties: Map<_, _> =
                fields.iter().map(|field| (field.name.to_string(), self::schema(&field.schema))).collect();
            let required = fields.iter().filter(|field| !matches!(field.schema, Schema::Optional(_)));
            let required: Vec<_> = required.map(|field| &*field.name).collect();
            json!({
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            })
        }
    }
}
