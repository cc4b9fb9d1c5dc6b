//! Splits a command line into words, as a POSIX shell passes them to the program.

use super::super::text_position::{ParseError, TextCursor, TextPosition};

/// A word without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) bytes: Vec<u8>,
    pub(super) position: TextPosition,
}

/// A token of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `|`: the next command reads what this one writes.
    Pipe,
    /// A newline, `;`, `&`, `&&` or `||`: the next command is independent.
    End,
}

const CMD: &str = "this is quoted for cmd.exe, not for a POSIX shell";
const CMD_HINT: &str = "copy it from the browser with \"Copy as cURL (bash)\"";
const EXPANSION: &str = "the shell would put something else here, which is not known";

/// Reads a text word by word.
pub(super) struct ShellLexer<'a> {
    text: &'a [u8],
    cursor: TextCursor,
}

impl<'a> ShellLexer<'a> {
    pub(super) fn new(text: &'a [u8], cursor: TextCursor) -> Self {
        Self { text, cursor }
    }

    pub(super) fn cursor(&self) -> TextCursor {
        self.cursor
    }

    /// Returns the next token; `None` at the end of the text.
    pub(super) fn token(&mut self) -> Result<Option<Token>, ParseError> {
        self.skip_blanks();
        let position = self.cursor.position();
        let Some(byte) = self.peek(0) else { return Ok(None) };
        Ok(Some(match byte {
            b'\n' | b';' => {
                self.skip(1);
                Token::End
            }
            b'&' | b'|' => {
                let twice = self.peek(1) == Some(byte);
                self.skip(if twice { 2 } else { 1 });
                if twice || byte == b'&' { Token::End } else { Token::Pipe }
            }
            _ => Token::Word(self.word(position)?),
        }))
    }

