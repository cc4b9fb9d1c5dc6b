//! Requests written as `curl` command lines, as browsers, manuals and `whk send --dry-run` write them.

mod options;
mod printf;
mod shell_lexer;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use self::options::{OptionMeaning, find};
use self::shell_lexer::{ShellLexer, Token, Word};
use super::raw_http::is_token;
use super::request_comments::RequestComments;
use super::text_position::{ParseError, TextCursor, TextPosition};
use super::{CapturedRequest, Headers, MAX_INPUT_BYTES};

/// Reads the commands of a text, one at a time.
pub(super) struct CurlCommands {
    cursor: TextCursor,
}

/// A command and the line on which it begins.
pub(super) struct CurlCommand {
    pub(super) line: u64,
    pub(super) capture: CapturedRequest,
}

impl CurlCommands {
    pub(super) fn new() -> Self {
        Self { cursor: TextCursor::START }
    }

    /// Reads the next command of `text`, the same text each time.
    pub(super) fn next(&mut self, text: &[u8]) -> Option<Result<CurlCommand, ParseError>> {
        let mut comments = RequestComments::default();
        let above = text[self.cursor.offset..].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        above.take_while(|line| line.is_empty() || line.starts_with(b"#")).for_each(|line| comments.read(line));
        let mut shell = ShellLexer::new(text, self.cursor);
        let found = commands(&mut shell).transpose().map(|commands| {
            if commands.is_err() {
                shell.skip_command();
            }
            commands.and_then(Pipeline::new).and_then(|pipeline| read(pipeline, comments))
        });
        self.cursor = shell.cursor();
        found
    }

    /// Returns whether only white space is left.
    pub(super) fn is_at_end(&self, text: &[u8]) -> bool {
        text[self.cursor.offset..].trim_ascii().is_empty()
    }
}

/// Returns the words of the next commands that are joined by `|`.
fn commands(shell: &mut ShellLexer<'_>) -> Result<Option<Vec<Vec<Word>>>, ParseError> {
    let mut commands: Vec<Vec<Word>> = Vec::new();
    while let Some(token) = shell.token()? {
        match token {
            Token::Word(word) => match commands.last_mut() {
                Some(words) => words.push(word),
                None => commands.push(vec![word]),
            },
            Token::Pipe => commands.push(Vec::new()),
            Token::End if commands.is_empty() => {}
            Token::End => break,
        }
    }
    Ok(Some(commands).filter(|commands| !commands.is_empty()))
}

/// A command, and the bytes that `printf` writes into it.
struct Pipeline {
    words: Vec<Word>,
    stdin: Option<Vec<u8>>,
}

impl Pipeline {
    /// Finds the curl among commands. It may be piped into others; of those that are piped into it, only `printf` is read.
    fn new(mut commands: Vec<Vec<Word>>) -> Result<Self, ParseError> {
        let name =
            |words: &Vec<Word>| words.iter().find(|word| !is_before_command(word)).map(|word| is_curl(&word.bytes));
        let curl = commands.iter().position(|words| name(words) == Some(true)).unwrap_or_default();
        let stdin = match curl {
            0 => None,
            1 if printf::is_printf(&commands[0]) => Some(printf::output(&commands[0])?),
            _ => {
                let position = commands[curl][0].position;
                let error = ParseError::new(position, "this curl reads its body from the command before the `|`");
                return Err(error.hint(INSTEAD_OF_STDIN));
            }
        };
        Ok(Self { words: commands.swap_remove(curl), stdin })
    }
}

/// True for a copied prompt, and for variables: they change nothing in the request.
fn is_before_command(word: &Word) -> bool {
    word.bytes == b"$" || is_assignment(&word.bytes)
}

const INSTEAD_OF_STDIN: &str = "whk send --dry-run --format json, or --data-binary @FILE";

/// Returns whether a text begins as a command line, not as a request or a header.
pub(super) fn looks_like_curl(text: &[u8]) -> bool {
    let first = text.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    is_curl(first) || first == b"$" || first == b"printf" || is_assignment(first)
}

