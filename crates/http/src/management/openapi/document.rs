//! The document, put together from what the routes say of themselves.

use std::collections::{BTreeMap, BTreeSet};

use claimsmith_service::description;
use http::{Method, StatusCode};
use schemars::{
    SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value, json};

use super::world::World;
use crate::management::{
    error,
    operation::{Answer, BodyShape, Condition, Content, Operation, RequestShape},
};

/// What a document is of.
pub(crate) struct Described<'a> {
    pub(crate) title: &'a str,
    pub(crate) introduction: &'a str,
    /// The path that all others begin with, and where that is.
    pub(crate) server: (&'a str, &'a str),
    /// Which token callers need, and its form if there is one to tell.
    pub(crate) token: (String, Option<&'a str>),
    /// Where the document itself is, which asks for no token.
    pub(crate) own_path: &'static str,
    pub(crate) operations: &'a [Operation],
}

/// What query parameters mean, wherever they stand.
const PARAMETERS: [(&str, &str); 26] = [
    ("actionName", "Only those with this name."),
    (
        "app_type",
        "Only those of these kinds, separated by commas.",
    ),
    ("alg", "Only the keys of this algorithm."),
    ("audience", "Only those for the API with this identifier."),
    ("client_id", "Only those of this client."),
    ("connection", "Only those of the connection with this name."),
    ("deployed", "Only those that are, or are not, deployed."),
    (
        "fields",
        "The members that are wanted, separated by commas.",
    ),
    ("force", "Whether it is deleted although it is bound."),
    ("from", "Where to go on from, as the part before says."),
    (
        "identifiers",
        "Only those with one of these identifiers; for several it comes several times.",
    ),
    ("include_fields", "`false` leaves out what `fields` names."),
    (
        "include_totals",
        "Whether the list stands in an object that says how many there are.",
    ),
    ("is_enabled", "Only those that are, or are not, enabled."),
    (
        "is_first_party",
        "Only those that are, or are not, the tenant's own.",
    ),
    ("is_global", "Only what stands for all clients."),
    ("name", "Only the one with this name."),
    ("name_filter", "Only those with this text in their names."),
    ("page", "Which page, counted from 0."),
    ("per_page", "How many things a page has at most."),
    ("q", "What to search for, as a simple Lucene expression."),
    ("sort", "In which order: a field, a colon, and 1 or -1."),
    (
        "strategy",
        "Only those of one of these strategies; for several it comes several times.",
    ),
    ("take", "How many at most."),
    ("user_id", "Of which user."),
    ("triggerId", "Only those for this trigger."),
];

/// Makes the document.
///
/// # Panics
/// When a route can't be described; the text says what to do.
pub(crate) async fn make(of: &Described<'_>, world: &World) -> Value {
    let mut schemas = schemas();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in of.operations {
        let described = describe(world, operation, &mut schemas).await;
        let method = operation.method.as_str().to_ascii_lowercase();
        paths
            .entry(operation.path)
            .or_default()
            .insert(method, described);
    }
    paths
        .entry(of.own_path)
        .or_default()
        .insert("get".to_owned(), itself(of.own_path));
    let of_errors = schemas.subschema_for::<error::Body>().to_value();
    let is_counted = of.operations.iter().any(|it| it.scope.is_some());
    let refused = of.operations.iter().flat_map(|operation| {
        let request = (operation.request)();
        refused_with(operation, request.body)
    });
    let refused: BTreeSet<_> = refused.collect();
    let mut token = json!({ "type": "http", "scheme": "bearer", "description": of.token.0 });
    if let Some(form) = of.token.1 {
        token["bearerFormat"] = json!(form);
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": of.title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": of.introduction,
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": of.server.0, "description": of.server.1 }],
        "security": [{ "token": [] }],
        "tags": tags(&paths),
        "paths": paths,
        "components": {
            "securitySchemes": { "token": token },
            "headers": headers(is_counted),
            "responses": refusals(&of_errors, &refused, is_counted),
            "schemas": named(schemas),
        },
    });
    call_by_short_names(&mut document);
    document
}

/// Takes the code's suffix from the names of schemas where they are referred to.
fn call_by_short_names(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref") {
                *reference = short(reference).to_owned();
            }
            members.values_mut().for_each(call_by_short_names);
        }
        Value::Array(items) => items.iter_mut().for_each(call_by_short_names),
        _ => {}
    }
}

fn short(name: &str) -> &str {
    name.strip_suffix("View").unwrap_or(name)
}

fn schemas() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.contract = Contract::Serialize;
        settings.definitions_path = "/components/schemas".into();
    });
    settings.into_generator()
}

