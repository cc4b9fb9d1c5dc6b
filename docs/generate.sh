#!/bin/sh
# Generates what follows from the code: docs/cli.md, docs/checks.md, and two of the scripts in completions/.
# tests/it/generated.rs compares them.
#
#     sh docs/generate.sh            builds whk first
#     sh docs/generate.sh PATH/whk   uses an existing binary; its file must be called whk
set -eu

program=${1:-}
case $program in
    '' | /*) ;;
    *) program=$PWD/$program ;;
esac
cd "$(dirname "$0")/.."
if [ -z "$program" ]; then
    cargo build --locked
    program=$(cargo build --locked --quiet --message-format=json |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
fi

# The scripts of bash, zsh and fish are written by hand, and ask `whk __complete`.
"$program" completions powershell >completions/_whk.ps1
"$program" completions elvish >completions/whk.elv

# page COMMAND...: the help of a command as a section, then those of the commands below it. A page is read at 80
# columns; streams that are no terminal leave the width to COLUMNS.
page() {
    help=$(COLUMNS=80 "$program" "$@" --help </dev/null | sed 's/[[:blank:]]*$//')
    printf '\n## whk%s\n\n```text\n%s\n```\n' "${*:+ $*}" "$help"
    for below in $(printf '%s\n' "$help" | sed -n '/^Commands:$/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p'); do
        page "$@" "$below"
    done
}

{
    echo '# Command line'
    echo
    echo 'The `--help` of every command, written by `docs/generate.sh`. `whk COMMAND -h` is the short form,'
    echo '`whk man DIR` writes manual pages.'
    page
} >docs/cli.md

# checks GROUP TEXT: the checks of a group as a table.
checks() {
    printf '\n## %s\n\n%s\n\n| check | level | reason |\n|---|---|---|\n' "$1" "$2"
    "$program" check --list --json </dev/null | grep "\"group\":\"$1\"" | sed \
        -e 's/.*"id":"\([^"]*\)","group":"[^"]*","level":"\([^"]*\)".*"reason":"\(.*\)","rule":"\([^"]*\)".*/| `\1` | \2 | \3 ([rule](\4)) |/' \
        -e 's/\\"/"/g'
}

{
    echo '# Checks'
    echo
    echo 'Every check of [`whk check`](check.md) in the order in which it runs, written by `docs/generate.sh`.'
    echo '`whk check -p NAME --list` shows those that apply to a provider. A single request of a check can have another'
    echo 'level than the check, if a failure is more or less serious than the others.'
    checks accepts 'Requests that the provider sends, or may send. The handler must accept them.'
    checks rejects 'Requests that were forged, changed or replayed. The handler must reject them with 4xx.'
    checks behaves 'Everything else that a handler needs in production.'
} >docs/checks.md
