//! Responders: the listener itself, a script, or a handler.

mod forward;
mod script;
mod scripted;

use std::rc::Rc;

pub(super) use forward::ForwardResponse;
pub use forward::{ForwardOptions, ForwardResponder};
pub use script::{ResponseScript, ScriptAction, ScriptStep};
pub use scripted::ScriptedResponder;

use super::Exchange;
use crate::capture::RecordedResponse;
use crate::http::server::ServerResponse;

/// The responder of one request.
pub(super) enum Responder {
    /// The listener, at once.
    Default,
    /// The listener, to a GET request that carries no webhook.
    LandingPage,
    /// A script.
    Scripted(ScriptStep),
    /// A handler.
    Forward(Rc<ForwardResponder>),
}

/// Returns the response to a GET request that carries no webhook. It is not recorded.
pub(super) fn landing_page() -> ServerResponse {
    let version = env!("CARGO_PKG_VERSION");
    ServerResponse::text(200, format!("whk {version} listens here for webhooks.\nSend them with POST, to any path.\n"))
}

/// Returns the response to a request that was still with the handler at shutdown.
pub(super) fn shutdown_response(exchange: &Exchange) -> ForwardResponse {
    let reason = "whk listen stopped before the handler responded";
    let response = ServerResponse::text(503, format!("{reason}\n"));
    let recorded = RecordedResponse {
        error: Some(reason.to_owned()),
        ..RecordedResponse::new(Some(response.status()), "listen", exchange.elapsed())
    };
    ForwardResponse { response, recorded, to: None }
}
