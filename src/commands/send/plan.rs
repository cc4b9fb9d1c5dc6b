//! The plan of a run: chosen, checked and complete before the first request leaves.

use std::fs;
use std::io::Read as _;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::super::Context;
use super::faults::{self, SelectedMutations};
use crate::cli::{Pace, SendArgs};
use crate::error::{Error, Result};
use crate::provider::{
    BodyFormat, Edit, EventPattern, Provider, ProviderRef, RefreshedField, RenderedEvent, Scenario, TemplateContext,
};
use crate::sender::{BodyStyle, Mutation, SequenceStep, sequence};
use crate::signing::{Keyring, Request, Secret, SignInput, ValueSource};
use crate::strict_toml::nearest;

/// Everything that one run sends.
pub(super) struct Plan<'a> {
    pub(super) provider: Provider,
    pub(super) remarks: Vec<String>,
    /// The faults that are not sent, with the reason.
    pub(super) skipped: Vec<(Mutation, String)>,
    faults: Vec<Mutation>,
    flags: &'a SendArgs,
    url: String,
    ring: Keyring,
    /// The key of the fault `wrong-secret`.
    wrong_ring: Option<Keyring>,
    edits: Vec<Edit>,
    load: Load,
    scenario: Option<Scenario>,
}

enum Load {
    /// These types of the provider's events, in this order.
    Samples(Vec<String>),
    /// This body, as events of this type.
    Own(Bytes, Option<String>),
}

/// One request, signed.
#[derive(Clone)]
pub(super) struct Dispatch {
    pub(super) kind: Option<String>,
    pub(super) id: String,
    /// The fault that it was given.
    pub(super) fault: Option<Mutation>,
    /// The time at which it was made.
    pub(super) at: Timestamp,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// The headers that do not belong to the signature.
    fixed: Vec<(String, String)>,
    /// The body before it was signed, and before it was broken.
    unsigned: Bytes,
}

/// The largest body that is read for sending.
const LARGEST: u64 = 64 << 20;

impl<'a> Plan<'a> {
    pub(super) fn new(context: &Context, flags: &'a SendArgs, url: &str) -> Result<Self> {
        if flags.types.is_empty() && flags.scenario.is_none() && flags.data.is_none() {
            return Err(nothing_to_send(context, flags)?);
        }
        let own = flags.data.as_deref().map(read).transpose()?;
        let provider = provider(context, flags, own.as_ref())?;
        let scenario = flags.scenario.as_deref().map(|name| scenario(&provider, name)).transpose()?;
        let load = match own {
            Some(body) => own_load(&provider, flags, body)?,
            None if scenario.is_some() => Load::Samples(
                scenario.iter().flat_map(|scenario| &scenario.steps).map(|step| step.event_type.clone()).collect(),
            ),
            None => Load::Samples(choose(&provider, &flags.types)?),
        };
        let body = match &load {
            Load::Own(body, _) => Some(body.as_ref()),
            Load::Samples(_) => None,
        };
        let SelectedMutations { mutations: faults, skipped } = faults::select(&flags.faults, &provider, body)?;
        if let Some(id) = &flags.id {
            check_id(id)?;
        }
        let ring = keyring(&provider, &context.secrets(&flags.identity, &provider)?)?;
        let wrong_ring = if faults.contains(&Mutation::WrongSecret) {
            Some(keyring(&provider, &[provider.new_secret()?])?)
        } else {
            None
        };
        let mut remarks = ring.advice().to_vec();
        if let Load::Own(body, _) = &load
            && provider.body_format.is_stable_when_reserialized(body) == Some(false)
        {
            remarks.push(format!(
                "a handler that verifies JSON.stringify(req.body), like {}'s sample, will reject this body because re-serializing changes it",
                provider.title
            ));
        }
        let edits: Vec<Edit> = flags.sets.iter().chain(&flags.unsets).cloned().collect();
        check_headers(&provider, flags, &mut remarks);
        let plan = Self {
            provider,
            remarks: Vec::new(),
            skipped,
            faults,
            flags,
            url: url.to_owned(),
            ring,
            wrong_ring,
            edits,
            load,
            scenario,
        };
        let rendered = plan.rendered(context)?;
        remarks.extend(plan.check_edits(&rendered)?);
        remarks.extend(plan.check_style(&rendered)?);
        Ok(Self { remarks, ..plan })
    }

    /// The number of times that the sequence is sent; with faults, once for each of them.
    pub(super) fn rounds(&self) -> u64 {
        self.flags.count.saturating_mul(self.faults.len().max(1) as u64)
    }

