//! What is to be known of a route beside its handler, for the OpenAPI document.
//!
//! A route is registered together with what it is for and what it answers; what it
//! takes is read off its handler's arguments. The document is made of that
//! ([`super::openapi`]).

use std::fmt;

use axum::extract::State;
use http::{HeaderMap, Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use super::{
    At, JsonBody,
    audit::Audit,
    body::{DocumentBody, JsonList, ModuleBody, OptionalBody},
    query::{Parameter, Parameters},
};
use crate::AppState;

/// One method of one path.
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// What it is for, in a few words.
    pub(crate) summary: &'static str,
    /// The scope that its caller must have; none for the operator's.
    pub(crate) scope: Option<&'static str>,
    pub(crate) request: fn() -> RequestShape,
    pub(crate) answer: Answer,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What an operation takes.
#[derive(Debug, Default)]
pub(crate) struct RequestShape {
    /// The JSON Schema of the variable part of the path, or an array of them.
    pub(crate) path: Option<Value>,
    pub(crate) query: Vec<Parameter>,
    pub(crate) body: BodyShape,
}

/// Which body an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum BodyShape {
    #[default]
    None,
    Json,
    OptionalJson,
    List,
    Module,
}

/// What a handler may take beside who asks ([`Guarded`](super::access::Guarded)). One more needs its
/// line here.
pub(crate) trait Argument: 'static {
    /// Adds what the argument reads of a request.
    fn describe(_: &mut RequestShape) {}
}

impl<T: JsonSchema + 'static> Argument for At<T> {
    fn describe(request: &mut RequestShape) {
        request.path = Some(inline_schema::<T>());
    }
}

impl Argument for JsonBody {
    fn describe(request: &mut RequestShape) {
        request.body = BodyShape::Json;
    }
}

impl Argument for DocumentBody {
    fn describe(request: &mut RequestShape) {
        request.body = BodyShape::Json;
    }
}

impl Argument for OptionalBody {
    fn describe(request: &mut RequestShape) {
        request.body = BodyShape::OptionalJson;
    }
}

impl Argument for JsonList {
    fn describe(request: &mut RequestShape) {
        request.body = BodyShape::List;
    }
}

impl Argument for ModuleBody {
    fn describe(request: &mut RequestShape) {
        request.body = BodyShape::Module;
    }
}

/// Which ones it reads is said of the [`Answer`].
impl Argument for HeaderMap {}
impl Argument for State<AppState> {}
impl Argument for Audit {}

impl RequestShape {
    /// What is read of the query alone.
    pub(crate) fn of_query<Q: super::query::FromQuery>() -> Self {
        Self {
            query: Parameters::describe::<Q>(),
            ..Self::default()
        }
    }
}

/// The schema of a type, with those that it is made of in it.
pub(crate) fn inline_schema<T: JsonSchema>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    T::json_schema(&mut settings.into_generator()).to_value()
}

/// What an operation answers when all went well, and on which condition.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content: Content,
    pub(crate) condition: Option<Condition>,
}

/// The schema of a type, given by it.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The body of an answer.
pub(crate) enum Content {
    /// None.
    Nothing,
    /// A JSON value.
    One(SchemaOf),
    /// An array.
    List(SchemaOf),
    /// An array within an object, under this name.
    ListIn(&'static str, SchemaOf),
    /// [`listing::classic`](super::listing::classic).
    Page(&'static str, SchemaOf),
    /// The same when it says where the next part begins.
    Part(&'static str, SchemaOf),
    /// [`listing::of_actions`](super::listing::of_actions).
    PageOfActions(&'static str, SchemaOf),
    /// Bytes of this media type.
    Bytes(&'static str),
    /// Server-sent events whose data is a JSON value.
    Events(SchemaOf),
}

/// A header on whose condition an answer depends, and the `ETag` that it takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `If-None-Match` spares a body that the caller has.
    IfNoneMatch,
    /// The answer says which state it is of, for an `If-Match` of another request.
    IsState,
    /// `If-Match` keeps the request from changing what somebody else changed before.
    IfMatch,
    /// `Last-Event-ID` says from where to go on.
    LastEventId,
}

/// A JSON value.
pub(crate) fn ok<T: JsonSchema>() -> Answer {
    json(StatusCode::OK, Content::One(subschema::<T>))
}

/// What was created.
pub(crate) fn created<T: JsonSchema>() -> Answer {
    json(StatusCode::CREATED, Content::One(subschema::<T>))
}

/// All there are, in an array.
pub(crate) fn list<T: JsonSchema>() -> Answer {
    json(StatusCode::OK, Content::List(subschema::<T>))
}

/// All there are, in an object's only property.
pub(crate) fn list_in<T: JsonSchema>(property: &'static str) -> Answer {
    json(StatusCode::OK, Content::ListIn(property, subschema::<T>))
}

/// A page of a list, as [`listing::classic`](super::listing::classic) makes it.
pub(crate) fn page<T: JsonSchema>(entity: &'static str) -> Answer {
    json(StatusCode::OK, Content::Page(entity, subschema::<T>))
}

/// A part of a list that always says where the next one begins.
pub(crate) fn part<T: JsonSchema>(entity: &'static str) -> Answer {
    json(StatusCode::OK, Content::Part(entity, subschema::<T>))
}

/// A page of a list, as [`listing::of_actions`](super::listing::of_actions) makes it.
pub(crate) fn page_of_actions<T: JsonSchema>(entity: &'static str) -> Answer {
    json(
        StatusCode::OK,
        Content::PageOfActions(entity, subschema::<T>),
    )
}

/// `204`.
pub(crate) fn nothing() -> Answer {
    empty(StatusCode::NO_CONTENT)
}

/// A status without a body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    json(status, Content::Nothing)
}

/// A module's bytes.
pub(crate) fn module() -> Answer {
    bytes("application/wasm").on(Condition::IfNoneMatch)
}

/// Bytes of a media type.
pub(crate) fn bytes(media_type: &'static str) -> Answer {
    json(StatusCode::OK, Content::Bytes(media_type))
}

/// Events for as long as the caller listens.
pub(crate) fn events<T: JsonSchema>() -> Answer {
    json(StatusCode::OK, Content::Events(subschema::<T>)).on(Condition::LastEventId)
}

impl Answer {
    pub(crate) fn on(self, condition: Condition) -> Self {
        Self {
            condition: Some(condition),
            ..self
        }
    }
}

fn json(status: StatusCode, content: Content) -> Answer {
    Answer {
        status,
        content,
        condition: None,
    }
}

fn subschema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
