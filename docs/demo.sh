#!/bin/sh
# Draws docs/demo.svg, the terminal session in the README, from a real run of whk.
#
#     sh docs/demo.sh PATH/whk          writes docs/demo.svg, unless only durations differ
#     sh docs/demo.sh PATH/whk FILE     writes FILE
#
# tests/it/documents/picture.rs draws it again and compares the texts. The run is repeatable (--seed, --now) and its
# port and folder are shown as those of a first run. Needs awk, and nothing else.
set -eu

program=${1:?usage: sh docs/demo.sh PATH/whk [FILE]}
case $program in /*) ;; *) program=$PWD/$program ;; esac
picture=$(cd "$(dirname "$0")" && pwd)/demo.svg
target=${2:-$picture}
case $target in /*) ;; *) target=$PWD/$target ;; esac

room=$(mktemp -d "${TMPDIR:-/tmp}/whk-demo.XXXXXX")
listener=
at_exit() {
    [ -z "$listener" ] || kill "$listener" 2>/dev/null || :
    rm -rf "$room"
}
trap at_exit EXIT
cd "$room"
export HOME="$room" WHK_DATA_DIR="$room/data" WHK_CONFIG_DIR="$room/config" COLUMNS=80 LINES=24 CLICOLOR_FORCE=1
unset WHK_SECRET WHK_PROVIDER NO_COLOR
now=2026-03-02T08:15:33Z

# shown COMMAND OPTIONS…: writes the prompt and what the command prints, run with more options than it shows.
shown() {
    printf '\033[1m$ %s\033[0m\n' "whk $1"
    line=$1
    shift
    status=0
    # The words of the line are arguments; none of them has a space.
    # shellcheck disable=SC2086
    "$program" $line "$@" --now "$now" </dev/null 2>&1 || status=$?
    [ "$status" -lt 2 ] || { echo "whk $line: exit code $status" >&2; exit 1; }
}

# A request with a body that a framework has re-serialized: `&` instead of the `\u0026` that was signed.
"$program" send -p ahasend --type message.delivered --set 'data.subject=Tea & cake' --dry-run --seed 3 --now "$now" \
    2>/dev/null | sed -e 's/\\u0026/\&/' -e '/^content-length/d' >captured.http

TZ=UTC "$program" listen --port 0 --ready-file "$room/address" --now "$now" </dev/null >"$room/listen" 2>&1 &
listener=$!
tries=0
until [ -s "$room/address" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 400 ] || { cat "$room/listen" >&2; exit 1; }
    sleep 0.05 2>/dev/null || sleep 1
done
address=$(cat "$room/address")
export WHK_URL="$address"
{
    shown 'send -p ahasend --type message.delivered' --seed 1
    echo
    shown 'send -p ahasend --type message.bounced --fault tampered-body' --seed 2
    echo
    shown 'verify captured.http'
} >"$room/send" 2>&1
kill "$listener"
wait "$listener" || :
listener=

# What is shown: the port and the folders of a first run.
{
    printf '\033[1m$ whk listen\033[0m\n'
    sed -e "s|$address|http://127.0.0.1:9450|g" -e "s|$room/data|~/.local/share/whk|g" "$room/listen"
} >"$room/first"
sed -e "s|$address|http://127.0.0.1:9450|g" -e "s|$room|~|g" "$room/send" >"$room/second"

LC_ALL=C awk '
    function escaped(text) {
        gsub(/&/, "\\&amp;", text)
        gsub(/</, "\\&lt;", text)
        gsub(/>/, "\\&gt;", text)
        return text
    }
    function columns(text) { gsub(/[\200-\277]/, "", text); return length(text) }
    # One piece of text in the style that holds, at its column.
    function piece(text,    class) {
        if (text == "") return
        class = (color ? color : "") (bold ? " b" : "") (faint ? " f" : "")
        sub(/^ /, "", class)
        out = out sprintf("<tspan x=\"%.1f\"%s>%s</tspan>", left + column * 7.8, class ? " class=\"" class "\"" : "", escaped(text))
        column += columns(text)
    }
    function style(codes,    parts, count, i) {
        count = split(codes, parts, ";")
        if (count == 0) { bold = faint = 0; color = "" }
        for (i = 1; i <= count; i++) {
            if (parts[i] == 0) { bold = faint = 0; color = "" }
            else if (parts[i] == 1) bold = 1
            else if (parts[i] == 2) faint = 1
            else if (parts[i] == 22) bold = faint = 0
            else if (parts[i] == 39) color = ""
            else if (parts[i] in names) color = names[parts[i]]
        }
    }
    BEGIN {
        names[31] = "red"; names[32] = "green"; names[33] = "yellow"; names[34] = "blue"; names[36] = "cyan"
        for (i = 0; i < 3; i++) dots = dots "<circle class=\"dot\" cx=\"" 18 + 17 * i "\" cy=\"16\" r=\"5\"/>"
        left = 16; top = 0; width = 2 * left + 80 * 7.8
    }
    FNR == 1 {
        if (NR > 1) { windows = windows frame(); top += height + 14 }
        body = ""; rows = 0; bold = faint = 0; color = ""
    }
    function frame() {
        height = 40 + rows * 17 + 10
        return "<g transform=\"translate(0 " top ")\">\n<rect class=\"window\" x=\".5\" y=\".5\" width=\"" width - 1 "\" height=\"" height \
            "\" rx=\"8\"/>\n" dots "\n" body "</g>\n"
    }
    {
        rest = $0; out = ""; column = 0
        while (match(rest, /\033\[[0-9;]*m/)) {
            piece(substr(rest, 1, RSTART - 1))
            style(substr(rest, RSTART + 2, RLENGTH - 3))
            rest = substr(rest, RSTART + RLENGTH)
        }
        piece(rest)
        rows++
        if (out != "") body = body sprintf("<text y=\"%d\">%s</text>\n", 36 + rows * 17 - 4, out)
    }
    END {
        windows = windows frame()
        printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-labelledby=\"title\">\n", \
            width, top + height + 1, width, top + height + 1
        print "<title id=\"title\">whk listen in one terminal, whk send in another: a valid event, a rejected one, and why a captured one fails</title>"
        print "<style>"
        print "text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, \"DejaVu Sans Mono\", monospace; white-space: pre; fill: #1f2328 }"
        print ".window { fill: #f6f8fa; stroke: #d0d7de } .dot { fill: #d0d7de } .b { font-weight: 600 } .f { opacity: .65 }"
        print ".green { fill: #116329 } .red { fill: #cf222e } .yellow { fill: #7d4e00 } .blue { fill: #0550ae } .cyan { fill: #1b6f7f }"
        print "@media (prefers-color-scheme: dark) {"
        print "text { fill: #e6edf3 } .window { fill: #161b22; stroke: #3d444d } .dot { fill: #3d444d }"
        print ".green { fill: #56d364 } .red { fill: #ff7b72 } .yellow { fill: #e3b341 } .blue { fill: #79c0ff } .cyan { fill: #76e3ea }"
        print "}"
        print "</style>"
        print windows "</svg>"
    }
' "$room/first" "$room/second" >"$room/demo.svg"

# texts FILE: what it shows, with one length for every duration.
texts() {
    sed -e 's/<[^>]*>//g' -e 's/[0-9.]* ms/0 ms/g' "$1"
}
if [ -f "$target" ] && [ "$(texts "$target")" = "$(texts "$room/demo.svg")" ]; then
    exit 0
fi
cp "$room/demo.svg" "$target"
