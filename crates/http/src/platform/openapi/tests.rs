use super::{DOCUMENT, PATH};
use crate::{
    management::openapi::{
        document::{self, Described},
        tests::{agrees_with_committed, assert_routes_are_described},
        world::World,
    },
    platform::routes,
};

const INTRODUCTION: &str = "\
For the server's operator: its tenants, and a backup of all of them. Unknown properties and \
query parameters are refused by name.

A caller needs the platform token, which `bootstrap.json` in the data folder has. It is good \
for everything here and in no tenant.";

#[tokio::test]
async fn the_committed_document_is_what_the_code_makes() {
    let routes = routes();
    let described = Described {
        title: "Claimsmith platform API",
        introduction: INTRODUCTION,
        server: ("/platform/v1", "Under any address of the server."),
        token: ("The platform token.".to_owned(), None),
        own_path: PATH,
        operations: routes.operations(),
    };
    let made = document::make(&described, &World::of_the_operator().await).await;
    agrees_with_committed(&made, "openapi-platform.json");
}

#[test]
fn every_route_is_in_the_document_and_nothing_else() {
    assert_routes_are_described(DOCUMENT, &routes(), PATH);
}
