//! The banner: the address, the provider, the handler, the log.

use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

use super::open_log::OpenLog;
use crate::cli::ListenArgs;
use crate::commands::Context;
use crate::config;
use crate::error::Result;
use crate::http::client::Endpoint;
use crate::output::clean;
use crate::provider::ProviderRef;

#[derive(Serialize)]
#[serde(tag = "kind", rename = "ready")]
struct ReadyLine<'a> {
    url: &'a str,
    pid: u32,
    log: Option<&'a Path>,
}

/// The banner: where requests come from and go to.
pub(super) struct Banner<'a> {
    pub(super) url: &'a str,
    pub(super) address: SocketAddr,
    pub(super) log: Option<&'a OpenLog>,
    pub(super) handler: Option<&'a Endpoint>,
}

impl Banner<'_> {
    /// Prints it: for scripts on stdout, for people on stderr.
    pub(super) fn print(&self, context: &Context, args: &ListenArgs) -> Result {
        let (output, url) = (context.output, self.url);
        output.print_json(&ReadyLine { url, pid: std::process::id(), log: self.log.map(OpenLog::path) })?;
        let provider =
            args.identity.provider.as_ref().map_or_else(|| "any provider".to_owned(), ProviderRef::to_string);
        let secret = SecretOrigin::find(context, args)?;
        let paint = output.stderr_style;
        let faint = |text: &str| output.status(&paint.faint(text));
        let origin = &secret.text;
        output.status(&format!("{} {}  ({provider}, {origin})", paint.bold("listening on"), paint.cyan(url)));
        let default = context.config.provider().filter(|_| args.identity.provider.is_none());
        if let Some(default) = &default {
            faint(&format!("default provider: {default} (from the config)"));
        }
        if secret.is_development {
            let name = args.identity.provider.as_ref().or(default.as_ref()).map_or("NAME", |name| &name.provider);
            faint(&format!("to see the secret: whk secret -p {name}"));
        }
        if let Some(handler) = self.handler {
            let handler = handler.to_string();
            output.status(&format!("{} {}", paint.bold("forwarding to"), paint.cyan(&clean(&handler))));
        }
        match self.log {
            Some(log) => faint(&format!("recording to {}", log.path().display())),
            None => faint("not recording (--no-log)"),
        }
        if let Some(name) = self.log.and_then(|log| log.in_use.as_ref()?.file_name()) {
            faint(&format!("({} is in use by another listener)", name.display()));
        }
        if !self.address.ip().is_loopback() {
            output.status(&paint.yellow("warning: reachable from other machines"));
        }
        if args.command.is_empty() {
            faint("Press Ctrl-C to stop");
        }
        Ok(())
    }
}

/// The source of the secrets; never the secrets themselves.
struct SecretOrigin {
    text: String,
    /// True if a development secret may be used.
    is_development: bool,
}

impl SecretOrigin {
    fn find(context: &Context, args: &ListenArgs) -> Result<Self> {
        let found = match (config::given(&args.identity)?, &args.identity.provider) {
            (Some(given), _) => given,
            (None, Some(name)) => context.config.secrets(&args.identity, &context.catalog.load(name)?)?,
            (None, None) if context.config.has_secrets() => {
                return Ok(Self { text: "secrets from the config".to_owned(), is_development: false });
            }
            (None, None) => return Ok(Self { text: "development secrets".to_owned(), is_development: true }),
        };
        let count = found.secrets.len();
        let text = match count {
            0 => found.origin,
            1 => format!("secret from {}", found.origin),
            _ => format!("{count} secrets from {}", found.origin),
        };
        Ok(Self { text, is_development: count == 0 })
    }
}
