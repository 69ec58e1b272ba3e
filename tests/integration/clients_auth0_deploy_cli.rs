//! npm's `auth0-deploy-cli`: a tenant with wasm Actions from files and back, over TLS.

use serde_json::{Value, json};

use crate::harness::clients::{self, TlsWorld};

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_products_deploy_tool_puts_a_tenant_in_again_out_and_in_again() {
    let world = TlsWorld::start().await;

    let report = clients::run("auth0-deploy-cli.js", &world.given()).await;

    let dry_run = report.step("dry run");
    let said = dry_run["said"].as_str().unwrap();
    assert!(
        said.contains("department") && said.contains("CREATE"),
        "{said}"
    );
    assert_eq!(
        dry_run["state"]["actions"],
        json!([]),
        "nothing was written"
    );

    let imported = report.step("import");
    let action = |name: &str| json!({"name": name, "number": 1, "deployed": true});
    let sorted = |names: &Value| {
        let mut names = names.as_array().unwrap().clone();
        names.sort_by_key(Value::to_string);
        names
    };
    assert_eq!(
        sorted(&imported["actions"]),
        [action("department"), action("second")]
    );
    assert_eq!(imported["bound"], json!(["department", "second"]));
    assert_eq!(sorted(&imported["apis"]), ["Management API", "Reports"]);
    assert_eq!(
        sorted(&imported["clients"]),
        ["Management", "job", "signer"]
    );
    assert_eq!(imported["keys"], json!(["private_key_jwt", "first"]));
    assert_eq!(imported["scopes"], json!([["read:reports"]]));
    assert_eq!(imported["roles"], json!(["editor"]));
    assert_eq!(imported["session_lifetime"], 24);
    assert_eq!(imported["organization"], "acme");
    let connections = json!(["Username-Password-Authentication"]);
    assert_eq!(imported["connections"], connections);

    let again = report.step("import again");
    let mut again = again.clone();
    again["step"] = imported["step"].clone();
    assert_eq!(
        again, *imported,
        "the same once more makes no change and no version"
    );

    let exported = report.step("export");
    assert_eq!(
        exported["is_same"], true,
        "a module comes out as it went in"
    );
    assert_eq!(exported["action"]["secrets"], json!([{"name": "KEY"}]));
    let connection = &exported["organization"]["connections"][0];
    assert_eq!(connection["name"], connections[0]);
    assert_eq!(connection["assign_membership_on_login"], true);

    let last = report.step("import of the export");
    assert_eq!(last["actions"], json!([action("department")]));
    assert_eq!(last["bound"], json!(["department"]));
    assert_eq!(last["roles"], json!([]));
    for kept in [
        "apis",
        "clients",
        "keys",
        "scopes",
        "session_lifetime",
        "connections",
    ] {
        assert_eq!(last[kept], imported[kept], "{kept}");
    }
}
