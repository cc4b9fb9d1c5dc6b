//! Reads a Markdown page: its fenced blocks, and the shell commands in them.

/// A command line that a document shows.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// The page and the line, such as `README.md:12`.
    pub(super) place: String,
    /// The command as it is typed, continuation lines and here-documents included.
    pub(super) text: String,
    /// The output that the document shows below it.
    pub(super) shown: String,
    /// The number of headings before it: what a section starts in the background ends with it.
    pub(super) section: usize,
}

/// A fenced block, or a hidden `<!-- setup … -->` comment.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// The word behind the fence, such as `console`; `setup` for the comment.
    pub(super) language: &'a str,
    /// The number of its first line of content.
    pub(super) line: usize,
    /// The number of headings before it.
    pub(super) section: usize,
    /// The file that it is the content of, by a comment `<!-- file: NAME -->` before it.
    pub(super) file: Option<&'a str>,
    pub(super) lines: Vec<&'a str>,
}

/// Returns the blocks of a page, in order.
pub(super) fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut closing: Option<String> = None;
    let (mut section, mut file) = (0, None);
    for (number, line) in page.lines().enumerate() {
        let trimmed = line.trim_start();
        match &closing {
            Some(end) if trimmed.trim_end() == end => closing = None,
            Some(_) => blocks.last_mut().unwrap().lines.push(line),
            None => {
                let fence: String = trimmed.chars().take_while(|letter| *letter == '`').collect();
                let (language, end) = match fence.len() {
                    3.. => (trimmed[fence.len()..].trim(), fence),
                    _ if trimmed == "<!-- setup" => ("setup", "-->".to_owned()),
                    _ => {
                        section += usize::from(line.starts_with('#'));
                        file = line.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->"));
                        continue;
                    }
                };
                blocks.push(Block { language, line: number + 2, section, file: file.take(), lines: Vec::new() });
                closing = Some(end);
            }
        }
    }
    assert!(closing.is_none(), "a block is not closed: {:?}", blocks.last());
    blocks
}

/// Returns every command of a page: `$ …` in `console` blocks, all lines of `sh` and `bash` blocks, the `run:` steps of
/// `yaml` blocks, the lines of `<!-- setup … -->` comments, and one that writes each block behind `<!-- file: NAME -->`.
pub(super) fn commands(name: &str, page: &str) -> Vec<Command> {
    let mut all = Vec::new();
    for block in blocks(page) {
        let command = |offset: usize, text: String| Command {
            place: format!("{name}:{}", block.line + offset),
            text,
            shown: String::new(),
            section: block.section,
        };
        if let Some(file) = block.file {
            let content = block.lines.join("\n");
            let folder = file.rsplit_once('/').map_or(".", |(folder, _)| folder);
            all.push(command(0, format!("mkdir -p {folder} && cat <<'END' >{file}\n{content}\nEND")));
        }
        all.extend(match block.language {
            "console" => session(&block.lines, command),
            "sh" | "bash" | "setup" => script(&block.lines, command),
            "yaml" | "yml" => script(&steps(&block.lines), command),
            _ => Vec::new(),
        });
    }
    all
}

/// Splits a session into commands and what each printed.
fn session(lines: &[&str], command: impl Fn(usize, String) -> Command) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut rest = lines.iter().enumerate();
    while let Some((number, line)) = rest.next() {
        if let Some(first) = line.trim_start().strip_prefix("$ ") {
            commands.push(command(number, whole(first, &mut rest.by_ref().map(|(_, line)| *line))));
        } else if let Some(last) = commands.last_mut() {
            last.shown.push_str(line);
            last.shown.push('\n');
        }
    }
    commands
}

/// Splits a script into commands, without its comments.
fn script(lines: &[&str], command: impl Fn(usize, String) -> Command) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut rest = lines.iter().enumerate();
    while let Some((number, line)) = rest.next() {
        let line = line.trim_start();
        if !line.is_empty() && !line.starts_with('#') {
            commands.push(command(number, whole(line, &mut rest.by_ref().map(|(_, line)| *line))));
        }
    }
    commands
}

