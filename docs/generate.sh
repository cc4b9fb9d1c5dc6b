#!/bin/sh
# Writes anew what is made from the command line's definition: completions/, and in README.md the help and the table of
# exit codes. tests/it/generated.rs compares them.
#
#     sh docs/generate.sh            builds whk first
#     sh docs/generate.sh PATH/whk   takes a binary that is there already; its file must be called whk
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

"$program" completions bash >completions/whk.bash
"$program" completions zsh >completions/_whk
"$program" completions fish >completions/whk.fish
"$program" completions powershell >completions/_whk.ps1
"$program" completions elvish >completions/whk.elv

# A README is read at 80 columns. Streams that are no terminal leave the width to COLUMNS.
draft=$(mktemp)
trap 'rm -f "$draft"' EXIT
COLUMNS=80 awk -v program="$program" '
    function help_of(command) {
        sub(/^whk ?/, "", command)
        return "\"" program "\" " command " --help </dev/null 2>/dev/null"
    }
    function put_help(command,    line) {
        while ((help_of(command) | getline line) > 0) { sub(/[ \t]+$/, "", line); print line }
        close(help_of(command))
    }
    function put_exit_codes(    line, code, on) {
        print "| exit | meaning |"
        print "|---|---|"
        while ((help_of("whk") | getline line) > 0) {
            if (on && match(line, /^ +[0-9]+ +/)) {
                code = substr(line, 1, RLENGTH)
                gsub(/ /, "", code)
                print "| " code " | " substr(line, RLENGTH + 1) " |"
            }
            on = on || line ~ /^Exit codes:/
        }
        close(help_of("whk"))
    }
    # The old text goes: a block up to its closing fence, a table up to its last row.
    after && $0 == "```text" { after = 0; inside = 1; next }
    inside { inside = $0 != "```"; next }
    table && /^\|/ { next }
    { after = table = 0 }
    { print }
    /^<!-- help: whk.* -->$/ {
        command = $0
        gsub(/^<!-- help: | -->$/, "", command)
        print "```text"
        put_help(command)
        print "```"
        after = 1
    }
    /^<!-- exit codes -->$/ { put_exit_codes(); table = 1 }
' README.md </dev/null >"$draft"
cat "$draft" >README.md
