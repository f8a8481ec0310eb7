//! The description of the API (OpenAPI 3.1), made from the table of what can be read.

use super::TOPICS;
use axum::Json;
use serde_json::{Map, Value, json};
use store::terms::FIELDS;

/// `GET /api/v1/openapi.json`; to anybody, for it tells nothing of this host.
pub async fn document() -> Json<Value> {
    Json(described())
}

/// The document.
pub fn described() -> Value {
    let mut paths = Map::new();
    for topic in &TOPICS {
        let parameters = if topic.is_of_view { of_view() } else { vec![limit()] };
        paths.insert(
            format!("/api/v1/{}", topic.name),
            json!({ "get": {
                "operationId": topic.name,
                "summary": topic.about,
                "description": "The same as a file: append .csv or .json to the path.",
                "parameters": parameters,
                "responses": answers(json!({ "type": "object", "properties": { topic.name:
                    { "type": "array", "items": { "type": "object" } } } })),
            }}),
        );
    }
    paths.insert(
        "/api/v1/status".to_owned(),
        json!({ "get": {
        "operationId": "status", "summary": "How the guard is, as `mailward status --format json`",
        "responses": answers(json!({ "type": "object" })) } }),
    );
    paths.insert("/api/v1/orders".to_owned(), json!({ "post": {
        "operationId": "order", "summary": "Orders; wants a token with the scope act",
        "requestBody": { "required": true, "content": { "application/json": { "schema": order() } } },
        "responses": answers(json!({ "type": "object", "properties": { "done": { "type": "string" } } })) } }));
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Mailward", "version": env!("CARGO_PKG_VERSION"),
                  "description": "What mailward sees, decides and does on one mail host." },
        "security": [{ "token": [] }],
        "components": { "securitySchemes": { "token": { "type": "http", "scheme": "bearer",
            "description": "Made by `mailward console token add NAME --scope read`" } } },
        "paths": paths,
    })
}

fn answers(schema: Value) -> Value {
    let error = json!({ "description": "Why not", "content": { "application/json": { "schema":
        { "type": "object", "properties": { "error": { "type": "string" } } } } } });
    json!({ "200": { "description": "The answer", "content": { "application/json": { "schema": schema } } },
            "400": error, "401": error, "403": error, "409": error })
}

fn parameter(name: &str, schema: Value, about: &str) -> Value {
    json!({ "name": name, "in": "query", "required": false, "schema": schema, "description": about })
}

fn limit() -> Value {
    parameter(
        "limit",
        json!({ "type": "integer", "maximum": super::ROWS_MAX }),
        "So many rows at most",
    )
}

fn of_view() -> Vec<Value> {
    let fields: Vec<String> =
        FIELDS.iter().map(|row| format!("{} ({})", row.name, row.meaning)).collect();
    let ranges: Vec<&str> = crate::view::RANGES.iter().map(|(name, _)| *name).collect();
    let stamp = json!({ "type": "string", "format": "date-time" });
    let query = format!(
        "Terms, all of which must hold: field:value, field!=value, several values with commas. \
         Fields: {}.",
        fields.join(", ")
    );
    vec![
        parameter("last", json!({ "enum": ranges }), "The last so much time"),
        parameter("from", stamp.clone(), "Not before; with until, in place of last"),
        parameter("until", stamp, "Before"),
        parameter("q", json!({ "type": "string" }), &query),
        parameter("before", json!({ "type": "string" }), "The next page: `before` of the last row"),
        limit(),
    ]
}

fn order() -> Value {
    let orders: Vec<&str> = crate::pages::orders::names().collect();
    json!({ "type": "object", "required": ["order", "subject", "reason"], "properties": {
        "order": { "enum": orders },
        "subject": { "type": "string", "description": "An address, a network, an account; the number of an incident" },
        "duration": { "type": "string", "description": "Seconds; without it until lifted" },
        "reason": { "type": "string", "description": "For the audit trail" } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_described() {
        let document = described();
        for topic in &TOPICS {
            let path = &document["paths"][format!("/api/v1/{}", topic.name)]["get"];
            assert_eq!(path["summary"], topic.about);
        }
        assert!(document["paths"]["/api/v1/orders"]["post"].is_object());
    }
}