/// The schemas that are referred to, in the order of their names.
fn named(mut schemas: SchemaGenerator) -> Value {
    let mut named = BTreeMap::new();
    for (name, schema) in schemas.take_definitions(true) {
        let earlier = named.insert(short(&name).to_owned(), schema);
        assert!(
            earlier.is_none() && !name.ends_with(|c: char| c.is_ascii_digit()),
            "two types are called {name} in the document: give one #[schemars(rename = \"…\")]"
        );
    }
    Value::Object(named.into_iter().collect())
}

fn tags(paths: &BTreeMap<&str, Map<String, Value>>) -> Vec<Value> {
    let tags: BTreeSet<_> = paths.keys().map(|path| tag(path)).collect();
    tags.into_iter().map(|tag| json!({ "name": tag })).collect()
}

/// The first part of a path.
fn tag(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

async fn describe(world: &World, operation: &Operation, schemas: &mut SchemaGenerator) -> Value {
    let request = (operation.request)();
    let mut described = json!({
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "description": operation.scope.map(|scope| format!("Scope: `{scope}`.")),
        "tags": [tag(operation.path)],
        "security": [{ "token": Vec::from_iter(operation.scope) }],
        "parameters": parameters(operation, &request),
    });
    if let (Value::Object(members), None) = (&mut described, operation.scope) {
        members.shift_remove("description");
    }
    if let Some(body) = body(world, operation, request.body).await {
        described["requestBody"] = body;
    }
    described["responses"] = answers(operation, request.body, schemas);
    described
}

/// As the reference product's document names them: `get_users_by_id`.
fn operation_id(operation: &Operation) -> String {
    let parts = operation.path.split('/').filter(|part| !part.is_empty());
    let parts = parts.map(|part| match part.strip_prefix('{') {
        Some(name) => format!("by_{}", name.trim_end_matches('}')),
        None => part.replace('-', "_"),
    });
    let method = operation.method.as_str().to_ascii_lowercase();
    [vec![method], parts.collect()].concat().join("_")
}

fn parameters(operation: &Operation, request: &RequestShape) -> Vec<Value> {
    let mut parameters = path_parameters(operation, request);
    for parameter in &request.query {
        let mut described = json!({
            "name": parameter.name, "in": "query", "required": parameter.is_required,
            "schema": parameter.schema,
        });
        let explained = PARAMETERS.iter().find(|(name, _)| *name == parameter.name);
        if let Some((_, description)) = explained {
            described["description"] = json!(description);
        }
        parameters.push(described);
    }
    let header = match operation.answer.condition {
        Some(Condition::IfMatch) => Some((
            "If-Match",
            "The `ETag` of what is to be changed. When somebody else changed it since, nothing \
             happens.",
        )),
        Some(Condition::IfNoneMatch) => Some((
            "If-None-Match",
            "The `ETag` of what the caller has already.",
        )),
        Some(Condition::LastEventId) => Some((
            "Last-Event-ID",
            "The `log_id` of the last entry that the caller has.",
        )),
        Some(Condition::IsState) | None => None,
    };
    parameters.extend(header.map(|(name, description)| {
        json!({
            "name": name, "in": "header", "required": false, "description": description,
            "schema": { "type": "string" },
        })
    }));
    parameters
}

fn path_parameters(operation: &Operation, request: &RequestShape) -> Vec<Value> {
    let parts = operation.path.split(['{', '}']).skip(1).step_by(2);
    let any = || json!({ "type": "string" });
    let schema = request.path.clone().unwrap_or_else(any);
    let schemas = match &schema["prefixItems"] {
        Value::Array(schemas) => schemas.clone(),
        _ => vec![schema],
    };
    let parts: Vec<_> = parts.collect();
    if !parts.is_empty() {
        assert_eq!(
            parts.len(),
            schemas.len(),
            "{operation:?} takes another `At`"
        );
    }
    let described = |(name, schema): (&&str, Value)| json!({ "name": name, "in": "path", "required": true, "schema": schema });
    parts.iter().zip(schemas).map(described).collect()
}

async fn body(world: &World, operation: &Operation, shape: BodyShape) -> Option<Value> {
    let (media_type, schema) = match shape {
        BodyShape::None => return None,
        BodyShape::Module => (
            "application/wasm",
            json!({ "type": "string", "contentMediaType": "application/wasm" }),
        ),
        BodyShape::Json | BodyShape::OptionalJson | BodyShape::List => {
            let asked = description::of_body(world.ask(operation, shape)).await;
            let schema = asked.unwrap_or_else(|problem| {
                panic!(
                    "the body of {operation:?} can't be described: {problem}. If what its path \
                     names isn't there, make it in management/openapi/world.rs."
                )
            });
            ("application/json", schema)
        }
    };
    Some(json!({
        "required": shape != BodyShape::OptionalJson,
        "content": { media_type: { "schema": schema } },
    }))
}

fn answers(operation: &Operation, body: BodyShape, schemas: &mut SchemaGenerator) -> Value {
    let Answer {
        status,
        content,
        condition,
    } = &operation.answer;
    let mut good = json!({
        "description": status.canonical_reason().unwrap_or_default(),
        "headers": rate_headers(operation.scope.is_some()),
    });
    if matches!(
        condition,
        Some(Condition::IfMatch | Condition::IfNoneMatch | Condition::IsState)
    ) {
        good["headers"]["ETag"] = json!({ "$ref": "#/components/headers/ETag" });
    }
    if let Some((media_type, schema)) = self::content(content, schemas) {
        good["content"] = json!({ media_type: { "schema": schema } });
    }
    let mut answers = Map::new();
    answers.insert(status.as_str().to_owned(), good);
    if *condition == Some(Condition::IfNoneMatch) {
        let known = json!({ "description": "Not Modified", "headers": rate_headers(operation.scope.is_some()) });
        answers.insert("304".to_owned(), known);
    }
    for status in refused_with(operation, body) {
        let reference = json!({ "$ref": format!("#/components/responses/{}", status.as_str()) });
        answers.insert(status.as_str().to_owned(), reference);
    }
    Value::Object(answers)
}

fn content(content: &Content, schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
    let list = |item: Value| json!({ "type": "array", "items": item });
    let schema = match content {
        Content::Nothing => return None,
        Content::One(of) => of(schemas).to_value(),
        Content::List(of) => list(of(schemas).to_value()),
        Content::ListIn(name, of) => json!({
            "type": "object",
            "properties": { *name: list(of(schemas).to_value()) },
            "required": [name],
        }),
        Content::Part(entity, of) => part(entity, &list(of(schemas).to_value())),
        Content::Page(entity, of) => {
            let list = list(of(schemas).to_value());
            let mut part = part(entity, &list);
            let count = json!({ "type": "integer", "minimum": 0 });
            for name in ["start", "limit", "total"] {
                part["properties"][name] = count.clone();
            }
            part["description"] = json!(
                "With `include_totals` `start`, `limit` and `total` are there; with `from` or `take` \
                 `next`, unless this is the end."
            );
            json!({ "anyOf": [list, part] })
        }
        Content::PageOfActions(entity, of) => json!({
            "type": "object",
            "properties": {
                "total": { "type": "integer", "minimum": 1, "description": "Absent beyond the end." },
                "page": { "type": "integer", "minimum": 1, "description": "Absent for the first." },
                "per_page": { "type": "integer", "minimum": 1 },
                *entity: list(of(schemas).to_value()),
            },
            "required": ["per_page", entity],
        }),
        Content::Bytes(media_type) => {
            let schema = json!({ "type": "string", "contentMediaType": media_type });
            return Some((media_type, schema));
        }
        Content::Events(of) => {
            let data = of(schemas).to_value();
            let schema = json!({
                "type": "string",
                "description": "Server-sent events: the `id` is a `log_id`, the `data` an entry.",
                "contentMediaType": "application/json",
                "contentSchema": data,
            });
            return Some(("text/event-stream", schema));
        }
    };
    Some(("application/json", schema))
}

/// An object that holds a part of a list, and says where the next one begins.
fn part(entity: &str, list: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "next": { "type": "string", "description": "What to give as `from`; absent at the end." },
            entity: list,
        },
        "required": [entity],
    })
}