/// Returns a command with the lines that belong to it: after a `\` at the end, and up to the end of a here-document.
fn whole<'a>(first: &str, rest: &mut impl Iterator<Item = &'a str>) -> String {
    let mut text = first.to_owned();
    while text.ends_with('\\') {
        let next = rest.next().expect("a line follows `\\`").trim_start();
        text = format!("{text}\n{}", next.strip_prefix("> ").unwrap_or(next));
    }
    if let Some((_, delimiter)) = text.split_once("<<") {
        let delimiter = delimiter.trim_matches(['-', ' ', '\'', '"']).to_owned();
        for line in rest {
            let line = line.strip_prefix("> ").unwrap_or(line);
            text = format!("{text}\n{line}");
            if line.trim() == delimiter {
                break;
            }
        }
    }
    text
}

/// The script lines of a workflow; every other line is empty, so that line numbers stay.
fn steps<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut inside = None;
    let take = |line: &'a str| {
        let indent = line.len() - line.trim_start().len();
        let item = line.trim_start().trim_start_matches("- ");
        if let Some(command) = item.strip_prefix("run:") {
            inside = (command.trim() == "|").then_some(indent);
            return if inside.is_some() { "" } else { command.trim() };
        }
        match inside {
            Some(outer) if line.trim().is_empty() || indent > outer => line.trim(),
            _ => {
                inside = None;
                ""
            }
        }
    };
    lines.iter().copied().map(take).collect()
}

/// Returns the examples in the text behind a command's help: the lines below `Examples:`, without their explanations.
pub(super) fn examples(command: &str, help: &str) -> Vec<Command> {
    let Some((_, list)) = help.split_once("Examples:\n") else { return Vec::new() };
    let lines: Vec<&str> = list.lines().take_while(|line| line.starts_with(' ')).map(without_remark).collect();
    script(&lines, |number, text| Command {
        place: format!("whk {command} --help, example {}", number + 1),
        text,
        shown: String::new(),
        section: number,
    })
}

/// A line up to two spaces outside quotes, behind which its explanation stands.
fn without_remark(line: &str) -> &str {
    let line = line.trim();
    let mut quoted = false;
    for (at, letter) in line.char_indices() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted && line[at..].starts_with("  ") => return &line[..at],
            _ => {}
        }
    }
    line
}

#[test]
fn commands_are_found_with_what_belongs_to_them() {
    let page = "
```console
$ whk send \\
    --type a
✓ sent
$ cat <<'END' >file
one
END
```

## More

<!-- setup
# a remark
whk secret
-->

```yaml
steps:
  - uses: x
  - run: whk a
  - name: b
    run: |
      whk b

      whk c
  - uses: y
```

<!-- file: a/b.toml -->
```toml
$ whk nothing
```
";
    let found: Vec<String> = commands("page", page)
        .into_iter()
        .map(|command| format!("{} {:?} {:?} {}", command.place, command.text, command.shown, command.section))
        .collect();
    assert_eq!(
        found,
        [
            r#"page:3 "whk send \\\n--type a" "✓ sent\n" 0"#,
            r#"page:6 "cat <<'END' >file\none\nEND" "" 0"#,
            r#"page:15 "whk secret" "" 1"#,
            r#"page:21 "whk a" "" 1"#,
            r#"page:24 "whk b" "" 1"#,
            r#"page:26 "whk c" "" 1"#,
            r#"page:32 "mkdir -p a && cat <<'END' >a/b.toml\n$ whk nothing\nEND" "" 1"#,
        ]
    );
    let help = "Examples:\n  whk a 'b  c'   explained\n  whk d\n\nMore";
    let texts: Vec<String> = examples("x", help).into_iter().map(|command| command.text).collect();
    assert_eq!(texts, ["whk a 'b  c'", "whk d"]);
}
