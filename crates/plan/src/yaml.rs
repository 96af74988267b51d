//! YAML as a tree in which every node knows its place.
//!
//! It is built from the events of `saphyr-parser` rather than by `saphyr`'s own `MarkedYaml`, for three reasons:
//! `MarkedYaml` keeps one of two equal keys in silence, and plans must report both; it copies the target of every
//! alias without a limit; and it loses the style of a scalar, which tells the text `"8080"` from the number.
//!
//! The size of the source, the depth and the number of nodes (with every alias counted in full) are limited, so no
//! input takes long or needs much memory.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use crate::{
    diagnostic::{Code, Diagnostic},
    span::{Position, Span},
};

/// The largest source, in bytes.
const MAX_SOURCE: usize = 1 << 20;
/// The deepest nesting.
const MAX_DEPTH: usize = 32;
/// The most nodes, with every alias counted in full.
const MAX_NODES: usize = 50_000;

/// A source text with its lines.
pub(crate) struct Source {
    /// The file that the text is in: 0 is the plan itself.
    file: u16,
    chars: Vec<char>,
    /// The index of the first character of each line.
    lines: Vec<usize>,
}

/// A node of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// A scalar as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Whether quotes, a block style or `!!str` make it a text whatever it looks like.
    pub(crate) is_text: bool,
    /// Whether it is a block (`|` or `>`), whose place begins after its first line.
    pub(crate) is_block: bool,
}

/// What a scalar is by the core schema of YAML 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarType {
    Null,
    Bool,
    Number,
    Text,
}

impl Source {
    pub(crate) fn new(text: &str) -> Self {
        Self::of_file(text, 0)
    }

    /// The text of a file that the plan includes.
    pub(crate) fn of_file(text: &str, file: u16) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let starts = chars.iter().enumerate().filter(|(_, c)| **c == '\n').map(|(index, _)| index + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Self { file, chars, lines }
    }

    /// The position before the character `index`.
    pub(crate) fn position(&self, index: usize) -> Position {
        let index = index.min(self.chars.len());
        let line = self.lines.partition_point(|start| *start <= index).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { file: self.file, index, line: number(line), column: number(index - start + 1) }
    }

    /// The range from the character `start` to before `end`, without white space at its end.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let start = start.min(self.chars.len());
        let mut end = end.clamp(start, self.chars.len());
        while end > start && self.chars[end - 1].is_whitespace() {
            end -= 1;
        }
        Span { start: self.position(start), end: self.position(end) }
    }

    /// The place of a scalar in quotes up to its closing quote: the parser adds a comment that follows it.
    fn quoted(&self, span: Span, style: ScalarStyle) -> Span {
        let quote = match style {
            ScalarStyle::SingleQuoted => '\'',
            ScalarStyle::DoubleQuoted => '"',
            ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => return span,
        };
        let chars = self.slice(span);
        let mut at = 1;
        while let Some(c) = chars.get(at) {
            match c {
                '\\' if quote == '"' => at += 1,
                '\'' if quote == '\'' && chars.get(at + 1) == Some(&'\'') => at += 1,
                c if *c == quote => return self.span(span.start.index, span.start.index + at + 1),
                _ => {}
            }
            at += 1;
        }
        span
    }

    /// The characters of `span`.
    pub(crate) fn slice(&self, span: Span) -> &[char] {
        self.chars.get(span.start.index..span.end.index).unwrap_or_default()
    }

    /// The first line up to `line` whose indentation has a tab: the place of the tab.
    fn tab_in_indentation(&self, line: u32) -> Option<usize> {
        let count = usize::try_from(line).unwrap_or(usize::MAX);
        self.lines.iter().take(count).find_map(|start| {
            let rest = self.chars.get(*start..)?;
            let indent = rest.iter().take_while(|c| matches!(c, ' ' | '\t'));
            indent.enumerate().find(|(_, c)| **c == '\t').map(|(offset, _)| start + offset)
        })
    }
}

