//! Here-documents: their delimiters and their bodies.

use super::{Frame, Place, Refusal, Scan, Token};

/// A here-document whose body has not begun.
pub(super) struct HereDocument {
    delimiter: Vec<char>,
    quoted: bool,
    strips_tabs: bool,
    /// Whether a shell reads it.
    pub(super) is_code: bool,
}

impl Scan<'_> {
    pub(super) fn in_here_document(&mut self, is_code: bool) {
        match self.peek(0) {
            Some(Token::Value(value)) if is_code => {
                self.place(value, Err(Refusal::CodeOfShell));
                self.at += 1;
            }
            Some(Token::Value(value)) => self.value(value, Place::HereDocument),
            Some(Token::Char('\\')) => self.backslash(),
            Some(Token::Char('$')) => self.dollar(),
            Some(Token::Char('`')) => self.backquotes(),
            Some(Token::Char(_)) | None => self.at += 1,
        }
    }

    /// Reads what follows `<<`.
    pub(super) fn here_document(&mut self) {
        let strips_tabs = self.next_is(0, '-');
        if strips_tabs {
            self.at += 1;
        }
        while matches!(self.peek(0), Some(Token::Char(' ' | '\t'))) {
            self.at += 1;
        }
        let (mut delimiter, mut quoted, mut quote) = (Vec::new(), false, None);
        while let Some(token) = self.peek(0) {
            match (token, quote) {
                (Token::Value(value), _) => self.place(value, Err(Refusal::HereDocumentDelimiter)),
                (Token::Char('\\'), None) => {
                    quoted = true;
                    self.at += 1;
                    match self.peek(0) {
                        Some(Token::Char(c)) => delimiter.push(c),
                        Some(Token::Value(value)) => self.place(value, Err(Refusal::HereDocumentDelimiter)),
                        None => {}
                    }
                }
                (Token::Char(c @ ('\'' | '"')), None) => {
                    quoted = true;
                    quote = Some(c);
                }
                (Token::Char(c), Some(open)) if c == open => quote = None,
                (Token::Char(' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')'), None) => break,
                (Token::Char(c), _) => delimiter.push(c),
            }
            self.at += 1;
        }
        self.waiting.push_back(HereDocument { delimiter, quoted, strips_tabs, is_code: false });
    }

    /// At the start of a line: begins the bodies of the here-documents that wait for one.
    pub(super) fn start_here_documents(&mut self) {
        while let Some(document) = self.waiting.pop_front() {
            let (end, after) = self.find_delimiter(&document);
            if !document.quoted {
                self.frames.push(Frame::HereDocument { end, after, is_code: document.is_code });
                // The next one begins when this one has ended.
                return;
            }
            for at in self.at..end {
                if let Some(Token::Value(value)) = self.tokens.get(at) {
                    self.place(*value, Err(Refusal::QuotedHereDocument));
                }
            }
            self.at = after;
        }
    }

    /// Where the line of the delimiter begins, and where the next one does.
    fn find_delimiter(&mut self, document: &HereDocument) -> (usize, usize) {
        let mut start = self.at;
        let mut continued = false;
        while start < self.tokens.len() {
            let rest = &self.tokens[start..];
            let length = rest.iter().position(|token| *token == Token::Char('\n')).unwrap_or(rest.len());
            let line = &rest[..length];
            let tabs = if document.strips_tabs {
                line.iter().take_while(|token| **token == Token::Char('\t')).count()
            } else {
                0
            };
            let text = &line[tabs..];
            let is_delimiter = text.len() == document.delimiter.len()
                && text.iter().zip(&document.delimiter).all(|(token, c)| *token == Token::Char(*c));
            if is_delimiter {
                // After a backslash at the end of a line, shells differ in whether this is the delimiter.
                self.ambiguous |= continued && !document.quoted;
                return (start, (start + length + 1).min(self.tokens.len()));
            }
            continued = line.last() == Some(&Token::Char('\\'));
            start += length + 1;
        }
        (self.tokens.len(), self.tokens.len())
    }
}