    /// The fault of a round, if it has one.
    fn fault(&self, round: u64) -> Option<Mutation> {
        let index = round.checked_rem(self.faults.len() as u64)?;
        self.faults.get(usize::try_from(index).ok()?).copied()
    }

    /// Whether requests are broken on purpose.
    pub(super) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The types and the faults that will be sent, for the widths of columns.
    pub(super) fn columns(&self) -> (Vec<&str>, Vec<&'static str>) {
        let types = match &self.load {
            Load::Samples(kinds) => kinds.iter().map(String::as_str).collect(),
            Load::Own(_, kind) => kind.iter().map(String::as_str).collect(),
        };
        (types, self.faults.iter().map(|fault| fault.name()).collect())
    }

    /// The requests of one round, in order.
    pub(super) fn steps(&self, context: &Context, round: u64) -> Vec<SequenceStep> {
        let mut steps = match (&self.scenario, &self.load) {
            (Some(scenario), _) => sequence::from_scenario(scenario),
            (None, Load::Samples(kinds)) => sequence::immediate(kinds.len()),
            (None, Load::Own(..)) => sequence::immediate(1),
        };
        if self.flags.shuffle {
            sequence::shuffle(&mut steps, &mut context.random(!round));
        }
        if self.flags.duplicate { sequence::duplicated(steps) } else { steps }
    }

