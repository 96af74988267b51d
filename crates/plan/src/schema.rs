//! The JSON Schema of plans, for editors and for models.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::ast::Plan;

/// The JSON Schema of a plan, in draft 7, which is what editors of YAML understand best.
///
/// What a schema cannot say (names that must be declared, circles, quoting) is left to [`crate::check()`].
#[must_use]
pub fn schema() -> Value {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Plan>();
    let mut schema = schema.to_value();
    without_null(&mut schema);
    if let Some(fields) = schema.pointer_mut("/properties").and_then(Value::as_object_mut) {
        fields.insert("app".to_owned(), crate::app::schema());
    }
    // Of these a plan may have the key with nothing after it.
    for key in ["hosts", "groups", "vars", "secrets", "discover", "notify"] {
        if let Some(kind) = schema.pointer_mut(&format!("/properties/{key}/type")) {
            *kind = serde_json::json!([kind.clone(), "null"]);
        }
    }
    schema
}

/// A key that may be left out may not therefore be `null`, but `Option` means both to schemars.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    fields.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = fields.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
            }
            fields.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
