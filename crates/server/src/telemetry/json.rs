//! Lines for programs: one JSON object each.

use std::{error::Error, fmt, io::Write};

use serde::Serialize;
use serde_json::{Value, json};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    fmt::{
        MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::Context,
    registry::LookupSpan,
};

/// Writes `time` (RFC 3339, UTC), `level`, `target`, `message`, then the fields of the
/// event and those of its spans from the innermost to the outermost; all in one flat
/// object, so that `execution_id` is found at one place wherever it came from. The
/// innermost value of a name stands.
///
/// Spans keep their fields as values. The library's own format keeps them as text that
/// is read and written anew with each field and each line, which took three times as
/// long for a request's span and line (26 µs against 8).
#[derive(Debug)]
pub(super) struct Lines<W> {
    make_writer: W,
}

/// Names that no field can take the place of, and the ones that such a field gets.
const OWN: [(&str, &str); 4] = [
    ("time", "time_"),
    ("level", "level_"),
    ("target", "target_"),
    ("message", "message_"),
];

impl<W> Lines<W> {
    pub(super) const fn to(make_writer: W) -> Self {
        Self { make_writer }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut time = String::with_capacity(32);
        // Into a string it never fails.
        let _ = SystemTime.format_time(&mut Writer::new(&mut time));
        let mut of_event = Fields::default();
        event.record(&mut of_event);
        let mut line = Line::begin();
        line.put("time", &time);
        line.put("level", metadata.level().as_str());
        line.put("target", metadata.target());
        line.put("message", &of_event.message);
        let mut seen = Vec::with_capacity(16);
        // From the inside out: the first value of a name is the one that stands.
        line.put_new(&of_event.values, &mut seen);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<Fields>() {
                line.put_new(&fields.values, &mut seen);
            }
        }
        // In one piece, so that lines of several threads don't mix. Standard error may
        // be closed; there is then nobody to tell.
        let mut writer = self.make_writer.make_writer_for(metadata);
        let _ = writer.write_all(&line.end());
    }
}

/// A line while it is written.
struct Line(Vec<u8>);

impl Line {
    fn begin() -> Self {
        let mut line = Vec::with_capacity(512);
        line.push(b'{');
        Self(line)
    }

    /// Names are identifiers of the program, which need no escaping.
    fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        // Into memory, texts and numbers never fail.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    fn put_new(&mut self, fields: &[(&'static str, Value)], seen: &mut Vec<&'static str>) {
        for (at, (name, value)) in fields.iter().enumerate() {
            // A span's field that was recorded again stands with its last value.
            let is_again = fields.iter().skip(at + 1).any(|(later, _)| later == name);
            if is_again || seen.contains(name) {
                continue;
            }
            seen.push(name);
            match OWN.iter().find(|(own, _)| own == name) {
                Some((_, instead)) => self.put(instead, value),
                None => self.put(name, value),
            }
        }
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"}\n");
        self.0
    }
}

/// The fields of a span or an event.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    values: Vec<(&'static str, Value)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.values.push((field.name(), value.into()));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.put(field, text);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.to_owned();
        } else {
            self.put(field, value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // `null` for what JSON has no number for.
        self.put(field, json!(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, super::text::with_sources(value));
    }
}