impl Scalar {
    pub(crate) fn scalar_type(&self) -> ScalarType {
        if self.is_text {
            return ScalarType::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => ScalarType::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => ScalarType::Bool,
            text if is_number(text) => ScalarType::Number,
            _ => ScalarType::Text,
        }
    }
}

/// Whether the core schema (YAML 1.2.2, 10.3.2) reads `text` as an integer or a float.
fn is_number(text: &str) -> bool {
    let all = |digits: &str, test: fn(char) -> bool| !digits.is_empty() && digits.chars().all(test);
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, |c| c.is_ascii_hexdigit());
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |c| c.is_digit(8));
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let has_digit_first = unsigned.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    let plain = unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
    has_digit_first && plain && unsigned.parse::<f64>().is_ok()
}

impl Node {
    /// What it is, for "expected …, found …".
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::Sequence(_) => "a list".to_owned(),
            Kind::Mapping(_) => "a mapping".to_owned(),
            Kind::Scalar(scalar) => match scalar.scalar_type() {
                ScalarType::Null => "nothing".to_owned(),
                ScalarType::Bool => format!("the truth value {}", scalar.text),
                ScalarType::Number => format!("the number {}", shorten(&scalar.text)),
                ScalarType::Text => format!("the text `{}`", shorten(&scalar.text)),
            },
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.scalar_type() == ScalarType::Null)
    }
}

/// The beginning of a text, on one line, for messages.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 40;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST + 1).collect();
    if line.chars().count() > LONGEST { line.chars().take(LONGEST).chain(['…']).collect() } else { line }
}

/// Reads a text that is no plan. As [`parse`], but the tag of a scalar is passed over, and the scalar is a text.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_foreign(text: &str, source: &Source) -> Result<Option<Node>, Diagnostic> {
    parse_events(text, source, true)
}

/// Reads the one document of `text`; `None` when it has no content.
///
/// # Errors
/// The first thing that is wrong: what follows a syntax error cannot be told apart from it.
pub(crate) fn parse(text: &str, source: &Source) -> Result<Option<Node>, Diagnostic> {
    parse_events(text, source, false)
}

fn parse_events(text: &str, source: &Source, is_foreign: bool) -> Result<Option<Node>, Diagnostic> {
    if text.len() > MAX_SOURCE {
        let message = format!("the plan has {} bytes, but at most {MAX_SOURCE} are read", text.len());
        return Err(Diagnostic::error(Code::TooLarge, source.span(0, 0), message)
            .hint("put long texts into files and upload them"));
    }
    let mut builder =
        Builder { source, is_foreign, open: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|err| syntax_error(&err, source))?;
        builder.take(event, source.span(span.start.index(), span.end.index()))?;
    }
    Ok(builder.root)
}

fn syntax_error(err: &ScanError, source: &Source) -> Diagnostic {
    let index = err.marker().index();
    let place = source.position(index);
    // A tab is found where it stops the text before it, which may be some lines above.
    let last = if err.info().contains("tab") { u32::MAX } else { place.line };
    if let Some(tab) = source.tab_in_indentation(last) {
        return Diagnostic::error(
            Code::Syntax,
            source.span(tab, tab),
            "a tab indents this line, and YAML takes only spaces",
        )
        .hint("replace the tab by spaces");
    }
    let info = err.info();
    if info.contains("recursion limit") {
        return too_deep(source.span(index, index));
    }
    let diagnostic =
        Diagnostic::error(Code::Syntax, source.span(index, index), format!("not valid YAML: {info}"));
    match info {
        info if info.contains("mapping values are not allowed") => diagnostic
            .hint("a text with `: ` in it needs quotes, or a block: `|` and the text on the next lines"),
        info if info.contains("did not find expected key") || info.contains("did not find expected '-'") => {
            diagnostic.hint("look at the indentation: keys of one mapping start in the same column")
        }
        info if info.contains("trailing content after") => diagnostic.hint(
            "a text that begins with a quote ends at the next one: put all of it into quotes of the other kind",
        ),
        info if info.contains("expected ',' or") => diagnostic.hint(
            "between brackets, a text with one of `[`, `]`, `{`, `}` or `,` in it needs quotes",
        ),
        info if info.contains("unexpected end of stream") => {
            diagnostic.hint("a quote or a bracket is not closed")
        }
        _ => diagnostic,
    }
}