    /// The values that all events of a scenario share.
    pub(super) fn shared(&self, context: &Context, round: u64) -> Option<TemplateContext<'_>> {
        let scenario = self.scenario.as_ref()?;
        Some(self.provider.scenario_values(scenario, context.random(round), context.now()))
    }

    fn kinds(&self) -> u64 {
        match &self.load {
            Load::Samples(kinds) => kinds.len() as u64,
            Load::Own(..) => 1,
        }
    }

    /// The time that is signed, by the clock or the flags.
    fn signed_at(&self, now: Timestamp, fault: Option<Mutation>) -> Result<Timestamp> {
        let impossible = |error: &dyn std::fmt::Display| Error::new("--timestamp is not a possible time").cause(error);
        let at = match self.flags.timestamp {
            None => now,
            Some(time) => time.from(now).map_err(|error| impossible(&error))?,
        };
        let shift = fault.map_or(0, |fault| fault.timestamp_offset(&self.provider));
        at.checked_add(jiff::SignedDuration::from_secs(shift)).map_err(|error| impossible(&error))
    }

    /// When the event of a step happens: a scenario that is sent at once has just ended.
    fn happens_at(&self, now: Timestamp, step: &SequenceStep) -> Timestamp {
        match self.flags.pace {
            Some(Pace::Original) => now,
            _ => now.checked_sub(step.before_last).unwrap_or(now),
        }
    }

    /// Makes and signs the request of a step.
    pub(super) fn dispatch(
        &self,
        context: &Context,
        round: u64,
        shared: Option<&TemplateContext<'_>>,
        step: &SequenceStep,
    ) -> Result<Dispatch> {
        let provider = &self.provider;
        let now = context.now();
        let fault = self.fault(round);
        let (signed_at, happens_at) = (self.signed_at(now, fault)?, self.happens_at(now, step));
        let own;
        let values = if let Some(shared) = shared {
            shared
        } else {
            let number = round.wrapping_mul(self.kinds()).wrapping_add(step.event as u64);
            own = provider.values(context.random(number), now);
            &own
        };
        values.set_times(happens_at, signed_at);
        let id = match &self.flags.id {
            Some(id) => id.clone(),
            None => provider.new_id(values)?,
        };
        values.set("id", id.as_str());
        let (kind, body) = match &self.load {
            Load::Samples(kinds) => {
                let kind = &kinds[step.event];
                let event = provider.event(kind).expect("only known types are chosen");
                (Some(kind.clone()), Bytes::from(event.render(provider, values, &self.edits)?.body))
            }
            Load::Own(body, kind) => (kind.clone(), body.clone()),
        };
        values.set("type", kind.clone().unwrap_or_default());
        let fixed = provider.render_headers(values)?;
        let mut dispatch =
            Dispatch { kind, id, fault, at: now, headers: Vec::new(), body: Bytes::new(), fixed, unsigned: body };
        self.sign(&mut dispatch, signed_at)?;
        Ok(dispatch)
    }

    /// Makes the request of a further attempt: what the provider carries anew is new, all else stays the same.
    pub(super) fn renew(&self, context: &Context, dispatch: &mut Dispatch) -> Result {
        if !self.provider.delivery.refreshed.contains(&RefreshedField::Timestamp) {
            return Ok(());
        }
        let at = self.signed_at(context.now(), dispatch.fault)?;
        if let Some(body) = self.provider.with_timestamp(&dispatch.unsigned, at) {
            dispatch.unsigned = body.into();
        }
        self.sign(dispatch, at)
    }

    /// Fills in the headers and the body as they are sent at this time.
    fn sign(&self, dispatch: &mut Dispatch, at: Timestamp) -> Result {
        let provider = &self.provider;
        let style = self.flags.body_style.unwrap_or_default();
        let body = style.rewrite(&dispatch.unsigned).map_or_else(|| dispatch.unsigned.clone(), Bytes::from);
        let what = SignInput {
            id: &dispatch.id,
            at: at.as_millisecond(),
            method: "POST",
            body: &body,
            url: &self.url,
            headers: &dispatch.fixed,
        };
        let ring = self.wrong_ring.as_ref().filter(|_| dispatch.fault == Some(Mutation::WrongSecret));
        let (signed, in_body) = provider.sign(ring.unwrap_or(&self.ring), &what)?;
        let mut body = match in_body {
            Some(with_signature) => style.rewrite(&with_signature).unwrap_or(with_signature).into(),
            None => body,
        };
        // What is sent once only needs no copy.
        let mut headers = if self.flags.retry { dispatch.fixed.clone() } else { std::mem::take(&mut dispatch.fixed) };
        headers.extend(signed);
        if let Some(fault) = dispatch.fault {
            fault.apply(provider, &mut headers, &mut body)?;
        }
        for header in &self.flags.headers {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case(&header.name));
        }
        headers.extend(self.flags.headers.iter().map(|header| (header.name.clone(), header.value.clone())));
        (dispatch.headers, dispatch.body) = (headers, body);
        Ok(())
    }

    /// A sample of each chosen event, if there is something to check about them.
    fn rendered(&self, context: &Context) -> Result<Vec<(&str, RenderedEvent)>> {
        let Load::Samples(kinds) = &self.load else { return Ok(Vec::new()) };
        if self.edits.is_empty() && self.flags.body_style.is_none() {
            return Ok(Vec::new());
        }
        let mut rendered = Vec::new();
        for kind in kinds {
            let event = self.provider.event(kind).expect("only known types are chosen");
            let values = self.provider.values(context.random(0), context.now());
            values.set("id", self.provider.new_id(&values)?);
            rendered.push((kind.as_str(), event.render(&self.provider, &values, &self.edits)?));
        }
        Ok(rendered)
    }

    /// A style that changes no chosen event is an error; a note names the events that it does not change.
    fn check_style(&self, rendered: &[(&str, RenderedEvent)]) -> Result<Option<String>> {
        let Some(style) = self.flags.body_style.filter(|style| *style != BodyStyle::Provider) else { return Ok(None) };
        let unchanged: Vec<&str> =
            rendered.iter().filter(|(_, event)| style.rewrite(&event.body).is_none()).map(|(kind, _)| *kind).collect();
        let name = style.name();
        if unchanged.len() == rendered.len() {
            let reason = match style {
                _ if self.provider.body_format == BodyFormat::Form => {
                    format!("the bodies of {} are not JSON", self.provider.title)
                }
                BodyStyle::Float => format!("there is no number in {}", unchanged.join(", ")),
                _ => format!("it changes nothing in {}", unchanged.join(", ")),
            };
            return Err(Error::new(format!("`--body-style {name}` does not apply")).cause(reason));
        }
        Ok((!unchanged.is_empty()).then(|| format!("`{name}` changes nothing in {}", unchanged.join(", "))))
    }

    /// An edit that applies to no chosen event is an error; a note names the events that it does not apply to.
    fn check_edits(&self, rendered: &[(&str, RenderedEvent)]) -> Result<Vec<String>> {
        let mut remarks = Vec::new();
        for (index, edit) in self.edits.iter().enumerate() {
            let missing: Vec<&str> = rendered
                .iter()
                .filter(|(_, event)| event.unmatched_edits.contains(&index))
                .map(|(kind, _)| *kind)
                .collect();
            if missing.len() == rendered.len() {
                return Err(no_such_path(edit, &missing, rendered.iter().flat_map(|(_, event)| &event.paths)));
            }
            if !missing.is_empty() {
                remarks.push(format!("`{}` is not in {}", edit.path(), missing.join(", ")));
            }
        }
        Ok(remarks)
    }
}

fn keyring(provider: &Provider, secrets: &[Secret]) -> Result<Keyring> {
    Keyring::new(&provider.scheme, secrets).map_err(|error| {
        Error::new(format!("cannot sign as {}", provider.title))
            .cause(error)
            .hint(format!("whk secret new -p {}", provider.name))
    })
}