    /// Skips this line and those that continue it, so that the commands after a faulty one can be read.
    pub(super) fn skip_command(&mut self) {
        let rest = &self.text[self.cursor.offset..];
        let mut length = 0;
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            length += line.len();
            if !matches!(line.trim_ascii_end().last(), Some(b'\\' | b'^' | b'`')) {
                break;
            }
        }
        self.skip(length);
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.cursor.offset + ahead).copied()
    }

    fn skip(&mut self, count: usize) {
        self.cursor.advance(self.text, self.cursor.offset + count);
    }

    /// Returns the length of a line ending `ahead` of here, or 0.
    fn newline(&self, ahead: usize) -> usize {
        match (self.peek(ahead), self.peek(ahead + 1)) {
            (Some(b'\n'), _) => 1,
            (Some(b'\r'), Some(b'\n')) => 2,
            _ => 0,
        }
    }

    /// Skips blanks, line continuations and comments.
    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' => self.skip(1),
                b'\r' if self.newline(0) == 2 || self.peek(1).is_none() => self.skip(1),
                b'\\' if self.newline(1) > 0 => self.skip(1 + self.newline(1)),
                b'#' => {
                    let rest = &self.text[self.cursor.offset..];
                    let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                    self.skip(length);
                }
                _ => break,
            }
        }
    }

    fn word(&mut self, position: TextPosition) -> Result<Word, ParseError> {
        let mut bytes = Vec::new();
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' => break,
                b'\r' if self.newline(0) == 2 || self.peek(1).is_none() => break,
                b'\'' => self.single(&mut bytes)?,
                b'"' => self.double(&mut bytes)?,
                b'$' if self.peek(1) == Some(b'\'') => self.ansi_c(&mut bytes)?,
                b'$' if self.peek(1) == Some(b'"') => self.skip(1),
                b'\\' if self.newline(1) > 0 => self.skip(1 + self.newline(1)),
                b'\\' => {
                    bytes.push(self.peek(1).unwrap_or(b'\\'));
                    self.skip(2);
                }
                b'^' if self.newline(1) > 0 || matches!(self.peek(1), Some(b'"' | b'^' | b'%')) => {
                    return Err(self.error(CMD).hint(CMD_HINT));
                }
                b'`' if self.newline(1) > 0 => {
                    return Err(self
                        .error("this is continued as in PowerShell, not as in a POSIX shell")
                        .hint(CMD_HINT));
                }
                b'`' => return Err(self.error(EXPANSION)),
                b'$' if self.expands() => return Err(self.error(EXPANSION)),
                b'(' | b')' | b'<' | b'>' => {
                    let message = format!("an unquoted `{}` is not read here", char::from(byte));
                    return Err(self.error(message).hint("take away all but the curl command itself"));
                }
                _ => {
                    bytes.push(byte);
                    self.skip(1);
                }
            }
        }
        Ok(Word { bytes, position })
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError::new(self.cursor.position(), message)
    }

    /// Returns whether the `$` here begins a variable or a command.
    fn expands(&self) -> bool {
        self.peek(1).is_some_and(|next| next.is_ascii_alphanumeric() || b"_{(@*#?!$-".contains(&next))
    }

    fn single(&mut self, bytes: &mut Vec<u8>) -> Result<(), ParseError> {
        let rest = &self.text[self.cursor.offset + 1..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\'') else {
            let open = self.error("this quote is never closed");
            self.skip(rest.len() + 1);
            return Err(open);
        };
        bytes.extend_from_slice(&rest[..end]);
        self.skip(end + 2);
        Ok(())
    }

    fn double(&mut self, bytes: &mut Vec<u8>) -> Result<(), ParseError> {
        let open = self.error("this quote is never closed");
        self.skip(1);
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    self.skip(1);
                    return Ok(());
                }
                b'\\' if self.newline(1) > 0 => self.skip(1 + self.newline(1)),
                b'\\' if self.peek(1).is_some_and(|next| b"$`\"\\".contains(&next)) => {
                    bytes.extend(self.peek(1));
                    self.skip(2);
                }
                b'`' => return Err(self.error(EXPANSION)),
                b'$' if self.expands() => return Err(self.error(EXPANSION)),
                _ => {
                    bytes.push(byte);
                    self.skip(1);
                }
            }
        }
        Err(open)
    }

    /// `$'…'`, as bash, zsh and POSIX.1-2024 read it, and as browsers write it.
    fn ansi_c(&mut self, bytes: &mut Vec<u8>) -> Result<(), ParseError> {
        let open = self.error("this quote is never closed");
        self.skip(2);
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\'' => {
                    self.skip(1);
                    return Ok(());
                }
                b'\\' => self.escape(bytes),
                _ => {
                    bytes.push(byte);
                    self.skip(1);
                }
            }
        }
        Err(open)
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let Some(letter) = self.peek(1) else {
            bytes.push(b'\\');
            return self.skip(1);
        };
        self.skip(2);
        match letter {
            b'a' => bytes.push(7),
            b'b' => bytes.push(8),
            b'e' | b'E' => bytes.push(27),
            b'f' => bytes.push(12),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'v' => bytes.push(11),
            b'\\' | b'\'' | b'"' | b'?' => bytes.push(letter),
            b'0'..=b'7' => {
                self.cursor.offset -= 1;
                let value = self.digits(8, 3).unwrap_or_default();
                bytes.push(low_byte(value));
            }
            b'x' => match self.digits(16, 2) {
                Some(value) => bytes.push(low_byte(value)),
                None => bytes.extend(b"\\x"),
            },
            b'u' | b'U' => match self.digits(16, if letter == b'u' { 4 } else { 8 }) {
                Some(value) => self.character(value, bytes),
                None => bytes.extend([b'\\', letter]),
            },
            b'c' if self.peek(0).is_some_and(|next| next != b'\'') => {
                bytes.extend(self.peek(0).map(|next| next & 0x1f));
                self.skip(1);
            }
            _ => bytes.extend([b'\\', letter]),
        }
    }

    /// Reads up to `max_digits` digits; `None` if there are none.
    fn digits(&mut self, radix: u32, max_digits: usize) -> Option<u32> {
        let mut value = None;
        for _ in 0..max_digits {
            let Some(digit) = self.peek(0).and_then(|byte| char::from(byte).to_digit(radix)) else { break };
            value = Some(value.unwrap_or(0_u32).wrapping_mul(radix) | digit);
            self.skip(1);
        }
        value
    }

    /// Adds a character by its number. Browsers write those beyond U+FFFF as two UTF-16 surrogates.
    fn character(&mut self, value: u32, bytes: &mut Vec<u8>) {
        let mut value = value;
        if (0xd800..0xdc00).contains(&value) && self.peek(0) == Some(b'\\') && self.peek(1) == Some(b'u') {
            let before = self.cursor;
            self.skip(2);
            match self.digits(16, 4) {
                Some(low) if (0xdc00..0xe000).contains(&low) => {
                    value = 0x1_0000 + ((value - 0xd800) << 10) + (low - 0xdc00);
                }
                _ => self.cursor = before,
            }
        }
        let c = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
        bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
    }
}

