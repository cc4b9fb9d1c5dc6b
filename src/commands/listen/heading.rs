//! What is said once requests are taken: where, whose, where they go, where they are kept.

use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

use super::onward::Onward;
use super::open_log::OpenLog;
use crate::cli::ListenArgs;
use crate::commands::Context;
use crate::config;
use crate::error::Result;
use crate::provider::Name;

#[derive(Serialize)]
#[serde(tag = "kind", rename = "ready")]
struct Ready<'a> {
    url: &'a str,
    pid: u32,
    log: Option<&'a Path>,
}

/// Where requests come from and go to.
pub(super) struct Heading<'a> {
    pub(super) url: &'a str,
    pub(super) address: SocketAddr,
    pub(super) log: Option<&'a OpenLog>,
    pub(super) onward: Option<&'a Onward>,
}

impl Heading<'_> {
    /// Says it: to scripts on stdout, to people on stderr.
    pub(super) fn announce(&self, context: &Context, flags: &ListenArgs) -> Result {
        let (output, url) = (context.output, self.url);
        output.object(&Ready { url, pid: std::process::id(), log: self.log.map(OpenLog::path) })?;
        let whose = flags.identity.provider.as_ref().map_or_else(|| "any provider".to_owned(), Name::to_string);
        let secret = secret_in_short(context, flags)?;
        let paint = output.status_paint;
        output.status(&format!("{} {}  ({whose}, {secret})", paint.bold("listening on"), paint.cyan(url)));
        if let Some(onward) = self.onward {
            output.status(&format!("{} {}", paint.bold("forwarding to"), paint.cyan(&onward.handler().to_string())));
        }
        match self.log {
            Some(log) => output.status(&paint.faint(&format!("recording to {}", log.path().display()))),
            None => output.status(&paint.faint("not recording (--no-log)")),
        }
        if let Some(default) = self.log.and_then(|log| log.in_use.as_ref()) {
            output.status(&paint.faint(&format!("(another listener records to {})", default.display())));
        }
        if !self.address.ip().is_loopback() {
            output.status(&paint.yellow("other machines can reach this address"));
        }
        if flags.command.is_empty() {
            output.status(&paint.faint("Ctrl-C ends it"));
        }
        Ok(())
    }
}

/// Where the secret comes from, never what it is.
fn secret_in_short(context: &Context, flags: &ListenArgs) -> Result<String> {
    let found = match (config::given(&flags.identity)?, &flags.identity.provider) {
        (Some(given), _) => given,
        (None, Some(name)) => context.config.secrets(&flags.identity, &context.shelf.load(name)?)?,
        (None, None) if context.config.has_secrets() => return Ok("configured secrets".to_owned()),
        (None, None) => return Ok("development secrets".to_owned()),
    };
    let count = found.secrets.len();
    Ok(match count {
        0 => found.origin,
        1 => format!("secret from {}", found.origin),
        _ => format!("{count} secrets from {}", found.origin),
    })
}