fn is_curl(word: &[u8]) -> bool {
    let name = word.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    name == b"curl" || name == b"curl.exe"
}

/// `NAME=value`, a variable for the command that follows.
fn is_assignment(word: &[u8]) -> bool {
    let name = word.split(|byte| *byte == b'=').next().unwrap_or_default();
    let short_options = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    name.len() < word.len() && short_options && name.first().is_some_and(|byte| !byte.is_ascii_digit())
}

fn read(pipeline: Pipeline, comments: RequestComments) -> Result<CurlCommand, ParseError> {
    let Pipeline { words, stdin } = pipeline;
    let line = words.first().map_or(1, |word| word.position.line);
    let mut words = words.into_iter().skip_while(is_before_command).peekable();
    let curl = words.next_if(|word| is_curl(&word.bytes));
    if curl.is_none() {
        let position = words.next().map_or(TextPosition { line, column: 1 }, |word| word.position);
        return Err(ParseError::new(position, "expected a `curl` command"));
    }
    let mut request = CurlRequest { stdin, ..CurlRequest::default() };
    while let Some(word) = words.next() {
        if let Some(long) = word.bytes.strip_prefix(b"--").filter(|long| !long.is_empty()) {
            // `--name=value` is not curl's own form, but its meaning is clear.
            let (name, given) = match long.iter().position(|byte| *byte == b'=') {
                Some(equals) => (&long[..equals], Some(long[equals + 1..].to_vec())),
                None => (long, None),
            };
            let option = find(&String::from_utf8_lossy(name));
            if option.takes_value() {
                let value = given.map(|bytes| Word { bytes, position: word.position }).or_else(|| words.next());
                request.option(option, value.ok_or_else(|| no_value(&word))?)?;
            } else {
                request.option(option, word)?;
            }
        } else if word.bytes.len() > 1 && word.bytes.starts_with(b"-") && word.bytes != b"--" {
            request.short_options(&word, &mut words)?;
        } else if word.bytes != b"--" {
            request.url(word)?;
        }
    }
    Ok(CurlCommand { line, capture: request.finish(line, comments)? })
}

fn no_value(word: &Word) -> ParseError {
    ParseError::new(word.position, format!("`{}` has no value", String::from_utf8_lossy(&word.bytes)))
}

/// The part of a request that was read so far.
#[derive(Default)]
struct CurlRequest {
    method: Option<String>,
    url: Option<String>,
    /// The request target, if it is not that of the URL.
    target: Option<String>,
    /// The bytes that a command before this one writes, until they are read.
    stdin: Option<Vec<u8>>,
    headers: Headers,
    /// Headers that curl would add by default, removed by the command.
    removed: Vec<String>,
    body: Option<Vec<u8>>,
    json: bool,
    in_query: bool,
    head: bool,
}

impl CurlRequest {
    /// One-letter options written together, such as `-sSL` or `-XPOST`.
    fn short_options(&mut self, word: &Word, words: &mut impl Iterator<Item = Word>) -> Result<(), ParseError> {
        for (index, letter) in word.bytes.iter().enumerate().skip(1) {
            let option = find(&char::from(*letter).to_string());
            if option.takes_value() {
                let rest = &word.bytes[index + 1..];
                let value = if rest.is_empty() {
                    words.next().ok_or_else(|| no_value(word))?
                } else {
                    Word { bytes: rest.to_vec(), position: word.position }
                };
                return self.option(option, value);
            }
            self.option(option, word.clone())?;
        }
        Ok(())
    }