fn too_deep(span: Span) -> Diagnostic {
    let message = format!("nested more than {MAX_DEPTH} levels deep, and no plan is");
    Diagnostic::error(Code::TooLarge, span, message)
}

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    node: Node,
    /// The key that waits for its value.
    key: Option<Node>,
}

struct Builder<'s> {
    source: &'s Source,
    /// Whether it is no plan, and tags are passed over.
    is_foreign: bool,
    open: Vec<Open>,
    /// The finished nodes that have an anchor, with the number of nodes in each.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => {
                let message = "a second document begins here, and a plan is one document";
                Err(Diagnostic::error(Code::YamlFeature, span, message).hint("remove the line `---`"))
            }
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    let message = "this alias stands inside of what it names";
                    return Err(Diagnostic::error(Code::YamlFeature, span, message));
                };
                self.count(size, span)?;
                self.add(node, 0, span)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, span)?;
                let span = self.source.quoted(span, style);
                let tagged = match is_string_tag(tag.as_deref(), span) {
                    Err(_) if self.is_foreign => true,
                    tagged => tagged?,
                };
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let is_text = tagged || style != ScalarStyle::Plain;
                let scalar = Scalar { text: text.into_owned(), is_text, is_block };
                self.add(Node { span, kind: Kind::Scalar(scalar) }, anchor, span)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(Kind::Sequence(Vec::new()), anchor, tag.as_deref(), span)
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(Kind::Mapping(Vec::new()), anchor, tag.as_deref(), span)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { anchor, mut node, .. }) => {
                    node.span = self.source.span(node.span.start.index, span.end.index);
                    self.add(node, anchor, span)
                }
                None => Ok(()),
            },
        }
    }

    fn begin(&mut self, kind: Kind, anchor: usize, tag: Option<&Tag>, span: Span) -> Result<(), Diagnostic> {
        self.count(1, span)?;
        if tag.is_some() {
            return Err(no_tags(span));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        self.open.push(Open { anchor, node: Node { span, kind }, key: None });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        if anchor != 0 {
            let size = size(&node);
            self.count(size, span)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        if self.open.len() + depth(&node) > MAX_DEPTH {
            return Err(too_deep(span));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { node: Node { kind: Kind::Mapping(entries), .. }, key, .. }) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
            Some(Open { node: Node { kind: Kind::Sequence(items), .. }, .. }) => items.push(node),
            Some(Open { node: Node { kind: Kind::Scalar(_), .. }, .. }) => {}
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Diagnostic> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            let message = format!(
                "the plan has more than {MAX_NODES} values, with every alias (`*name`) counted in full"
            );
            return Err(Diagnostic::error(Code::TooLarge, span, message));
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar(_) => 1,
        Kind::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        Kind::Mapping(entries) => {
            1 + entries.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>()
        }
    }
}

fn depth(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar(_) => 0,
        Kind::Sequence(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Kind::Mapping(entries) => {
            1 + entries.iter().map(|(key, value)| depth(key).max(depth(value))).max().unwrap_or(0)
        }
    }
}

fn is_string_tag(tag: Option<&Tag>, span: Span) -> Result<bool, Diagnostic> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(true),
        Some(_) => Err(no_tags(span)),
    }
}

fn no_tags(span: Span) -> Diagnostic {
    Diagnostic::error(Code::YamlFeature, span, "plans do not use YAML tags (`!name`)")
        .hint("remove the tag, or put a text that begins with `!` in quotes; in a condition, write `not`")
}
