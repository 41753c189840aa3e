//! The OpenAPI 3.1 document, made of the routes (OpenAPI Specification 3.1.0).

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::model::Fault;
use crate::routes::{Method, ROUTES, Route};

/// The document.
pub fn document() -> Value {
    let mut generator = generator();
    let fault = generator.subschema_for::<Fault>();
    let mut paths = Map::new();
    for route in ROUTES {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(operations) = operations.as_object_mut() {
            let operation = operation(route, &mut generator, &fault.clone().into());
            operations.insert(method(route.method).to_owned(), operation);
        }
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wicketgate's control socket",
            "version": "1",
            "description": "HTTP/1.1 over a Unix socket, one request a connection. docs/CONTROL.md",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://localhost" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "login": { "type": "http", "scheme": "bearer" } },
        },
    })
}

/// Schemas in the dialect that OpenAPI 3.1 has by default, each kept once.
fn generator() -> SchemaGenerator {
    let place = |settings: &mut SchemaSettings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    };
    SchemaSettings::draft2020_12().with(place).into_generator()
}

fn operation(route: &Route, generator: &mut SchemaGenerator, fault: &Value) -> Value {
    let roles: Vec<&str> = route.roles.each().map(|role| role.name()).collect();
    let mut operation = json!({
        "summary": route.summary,
        "operationId": operation_id(route),
        "x-roles": roles,
        "responses": {
            "200": done(route, &(route.reply)(generator).into()),
            "default": response("Why not", fault),
        },
    });
    let mut set = |key: &str, value: Value| {
        if let Some(members) = operation.as_object_mut() {
            members.insert(key.to_owned(), value);
        }
    };
    let parameters: Vec<Value> = variables(route.path).map(parameter).collect();
    if !parameters.is_empty() {
        set("parameters", parameters.into());
    }
    if let Some(body) = route.body {
        let content = json!({ "application/json": { "schema": body(generator) } });
        set("requestBody", json!({ "required": true, "content": content }));
    }
    if route.login {
        set("security", json!([{ "login": [] }]));
    }
    operation
}

fn done(route: &Route, schema: &Value) -> Value {
    if route.text {
        return json!({ "description": "Done", "content": { "text/plain": { "schema": schema } } });
    }
    response("Done", schema)
}

fn response(what: &str, schema: &Value) -> Value {
    json!({ "description": what, "content": { "application/json": { "schema": schema } } })
}

fn parameter(name: &str) -> Value {
    let schema = if name == "id" {
        json!({ "type": "integer", "format": "uint64", "minimum": 0 })
    } else {
        json!({ "type": "string" })
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

/// The variable parts of a path.
fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// `post-grants-approve`.
fn operation_id(route: &Route) -> String {
    let words = route.path.split('/').skip(2).filter(|part| !part.starts_with('{'));
    let one = route.path.ends_with('}').then_some("one");
    let all: Vec<&str> = [method(route.method)].into_iter().chain(words).chain(one).collect();
    all.join("-")
}

const fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
        Method::Delete => "delete",
    }
}
