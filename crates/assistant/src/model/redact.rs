//! Secrets leave the machine as placeholders only.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

/// Values shorter than this are not replaced: they occur by chance, and replacing them would tell where.
const SHORTEST: usize = 4;

/// The text with every occurrence of a secret replaced by `[secret NAME]`, also where it is base64-, percent- or
/// JSON-encoded, as headers, addresses and logs often have it. Longer secrets go first, so that one that contains
/// another is replaced whole.
#[must_use]
pub fn redact<'t, N: AsRef<str>>(text: &'t str, secrets: &[(N, SecretString)]) -> Cow<'t, str> {
    let mut forms: Vec<(String, &str)> = Vec::new();
    for (name, secret) in secrets {
        let value = secret.expose_secret();
        for form in spellings(value) {
            forms.push((form, name.as_ref()));
        }
    }
    forms.retain(|(form, _)| form.chars().count() >= SHORTEST);
    forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    let mut text = Cow::Borrowed(text);
    for (form, name) in &forms {
        if text.contains(form.as_str()) {
            text = Cow::Owned(text.replace(form.as_str(), &format!("[secret {name}]")));
        }
    }
    text
}

fn spellings(value: &str) -> Vec<String> {
    let trimmed = value.trim();
    let mut forms = vec![value.to_owned(), trimmed.to_owned(), percent_encoded(trimmed)];
    // Base64 looks in one of three ways, by what stands before the secret: "user:password" is encoded as one text.
    forms.extend((0..3).filter_map(|skip| trimmed.as_bytes().get(skip..)).map(base64));
    if let Ok(json) = serde_json::to_string(trimmed) {
        forms.push(json.trim_matches('"').to_owned());
    }
    // A secret of several lines, a private key say, is logged line by line.
    forms.extend(trimmed.lines().map(str::trim).filter(|line| line.len() >= 16).map(str::to_owned));
    forms.sort();
    forms.dedup();
    forms
}

fn percent_encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Standard base64 (RFC 4648) without the padding, which a continuation would lack.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    // Only whole groups of three bytes are certain to look the same when more follows.
    for group in bytes.chunks_exact(3) {
        let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        for shift in [18, 12, 6, 0] {
            out.push(char::from(ALPHABET[(bits >> shift & 63) as usize]));
        }
    }
    // A short prefix would match by chance.
    if out.len() < 12 { String::new() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, secrets: &[(&str, &str)], expected: &str) {
        let secrets: Vec<(&str, SecretString)> =
            secrets.iter().map(|(name, value)| (*name, SecretString::from(*value))).collect();
        assert_eq!(redact(text, &secrets), expected);
    }

    #[test]
    fn a_secret_becomes_its_name() {
        check("PASSWORD=hunter22 ok", &[("PASSWORD", "hunter22")], "PASSWORD=[secret PASSWORD] ok");
    }

    #[test]
    fn a_secret_that_contains_another_is_replaced_whole() {
        check("abcd1234efgh", &[("SHORT", "1234"), ("LONG", "abcd1234efgh")], "[secret LONG]");
    }

    #[test]
    fn encoded_secrets_are_replaced_too() {
        check("postgres://u:p%40ss%2Fword@db", &[("DB", "p@ss/word")], "postgres://u:[secret DB]@db");
        check(r#"{"key":"a\"b\\cdef"}"#, &[("KEY", r#"a"b\cdef"#)], r#"{"key":"[secret KEY]"}"#);
        check("Basic c3VwZXJzZWNyZXQx", &[("S", "supersecret1")], "Basic [secret S]");
        // base64("user:supersecret1-long")
        check(
            "Basic dXNlcjpzdXBlcnNlY3JldDEtbG9uZw==",
            &[("S", "supersecret1-long")],
            "Basic dXNlcjpz[secret S]Zw==",
        );
    }

    #[test]
    fn every_line_of_a_private_key_is_replaced() {
        let key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA7bq\nx8Zs0aLr3kQwN2vYtC1\n-----END KEY-----\n";
        check("> MIIEpAIBAAKCAQEA7bq\n", &[("KEY", key)], "> [secret KEY]\n");
    }

    #[test]
    fn values_too_short_to_be_secrets_are_left_alone() {
        check("retry in 1 s", &[("X", "1"), ("EMPTY", "")], "retry in 1 s");
    }
}
