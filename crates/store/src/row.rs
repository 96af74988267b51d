//! Reading columns: what a row may hold, checked.

use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

/// The place of a value, for the error that names it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a str,
}

impl Place<'_> {
    fn corrupt(self, column: &'static str, found: &str) -> StoreError {
        StoreError::Corrupt {
            table: self.table,
            column,
            row: self.row.to_owned(),
            found: found.chars().take(200).collect(),
        }
    }

    /// A column that holds a JSON document.
    pub(crate) fn json<T: DeserializeOwned>(self, column: &'static str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|_| self.corrupt(column, text))
    }

    /// A column that holds a JSON document or nothing.
    pub(crate) fn optional_json<T: DeserializeOwned>(
        self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, StoreError> {
        text.map(|text| self.json(column, text)).transpose()
    }

    /// A column that holds one of an enum's words.
    pub(crate) fn word<T: DeserializeOwned>(self, column: &'static str, text: &str) -> Result<T, StoreError> {
        T::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text))
            .map_err(|_| self.corrupt(column, text))
    }

    /// A column that holds an identifier.
    pub(crate) fn id<T: std::str::FromStr>(self, column: &'static str, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.corrupt(column, text))
    }

    /// A column that holds a count.
    pub(crate) fn count<T: TryFrom<i64>>(self, column: &'static str, number: i64) -> Result<T, StoreError> {
        T::try_from(number).map_err(|_| self.corrupt(column, &number.to_string()))
    }
}

/// The word of an enum's value, as it is stored.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Only enums without fields are stored as words; anything else would be caught by the column's CHECK.
        _ => String::new(),
    }
}

/// A value as a JSON document.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| String::from("null"))
}
