#!/bin/sh
# Draws docs/report.png, the report in the README, from a real run of whk replay. Needs chromium.
#
#     sh docs/report.sh PATH/whk [PATH/chromium]
set -eu

program=${1:?usage: sh docs/report.sh PATH/whk [PATH/chromium]}
case $program in /*) ;; *) program=$PWD/$program ;; esac
browser=${2:-chromium}
picture=$(cd "$(dirname "$0")" && pwd)/report.png

room=$(mktemp -d "${TMPDIR:-/tmp}/whk-report.XXXXXX")
listener=
at_exit() {
    [ -z "$listener" ] || kill "$listener" 2>/dev/null || :
    rm -rf "$room"
}
trap at_exit EXIT
cd "$room"
export HOME="$room" WHK_DATA_DIR="$room/data" WHK_CONFIG_DIR="$room/config"
unset WHK_SECRET WHK_PROVIDER WHK_URL

# start OPTIONS…: starts a listener, and sets $address.
start() {
    rm -f address
    "$program" listen -q --port 0 --ready-file address "$@" </dev/null >listen 2>&1 &
    listener=$!
    tries=0
    until [ -s address ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 400 ] || { cat listen >&2; exit 1; }
        sleep 0.05 2>/dev/null || sleep 1
    done
    address=$(cat address)
}

stop() {
    kill "$listener"
    wait "$listener" || :
    listener=
}

start --log events.jsonl
"$program" send "$address" -p ahasend --scenario hard-bounce --seed 1 -q >/dev/null
"$program" send "$address" -p autosend --type email.sent --seed 2 -q >/dev/null
"$program" send "$address" -p selfmx --type bounced --seed 3 -q >/dev/null
stop

# A handler that is down at first, breaks a connection, and never accepts one kind of event.
start --no-log --respond-for 'message.reception=503x5,200' --respond-for 'message.bounced=500,reset,200' \
    --respond-for 'email.sent=429x2,200' --respond-for 'bounced=500'
"$program" replay events.jsonl "$address" --speed max --seed 4 --report report.html >/dev/null 2>&1 || :
stop
sed -i.bak "s|$address|http://127.0.0.1:3000|g" report.html

"$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=900,790 \
    --screenshot="$room/report.png" "file://$room/report.html" >/dev/null 2>&1
cp report.png "$picture"
