//! Whatever is written as a condition, reading it ends, and every place is within it.

use super::*;
use crate::when::{Bytes, lexer};

/// Numbers that come again with the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(n).unwrap()).unwrap()
    }
}

#[test]
fn any_text_is_read_without_panic_and_every_place_is_within_it() {
    const PIECES: [&str; 44] = [
        "and",
        "or",
        "not",
        "in",
        "true",
        "false",
        "defined",
        "(",
        ")",
        "[",
        "]",
        ",",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "=",
        "!",
        "&&",
        "|",
        "\"",
        "'",
        "\\",
        "vars.port",
        "facts.os",
        "facts.cpu_count",
        "host.tags",
        "env.X",
        "secrets.A",
        "vars.",
        ".",
        "-",
        "12",
        "-1.5",
        "1.2.3",
        " ",
        "\n",
        "\t",
        "ä",
        "😀",
        "${{",
        "\u{0}",
    ];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut fine, mut wrong) = (0, 0);
    for _ in 0..20_000 {
        let spaced = random.below(2) == 0;
        let text: String = (0..random.below(14))
            .map(|_| format!("{}{}", PIECES[random.below(PIECES.len())], if spaced { " " } else { "" }))
            .collect();
        let within = |bytes: Bytes| {
            assert!(bytes.start <= bytes.end && bytes.end <= text.len(), "{text:?}: {bytes:?}");
            assert!(
                text.is_char_boundary(bytes.start) && text.is_char_boundary(bytes.end),
                "{text:?}: {bytes:?}"
            );
        };
        match lexer::tokens(&text) {
            Ok(tokens) => tokens.iter().for_each(|placed| within(placed.bytes)),
            Err(problem) => within(problem.bytes),
        }
        match parse(&text) {
            Ok(expression) => {
                fine += 1;
                each(&expression, &mut |part| within(part.bytes));
            }
            Err(problem) => {
                wrong += 1;
                within(problem.bytes);
            }
        }
        // And so through the whole plan, in a style that changes the text.
        if random.below(20) == 0 {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\0', ""));
            let source = plan(&quoted);
            let lines = u32::try_from(source.lines().count()).unwrap();
            for problem in check(&source).diagnostics {
                assert!(problem.line >= 1 && problem.line <= lines + 1, "{text:?}: {problem:?}");
                assert!(
                    (problem.line, problem.column) <= (problem.end_line, problem.end_column),
                    "{problem:?}"
                );
            }
        }
    }
    assert!(fine > 100 && wrong > 1000, "{fine} {wrong}");
}

fn each(expression: &Expression, look: &mut impl FnMut(&Expression)) {
    look(expression);
    match &expression.kind {
        Kind::Text(_) | Kind::Number(_) | Kind::Truth(_) | Kind::Name(_) | Kind::Defined(..) => {}
        Kind::List(parts) | Kind::All(parts) | Kind::Any(parts) => {
            parts.iter().for_each(|part| each(part, look))
        }
        Kind::Not(part) => each(part, look),
        Kind::Compare(_, a, b) | Kind::In(a, b) => {
            each(a, look);
            each(b, look);
        }
    }
}