/// The error of a run without an event, which lists what can be sent.
fn nothing_to_send(context: &Context, flags: &SendArgs) -> Result<Error> {
    let error = Error::new("nothing to send: choose --type TYPE, --scenario NAME or --data @FILE");
    let Some(name) = flags.identity.provider.clone().or_else(|| context.config.provider()) else {
        return Ok(error.hint("whk events lists what can be sent"));
    };
    let provider = context.catalog.load(&name)?;
    let types = ["all"].into_iter().chain(provider.events.iter().map(|event| event.event_type.as_str()));
    Ok(error
        .available("types", types)
        .hint(format!("whk events -p {} describes them, and the scenarios", provider.name)))
}

fn no_such_path<'p>(edit: &Edit, kinds: &[&str], paths: impl Iterator<Item = &'p String>) -> Error {
    let mut known: Vec<&str> = Vec::new();
    for path in paths {
        if !known.contains(&path.as_str()) {
            known.push(path);
        }
    }
    let asked = edit.path().to_string();
    let error = Error::new(format!("there is no `{asked}` in {}", kinds.join(", "))).available("fields", &known);
    match nearest(&asked, known) {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error,
    }
}

fn read(data: &str) -> Result<Bytes> {
    let cannot = |from: &str| Error::new(format!("cannot read the body from {from}"));
    let limited = |from: &str, input: &mut dyn std::io::Read| {
        let mut body = Vec::new();
        input.take(LARGEST + 1).read_to_end(&mut body).map_err(|error| cannot(from).cause(error))?;
        if body.len() as u64 > LARGEST {
            Err(cannot(from).cause("it is larger than 64 MiB"))
        } else {
            Ok(Bytes::from(body))
        }
    };
    match data.strip_prefix('@') {
        Some(path) => limited(path, &mut fs::File::open(path).map_err(|error| cannot(path).cause(error))?),
        None if data == "-" => limited("stdin", &mut std::io::stdin().lock()),
        None => Ok(Bytes::copy_from_slice(data.as_bytes())),
    }
}

/// The provider: named, or the only one that has the events that are asked for.
fn provider(context: &Context, flags: &SendArgs, own: Option<&Bytes>) -> Result<Provider> {
    if let Some(name) = &flags.identity.provider {
        return context.catalog.load(name);
    }
    if let Some(name) = &flags.scenario {
        return with_scenario(context, name);
    }
    let wanted: Vec<String> = match own {
        None => flags.types.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
        Some(body) if flags.types.is_empty() => kind_in(body).into_iter().collect(),
        Some(_) => flags.types.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
    };
    let patterns: Vec<EventPattern> = wanted.iter().filter_map(|text| text.parse().ok()).collect();
    let preferred = context.config.provider();
    // `*` fits every provider, and so tells nothing.
    let telling: Vec<&EventPattern> = patterns.iter().filter(|pattern| pattern.as_str() != "*").collect();
    let found = if telling.is_empty() {
        Vec::new()
    } else {
        context.catalog.with_event(|kind| telling.iter().any(|pattern| pattern.matches(kind)))?
    };
    if let Some(name) = &preferred
        && (found.is_empty() || found.iter().any(|provider| provider.name == name.provider))
    {
        return context.catalog.load(name);
    }
    let names: Vec<&str> = found.iter().map(|provider| provider.name.as_str()).collect();
    match names.as_slice() {
        [_] => Ok(found.into_iter().next().expect("there is one")),
        [] if telling.is_empty() => Err(Error::new("cannot tell which provider this is")
            .available("providers", context.catalog.names())
            .hint("choose one: -p ahasend")),
        [] => Err(unknown_type(context, &wanted)?),
        [first, ..] => Err(Error::new(format!(
            "{} events of more than one provider: {}",
            if telling.len() == 1 {
                format!("`{}` matches", telling[0].as_str())
            } else {
                "these types match".to_owned()
            },
            names.join(", ")
        ))
        .hint(format!("choose one: -p {first}"))),
    }
}

/// The provider that the config names, else the only one with such a scenario.
fn with_scenario(context: &Context, name: &str) -> Result<Provider> {
    if let Some(preferred) = context.config.provider() {
        return context.catalog.load(&preferred);
    }
    let mut found = Vec::new();
    for known in context.catalog.names() {
        let provider = context.catalog.load(&ProviderRef::default_edition(known))?;
        if provider.scenarios.iter().any(|scenario| scenario.name == name) {
            found.push(provider);
        }
    }
    let names: Vec<&str> = found.iter().map(|provider| provider.name.as_str()).collect();
    match names.as_slice() {
        [_] => Ok(found.remove(0)),
        [] => Err(Error::new(format!("no known provider has a scenario `{name}`")).hint("for their names: whk events")),
        [first, ..] => Err(Error::new(format!("more than one provider has a scenario `{name}`: {}", names.join(", ")))
            .hint(format!("choose one: -p {first}"))),
    }
}