fn low_byte(value: u32) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of one line, joined by `·`; commands by newlines.
    fn words(text: &str) -> Result<String, String> {
        let mut shell = ShellLexer::new(text.as_bytes(), TextCursor::START);
        let mut found = String::new();
        while let Some(token) = shell.token().map_err(|error| error.to_string())? {
            match token {
                Token::Word(word) => found.extend([&*String::from_utf8_lossy(&word.bytes), "·"]),
                Token::Pipe => found += "|",
                Token::End => found += "\n",
            }
        }
        Ok(found)
    }

    #[test]
    fn words_are_what_the_shell_makes_of_them() {
        for (text, expected) in [
            ("a  b\tc", "a·b·c·"),
            ("'a b'\"c d\"e", "a bc de·"),
            (r"'it'\''s' '' \  ", "it's·· ·"),
            (r#""a\"b\\c\$d\`e\n" "$" "$ x" $"#, "a\"b\\c$d`e\\n·$·$ x·$·"),
            ("a \\\n b\\\nc \"d\\\ne\" \\\r\n f\r\n", "a·bc·de·f·\n"),
            (r"$'a\n\t\'\x41\101\u00e9\u0021\U0001f600\e\q\x'", "a\n\t'AAé!😀\u{1b}\\q\\x·"),
            (r"$'\ud83d\ude00' $'\ud83d' $'\ud83d\u0041'", "😀·\u{fffd}·\u{fffd}A·"),
            ("$\"x\" a#b # comment ' \n c", "x·a#b·\nc·"),
            ("a; b && c || d & e | f", "a·\nb·\nc·\nd·\ne·|f·"),
            ("a^b {c} [d] ~ * !x", "a^b·{c}·[d]·~·*·!x·"),
            ("\\", "\\·"),
        ] {
            assert_eq!(words(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_only_a_shell_knows_is_rejected_with_its_position() {
        for (text, expected) in [
            ("a 'b", "line 1, column 3: this quote is never closed"),
            ("a\n \"b\n", "line 2, column 2: this quote is never closed"),
            ("$'a\\'", "line 1, column 1: this quote is never closed"),
            ("a $HOME", "line 1, column 3: the shell would put"),
            ("\"a ${B}\"", "line 1, column 4: the shell would put"),
            ("a `id`", "line 1, column 3: the shell would put"),
            ("\"$(id)\"", "line 1, column 2: the shell would put"),
            ("curl ^\"http://x^\"", "line 1, column 6: this is quoted for cmd.exe"),
            ("curl ^\r\n x", "line 1, column 6: this is quoted for cmd.exe"),
            ("curl `\n x", "line 1, column 6: this is continued as in PowerShell"),
            ("a > b", "line 1, column 3: an unquoted `>`"),
        ] {
            let error = words(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
