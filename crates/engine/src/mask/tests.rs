use super::*;

fn masker(secrets: &[(&str, &str)]) -> Masker {
    let secrets: Vec<(&str, SecretString)> =
        secrets.iter().map(|(name, value)| (*name, SecretString::from(*value))).collect();
    Masker::new(&secrets).expect("there is something to find")
}

fn check(text: &str, secrets: &[(&str, &str)], expected: &str) {
    assert_eq!(masker(secrets).text(text), expected);
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
fn secrets_that_overlap_are_replaced_together() {
    check("x abcdefgh y", &[("ONE", "abcdef"), ("TWO", "cdefgh")], "x [secret ONE] y");
}

#[test]
fn encoded_secrets_are_replaced_too() {
    check("postgres://u:p%40ss%2Fword@db", &[("DB", "p@ss/word")], "postgres://u:[secret DB]@db");
    check("postgres://u:p%40ss%2fword@db", &[("DB", "p@ss/word")], "postgres://u:[secret DB]@db");
    check("q=two+words%21", &[("Q", "two words!")], "q=[secret Q]");
    check(r#"{"key":"a\"b\\cdef"}"#, &[("KEY", r#"a"b\cdef"#)], r#"{"key":"[secret KEY]"}"#);
    check(r#""http:\/\/k@h""#, &[("KEY", "http://k@h")], r#""[secret KEY]""#);
    check("\"gr\\u00fc\\u00dfe\"", &[("KEY", "grüße")], "\"[secret KEY]\"");
    check(r"+ login 'it'\''s mine'", &[("KEY", "it's mine")], "+ login '[secret KEY]'");
    check(r"it\'s\ mine", &[("KEY", "it's mine")], "[secret KEY]");
    check("00 73656372657431 00", &[("KEY", "secret1")], "00 [secret KEY] 00");
    check("73 65 73656372657431", &[("KEY", "secret1")], "73 65 [secret KEY]");
}

#[test]
fn base64_is_found_behind_any_text_and_before_any_text() {
    let secret = "supersecret1-long";
    for before in ["", "u", "ux", "user:", "someone:"] {
        for after in ["", "x", "xy", "\n"] {
            let encoded = encode(format!("{before}{secret}{after}").as_bytes());
            let masked = masker(&[("S", secret)]).text(&encoded).into_owned();
            assert!(masked.contains("[secret S]"), "{before:?} {after:?}: {encoded} became {masked}");
            let left = masked.replace("[secret S]", "").len();
            let around = encode(format!("{before}{after}").as_bytes()).len();
            assert!(left <= around + 4, "{before:?} {after:?}: too much is left of {encoded}: {masked}");
        }
    }
}

/// Base64 as RFC 4648 has it, with padding: what programs print.
fn encode(bytes: &[u8]) -> String {
    let mut text = base64_known(&[bytes, &[0, 0]].concat(), 0, STANDARD);
    text.truncate((bytes.len() * 8).div_ceil(6));
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

#[test]
fn the_lines_of_a_private_key_are_replaced_one_by_one_also_in_base64() {
    let key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA7bq\nx8Zs0aLr3kQwN2vYtC1\n-----END KEY-----\n";
    check("> MIIEpAIBAAKCAQEA7bq\n", &[("KEY", key)], "> [secret KEY]\n");
    let long = "k".repeat(200) + "end of the key";
    for width in WIDTHS {
        let encoded = encode(long.as_bytes());
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
        let masked = masker(&[("KEY", &long)]).text(&lines.join("\n")).into_owned();
        assert!(masked.lines().all(|line| line.starts_with("[secret KEY]") && line.len() < 16), "{masked}");
    }
}

#[test]
fn values_too_short_to_be_secrets_are_left_alone() {
    let secrets = [("X", SecretString::from("1")), ("EMPTY", SecretString::from(""))];
    assert!(Masker::new(&secrets).is_none());
}

#[test]
fn every_form_is_replaced_wherever_a_stream_is_cut() {
    let values = ["p@ss wörd/1", "it's \"a\" $secret\\", "line one is long\nline two is too", "abcabcabd"];
    for value in values {
        let masker = masker(&[("S", value)]);
        let forms = masker.forms.clone();
        for form in &forms {
            let text = [b"before ".as_slice(), form, b" between ", form, form, b" after\n"].concat();
            let whole = one_piece(&masker, &text);
            assert!(!contains(&whole, form), "{value:?} as {:?}", String::from_utf8_lossy(form));
            for cut in 0..=text.len() {
                let mut stream = masker.stream();
                let mut given = stream.push(&text[..cut]);
                assert!(!contains(&given, form));
                given.extend(stream.push(&text[cut..]));
                given.extend(stream.end());
                assert!(given == whole, "{value:?} cut at {cut}: {:?}", String::from_utf8_lossy(&given));
            }
            let mut stream = masker.stream();
            let mut given: Vec<u8> = text.iter().flat_map(|byte| stream.push(&[*byte])).collect();
            given.extend(stream.end());
            assert!(given == whole, "{value:?} byte by byte: {:?}", String::from_utf8_lossy(&given));
        }
    }
}

fn one_piece(masker: &Masker, text: &[u8]) -> Vec<u8> {
    let mut stream = masker.stream();
    let mut whole = stream.push(text);
    whole.extend(stream.end());
    whole
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[test]
fn what_is_no_secret_is_given_at_once_and_unchanged() {
    let masker = masker(&[("S", "hunter22")]);
    let mut stream = masker.stream();
    assert_eq!(stream.push(b"\x00\xff no secret\n"), b"\x00\xff no secret\n");
    assert_eq!((stream.push(b"a hunt"), stream.held()), (b"a ".to_vec(), 4));
    assert_eq!((stream.push(b"ing lodge"), stream.held()), (b"hunting lodge".to_vec(), 0));
    assert_eq!(stream.push(b"hunter2"), b"");
    assert_eq!(stream.end(), b"hunter2");
}
