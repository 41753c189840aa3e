//! The OpenAPI document is that of the routes, and the one that is committed.

use crate::openapi::document;
use crate::routes::ROUTES;

#[test]
fn the_committed_document_is_the_codes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let text = format!("{:#}\n", document());
    if std::env::var_os("WICKETGATE_WRITE_OPENAPI").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(kept, text, "run this test with WICKETGATE_WRITE_OPENAPI=1");
}

#[test]
fn every_route_is_described_and_every_reference_leads_somewhere() {
    let document = document();
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.word().to_lowercase()];
        assert_eq!(operation["summary"], route.summary, "{}", route.path);
        assert_eq!(operation.get("requestBody").is_some(), route.body.is_some(), "{}", route.path);
        assert_eq!(operation.get("security").is_some(), route.login, "{}", route.path);
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"").skip(1) {
        let pointer = reference.split('"').next().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let mut ids: Vec<&str> =
        text.split("\"operationId\":\"").skip(1).map(|id| id.split('"').next().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), ROUTES.len(), "operation ids are unique");
}
