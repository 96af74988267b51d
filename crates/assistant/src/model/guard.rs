//! Lets only readable events through to async-openai.
//!
//! The client writes an event that is not JSON into the log as it came, and a server may have put anything there: the
//! key, or what it was sent. Here such an event becomes a JSON object that says so, which [`super::assemble`] knows.

use serde_json::{Value, json};

/// The most of one event that is kept. Real ones are a few kilobytes.
const LONGEST_EVENT: usize = 8 * 1024 * 1024;

/// The key under which an unreadable event is passed on.
pub(super) const UNREADABLE: &str = "steadyhand_unreadable";

/// Reads server-sent events (the `text/event-stream` format of the HTML standard) and writes each as one line of JSON.
#[derive(Debug, Default)]
pub(super) struct Guard {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
}

impl Guard {
    /// What can be passed on after these bytes; they may end anywhere.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&rest[..end]);
            self.end_line(&mut out);
            rest = &rest[end + 1..];
        }
        self.line.extend_from_slice(rest);
        if self.line.len() + self.data.len() > LONGEST_EVENT {
            // No server of this protocol sends that; what there is becomes unreadable, and memory stays bounded.
            self.end_line(&mut out);
            self.end_event(&mut out);
        }
        out
    }

    /// What is left at the end: some servers don't end their last event.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.end_line(&mut out);
        self.end_event(&mut out);
        out
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if line.is_empty() {
            self.end_event(out);
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        }
        // Comments and other fields mean nothing in this protocol.
    }

    fn end_event(&mut self, out: &mut Vec<u8>) {
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) && !data.is_empty() {
            out.extend_from_slice(event(&data).as_bytes());
        }
    }
}

/// One event with this data.
pub(super) fn event(data: &[u8]) -> String {
    if data.trim_ascii() == b"[DONE]" {
        return "data: [DONE]\n\n".to_owned();
    }
    let value = serde_json::from_slice::<Value>(data)
        .unwrap_or_else(|_| json!({ UNREADABLE: String::from_utf8_lossy(data) }));
    // JSON as it is written here has no line feeds, which would end the event.
    format!("data: {value}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stream: &str, expected: &str) {
        for size in [1, 2, 3, 1000] {
            let mut guard = Guard::default();
            let mut out: Vec<u8> =
                stream.as_bytes().chunks(size).flat_map(|bytes| guard.feed(bytes)).collect();
            out.extend(guard.finish());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn readable_events_pass() {
        check("data: {\"a\":\"ü\"}\n\ndata: [DONE]\n\n", "data: {\"a\":\"ü\"}\n\ndata: [DONE]\n\n");
        check(": hi\r\nid: 7\r\ndata:1\r\n\r\n", "data: 1\n\n");
        check("data: {\"a\":\ndata: 1}\n\n", "data: {\"a\":1}\n\n");
        check("data: 1", "data: 1\n\n");
    }

    #[test]
    fn unreadable_events_pass_as_json_that_says_so() {
        check("data: oh \"no\"\n\n", "data: {\"steadyhand_unreadable\":\"oh \\\"no\\\"\"}\n\n");
        check("data: {\"a\n\n", "data: {\"steadyhand_unreadable\":\"{\\\"a\"}\n\n");
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut guard = Guard::default();
        guard.feed(b"data: ");
        let piece = vec![b'x'; 1024 * 1024];
        let passed: usize = (0..20).map(|_| guard.feed(&piece).len()).sum();
        assert!(passed > LONGEST_EVENT / 2, "{passed}");
        assert!(guard.line.len() + guard.data.len() <= LONGEST_EVENT);
    }
}
