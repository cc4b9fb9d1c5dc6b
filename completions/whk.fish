# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_whk_global_optspecs
    string join \n json color= q/quiet v/verbose config= seed= now= h/help V/version
end

function __fish_whk_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_whk_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_whk_using_subcommand
    set -l cmd (__fish_whk_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c whk -n "__fish_whk_needs_command" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_needs_command" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_needs_command" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_needs_command" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_needs_command" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_needs_command" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_needs_command" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_needs_command" -s V -l version -d 'Print version'
complete -c whk -n "__fish_whk_needs_command" -f -a "listen" -d 'Receive webhooks: verify, print and record each one'
complete -c whk -n "__fish_whk_needs_command" -f -a "send" -d 'Send signed sample events, or your own body'
complete -c whk -n "__fish_whk_needs_command" -f -a "verify" -d 'Check captured requests and explain why one fails'
complete -c whk -n "__fish_whk_needs_command" -f -a "replay" -d 'Resend a recorded log on the provider\'s real retry schedule'
complete -c whk -n "__fish_whk_needs_command" -f -a "events" -d 'List the events that can be sent, or show a sample of one'
complete -c whk -n "__fish_whk_needs_command" -f -a "providers" -d 'List the providers, show one, or describe one of your own'
complete -c whk -n "__fish_whk_needs_command" -f -a "secret" -d 'Show or create development secrets'
complete -c whk -n "__fish_whk_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c whk -n "__fish_whk_needs_command" -f -a "man" -d 'Print the manual page, or write all of them into a folder'
complete -c whk -n "__fish_whk_needs_command" -f -a "help" -d 'Print the help of a command'
complete -c whk -n "__fish_whk_using_subcommand listen" -l port -d 'Listen on this port, as ADDR does; 0 is any free port' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -s p -l provider -d 'Provider: NAME or NAME@EDITION [default: detected]' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -s s -l secret -d 'Secret: env:NAME, file:PATH or its text (repeatable)' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l log -d 'Log file [default: events.jsonl in the data folder]' -r -F
complete -c whk -n "__fish_whk_using_subcommand listen" -l rotate -d 'Rotate the log at this size, such as 64MiB (FILE → FILE.1 → FILE.2 …)' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l keep -d 'Number of rotated log files to keep [default: all]' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -s f -l forward-to -d 'Forward valid requests to this handler' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l route -d 'Forward events of this type to another path or URL (first match wins; repeatable)' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l concurrency -d 'Number of requests to forward at a time [default: 1, in order of arrival]' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l forward-timeout -d 'Handler timeout (0 = no limit) [default: the provider\'s own, or 10s]' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l slow-after -d 'Flag responses slower than this [default: the provider\'s own timeout]' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l on-invalid -d 'Invalid requests: reject, accept or forward' -r -f -a "reject\t'Respond as the provider\'s own samples do: 400 or 401'
accept\t'Handle it as if it were valid'
forward\t'Forward it and return the handler\'s response (needs --forward-to)'"
complete -c whk -n "__fish_whk_using_subcommand listen" -l respond -d 'Respond from a script such as 500x2,200 or 200@12s' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l respond-for -d 'The same for events of one type (first match wins; repeatable)' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l respond-body -d 'Body of scripted responses [default: the reason phrase of the status]' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l public-url -d 'Public URL of this endpoint (needed by schemes that sign the URL)' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l tolerance -d 'Maximum age of a timestamp, in either direction, or none for any' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l max-body -d 'Maximum size of a body, such as 256KiB [default: 1MiB]' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l allow-host -d 'Accept requests for this host, such as a tunnel\'s (repeatable)' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l tls -d 'Serve HTTPS with a generated self-signed certificate' -r -f -a "self-signed\t'Generated here, and trusted by nobody else'"
complete -c whk -n "__fish_whk_using_subcommand listen" -l tls-cert -d 'Serve HTTPS with the certificate chain in this PEM file' -r -F
complete -c whk -n "__fish_whk_using_subcommand listen" -l tls-key -d 'PEM file with the private key of that certificate' -r -F
complete -c whk -n "__fish_whk_using_subcommand listen" -l ready-file -d 'Write the address to this file once listening; it is removed at the end' -r -F
complete -c whk -n "__fish_whk_using_subcommand listen" -s t -l type -d 'Show only events of this type or pattern' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l expect -d 'Exit once N valid requests got a 2xx response' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l expect-type -d 'Expect N events of a type or pattern [default: 1] (repeatable)' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l timeout -d 'Exit after this time (code 4 if events are missing)' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand listen" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand listen" -l no-log -d 'Do not write a log'
complete -c whk -n "__fish_whk_using_subcommand listen" -l sync -d 'fsync each record before responding (survives power loss, not just a crash)'
complete -c whk -n "__fish_whk_using_subcommand listen" -s k -l insecure -d 'Do not verify the handler\'s TLS certificate'
complete -c whk -n "__fish_whk_using_subcommand listen" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand listen" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand listen" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand listen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand send" -s t -l type -d 'The type of event; may be repeated, may be a pattern such as \'message.*\', or `all`' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l scenario -d 'Send the events of one life in order, such as `hard-bounce`; `whk events` names them' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l pace -d 'How fast: original keeps a scenario\'s own times, asap, or a rate such as 10/s [default: asap]' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l rate -d 'Send this many a second, such as 50/s or 30/m' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l duration -d 'Go on for this long, instead of a number of times' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l concurrency -d 'How many attempts may be under way at once' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l speed -d 'Divide every wait by this number, such as 60; max waits for nothing [default: 1]' -r
complete -c whk -n "__fish_whk_using_subcommand send" -s p -l provider -d 'Provider: NAME or NAME@EDITION [default: detected]' -r
complete -c whk -n "__fish_whk_using_subcommand send" -s s -l secret -d 'Secret: env:NAME, file:PATH or its text (repeatable)' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l set -d 'Give a field of the sample another value: PATH=TEXT, or PATH:=JSON' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l unset -d 'Take a field of the sample away' -r
complete -c whk -n "__fish_whk_using_subcommand send" -s d -l data -d 'Send your own body, byte for byte: @FILE, - for stdin, or the text itself' -r
complete -c whk -n "__fish_whk_using_subcommand send" -s H -l header -d 'Add a header, or replace one' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l id -d 'The id of the event, instead of a new one' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l timestamp -d 'The time that is signed: RFC 3339, unix seconds, `-10m`, `+6m` [default: now]' -r
complete -c whk -n "__fish_whk_using_subcommand send" -s c -l count -d 'Send each event this many times, each with an id of its own' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l fault -d 'Make every request wrong in one way, to see that the handler refuses it' -r -f -a "tampered-body\t'One character of the body is another than was signed'
wrong-secret\t'Signed with another secret'
missing-signature\t'Without the signature header'
missing-id\t'Without the id header'
missing-timestamp\t'Without the timestamp header'
malformed-signature\t'With a signature header that cannot be parsed'
expired\t'Signed rightly, too long ago'
future\t'Signed rightly, too far ahead'
reserialized-body\t'The same JSON with its keys sorted, as a framework writes it anew'
truncated-body\t'The body ends half-way'"
complete -c whk -n "__fish_whk_using_subcommand send" -l timeout -d 'How long to wait for an answer; 0 waits for ever [default: the provider\'s own]' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l wait -d 'Wait until the handler accepts connections, for at most this long' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l format -d 'How to print them' -r -f -a "http\t'As it goes over the wire'
curl\t'As a command line for a POSIX shell'
json\t'As JSON Lines that `whk verify` reads'"
complete -c whk -n "__fish_whk_using_subcommand send" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand send" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand send" -l retry -d 'Try again what fails, on the provider\'s own schedule'
complete -c whk -n "__fish_whk_using_subcommand send" -l shuffle -d 'Send the events in random order'
complete -c whk -n "__fish_whk_using_subcommand send" -l duplicate -d 'Send each request twice, as a provider does whose first attempt was lost'
complete -c whk -n "__fish_whk_using_subcommand send" -s k -l insecure -d 'Do not verify the handler\'s TLS certificate'
complete -c whk -n "__fish_whk_using_subcommand send" -l dry-run -d 'Print the requests instead of sending them'
complete -c whk -n "__fish_whk_using_subcommand send" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand send" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand send" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand verify" -s p -l provider -d 'Provider: NAME or NAME@EDITION [default: detected]' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -s s -l secret -d 'Secret: env:NAME, file:PATH or its text (repeatable)' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -l format -d 'What the capture is: auto, http, curl, jsonl, har or json' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -l entry -d 'Check only this entry of an HTTP Archive, counted from 1' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -l body -d 'A file with the body alone, for headers given with -H' -r -F
complete -c whk -n "__fish_whk_using_subcommand verify" -s H -l header -d 'A header of the request, with --body' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -l at -d 'The time to check against [default: when the record was received, else now]' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -l public-url -d 'The address by which the provider knows this endpoint, for schemes that sign the URL' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -l tolerance -d 'How far the timestamp may be from that time, either way: a length of time, or `none`' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -l strict-for -d 'Fail as well where one of these published Standard Webhooks libraries would not take a valid request' -r -f -a "javascript\t''
python\t''
rust\t''
go\t''
ruby\t''
php\t''
java\t''
csharp\t''
elixir\t''
all\t''"
complete -c whk -n "__fish_whk_using_subcommand verify" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand verify" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand verify" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand verify" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand verify" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand replay" -l format -d 'Input format: auto, http, curl, jsonl, har or json' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l schedule -d 'Retry schedule: PROVIDER, none, or 5s,5m,30m' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l speed -d 'Speed up retries by N (max = no waiting)' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l pace -d 'Pace of new events: original (the recorded gaps), asap, or a rate such as 10/s' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l concurrency -d 'Attempts in flight at once; 1 keeps the order' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -s t -l type -d 'Only events of this type, such as \'message.*\'' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l status -d 'Only requests that got this status when recorded' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l since -d 'Only requests received since then, such as -2h' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l until -d 'Only requests received before this time' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l last -d 'Only the last N of the selected requests' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l id -d 'Only the event with this id (repeatable)' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -s p -l provider -d 'Provider: NAME or NAME@EDITION [default: detected]' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -s s -l secret -d 'Secret: env:NAME, file:PATH or its text (repeatable)' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l set -d 'Change a field of each body: PATH=TEXT, or PATH:=JSON' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l unset -d 'Remove a field from each body' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -s H -l header -d 'Add or replace a header' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l state -d 'Keep the progress in this file, and resume from it [default: LOG.replay]' -r -F
complete -c whk -n "__fish_whk_using_subcommand replay" -l timeout -d 'Timeout of each attempt; 0 means no limit [default: the provider\'s]' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l wait -d 'Wait until the handler accepts connections, for at most this long' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l report -d 'Write a page that draws every attempt' -r -F
complete -c whk -n "__fish_whk_using_subcommand replay" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand replay" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand replay" -l resign -d 'Re-sign every request, even those that were not valid'
complete -c whk -n "__fish_whk_using_subcommand replay" -l verbatim -d 'Send the recorded headers and bytes, with their original signatures'
complete -c whk -n "__fish_whk_using_subcommand replay" -l fresh -d 'Forget the progress of an earlier run'
complete -c whk -n "__fish_whk_using_subcommand replay" -s k -l insecure -d 'Do not verify the handler\'s TLS certificate'
complete -c whk -n "__fish_whk_using_subcommand replay" -l dry-run -d 'Print the retry schedule, send nothing'
complete -c whk -n "__fish_whk_using_subcommand replay" -l strict -d 'Exit with 2 if a line of the log cannot be read'
complete -c whk -n "__fish_whk_using_subcommand replay" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand replay" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand replay" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand events" -s p -l provider -d 'Provider: NAME or NAME@EDITION' -r
complete -c whk -n "__fish_whk_using_subcommand events" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand events" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand events" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand events" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand events" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand events" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand events" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand providers; and not __fish_seen_subcommand_from new check" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand providers; and not __fish_seen_subcommand_from new check" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand providers; and not __fish_seen_subcommand_from new check" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand providers; and not __fish_seen_subcommand_from new check" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand providers; and not __fish_seen_subcommand_from new check" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand providers; and not __fish_seen_subcommand_from new check" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand providers; and not __fish_seen_subcommand_from new check" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand providers; and not __fish_seen_subcommand_from new check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand providers; and not __fish_seen_subcommand_from new check" -a "new" -d 'Create whk-providers/NAME.toml, a commented template'
complete -c whk -n "__fish_whk_using_subcommand providers; and not __fish_seen_subcommand_from new check" -a "check" -d 'Validate a provider file, and sign and verify each of its events'
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from new" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from new" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from new" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from new" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from new" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from new" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from new" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from check" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from check" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from check" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from check" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from check" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from check" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand providers; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -s p -l provider -d 'Provider: NAME or NAME@EDITION' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -s s -l secret -d 'Print this one: env:NAME, file:PATH or its text' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -l for -l as -d 'Print it in the form that others expect' -r -f -a "standard-webhooks\t'whsec_ and base64, for the published Standard Webhooks libraries'
public-key\t'The public half of a key pair, for receivers'"
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -f -a "show" -d 'Print the secret that send and listen use'
complete -c whk -n "__fish_whk_using_subcommand secret; and not __fish_seen_subcommand_from show new" -f -a "new" -d 'Print a new secret in the provider\'s own format; nothing is stored'
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -s p -l provider -d 'Provider: NAME or NAME@EDITION' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -s s -l secret -d 'Print this one: env:NAME, file:PATH or its text' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -l for -l as -d 'Print it in the form that others expect' -r -f -a "standard-webhooks\t'whsec_ and base64, for the published Standard Webhooks libraries'
public-key\t'The public half of a key pair, for receivers'"
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -s p -l provider -d 'Provider: NAME or NAME@EDITION' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -l for -l as -d 'Print it in the form that others expect' -r -f -a "standard-webhooks\t'whsec_ and base64, for the published Standard Webhooks libraries'
public-key\t'The public half of a key pair, for receivers'"
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -l pair -d 'Create a key pair instead of a shared secret, if the provider can sign with one'
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand secret; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand completions" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand completions" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand completions" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand completions" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand completions" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand completions" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand completions" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand man" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand man" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand man" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand man" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand man" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand man" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand man" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c whk -n "__fish_whk_using_subcommand help" -l color -d 'Colour the output: auto, always or never' -r
complete -c whk -n "__fish_whk_using_subcommand help" -l config -d 'Read this config file instead of ./whk.toml' -r -F
complete -c whk -n "__fish_whk_using_subcommand help" -l seed -d 'Make random values repeatable: ids, names, jitter' -r
complete -c whk -n "__fish_whk_using_subcommand help" -l now -d 'Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m' -r
complete -c whk -n "__fish_whk_using_subcommand help" -l json -d 'Print JSON Lines on stdout'
complete -c whk -n "__fish_whk_using_subcommand help" -s q -l quiet -d 'Less output: only failures and errors'
complete -c whk -n "__fish_whk_using_subcommand help" -s v -l verbose -d 'More output, with full bodies'
complete -c whk -n "__fish_whk_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
