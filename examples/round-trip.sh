#!/bin/sh
# A full demo: sends signed events, verifies and shows them, rejects a tampered one, and checks the log again.
#
#     sh examples/round-trip.sh                   builds whk from this clone first
#     WHK=path/to/whk sh examples/round-trip.sh   uses a binary that you have already
#
# Needs the Rust toolchain, or nothing if WHK is given. Everything that it writes is in a temporary folder, which is
# removed at the end. Exit code 0 means that every step succeeded.
set -eu

room=$(mktemp -d "${TMPDIR:-/tmp}/whk-round-trip.XXXXXX")
background=
at_end() {
    [ -z "$background" ] || kill "$background" 2>/dev/null || :
    rm -rf "$room"
}
trap at_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

bold= faint= green= red= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    escape=$(printf '\033')
    bold="$escape[1m" faint="$escape[2m" green="$escape[32m" red="$escape[31m" plain="$escape[0m"
    # whk prints into a file here; its output is coloured as on the terminal.
    export CLICOLOR_FORCE=1
fi

say() {
    printf '%s\n' "$1"
}

# title TEXT: starts the next part.
title() {
    printf '\n%s%s%s\n\n' "$bold" "$1" "$plain"
}

# fail REASON [FILE]: exits with the reason and the last output.
fail() {
    printf '\n%sFAILED: %s%s\n' "$red" "$1" "$plain" >&2
    if [ -n "${2:-}" ] && [ -s "$2" ]; then
        sed 's/^/  /' "$2" >&2
    fi
    exit 1
}

# nap: a moment; POSIX knows whole seconds only.
nap() {
    sleep 0.05 2>/dev/null || sleep 1
}

# build: compiles whk with a line of progress, and sets $program.
build() {
    root=$(cd "$(dirname "$0")/.." && pwd)
    command -v cargo >/dev/null 2>&1 || fail 'cargo is not on the PATH; https://rustup.rs installs Rust'
    say "$bold\$ cargo build --release --locked$plain"
    : >"$room/cargo"
    (cd "$root" && exec cargo build --release --locked --message-format=json) \
        </dev/null >"$room/built" 2>"$room/cargo" &
    background=$!
    naps=0
    while kill -0 "$background" 2>/dev/null; do
        last=$(tail -n 1 "$room/cargo" | sed 's/^ *//' | cut -c 1-55)
        if [ -t 1 ]; then
            printf '\r\033[K%s   %s crates so far' "$last" "$(grep -c Compiling "$room/cargo")"
        elif [ $((naps % 600)) -eq 599 ]; then
            say "$last   $(grep -c Compiling "$room/cargo") crates so far"
        fi
        naps=$((naps + 1))
        nap
    done
    [ ! -t 1 ] || printf '\r\033[K'
    status=0
    wait "$background" || status=$?
    background=
    [ "$status" -eq 0 ] || fail "cargo exited with code $status" "$room/cargo"
    tail -n 1 "$room/cargo" | sed 's/^ *//'
    program=$(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' "$room/built" | tail -n 1)
}

# whk STATUS ARGUMENT…: shows a command, runs it, shows its output, and checks its exit code.
whk() {
    wanted=$1
    shift
    say "$bold\$ whk $*$plain"
    status=0
    COLUMNS=80 "$program" "$@" </dev/null >"$room/said" 2>&1 || status=$?
    cat "$room/said"
    [ "$status" -eq "$wanted" ] || fail "exit code $status, expected $wanted"
    [ "$status" -eq 0 ] || say "${faint}exit code $status, as expected$plain"
}

# listener: shows the new output of whk listen, behind a bar.
shown=0
listener() {
    lines=$(wc -l <"$room/listen")
    sed -n "$((shown + 1)),${lines}p" "$room/listen" | sed "s/^/$faint  │$plain /"
    shown=$lines
}

# arrived COUNT: waits until whk listen has shown this number of requests, and shows them.
arrived() {
    naps=0
    until [ "$(grep -c -e '✓ ' -e '✗ ' -e '? ' "$room/listen")" -ge "$1" ]; do
        naps=$((naps + 1))
        [ "$naps" -lt 200 ] || fail "whk listen did not show $1 requests within 10 seconds" "$room/listen"
        nap
    done
    say ''
    listener
}

# recorded COUNT TEXT NOUN: checks that the log has this number of lines with this text.
recorded() {
    [ -f "$room/events.jsonl" ] || fail 'whk listen kept no log' "$room/listen"
    found=$(grep -c -F "$2" "$room/events.jsonl" || :)
    [ "$found" -eq "$1" ] || fail "the log has $found $3, expected $1" "$room/listen"
}

if [ -z "${WHK:-}" ]; then
    build
else
    program=$(command -v "$WHK") || fail "there is no program $WHK"
    case $program in /*) ;; *) program=$PWD/$program ;; esac
fi

# A folder of its own: no configuration of this machine applies, and nothing is left behind.
cd "$room"
export WHK_DATA_DIR="$room/data" WHK_CONFIG_DIR="$room/config"
unset WHK_SECRET WHK_PROVIDER

title '1. Start a receiver: any free port, a log, no configuration'
say "$bold\$ whk listen --port 0 --ready-file address --log events.jsonl$plain"
: >"$room/listen"
COLUMNS=76 "$program" listen --port 0 --ready-file address --log events.jsonl </dev/null >"$room/listen" 2>&1 &
background=$!
naps=0
until [ -s address ]; do
    kill -0 "$background" 2>/dev/null || fail 'whk listen stopped before it was ready' "$room/listen"
    naps=$((naps + 1))
    [ "$naps" -lt 200 ] || fail 'whk listen was not ready within 10 seconds' "$room/listen"
    nap
done
port=$(sed 's/.*://; s/[^0-9].*//' address)
listener

title '2. Send signed sample events; they arrive verified: AhaSend ...'
whk 0 send ":$port" --type message.delivered --type message.clicked
arrived 2

title '... AutoSend, which signs differently and is detected by its events ...'
whk 0 send ":$port" --type email.opened
arrived 3

title '... and Standard Webhooks in general'
whk 0 send ":$port" -p standard --type user.created
arrived 4

title '3. Change one on its way: the receiver rejects it and says why'
whk 0 send ":$port" --type message.opened --fault tampered-body
arrived 5
recorded 4 '"verdict":{"status":"valid"' 'valid requests'
recorded 1 '"verdict":{"status":"invalid"' 'invalid requests'
recorded 1 '"cause":"' 'reasons'

title '4. Check the log again, at any time'
whk 1 verify events.jsonl

title '5. Stop the receiver, as Ctrl-C does'
kill "$background"
naps=0
while kill -0 "$background" 2>/dev/null; do
    naps=$((naps + 1))
    if [ "$naps" -ge 200 ]; then
        kill -9 "$background"
        fail 'whk listen did not stop within 10 seconds' "$room/listen"
    fi
    nap
done
status=0
wait "$background" || status=$?
background=
listener
[ "$status" -eq 0 ] || fail "whk listen exited with code $status" "$room/listen"
[ ! -e address ] || fail 'whk listen left its ready file behind' "$room/listen"

printf '\n%sEverything worked: 4 events verified, 1 tampered event rejected.%s\n' "$green" "$plain"
