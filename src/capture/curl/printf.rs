//! `printf`, as it writes a body into curl.

use super::super::text_position::ParseError;
use super::is_before_command;
use super::shell_lexer::Word;

/// True if this is a `printf` command.
pub(super) fn is_printf(words: &[Word]) -> bool {
    words.iter().find(|word| !is_before_command(word)).is_some_and(|word| word.bytes == b"printf")
}

/// Returns the bytes that a `printf` command writes.
pub(super) fn output(words: &[Word]) -> Result<Vec<u8>, ParseError> {
    let mut words = words.iter().skip_while(|word| is_before_command(word)).skip(1).peekable();
    words.next_if(|word| word.bytes == b"--");
    let Some(format) = words.next() else { return Ok(Vec::new()) };
    let wrong = |what: &str| Err(ParseError::new(format.position, what));
    let (mut output, mut rest) = (Vec::with_capacity(format.bytes.len()), format.bytes.as_slice());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [b'%', after @ ..]) => {
                output.push(b'%');
                rest = after;
            }
            (b'%', [b's', after @ ..]) => {
                output.extend(words.next().map_or(&[][..], |word| &word.bytes));
                rest = after;
            }
            (b'%', _) => return wrong("of the directives of printf, only %s and %% are read here"),
            (b'\\', _) => rest = escape(after, &mut output),
            _ => output.push(*byte),
        }
    }
    match words.next() {
        Some(_) => wrong("printf repeats its format for more words than it has, which is not read here"),
        None => Ok(output),
    }
}

/// Reads an escape after its backslash, and returns what follows it.
fn escape<'a>(text: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
    let Some((letter, rest)) = text.split_first() else {
        output.push(b'\\');
        return text;
    };
    let plain = match letter {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' | b'\'' | b'"' => *letter,
        b'0'..=b'7' => {
            let count = text.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            let value = text[..count].iter().fold(0_u16, |value, digit| value * 8 + u16::from(digit - b'0'));
            output.push(value.to_le_bytes()[0]);
            return &text[count..];
        }
        b'x' => {
            let count = rest.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
            let digits = rest[..count].iter().filter_map(|byte| char::from(*byte).to_digit(16));
            if count == 0 {
                output.extend(b"\\x");
            } else {
                output.push(digits.fold(0_u32, |value, digit| value * 16 + digit).to_le_bytes()[0]);
            }
            return &rest[count..];
        }
        other => {
            output.extend([b'\\', *other]);
            return rest;
        }
    };
    output.push(plain);
    rest
}