/// With what an operation can be refused.
fn refused_with(operation: &Operation, body: BodyShape) -> Vec<StatusCode> {
    let mut refused = vec![StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED];
    refused.extend(operation.scope.map(|_| StatusCode::FORBIDDEN));
    refused.push(StatusCode::NOT_FOUND);
    if operation.method != Method::GET {
        refused.push(StatusCode::CONFLICT);
    }
    if operation.answer.condition == Some(Condition::IfMatch) {
        refused.push(StatusCode::PRECONDITION_FAILED);
    }
    if body != BodyShape::None {
        refused.extend([
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ]);
    }
    refused.extend(operation.scope.map(|_| StatusCode::TOO_MANY_REQUESTS));
    refused.push(StatusCode::INTERNAL_SERVER_ERROR);
    if operation.method != Method::GET {
        refused.push(StatusCode::SERVICE_UNAVAILABLE);
    }
    refused.push(StatusCode::INSUFFICIENT_STORAGE);
    refused
}

/// The refusals that there are, by their status.
fn refusals(of_errors: &Value, there_are: &BTreeSet<StatusCode>, is_counted: bool) -> Value {
    let refusals: [(StatusCode, &str); 12] = [
        (
            StatusCode::BAD_REQUEST,
            "A part of the path, a parameter, a property or a module is wrong. `message` says which \
             and why, `problems` lists what is wrong with a module.",
        ),
        (
            StatusCode::UNAUTHORIZED,
            "There is no token, or none that is good here.",
        ),
        (StatusCode::FORBIDDEN, "The token lacks the scope."),
        (
            StatusCode::NOT_FOUND,
            "What the request names isn't there, or the host is no tenant's.",
        ),
        (
            StatusCode::CONFLICT,
            "The name is taken, something else depends on it, there are as many as there may be, \
             or somebody else changed it at the same time.",
        ),
        (
            StatusCode::PRECONDITION_FAILED,
            "`If-Match` names no present state.",
        ),
        (StatusCode::PAYLOAD_TOO_LARGE, "The body is too long."),
        (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body has another `Content-Type`.",
        ),
        (
            StatusCode::TOO_MANY_REQUESTS,
            "The client, or its tenant, asks for too much at once.",
        ),
        (StatusCode::INTERNAL_SERVER_ERROR, "The server failed."),
        (StatusCode::SERVICE_UNAVAILABLE, "The server is busy."),
        (
            StatusCode::INSUFFICIENT_STORAGE,
            "The server's disk is full. `message` says whether anything was stored.",
        ),
    ];
    let refusals = refusals.into_iter();
    let refusals = refusals.filter(|(status, _)| there_are.contains(status));
    let described = refusals.map(|(status, description)| {
        let mut headers = Map::new();
        if status == StatusCode::UNAUTHORIZED {
            let reference = json!({ "$ref": "#/components/headers/WWW-Authenticate" });
            headers.insert("WWW-Authenticate".to_owned(), reference);
        } else if status != StatusCode::FORBIDDEN {
            headers.extend(rate_headers(is_counted));
        }
        if matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            let reference = json!({ "$ref": "#/components/headers/Retry-After" });
            headers.insert("Retry-After".to_owned(), reference);
        }
        let mut refusal = json!({ "description": description });
        if !headers.is_empty() {
            refusal["headers"] = Value::Object(headers);
        }
        refusal["content"] = json!({ "application/json": { "schema": of_errors } });
        (status.as_str().to_owned(), refusal)
    });
    Value::Object(described.collect())
}

