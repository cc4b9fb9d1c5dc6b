//! Commands inside sentences, such as `whk send --retry`: the command and its flags exist.

use whk::cli::command_tree;

use super::{documents, links, read};

#[test]
fn commands_inside_sentences_exist() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for name in documents() {
        for text in spans(&links::prose(&read(&name))) {
            count += 1;
            wrong.extend(problem(&text).map(|problem| format!("{name}: `{text}`: {problem}")));
        }
    }
    assert!(count >= 50, "only {count} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The code spans that begin with `whk `.
fn spans(prose: &str) -> Vec<String> {
    let spans = prose.split('`').skip(1).step_by(2);
    spans
        .filter(|span| span.starts_with("whk "))
        .map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The reason why a command cannot be typed.
fn problem(text: &str) -> Option<String> {
    let root = command_tree();
    let mut command = &root;
    let mut flags: Vec<&clap::Arg> = root.get_arguments().collect();
    for word in text.split(' ').skip(1).take_while(|word| *word != "--") {
        if let Some(flag) = word.strip_prefix("--") {
            let flag = flag.split('=').next().unwrap().trim_end_matches([',', ']', '…']);
            let known = flags.iter().any(|known| {
                known.get_long() == Some(flag) || known.get_all_aliases().is_some_and(|names| names.contains(&flag))
            });
            if !known && !["help", "version"].contains(&flag) {
                return Some(format!("`{}` has no flag --{flag}", command.get_name()));
            }
        } else if let Some(found) = command.find_subcommand(word) {
            command = found;
            flags.extend(found.get_arguments());
        } else if command.get_name() == "whk" && word.chars().all(char::is_lowercase) && word != "help" {
            return Some(format!("there is no command {word}"));
        }
    }
    None
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    assert_eq!(problem("whk send --type message.delivered"), None);
    assert_eq!(problem("whk secret new --pair -p NAME --json"), None);
    assert_eq!(problem("whk COMMAND --help"), None);
    assert!(problem("whk sent").is_some());
    assert!(problem("whk send --typ x").is_some());
    assert_eq!(spans("a `whk listen\n-f` b `c` d `whk x`"), ["whk listen -f", "whk x"]);
}
