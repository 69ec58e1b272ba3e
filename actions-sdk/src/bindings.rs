//! What wit-bindgen makes of the contract in `wit/`.
//!
//! Worlds of our own instead of the contract's, because a module must export
//! exactly the handlers that its author wrote: one world holds all imports (of
//! which `wit-component` keeps those that are used), and each trigger and each script
//! has a world of its export alone, which enters a module only where the attribute
//! macro of that name calls its `export!`.
#![expect(
    missing_docs,
    reason = "generated from the contract, which documents its items"
)]

wit_bindgen::generate!({
    path: "../wit",
    inline: "
        package claimsmith:actions-sdk;

        world imports {
            import claimsmith:actions/event@0.1.0;
            import claimsmith:actions/event-tenant@0.1.0;
            import claimsmith:actions/event-client@0.1.0;
            import claimsmith:actions/event-user@0.1.0;
            import claimsmith:actions/event-request@0.1.0;
            import claimsmith:actions/event-organization@0.1.0;
            import claimsmith:actions/event-resource-server@0.1.0;
            import claimsmith:actions/event-authorization@0.1.0;
            import claimsmith:actions/event-authentication@0.1.0;
            import claimsmith:actions/event-connection@0.1.0;
            import claimsmith:actions/event-transaction@0.1.0;
            import claimsmith:actions/event-refresh-token@0.1.0;
            import claimsmith:actions/event-stats@0.1.0;
            import claimsmith:actions/event-access-token@0.1.0;
            import claimsmith:actions/post-login-access@0.1.0;
            import claimsmith:actions/credentials-exchange-access@0.1.0;
            import claimsmith:actions/access-token@0.1.0;
            import claimsmith:actions/id-token@0.1.0;
            import claimsmith:actions/user@0.1.0;
            import claimsmith:actions/transaction@0.1.0;
            import claimsmith:actions/cache@0.1.0;
            import claimsmith:actions/secrets@0.1.0;
            import claimsmith:actions/log@0.1.0;
        }
    ",
    world: "claimsmith:actions-sdk/imports",
    with: { "claimsmith:actions/refusals@0.1.0": crate::refusal },
    generate_all,
});

pub mod post_login {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package claimsmith:actions-sdk;

            world post-login-handler {
                export claimsmith:actions/post-login-handler@0.1.0;
            }
        ",
        world: "claimsmith:actions-sdk/post-login-handler",
        generate_all,
        pub_export_macro: true,
    });
}

pub mod credentials_exchange {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package claimsmith:actions-sdk;

            world credentials-exchange-handler {
                export claimsmith:actions/credentials-exchange-handler@0.1.0;
            }
        ",
        world: "claimsmith:actions-sdk/credentials-exchange-handler",
        generate_all,
        pub_export_macro: true,
    });
}

pub mod database_login {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package claimsmith:actions-sdk;

            world database-login-handler {
                export claimsmith:actions/database-login-handler@0.1.0;
            }
        ",
        world: "claimsmith:actions-sdk/database-login-handler",
        generate_all,
        pub_export_macro: true,
    });
}

pub mod database_get_user {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package claimsmith:actions-sdk;

            world database-get-user-handler {
                export claimsmith:actions/database-get-user-handler@0.1.0;
            }
        ",
        world: "claimsmith:actions-sdk/database-get-user-handler",
        generate_all,
        pub_export_macro: true,
    });
}

pub mod database_create {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package claimsmith:actions-sdk;

            world database-create-handler {
                export claimsmith:actions/database-create-handler@0.1.0;
            }
        ",
        world: "claimsmith:actions-sdk/database-create-handler",
        generate_all,
        pub_export_macro: true,
    });
}