const RATE_HEADERS: [(&str, &str); 3] = [
    (
        "X-RateLimit-Limit",
        "How many requests the client may make at once.",
    ),
    ("X-RateLimit-Remaining", "How many of them are left."),
    (
        "X-RateLimit-Reset",
        "When all are back, in seconds since 1970.",
    ),
];

/// How much a client may ask; whose requests aren't counted is told nothing.
fn rate_headers(is_counted: bool) -> Map<String, Value> {
    let headers = RATE_HEADERS.into_iter().filter(|_| is_counted);
    let headers = headers.map(|(name, _)| {
        let reference = json!({ "$ref": format!("#/components/headers/{name}") });
        (name.to_owned(), reference)
    });
    headers.collect()
}

fn headers(is_counted: bool) -> Value {
    let number = json!({ "type": "integer", "minimum": 0 });
    let text = json!({ "type": "string" });
    let of_rates = RATE_HEADERS.into_iter().filter(|_| is_counted);
    let of_rates = of_rates.map(|(name, description)| (name, description, &number));
    let others = [
        ("Retry-After", "In how many seconds to ask again.", &number),
        ("WWW-Authenticate", "`Bearer` (RFC 6750 section 3).", &text),
        ("ETag", "Which state it is of.", &text),
    ];
    let headers = of_rates.chain(others);
    let headers = headers.map(|(name, description, schema)| {
        let header = json!({ "description": description, "schema": schema });
        (name.to_owned(), header)
    });
    Value::Object(headers.collect())
}

/// This document's own path, which asks for no token.
fn itself(path: &str) -> Value {
    json!({
        "operationId": "get_openapi_json",
        "summary": "Get this document",
        "tags": [tag(path)],
        "security": [],
        "responses": { "200": {
            "description": "OK",
            "content": { "application/json": { "schema": { "type": "object" } } },
        } },
    })
}
