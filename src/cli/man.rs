//! Manual pages, made from the same definition as the parser.

use std::fmt::Write as _;

use crate::error::{Error, Result};

/// Variables of the environment, the commands that read them, and their meaning.
const ENVIRONMENT: [(&str, &[&str], &str); 7] = [
    ("WHK_PROVIDER", &["listen", "send", "verify", "replay", "secret"], "The provider, as -p gives it."),
    ("WHK_SECRET", &["listen", "send", "verify", "replay", "secret"], "The secret, as -s gives it."),
    ("WHK_URL", &["send", "replay"], "The address of the handler, without an argument for it."),
    ("WHK_CONFIG_DIR", &[], "The folder of the user's configuration."),
    ("WHK_DATA_DIR", &["listen", "verify", "replay", "secret"], "The folder of the logs and development secrets."),
    ("NO_COLOR", &[], "If not empty, no colours."),
    ("CLICOLOR_FORCE", &[], "If not 0, colours on streams that are no terminal too."),
];

/// Files, the commands that use them, and their meaning.
const FILES: [(&str, &[&str], &str); 4] = [
    ("./whk.toml", &[], "The project's configuration, searched for upwards from the current folder."),
    ("~/.config/whk/whk.toml", &[], "The user's configuration."),
    ("~/.local/share/whk/events.jsonl", &["listen", "verify", "replay"], "The default log."),
    ("~/.local/share/whk/secrets/", &["listen", "send", "secret"], "The development secrets, one file per provider."),
];

/// The lines with which a rendered text begins: they define an apostrophe for all kinds of roff.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Returns the manual page of a command, in the order that readers of manuals know.
///
/// # Errors
/// The page cannot be made.
pub fn manual_page(command: &clap::Command, name: &str) -> Result<String> {
    let own_name = command.get_name().to_owned();
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let path = name.replace('-', " ");
    let usage = command.clone().bin_name(&path).render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let shown = command
        .clone()
        .name(name.to_owned())
        .display_name(name.to_owned())
        .bin_name(path)
        .override_usage(usage)
        .version(env!("CARGO_PKG_VERSION"));
    let (has_commands, man) = (command.has_subcommands(), clap_mangen::Man::new(shown));
    let mut page = Vec::new();
    man.render_title(&mut page)
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| man.render_description_section(&mut page))
        .and_then(|()| if has_commands { man.render_subcommands_section(&mut page) } else { Ok(()) })
        .and_then(|()| man.render_options_section(&mut page))
        .map_err(|error| Error::new("cannot make the manual page").cause(error))?;
    // Every section that is rendered apart begins with the same preamble; a page needs one.
    let mut page = String::from_utf8_lossy(&page).replace(PREAMBLE, "");
    page.insert_str(0, PREAMBLE);
    page.push_str(&sections(&notes));
    page.push_str(&list("ENVIRONMENT", &ENVIRONMENT, &own_name));
    page.push_str(&list("FILES", &FILES, &own_name));
    if name != "whk" {
        page.push_str(".SH \"SEE ALSO\"\n\\fBwhk\\fR(1)\n");
    }
    Ok(page)
}

/// The notes below a help as sections: each heading opens one, and lines that are indented keep their breaks.
fn sections(notes: &str) -> String {
    let mut page = String::new();
    for paragraph in notes.split("\n\n") {
        let (first, rest) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        let (heading, text) = match first.strip_suffix(':') {
            Some("Examples") => ("EXAMPLES", rest),
            Some("Exit codes") => ("\"EXIT STATUS\"", rest),
            Some("To install") => ("INSTALLATION", rest),
            _ => ("NOTES", paragraph),
        };
        let opened = format!(".SH {heading}\n");
        if page.contains(&opened) {
            page.push_str(".PP\n");
        } else {
            page.push_str(&opened);
        }
        let lines = || text.lines().map(escaped);
        if text.lines().any(|line| line.starts_with("  ")) {
            let _ = writeln!(page, ".nf\n{}\n.fi", lines().collect::<Vec<_>>().join("\n"));
        } else {
            page.push_str(&(lines().collect::<Vec<_>>().join("\n") + "\n"));
        }
    }
    page
}

/// A section of names and meanings: those of this command, and those of all commands; `whk` itself has them all.
fn list(heading: &str, rows: &[(&str, &[&str], &str)], command: &str) -> String {
    let mut section = format!(".SH {heading}\n");
    for (name, commands, meaning) in rows {
        if command == "whk" || commands.contains(&command) {
            let _ = writeln!(section, ".TP\n\\fB{}\\fR\n{}", escaped(name), escaped(meaning));
        }
    }
    if section.lines().count() > 1 { section } else { String::new() }
}

/// A line of text as roff reads it.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}