    fn option(&mut self, option: OptionMeaning, value: Word) -> Result<(), ParseError> {
        let position = value.position;
        match option {
            OptionMeaning::Flag | OptionMeaning::Skipped => {}
            OptionMeaning::Url => self.url(value)?,
            OptionMeaning::Target => self.target = Some(text(value)?),
            OptionMeaning::Method => self.method = Some(text(value)?),
            OptionMeaning::Header => self.header(&value)?,
            OptionMeaning::Data => {
                let from_file = value.bytes.starts_with(b"@");
                let mut bytes = self.content(value)?;
                if from_file {
                    // curl omits these from a file that is given to `--data`.
                    bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
                }
                self.data(&bytes, position)?;
            }
            OptionMeaning::DataBinary => {
                let bytes = self.content(value)?;
                self.data(&bytes, position)?;
            }
            OptionMeaning::DataRaw => self.data(&value.bytes, position)?,
            OptionMeaning::DataUrlencode => self.data(&urlencoded(value)?, position)?,
            OptionMeaning::Json => {
                let bytes = self.content(value)?;
                self.json = true;
                self.check_size(bytes.len(), position)?;
                self.body.get_or_insert_default().extend(bytes);
            }
            OptionMeaning::Get => self.in_query = true,
            OptionMeaning::Head => self.head = true,
            OptionMeaning::Unreadable(why) => return Err(ParseError::new(position, why)),
        }
        Ok(())
    }

    /// Returns the bytes, or for `@NAME` those of the file.
    fn content(&mut self, word: Word) -> Result<Vec<u8>, ParseError> {
        match word.bytes.strip_prefix(b"@") {
            Some(b"-") if self.stdin.is_some() => Ok(self.stdin.take().unwrap_or_default()),
            Some(name) => file(name, word.position),
            None => Ok(word.bytes),
        }
    }

    fn url(&mut self, word: Word) -> Result<(), ParseError> {
        let position = word.position;
        let url = text(word)?;
        if let Some(first) = &self.url {
            let message = format!("`{url}` is a second address, beside `{first}`, or the value of an unknown option");
            return Err(ParseError::new(position, message));
        }
        let whole = url.split_once("://").is_some();
        self.url = Some(if whole { url } else { format!("http://{url}") });
        Ok(())
    }

    /// Adds a header: `Name: value`, `Name;` for an empty one, or `Name:` to remove a default.
    fn header(&mut self, word: &Word) -> Result<(), ParseError> {
        let wrong = |message: &str| ParseError::new(word.position, message);
        let bytes = word.bytes.as_slice();
        if bytes.starts_with(b"@") {
            return Err(wrong("headers in a file are not read").hint("write each as -H 'Name: value'"));
        }
        let (name, value) = match bytes.iter().position(|byte| *byte == b':') {
            Some(colon) => (&bytes[..colon], Some(bytes[colon + 1..].trim_ascii())),
            None => (bytes.strip_suffix(b";").ok_or_else(|| wrong("expected a header as `Name: value`"))?, None),
        };
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(wrong("this is not the name of a header"));
        }
        let name = String::from_utf8_lossy(name).into_owned();
        match value {
            Some([]) => self.removed.push(name),
            value => self.headers.push(&name, value.unwrap_or_default()),
        }
        Ok(())
    }

    /// Adds to the body; curl joins several with `&`.
    fn data(&mut self, bytes: &[u8], position: TextPosition) -> Result<(), ParseError> {
        self.check_size(bytes.len(), position)?;
        match &mut self.body {
            Some(body) => {
                body.push(b'&');
                body.extend_from_slice(bytes);
            }
            None => self.body = Some(bytes.to_vec()),
        }
        Ok(())
    }

    fn check_size(&self, more: usize, position: TextPosition) -> Result<(), ParseError> {
        let size = self.body.as_ref().map_or(0, Vec::len) + more;
        if size as u64 > MAX_INPUT_BYTES {
            Err(ParseError::new(position, "the body is larger than 64 MiB"))
        } else {
            Ok(())
        }
    }

    fn finish(mut self, line: u64, comments: RequestComments) -> Result<CapturedRequest, ParseError> {
        let position = TextPosition { line, column: 1 };
        let mut target = self.url.take().ok_or_else(|| ParseError::new(position, "the command names no address"))?;
        let mut body = self.body.take();
        if self.in_query
            && let Some(query) = body.take()
        {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&String::from_utf8_lossy(&query));
        }
        if self.json {
            self.add_default("content-type", "application/json");
            self.add_default("accept", "application/json");
        } else if body.is_some() {
            self.add_default("content-type", "application/x-www-form-urlencoded");
        }
        let usual = match (self.head, &body) {
            (true, _) => "HEAD",
            (_, Some(_)) => "POST",
            _ => "GET",
        };
        // The comment is about the URL that was exported, not about one that was edited since.
        let received_target = comments.target.filter(|received| target.ends_with(received.as_str()));
        if let Some(given) = self.target.take().or(received_target) {
            target = given;
        }
        Ok(CapturedRequest {
            received_at: comments.received_at,
            remote_addr: String::new(),
            method: self.method.map_or(usual.into(), Into::into),
            target,
            headers: self.headers,
            body: body.unwrap_or_default().into(),
        })
    }

    /// Adds a header that curl sends by default, unless the command gives or removes it.
    fn add_default(&mut self, name: &str, value: &str) {
        let is_it = |given: &str| given.eq_ignore_ascii_case(name);
        if !self.headers.iter().any(|(given, _)| is_it(given)) && !self.removed.iter().any(|given| is_it(given)) {
            self.headers.push(name, value.as_bytes());
        }
    }
}

