
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'whk' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'whk'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'whk' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('listen', 'listen', [CompletionResultType]::ParameterValue, 'Receive webhooks: verify, print and record each one')
            [CompletionResult]::new('send', 'send', [CompletionResultType]::ParameterValue, 'Send signed sample events, or your own body')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check captured requests and say why one fails')
            [CompletionResult]::new('events', 'events', [CompletionResultType]::ParameterValue, 'List the events that can be sent, or show a sample of one')
            [CompletionResult]::new('providers', 'providers', [CompletionResultType]::ParameterValue, 'List the providers, show one, or describe one of your own')
            [CompletionResult]::new('secret', 'secret', [CompletionResultType]::ParameterValue, 'Show or make the secret that is used while none is configured')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page, or write all of them into a folder')
            break
        }
        'whk;listen' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Listen on this port of the loopback address; 0 is any free one')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell')
            [CompletionResult]::new('--provider', '--provider', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The signing secret: its text, env:NAME or file:PATH; may be repeated')
            [CompletionResult]::new('--secret', '--secret', [CompletionResultType]::ParameterName, 'The signing secret: its text, env:NAME or file:PATH; may be repeated')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'Append every request to this file, as JSON Lines [default: events.jsonl in the data folder]')
            [CompletionResult]::new('--rotate', '--rotate', [CompletionResultType]::ParameterName, 'Begin a new log file at this size, such as 64MiB; FILE becomes FILE.1, that becomes FILE.2, and so on')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'How many old log files to keep when rotating [default: all]')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Pass each valid request on to this handler, and its answer back: PORT, :PORT/PATH, HOST/PATH or a URL')
            [CompletionResult]::new('--forward-to', '--forward-to', [CompletionResultType]::ParameterName, 'Pass each valid request on to this handler, and its answer back: PORT, :PORT/PATH, HOST/PATH or a URL')
            [CompletionResult]::new('--forward', '--forward', [CompletionResultType]::ParameterName, 'Pass each valid request on to this handler, and its answer back: PORT, :PORT/PATH, HOST/PATH or a URL')
            [CompletionResult]::new('--route', '--route', [CompletionResultType]::ParameterName, 'Pass events of these types on to another path or URL instead, which is the whole path; may be repeated, the first that fits counts')
            [CompletionResult]::new('--concurrency', '--concurrency', [CompletionResultType]::ParameterName, 'How many requests are passed on at a time [default: 1, in the order in which they come]')
            [CompletionResult]::new('--forward-timeout', '--forward-timeout', [CompletionResultType]::ParameterName, 'How long the handler may take; 0 waits for ever [default: the provider''s own, or 10s]')
            [CompletionResult]::new('--slow-after', '--slow-after', [CompletionResultType]::ParameterName, 'Mark an answer that took longer, because the provider would have given up [default: the provider''s own]')
            [CompletionResult]::new('--on-invalid', '--on-invalid', [CompletionResultType]::ParameterName, 'What to do with a request that is not valid')
            [CompletionResult]::new('--respond', '--respond', [CompletionResultType]::ParameterName, 'Answer by this script, valid or not: a list of `STATUS[xCOUNT][@DELAY]`, reset, hang, slow, short or long')
            [CompletionResult]::new('--respond-for', '--respond-for', [CompletionResultType]::ParameterName, 'The same for events of these types only; may be repeated, the first that fits counts')
            [CompletionResult]::new('--respond-body', '--respond-body', [CompletionResultType]::ParameterName, 'The body of what --respond and --respond-for answer [default: the words of the status]')
            [CompletionResult]::new('--public-url', '--public-url', [CompletionResultType]::ParameterName, 'The address by which the provider knows this endpoint, for schemes that sign the URL')
            [CompletionResult]::new('--tolerance', '--tolerance', [CompletionResultType]::ParameterName, 'How far a timestamp may be from the clock, either way: a length of time, or `none`')
            [CompletionResult]::new('--max-body', '--max-body', [CompletionResultType]::ParameterName, 'The largest body that is taken, such as 256KiB [default: 1MiB]')
            [CompletionResult]::new('--allow-host', '--allow-host', [CompletionResultType]::ParameterName, 'Take requests for this host as well, such as a tunnel''s: NAME, `*.NAME` or `*`; may be repeated')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'Speak https with a certificate that is made once and kept in the data folder')
            [CompletionResult]::new('--tls-cert', '--tls-cert', [CompletionResultType]::ParameterName, 'Speak https with the certificate chain in this PEM file')
            [CompletionResult]::new('--tls-key', '--tls-key', [CompletionResultType]::ParameterName, 'The key of that certificate, in a PEM file')
            [CompletionResult]::new('--ready-file', '--ready-file', [CompletionResultType]::ParameterName, 'Write the address to this file once requests are taken; it is removed at the end')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Show only events of this type, or of a pattern such as ''message.*''; may be repeated')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Show only events of this type, or of a pattern such as ''message.*''; may be repeated')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'End once this many requests were accepted; see below for what counts')
            [CompletionResult]::new('--expect-type', '--expect-type', [CompletionResultType]::ParameterName, 'Expect this many events of a type or pattern [default: 1]; may be repeated')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End after this time: exit 4 where something that was expected did not come; 0 waits for ever')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--no-log', '--no-log', [CompletionResultType]::ParameterName, 'Keep no log')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'Answer only once the record is on the disk, so that it outlives a power cut; a crash of whk it outlives anyway')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Take any certificate that handler shows')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Take any certificate that handler shows')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'whk;send' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'The type of event; may be repeated, may be a pattern such as ''message.*'', or `all`')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'The type of event; may be repeated, may be a pattern such as ''message.*'', or `all`')
            [CompletionResult]::new('--scenario', '--scenario', [CompletionResultType]::ParameterName, 'Send the events of one life in order, such as `hard-bounce`; `whk events` names them')
            [CompletionResult]::new('--pace', '--pace', [CompletionResultType]::ParameterName, 'How fast: original keeps a scenario''s own times, asap, or a rate such as 10/s [default: asap]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell')
            [CompletionResult]::new('--provider', '--provider', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The signing secret: its text, env:NAME or file:PATH; may be repeated')
            [CompletionResult]::new('--secret', '--secret', [CompletionResultType]::ParameterName, 'The signing secret: its text, env:NAME or file:PATH; may be repeated')
            [CompletionResult]::new('--set', '--set', [CompletionResultType]::ParameterName, 'Give a field of the sample another value: PATH=TEXT, or PATH:=JSON')
            [CompletionResult]::new('--unset', '--unset', [CompletionResultType]::ParameterName, 'Take a field of the sample away')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Send your own body, byte for byte: @FILE, - for stdin, or the text itself')
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Send your own body, byte for byte: @FILE, - for stdin, or the text itself')
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'Add a header, or replace one')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Add a header, or replace one')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'The id of the event, instead of a new one')
            [CompletionResult]::new('--timestamp', '--timestamp', [CompletionResultType]::ParameterName, 'The time that is signed: RFC 3339, unix seconds, `-10m`, `+6m` [default: now]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Send each event this many times, each with an id of its own')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Send each event this many times, each with an id of its own')
            [CompletionResult]::new('--fault', '--fault', [CompletionResultType]::ParameterName, 'Make every request wrong in one way, to see that the handler refuses it')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait for an answer; 0 waits for ever [default: the provider''s own]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print them')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--shuffle', '--shuffle', [CompletionResultType]::ParameterName, 'Send the events in random order')
            [CompletionResult]::new('--duplicate', '--duplicate', [CompletionResultType]::ParameterName, 'Send each request twice, as a provider does whose first attempt was lost')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Take any certificate the handler shows')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Take any certificate the handler shows')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the requests instead of sending them')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'whk;verify' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell')
            [CompletionResult]::new('--provider', '--provider', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The signing secret: its text, env:NAME or file:PATH; may be repeated')
            [CompletionResult]::new('--secret', '--secret', [CompletionResultType]::ParameterName, 'The signing secret: its text, env:NAME or file:PATH; may be repeated')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'What the capture is: auto, http, curl, jsonl, har or json')
            [CompletionResult]::new('--entry', '--entry', [CompletionResultType]::ParameterName, 'Check only this entry of an HTTP Archive, counted from 1')
            [CompletionResult]::new('--body', '--body', [CompletionResultType]::ParameterName, 'A file with the body alone, for headers given with -H')
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'A header of the request, with --body')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'A header of the request, with --body')
            [CompletionResult]::new('--at', '--at', [CompletionResultType]::ParameterName, 'The time to check against [default: when the record was received, else now]')
            [CompletionResult]::new('--public-url', '--public-url', [CompletionResultType]::ParameterName, 'The address by which the provider knows this endpoint, for schemes that sign the URL')
            [CompletionResult]::new('--tolerance', '--tolerance', [CompletionResultType]::ParameterName, 'How far the timestamp may be from that time, either way: a length of time, or `none`')
            [CompletionResult]::new('--strict-for', '--strict-for', [CompletionResultType]::ParameterName, 'Fail as well where one of these published Standard Webhooks libraries would not take a valid request')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'whk;events' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Whose events: NAME or NAME@EDITION')
            [CompletionResult]::new('--provider', '--provider', [CompletionResultType]::ParameterName, 'Whose events: NAME or NAME@EDITION')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'whk;providers' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('new', 'new', [CompletionResultType]::ParameterValue, 'Write a commented start of one''s own into whk-providers/NAME.toml, and print the path')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check a provider''s file: exit 0, or 2 with file and line')
            break
        }
        'whk;providers;new' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'whk;providers;check' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'whk;secret' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell')
            [CompletionResult]::new('--provider', '--provider', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The signing secret: its text, env:NAME or file:PATH; may be repeated')
            [CompletionResult]::new('--secret', '--secret', [CompletionResultType]::ParameterName, 'The signing secret: its text, env:NAME or file:PATH; may be repeated')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Print the form for these: standard-webhooks (stock libraries), public-key (receivers of a key pair)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print the secret that send and listen use')
            [CompletionResult]::new('new', 'new', [CompletionResultType]::ParameterValue, 'Print a new secret in the provider''s own format; nothing is stored')
            break
        }
        'whk;secret;show' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell')
            [CompletionResult]::new('--provider', '--provider', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The signing secret: its text, env:NAME or file:PATH; may be repeated')
            [CompletionResult]::new('--secret', '--secret', [CompletionResultType]::ParameterName, 'The signing secret: its text, env:NAME or file:PATH; may be repeated')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Print the form for these: standard-webhooks (stock libraries), public-key (receivers of a key pair)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'whk;secret;new' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION')
            [CompletionResult]::new('--provider', '--provider', [CompletionResultType]::ParameterName, 'Whose webhooks: NAME or NAME@EDITION')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Print the form for these: standard-webhooks (stock libraries), public-key (receivers of a key pair)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--pair', '--pair', [CompletionResultType]::ParameterName, 'Make a key pair instead of a shared secret, where the provider can sign with one')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'whk;completions' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'whk;man' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this config file instead of ./whk.toml')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Make ids, names and other random values repeatable')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines on stdout, and nothing else there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say less on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more on stderr, and show bodies unfolded')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
