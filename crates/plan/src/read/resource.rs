//! Reads a resource by the table of its kind.

use super::{Field, Keys, Reader, listed};
use crate::{
    ast::{ParamValue, ResourceSpec},
    diagnostic::Code,
    resource::{Given, Kind, Of, Param},
    span::Span,
    template::Template,
    yaml::{Kind as NodeKind, ScalarType},
};

impl Reader<'_> {
    /// Reads what stands behind the key of a resource.
    pub(super) fn resource(
        &mut self,
        kind: &'static Kind,
        field: Field<'_>,
        key: Span,
    ) -> Option<ResourceSpec> {
        if !matches!(field.node.kind, NodeKind::Mapping(_)) {
            let Some(short) = kind.short.and_then(|short| kind.param(short)) else {
                let names = listed(kind.params.iter().map(|param| param.name));
                self.wrong_type(field, "a mapping", Some(&format!("it has {names}")));
                return None;
            };
            let value = self.param(short, field)?;
            let params = vec![(short, value)];
            return self.complete(kind, &params, key).then_some(ResourceSpec { kind, params });
        }
        let known: Vec<&'static str> = kind.params.iter().map(|param| param.name).collect();
        let what = format!("`{}`", kind.name);
        let keys = Keys { what: &what, known: &known, later: &[], instead: INSTEAD };
        let fields = self.fields(field.node, kind.name, key, &keys)?;
        let mut params = Vec::new();
        let before = self.problems.len();
        for param in kind.params {
            let Some(field) = fields.get(param.name) else { continue };
            params.extend(self.param(param, field).map(|value| (param, value)));
        }
        // What could not be read is not missing.
        if self.problems.len() > before {
            return None;
        }
        if let Some(missing) = fields.meant.first()
            && kind.param(missing).is_some_and(|param| param.given == Given::Always)
        {
            return None;
        }
        self.complete(kind, &params, key).then_some(ResourceSpec { kind, params })
    }

    /// Reports what is missing, and what excludes each other.
    fn complete(&mut self, kind: &Kind, params: &[(&'static Param, ParamValue)], key: Span) -> bool {
        let has = |name: &str| params.iter().any(|(param, _)| param.name == name);
        let before = self.problems.len();
        for param in kind.params.iter().filter(|param| param.given == Given::Always && !has(param.name)) {
            let message = format!("`{}` needs `{}`", kind.name, param.name);
            self.error(
                Code::MissingKey,
                key,
                message,
                Some(&format!("add `{}:`. {}", param.name, param.about)),
            );
        }
        for set in kind.exclusive {
            let given: Vec<&str> = set.iter().copied().filter(|name| has(name)).collect();
            if let [one, other, ..] = given.as_slice() {
                let message = format!("`{}` has both `{one}` and `{other}`", kind.name);
                self.error(Code::InvalidValue, key, message, Some("keep one of them"));
            }
        }
        self.problems.len() == before
    }

    pub(super) fn param(&mut self, param: &Param, field: Field<'_>) -> Option<ParamValue> {
        let is_list = matches!(field.node.kind, NodeKind::Sequence(_));
        match (param.of, &field.node.kind) {
            (Of::Lines | Of::Commands, NodeKind::Sequence(items)) => {
                if items.is_empty() {
                    let message = format!("`{}` is an empty list", param.name);
                    self.error(Code::InvalidValue, field.span, message, None);
                    return None;
                }
                let item = |node| Field { name: param.name, node, span: field.span };
                items.iter().map(|node| self.scalar(item(node))).collect::<Option<_>>().map(ParamValue::Many)
            }
            (Of::Map | Of::PublicMap, NodeKind::Mapping(_)) => {
                let entries = self
                    .named(Some(field), "a value", |name| !name.is_empty() && !name.contains(['=', '\n']));
                let entries: Vec<_> = entries
                    .into_iter()
                    .filter_map(|(name, node)| Some((name.clone(), self.value(&name, node)?)))
                    .collect();
                Some(ParamValue::Map(entries))
            }
            (Of::Map | Of::PublicMap, _) => {
                self.wrong_type(field, "a mapping from names to values", None);
                None
            }
            _ if is_list => {
                self.wrong_type(field, "a single value", Some("make a step of its own for each"));
                None
            }
            _ => self.scalar(field).map(ParamValue::One),
        }
    }

    /// A text, number or truth value, as it is written.
    fn scalar(&mut self, field: Field<'_>) -> Option<Template> {
        match &field.node.kind {
            NodeKind::Scalar(scalar) if scalar.scalar_type() != ScalarType::Null => {
                Some(Template::parse(&scalar.text, field.node.span, self.source, &mut self.problems))
            }
            _ => {
                self.wrong_type(field, "a text, a number, true or false", None);
                None
            }
        }
    }
}

/// What people write for the parameters of any kind.
const INSTEAD: &[(&str, &str)] = &[
    ("dest", "path"),
    ("dst", "path"),
    ("src", "source"),
    ("pkg", "name"),
    ("ensure", "state"),
    ("permissions", "mode"),
    ("perms", "mode"),
    ("chmod", "mode"),
    ("text", "content"),
    ("regexp", "match"),
    ("regex", "match"),
    ("insertafter", "after"),
    ("insertbefore", "before"),
    ("dir", "path"),
    ("directory", "folder"),
    ("local", "folder"),
    ("tar", "archive"),
    ("tarball", "archive"),
    ("zip", "archive"),
    ("static", "bundle"),
    ("repo", "git"),
    ("repository", "git"),
    ("url", "git"),
];
