//! The banner: the address, the provider, the handler, the log.

use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

use super::open_log::OpenLog;
use crate::cli::ListenArgs;
use crate::commands::CommandContext;
use crate::error::Result;
use crate::http::client::Endpoint;
use crate::output::sanitize;
use crate::provider::ProviderRef;
use crate::secrets::{ResolvedSecrets, SecretOrigin};

#[derive(Serialize)]
#[serde(tag = "kind", rename = "ready")]
struct ReadyLine<'a> {
    url: &'a str,
    pid: u32,
    log: Option<&'a Path>,
    /// The address of the page, if it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    ui: Option<&'a str>,
}

/// The banner: where requests come from and go to.
pub(super) struct Banner<'a> {
    pub(super) url: &'a str,
    pub(super) address: SocketAddr,
    pub(super) ui: Option<&'a str>,
    pub(super) log: Option<&'a OpenLog>,
    pub(super) handler: Option<&'a Endpoint>,
}

impl Banner<'_> {
    /// Prints it: for scripts on stdout, for people on stderr.
    pub(super) fn print(&self, context: &CommandContext, args: &ListenArgs) -> Result {
        let (output, url) = (context.output, self.url);
        let log = self.log.map(OpenLog::path);
        output.print_json(&ReadyLine { url, pid: std::process::id(), log, ui: self.ui })?;
        let provider =
            args.identity.provider.as_ref().map_or_else(|| "any provider".to_owned(), ProviderRef::to_string);
        let secret = SecretSummary::find(context, args)?;
        let style = output.stderr_style;
        let faint = |text: &str| output.status(&style.faint(text));
        let origin = &secret.text;
        output.status(&format!("{} {}  ({provider}, {origin})", style.bold("listening on"), style.cyan(url)));
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
            output.status(&format!("{} {}", style.bold("forwarding to"), style.cyan(&sanitize(&handler))));
        }
        if let Some(ui) = self.ui {
            output.status(&format!("{} {}", style.bold("inspect at"), style.cyan(ui)));
        }
        match self.log {
            Some(log) => faint(&format!("recording to {}", log.path().display())),
            None => faint("not recording (--no-log)"),
        }
        if let Some(name) = self.log.and_then(|log| log.in_use.as_ref()?.file_name()) {
            faint(&format!("({} is in use by another listener)", name.display()));
        }
        if !self.address.ip().is_loopback() {
            output.status(&style.yellow("warning: reachable from other machines"));
        }
        if args.command.is_empty() {
            faint("Press Ctrl-C to stop");
        }
        Ok(())
    }
}

/// The description of the secrets, for people; never the secrets themselves.
struct SecretSummary {
    text: String,
    /// True if a development secret may be used.
    is_development: bool,
}

impl SecretSummary {
    fn find(context: &CommandContext, args: &ListenArgs) -> Result<Self> {
        let resolver = context.secret_resolver(&args.identity);
        let found = match (resolver.given()?, &args.identity.provider) {
            (Some(given), _) => Some(given),
            (None, Some(name)) => resolver.configured(&context.catalog.load(name)?)?,
            (None, None) if resolver.has_configured() => {
                return Ok(Self { text: "secrets from the config".to_owned(), is_development: false });
            }
            (None, None) => return Ok(Self { text: "development secrets".to_owned(), is_development: true }),
        };
        let Some(ResolvedSecrets { secrets, origin, .. }) = found else {
            return Ok(Self { text: SecretOrigin::Development.to_string(), is_development: true });
        };
        let text = match secrets.len() {
            1 => format!("secret from {origin}"),
            count => format!("{count} secrets from {origin}"),
        };
        Ok(Self { text, is_development: false })
    }
}