fn text(word: Word) -> Result<String, ParseError> {
    String::from_utf8(word.bytes).map_err(|_| ParseError::new(word.position, "this is not UTF-8"))
}

fn file(name: &[u8], position: TextPosition) -> Result<Vec<u8>, ParseError> {
    let wrong = |message: String| ParseError::new(position, message);
    if name == b"-" {
        return Err(wrong("the body comes from stdin, which is not known here".to_owned()).hint(INSTEAD_OF_STDIN));
    }
    let name = std::str::from_utf8(name).map_err(|_| wrong("the file's name is not UTF-8".to_owned()))?;
    let failed = |error: std::io::Error| wrong(format!("cannot read {name}: {error}"));
    let path = Path::new(name);
    // A pipe or a device may never end.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(wrong(format!("cannot read {name}: it is no file")));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}

/// `content`, `=content`, `name=content`, `@file` or `name@file`, in which only the content is encoded.
fn urlencoded(word: Word) -> Result<Vec<u8>, ParseError> {
    let sign = word.bytes.iter().position(|byte| matches!(byte, b'=' | b'@'));
    let (mut encoded, content) = match sign {
        Some(index) => {
            let (name, content) = (word.bytes[..index].to_vec(), &word.bytes[index + 1..]);
            (name, if word.bytes[index] == b'@' { file(content, word.position)? } else { content.to_vec() })
        }
        None => (Vec::new(), word.bytes),
    };
    if !encoded.is_empty() {
        encoded.push(b'=');
    }
    for byte in content {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte);
        } else {
            encoded.extend(format!("%{byte:02X}").bytes());
        }
    }
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Result<CapturedRequest, String>> {
        let mut commands = CurlCommands::new();
        std::iter::from_fn(|| commands.next(text.as_bytes()))
            .map(|found| found.map(|found| found.capture).map_err(|error| error.to_string()))
            .collect()
    }

    /// `METHOD target|name=value,…|body` of the only command.
    fn shown(text: &str) -> String {
        let found = all(text);
        assert_eq!(found.len(), 1, "{text}");
        let capture = found[0].as_ref().unwrap_or_else(|error| panic!("{text}: {error}"));
        let header = |(name, value)| format!("{name}={}", String::from_utf8_lossy(value));
        let headers: Vec<String> = capture.headers.iter().map(header).collect();
        let body = String::from_utf8_lossy(&capture.body);
        format!("{} {}|{}|{body}", capture.method, capture.target, headers.join(","))
    }

    const FORM: &str = "content-type=application/x-www-form-urlencoded";

    #[test]
    fn a_command_is_read_as_curl_reads_it() {
        for (text, expected) in [
            ("curl http://x/", "GET http://x/||".to_owned()),
            ("curl localhost:3000/a", "GET http://localhost:3000/a||".to_owned()),
            ("/usr/bin/curl -I --url=http://x", "HEAD http://x||".to_owned()),
            ("$ A=b C='d e' curl x", "GET http://x||".to_owned()),
            ("curl x -d a -d b", format!("POST http://x|{FORM}|a&b")),
            ("curl -sSLXPUT x --data a=1 --data-raw @b --data-ascii=c", format!("PUT http://x|{FORM}|a=1&@b&c")),
            ("curl x -H 'content-type:' -da", "POST http://x||a".to_owned()),
            ("curl x -H'X-A:  b ' -H 'X-E;' --header x-a:c", "GET http://x|X-A=b,X-E=,x-a=c|".to_owned()),
            ("curl x -H 'Content-Type: a/b' --data-binary ''", "POST http://x|Content-Type=a/b|".to_owned()),
            (
                "curl --json '{\"a\":' --json 1} x",
                "POST http://x|content-type=application/json,accept=application/json|{\"a\":1}".to_owned(),
            ),
            ("curl -G x?a=1 -d b=2 --data-urlencode 'c=ä &'", "GET http://x?a=1&b=2&c=%C3%A4%20%26||".to_owned()),
            (
                "curl -u me:secret -A agent -e ref -b c=d -o f -m 5 --max-time 5 --cacert f x",
                "GET http://x||".to_owned(),
            ),
            ("curl -k --compressed --http2 -v -g -f --request PATCH x", "PATCH http://x||".to_owned()),
            ("$ printf -- '\\141%%\\n' | curl x -d 'b' --data-binary @-", format!("POST http://x|{FORM}|b&a%\n")),
            ("printf %s a | curl x --data-binary @- | jq .", format!("POST http://x|{FORM}|a")),
            ("curl --request-target '*' x", "GET *||".to_owned()),
            ("# received: x\n# target: /y\ncurl x/y", "GET /y||".to_owned()),
            ("# target: /y\ncurl x/z", "GET http://x/z||".to_owned()),
            ("curl x | jq .", "GET http://x||".to_owned()),
            ("curl 'http://x/?a=1&b=2' \\\n  -X POST \\\r\n  --data-raw $'a\\'\\u0021\\n'", {
                format!("POST http://x/?a=1&b=2|{FORM}|a'!\n")
            }),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_gives_no_request_is_rejected_with_its_position() {
        for (text, expected) in [
            ("ls -l", "line 1, column 1: expected a `curl` command"),
            ("A=b", "line 1, column 1: expected a `curl` command"),
            ("curl", "line 1, column 1: the command names no address"),
            ("curl x y", "line 1, column 8: `y` is a second address"),
            ("curl x \\\n -H nonsense", "line 2, column 5: expected a header"),
            ("curl x -H ': a'", "line 1, column 11: this is not the name of a header"),
            ("curl x -H 'a b: c'", "line 1, column 11: this is not the name of a header"),
            ("curl x -H @file", "line 1, column 11: headers in a file"),
            ("curl x -d @-", "line 1, column 11: the body comes from stdin"),
            ("curl x -d @/nowhere/at/all", "line 1, column 11: cannot read /nowhere/at/all: "),
            ("curl x --data-binary @/", "line 1, column 22: cannot read /: it is no file"),
            ("curl x -d", "line 1, column 8: `-d` has no value"),
            ("curl x --data", "line 1, column 8: `--data` has no value"),
            ("curl x -F a=b", "line 1, column 11: the bytes of a multipart body"),
            ("curl x --next y", "line 1, column 8: `--next`"),
            ("curl x -K f", "line 1, column 11: "),
            ("cat a | curl x -d @-", "line 1, column 9: this curl reads its body from the command"),
        ] {
            let found = all(text);
            assert_eq!(found.len(), 1, "{text}");
            let error = found[0].as_ref().unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_faulty_command_does_not_hide_the_next() {
        let found = all("curl a\n\ncurl b c\ncat x | curl d\ncurl $E \\\n -d a\ncurl f\ncurl 'g\n");
        let targets: Vec<Option<&str>> =
            found.iter().map(|found| found.as_ref().ok().map(|capture| capture.target.as_str())).collect();
        assert_eq!(targets, [Some("http://a"), None, None, None, Some("http://f"), None]);
    }
}