fn kind_in(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    ["type", "event"].iter().find_map(|key| body.get(key)?.as_str().map(str::to_owned))
}

fn unknown_type(context: &Context, wanted: &[String]) -> Result<Error> {
    let mut known = Vec::new();
    for name in context.catalog.names() {
        known.extend(
            context.catalog.load(&ProviderRef::default_edition(name))?.events.into_iter().map(|event| event.event_type),
        );
    }
    let wanted = wanted.first().map_or("", String::as_str);
    let error = Error::new(format!("no known provider has an event `{wanted}`"));
    Ok(match nearest(wanted, known.iter().map(String::as_str)) {
        Some(nearest) => error.hint(format!("did you mean --type {nearest}?")),
        None => error.hint("for all of them: whk events; to send a body of your own: -p NAME -d @body.json"),
    })
}

fn unknown(wanted: &str, subject: &str, known: &[String]) -> Error {
    let error = Error::new(format!("{subject} event `{wanted}`")).available("events", known);
    match nearest(wanted, known.iter().map(String::as_str)) {
        Some(nearest) => error.hint(format!("did you mean --type {nearest}?")),
        None => error.hint("to send your own body: -d @body.json"),
    }
}

/// The types, in the order asked for; a pattern stands for its types in the catalogue's order.
fn choose(provider: &Provider, patterns: &[EventPattern]) -> Result<Vec<String>> {
    let mut chosen = Vec::new();
    for pattern in patterns {
        let before = chosen.len();
        chosen.extend(
            provider
                .events
                .iter()
                .filter(|event| pattern.matches(&event.event_type))
                .map(|event| event.event_type.clone()),
        );
        if chosen.len() == before {
            let known: Vec<String> = provider.events.iter().map(|event| event.event_type.clone()).collect();
            let subject = format!("{}@{} has no", provider.name, provider.edition);
            return Err(unknown(pattern.as_str(), &subject, &known));
        }
    }
    Ok(chosen)
}

fn scenario(provider: &Provider, name: &str) -> Result<Scenario> {
    if let Some(scenario) = provider.scenarios.iter().find(|scenario| scenario.name == name) {
        return Ok(scenario.clone());
    }
    let known: Vec<&str> = provider.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    let error = Error::new(format!("{}@{} has no scenario `{name}`", provider.name, provider.edition));
    if known.is_empty() {
        return Err(error.hint("a message's own events: --type all"));
    }
    let nearest = nearest(name, known.iter().copied()).unwrap_or(known[0]);
    Err(error.available("scenarios", &known).hint(format!("did you mean --scenario {nearest}?")))
}

fn own_load(provider: &Provider, flags: &SendArgs, body: Bytes) -> Result<Load> {
    let kind = match flags.types.as_slice() {
        [] => {
            let request = Request { method: "POST", url: "/", headers: &[], body: &body };
            ValueSource::first_string(&provider.event_fields.event_type, &request)
        }
        [pattern] if pattern.is_plain() => Some(pattern.as_str().to_owned()),
        _ => return Err(Error::new("--data takes at most one --type, and no pattern")),
    };
    Ok(Load::Own(body, kind))
}

/// An id is sent in a header and signed: nothing may be lost on the way.
fn check_id(id: &str) -> Result {
    let wrong = if id.trim().is_empty() {
        "it is empty"
    } else if id.trim() != id {
        "the white space around it would be lost on the way"
    } else if id.chars().any(char::is_control) {
        "it has a control character"
    } else {
        return Ok(());
    };
    Err(Error::new(format!("the id `{id}` cannot be sent")).cause(wrong))
}

fn check_headers(provider: &Provider, flags: &SendArgs, remarks: &mut Vec<String>) {
    let scheme = &provider.scheme;
    let places = scheme.id.iter().flat_map(|rule| &rule.from);
    let places = places.chain(scheme.timestamp.iter().flat_map(|rule| &rule.from)).chain(&scheme.signature.from);
    let signed: Vec<&str> = places.filter_map(ValueSource::header).collect();
    for header in &flags.headers {
        if signed.iter().any(|name| name.eq_ignore_ascii_case(&header.name)) {
            remarks.push(format!("-H replaces `{}`, which belongs to the signature", header.name.to_lowercase()));
        }
    }
}
