//! Options of the receiver, from the arguments and the configuration.

use std::time::Duration;

use super::tls;
use crate::cli::{ListenArgs, OnInvalid};
use crate::commands::CommandContext;
use crate::error::{Error, Result};
use crate::http::client::CertificateCheck;
use crate::http::server::{ListenerConfig, RequestLimits};
use crate::receiver::{ExpectationOptions, ForwardOptions, InvalidPolicy, ScriptedResponder};

/// Time limits for headers and body; other receivers allow 10 to 60 s.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the options of forwarding, if a handler is named.
///
/// # Errors
/// An argument needs a handler, and there is none.
pub(super) fn forward(context: &CommandContext, args: &ListenArgs) -> Result<Option<ForwardOptions>> {
    let config = &context.config;
    let Some(handler) = config.forward_to(args.forward_to.clone()) else {
        return match flag_that_needs_handler(args) {
            Some(flag) => {
                Err(Error::new(format!("`{flag}` needs a handler to forward to"))
                    .hint("whk listen --forward-to 3000 …"))
            }
            None => Ok(None),
        };
    };
    Ok(Some(ForwardOptions {
        routes: args.routes.iter().map(|route| (route.types.clone(), route.to.resolve(&handler))).collect(),
        handler,
        timeout: config.forward_timeout(args.forward_timeout),
        slow_after: config.slow_after(args.slow_after),
        concurrency: args.concurrency.map_or(1, usize::from),
        certificate_check: if args.insecure { CertificateCheck::Disabled } else { CertificateCheck::System },
        with_url: !context.output.json,
    }))
}

/// Returns an argument that has no effect without a handler, if there is one.
fn flag_that_needs_handler(args: &ListenArgs) -> Option<&'static str> {
    [
        ("--on-invalid forward", args.on_invalid == OnInvalid::Forward),
        ("--route", !args.routes.is_empty()),
        ("--concurrency", args.concurrency.is_some()),
        ("--forward-timeout", args.forward_timeout.is_some()),
        ("--slow-after", args.slow_after.is_some()),
        ("--insecure", args.insecure),
    ]
    .into_iter()
    .find_map(|(flag, given)| given.then_some(flag))
}

/// Returns the scripts: those of some events first, then the one of all.
pub(super) fn scripts(args: &ListenArgs) -> ScriptedResponder {
    let some = args.respond_for.iter().map(|one| (Some(one.types.clone()), one.script.clone()));
    let all = args.respond.iter().map(|script| (None, script.clone()));
    ScriptedResponder::new(some.chain(all), args.respond_body.clone())
}

/// Returns the expectation of the run.
pub(super) fn expectation(args: &ListenArgs) -> ExpectationOptions {
    ExpectationOptions { total: args.expect, types: args.expected_types.clone() }
}

/// Returns the policy for requests that are not valid.
pub(super) fn policy(args: &ListenArgs) -> InvalidPolicy {
    match args.on_invalid {
        OnInvalid::Reject => InvalidPolicy::Reject,
        OnInvalid::Accept => InvalidPolicy::Accept,
        OnInvalid::Forward => InvalidPolicy::Forward,
    }
}

/// Returns the configuration of the listener on this host. `passthrough` is true if there is a handler.
pub(super) fn listener(
    context: &CommandContext,
    args: &ListenArgs,
    host: &str,
    passthrough: bool,
) -> Result<ListenerConfig> {
    let limits = RequestLimits {
        max_body: context.config.max_body(args.max_body),
        header_timeout: HEADER_TIMEOUT,
        body_timeout: BODY_TIMEOUT,
    };
    // A provider that knows the public URL sends its host.
    let public = args.public_url.as_ref().and_then(|url| url.url().host_str().map(str::to_owned));
    let allowed_hosts = context.config.allowed_hosts(&args.allowed_hosts).into_iter().chain(public).collect();
    Ok(ListenerConfig { limits, allowed_hosts, passthrough, tls: tls::config(context, args, host)? })
}
