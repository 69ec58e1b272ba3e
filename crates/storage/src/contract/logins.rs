//! What logins leave behind: sessions, authorization codes, refresh tokens, consent.

use std::{collections::BTreeSet, sync::Arc};

use claimsmith_model::{
    AuthorizationCode, JsonObject, LIVE_REFRESH_TOKENS_MAX, OpaqueToken, RefreshGrant, Session,
    Timestamp, User, UserId,
};

use super::{
    assert_not_found,
    fixtures::{at, authorization_code, client, opaque_token, refresh_grant, session, user},
    new_tenant,
};
use crate::{
    ConsentSearch, GivenTokens, Page, Placed, RefreshExchange, RefreshExchanged, SessionUse, Start,
    Storage, StorageError, TenantStorage,
};

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "logins").await;
    for id in ["user-1", "user-2"] {
        store.create_user(&user(id)).await.unwrap();
    }
    for id in ["client-1", "client-2"] {
        store.create_client(&client(id)).await.unwrap();
    }
    sessions_belong_to_users(&*store).await;
    a_session_takes_another_ones_place(&*store).await;
    an_ended_session_is_not_used(&*store).await;
    ending_a_session_revokes_what_came_from_it(&*store).await;
    a_code_is_redeemed_once(&store).await;
    replaying_a_code_can_revoke_what_it_gave(&*store).await;
    a_refresh_token_is_replaced_once_and_overlaps_within_the_leeway(&*store).await;
    a_request_that_came_in_time_may_take_its_time(&*store).await;
    a_replaced_refresh_token_revokes_its_grant(&*store).await;
    only_so_many_refresh_tokens_are_remembered(&*store).await;
    of_too_many_sessions_the_oldest_ends(&*store).await;
    a_login_that_was_ended_meanwhile_stores_nothing(&*store).await;
    of_too_many_refresh_grants_the_oldest_goes(&*store).await;
    a_code_ends_with_its_session(&*store).await;
    a_session_is_found_and_ended_by_its_identifier(&*store).await;
    consent_grows(&*store).await;
    consent_is_listed_and_withdrawn_with_what_rests_on_it(&*store).await;
    what_has_ended_is_removed_and_what_goes_on_is_not(&*store).await;
    a_text_is_used_once(&*store).await;
    users_and_clients_take_their_logins_along(&*store).await;
}

async fn sessions_belong_to_users(store: &dyn TenantStorage) {
    let stored = session("s-1", "user-1");
    assert_eq!(store.session(&[1; 32]).await.unwrap(), None);
    let nobodys = session("s-1", "nobody");
    assert!(!store.put_session(&[1; 32], &nobodys, None).await.unwrap());
    assert!(store.put_session(&[1; 32], &stored, None).await.unwrap());
    let mut used = stored.clone();
    used.last_interacted_at = at(5);
    store.put_session(&[1; 32], &used, None).await.unwrap();
    assert_eq!(store.session(&[1; 32]).await.unwrap(), Some(used));
    store.end_session(&[1; 32]).await.unwrap();
    store.end_session(&[1; 32]).await.unwrap();
    assert_eq!(store.session(&[1; 32]).await.unwrap(), None);
}

async fn a_session_takes_another_ones_place(store: &dyn TenantStorage) {
    let stored = session("s-1", "user-1");
    store.put_session(&[1; 32], &stored, None).await.unwrap();
    give(store, came_from("s-1", "rt_kept")).await;
    store
        .put_session(&[2; 32], &stored, Some(&[1; 32]))
        .await
        .unwrap();
    assert_eq!(store.session(&[1; 32]).await.unwrap(), None);
    assert_eq!(store.session(&[2; 32]).await.unwrap(), Some(stored));
    let kept = store.refresh_grant(&"rt_kept".parse().unwrap()).await;
    assert!(kept.unwrap().is_some(), "nobody has logged out");
    store.end_session(&[2; 32]).await.unwrap();
}

async fn an_ended_session_is_not_used(store: &dyn TenantStorage) {
    let used = |client: &str| SessionUse {
        at: at(7),
        idle_expires_at: at(9),
        client: client.parse().unwrap(),
        clients_max: 2,
    };
    assert!(!store.use_session(&[1; 32], &used("a")).await.unwrap());
    assert_eq!(store.session(&[1; 32]).await.unwrap(), None);

    let mut stored = session("s-1", "user-1");
    stored.clients.clear();
    store.put_session(&[1; 32], &stored, None).await.unwrap();
    for client in ["a", "b", "a", "c"] {
        assert!(store.use_session(&[1; 32], &used(client)).await.unwrap());
    }
    let found = store.session(&[1; 32]).await.unwrap().unwrap();
    let clients: Vec<_> = found.clients.iter().map(|client| client.as_str()).collect();
    assert_eq!(clients, ["a", "c"]);
    assert_eq!(
        (found.last_interacted_at, found.idle_expires_at),
        (at(7), at(9))
    );
    store.end_session(&[1; 32]).await.unwrap();
}

/// A refresh grant that came from a session.
fn came_from(session: &str, id: &str) -> RefreshGrant {
    RefreshGrant {
        session_id: Some(session.parse().unwrap()),
        ..refresh_grant(id)
    }
}

async fn ending_a_session_revokes_what_came_from_it(store: &dyn TenantStorage) {
    for (number, name) in [(1, "s-1"), (2, "s-2"), (3, "s-3")] {
        store
            .put_session(&[number; 32], &session(name, "user-1"), None)
            .await
            .unwrap();
        give(store, came_from(name, &format!("rt_{name}"))).await;
    }
    let left = async || {
        let grants = store.refresh_grants(&"user-1".parse().unwrap(), None).await;
        let ids = grants
            .unwrap()
            .into_iter()
            .map(|grant| grant.id.to_string());
        ids.collect::<Vec<_>>()
    };

    store.end_session(&[1; 32]).await.unwrap();
    assert_eq!(left().await, ["rt_s-2", "rt_s-3"]);

    end_all_logins(store, "user-1").await;
    assert_eq!(left().await, [""; 0]);
    for number in [2, 3] {
        assert_eq!(store.session(&[number; 32]).await.unwrap(), None);
    }
}

async fn a_code_is_redeemed_once(store: &Arc<dyn TenantStorage>) {
    let code = authorization_code();
    let stored = session("s-1", "user-1");
    store.put_session(&[1; 32], &stored, None).await.unwrap();
    store.put_authorization_code(&[1; 32], &code).await.unwrap();
    assert_eq!(
        store.authorization_code(&[1; 32]).await.unwrap(),
        Some(code.clone())
    );
    let given = |number: u8| GivenTokens {
        refresh_grant: Some(refresh_grant(&format!("rt_{number}"))),
        opaque_token: Some(([number; 32], opaque_token(at(90_000)))),
    };

    // Ten at once: one gets its tokens, and nothing of the others is stored.
    let attempts: Vec<_> = (1..=10)
        .map(|number| {
            let (store, given) = (Arc::clone(store), given(number));
            tokio::spawn(async move {
                let redeemed = store.redeem_authorization_code(&[1; 32], &given, at(1));
                (number, redeemed.await.unwrap())
            })
        })
        .collect();
    let mut winners = Vec::new();
    for attempt in attempts {
        let (number, redeemed) = attempt.await.unwrap();
        if redeemed {
            winners.push(number);
        }
    }
    let [winner] = winners[..] else {
        panic!("redeemed {} times", winners.len());
    };
    for number in 1..=10 {
        let id = format!("rt_{number}").parse().unwrap();
        let stored = store.refresh_grant(&id).await.unwrap();
        assert_eq!(stored.is_some(), number == winner);
        let stored = store.opaque_token(&[number; 32]).await.unwrap();
        assert_eq!(stored.is_some(), number == winner);
    }
    let redeemed = store.authorization_code(&[1; 32]).await.unwrap().unwrap();
    let redeemed = redeemed.redeemed.unwrap();
    assert_eq!(redeemed.opaque_token, Some([winner; 32]));
    end_all_logins(&**store, "user-1").await;

    // One that has ended is not redeemed at all.
    store.put_authorization_code(&[2; 32], &code).await.unwrap();
    let end = code.expires_at;
    let given = given(1);
    let late = store.redeem_authorization_code(&[2; 32], &given, end);
    assert!(!late.await.unwrap());
    let unknown = store.redeem_authorization_code(&[9; 32], &given, at(1));
    assert!(!unknown.await.unwrap());
}

async fn a_code_ends_with_its_session(store: &dyn TenantStorage) {
    let sessions = [session("s-1", "user-1"), session("s-2", "user-1")];
    let redeem = async |number: u8| {
        let given = GivenTokens {
            refresh_grant: Some(refresh_grant(&format!("rt_session-{number}"))),
            opaque_token: None,
        };
        let hash = [20 + number; 32];
        let code = authorization_code();
        store.put_authorization_code(&hash, &code).await.unwrap();
        let redeemed = store.redeem_authorization_code(&hash, &given, at(1));
        let redeemed = redeemed.await.unwrap();
        let id = format!("rt_session-{number}").parse().unwrap();
        let stored = store.refresh_grant(&id).await.unwrap();
        assert_eq!(stored.is_some(), redeemed);
        redeemed
    };
    for (number, session) in (1..).zip(&sessions) {
        store
            .put_session(&[number; 32], session, None)
            .await
            .unwrap();
    }
    assert!(redeem(1).await);
    // Under another cookie the session goes on.
    let moved = store.put_session(&[3; 32], &sessions[0], Some(&[1; 32]));
    moved.await.unwrap();
    assert!(redeem(2).await);

    store.end_session(&[3; 32]).await.unwrap();

    assert!(!redeem(3).await);
    end_all_logins(store, "user-1").await;
}

async fn a_session_is_found_and_ended_by_its_identifier(store: &dyn TenantStorage) {
    let user = "user-1".parse().unwrap();
    let mut sessions = [session("s-1", "user-1"), session("s-2", "user-1")];
    sessions[0].created_at = at(2);
    for (number, session) in (1..).zip(&sessions) {
        store
            .put_session(&[number; 32], session, None)
            .await
            .unwrap();
        give(
            store,
            came_from(session.id.as_str(), &format!("rt_id-{number}")),
        )
        .await;
    }
    let other = session("s-3", "user-2");
    store.put_session(&[3; 32], &other, None).await.unwrap();
    let [first, second] = sessions;
    let (id, unknown) = (first.id.clone(), "s-9".parse().unwrap());

    assert_eq!(store.session_by_id(&id).await.unwrap(), Some(first.clone()));
    assert_eq!(store.session_by_id(&unknown).await.unwrap(), None);
    let listed = store.sessions(&user).await.unwrap();
    assert_eq!(listed, [second.clone(), first.clone()]);

    store.end_session_by_id(&unknown).await.unwrap();
    store.end_session_by_id(&id).await.unwrap();
    store.end_session_by_id(&id).await.unwrap();
    assert_eq!(store.session_by_id(&id).await.unwrap(), None);
    assert_eq!(store.sessions(&user).await.unwrap(), [second]);
    let grants = store.refresh_grants(&user, None).await.unwrap();
    let left: Vec<_> = grants.iter().map(|grant| grant.id.as_str()).collect();
    assert_eq!(left, ["rt_id-2"]);

    // By their user, and nothing else of theirs.
    give(store, refresh_grant("rt_id-password")).await;
    store.end_sessions(&user).await.unwrap();
    assert_eq!(store.sessions(&user).await.unwrap(), []);
    let grants = store.refresh_grants(&user, None).await.unwrap();
    let left: Vec<_> = grants.iter().map(|grant| grant.id.as_str()).collect();
    assert_eq!(left, ["rt_id-password"]);
    let id = "s-3".parse().unwrap();
    assert!(store.session_by_id(&id).await.unwrap().is_some());
    end_all_logins(store, "user-1").await;
    store.end_session(&[3; 32]).await.unwrap();
}

async fn replaying_a_code_can_revoke_what_it_gave(store: &dyn TenantStorage) {
    let code = AuthorizationCode {
        session_id: None,
        ..authorization_code()
    };
    store.put_authorization_code(&[3; 32], &code).await.unwrap();
    store.revoke_redeemed_code(&[3; 32]).await.unwrap();
    let given = GivenTokens {
        refresh_grant: Some(refresh_grant("rt_code")),
        opaque_token: Some(([3; 32], opaque_token(at(90_000)))),
    };
    let redeemed = store.redeem_authorization_code(&[3; 32], &given, at(1));
    assert!(redeemed.await.unwrap());

    store.revoke_redeemed_code(&[3; 32]).await.unwrap();

    let id = "rt_code".parse().unwrap();
    assert_eq!(store.refresh_grant(&id).await.unwrap(), None);
    assert_eq!(store.opaque_token(&[3; 32]).await.unwrap(), None);
}

async fn a_refresh_token_is_replaced_once_and_overlaps_within_the_leeway(
    store: &dyn TenantStorage,
) {
    give(store, refresh_grant("rt_a")).await;
    // The first token of a grant of the fixtures is 32 ones.
    assert_eq!(exchange(store, "rt_a", 1, 2, 10).await, newest(2));
    // Overlapping requests with the same token have the same successor, however many.
    for number in 20..40 {
        assert_eq!(exchange(store, "rt_a", 1, number, 12).await, newest(2));
    }
    // Or the one after that, which is the one that is good.
    assert_eq!(exchange(store, "rt_a", 2, 3, 13).await, newest(3));
    assert_eq!(exchange(store, "rt_a", 1, 4, 14).await, newest(3));
    assert_eq!(exchange(store, "rt_a", 2, 5, 14).await, newest(3));

    let grant = store.refresh_grant(&"rt_a".parse().unwrap()).await;
    let grant = grant.unwrap().unwrap();
    assert_eq!(grant.live.len(), 3);
    assert_eq!(grant.last_exchanged_at, Some(at(14)));
    assert_eq!(grant.idle_expires_at, Some(at(1_014)));
    assert!(store.opaque_token(&[104; 32]).await.unwrap().is_some());
}

async fn a_request_that_came_in_time_may_take_its_time(store: &dyn TenantStorage) {
    give(store, refresh_grant("rt_w")).await;
    assert_eq!(exchange(store, "rt_w", 1, 2, 10).await, newest(2));
    // Others go on meanwhile.
    assert_eq!(exchange(store, "rt_w", 2, 3, 500).await, newest(3));
    let came_at_12 = RefreshExchange {
        replaced_since: Some(at(7)),
        ..to_exchange(1, 2, 900)
    };
    let id = "rt_w".parse().unwrap();
    let exchanged = store.exchange_refresh_token(&id, &came_at_12);
    assert_eq!(exchanged.await.unwrap(), newest(3));
    store.revoke_refresh_grant(&id).await.unwrap();
}

async fn a_replaced_refresh_token_revokes_its_grant(store: &dyn TenantStorage) {
    give(store, refresh_grant("rt_b")).await;
    assert_eq!(exchange(store, "rt_b", 1, 2, 10).await, newest(2));
    // The leeway of `exchange` is five milliseconds.
    assert_eq!(exchange(store, "rt_b", 1, 3, 15).await, newest(2));
    assert_eq!(exchange(store, "rt_b", 1, 44, 16).await, Reused);
    assert_eq!(exchange(store, "rt_b", 2, 55, 16).await, Gone);
    for opaque_token in [[144; 32], [155; 32]] {
        assert_eq!(store.opaque_token(&opaque_token).await.unwrap(), None);
    }

    // Without leeway, one that was replaced in the same moment, or by a faster clock.
    for now in [10, 9] {
        give(store, refresh_grant("rt_g")).await;
        assert_eq!(exchange(store, "rt_g", 1, 2, 10).await, newest(2));
        let again = RefreshExchange {
            replaced_since: None,
            ..to_exchange(1, 3, now)
        };
        let id = "rt_g".parse().unwrap();
        let exchanged = store.exchange_refresh_token(&id, &again);
        assert_eq!(exchanged.await.unwrap(), Reused);
    }

    // So does one that was not heard of for long.
    give(store, refresh_grant("rt_c")).await;
    assert_eq!(exchange(store, "rt_c", 9, 2, 10).await, Reused);
    assert_eq!(exchange(store, "rt_c", 1, 2, 10).await, Gone);

    // A grant that has ended gives nothing, and nothing is revoked for it.
    let mut ending = refresh_grant("rt_d");
    ending.expires_at = Some(at(20));
    give(store, ending).await;
    assert_eq!(exchange(store, "rt_d", 1, 2, 20).await, Gone);

    // Without rotation one token goes on for good.
    let mut lasting = refresh_grant("rt_e");
    lasting.rotating = false;
    give(store, lasting).await;
    for now in [10, 100, 1_000] {
        let exchange = RefreshExchange {
            successor: None,
            ..to_exchange(1, 2, now)
        };
        let id = "rt_e".parse().unwrap();
        let exchanged = store.exchange_refresh_token(&id, &exchange);
        assert_eq!(exchanged.await.unwrap(), newest(1));
    }
    for id in ["rt_a", "rt_d", "rt_e"] {
        let id = id.parse().unwrap();
        store.revoke_refresh_grant(&id).await.unwrap();
        store.revoke_refresh_grant(&id).await.unwrap();
        assert_eq!(store.refresh_grant(&id).await.unwrap(), None);
    }
}

async fn only_so_many_refresh_tokens_are_remembered(store: &dyn TenantStorage) {
    give(store, refresh_grant("rt_f")).await;
    let last = u8::try_from(LIVE_REFRESH_TOKENS_MAX).unwrap() + 2;
    for successor in 2..=last {
        let presented = successor - 1;
        assert_eq!(
            exchange(store, "rt_f", presented, successor, 10).await,
            newest(successor)
        );
    }
    let grant = store.refresh_grant(&"rt_f".parse().unwrap()).await;
    assert_eq!(grant.unwrap().unwrap().live.len(), LIVE_REFRESH_TOKENS_MAX);
    assert_eq!(exchange(store, "rt_f", last, 99, 10).await, newest(99));
    // Some for as long as their leeway, and those before them not.
    assert_eq!(exchange(store, "rt_f", 5, 100, 10).await, newest(99));
    assert_eq!(exchange(store, "rt_f", 1, 101, 10).await, Reused);
}

async fn of_too_many_sessions_the_oldest_ends(store: &dyn TenantStorage) {
    let begun = |number: u8| {
        let mut begun = session(&format!("s-{number}"), "user-2");
        begun.created_at = at(i64::from(number));
        begun
    };
    give(
        store,
        RefreshGrant {
            user_id: "user-2".parse().unwrap(),
            ..came_from("s-1", "rt_oldest")
        },
    )
    .await;
    let put = async |number: u8, begun: &Session, instead_of: Option<&[u8; 32]>| {
        let put = store.put_session(&[number; 32], begun, instead_of).await;
        assert!(put.unwrap());
    };
    for number in (1..=200).rev() {
        put(number, &begun(number), None).await;
    }
    // One that goes on under another cookie is no further one.
    put(201, &begun(200), Some(&[200; 32])).await;
    assert!(store.session(&[1; 32]).await.unwrap().is_some());

    // But one in the place of somebody else's is.
    let others = session("s-other", "user-1");
    put(210, &others, None).await;
    put(202, &begun(202), Some(&[210; 32])).await;

    assert_eq!(store.session(&[1; 32]).await.unwrap(), None);
    let oldest = store.refresh_grant(&"rt_oldest".parse().unwrap()).await;
    assert_eq!(oldest.unwrap(), None);
    let user = "user-2".parse().unwrap();
    assert_eq!(store.sessions(&user).await.unwrap().len(), 200);
    end_all_logins(store, "user-2").await;
}

async fn a_login_that_was_ended_meanwhile_stores_nothing(store: &dyn TenantStorage) {
    let id: UserId = "user-1".parse().unwrap();
    let none = JsonObject::new();
    let user = async || store.user(&id).await.unwrap().unwrap();
    let before = user().await;
    let ended = User {
        logins_ended: before.logins_ended + 1,
        ..before.clone()
    };
    let blocked = User {
        blocked: true,
        ..before.clone()
    };
    let logs_in = async || {
        let given = GivenTokens {
            refresh_grant: Some(refresh_grant("rt_late")),
            opaque_token: None,
        };
        let opaque = GivenTokens {
            refresh_grant: None,
            opaque_token: Some(([77; 32], opaque_token(at(90_000)))),
        };
        [
            store
                .put_session(&[77; 32], &session("s-late", "user-1"), None)
                .await
                .unwrap(),
            store.put_given_tokens(&given).await.unwrap(),
            store.put_given_tokens(&opaque).await.unwrap(),
            store
                .record_login(&id, 0, &none, &none, "192.0.2.1", at(1))
                .await
                .unwrap(),
        ]
    };
    for after in [&ended, &blocked] {
        store.update_user(&before, after).await.unwrap();

        assert_eq!(logs_in().await, [false; 4]);

        assert_eq!(user().await.logins_count, before.logins_count);
        assert_eq!(store.sessions(&id).await.unwrap(), []);
        assert_eq!(store.refresh_grants(&id, None).await.unwrap(), []);
        assert_eq!(store.opaque_token(&[77; 32]).await.unwrap(), None);
        store.update_user(after, &before).await.unwrap();
    }
    assert_eq!(logs_in().await, [true; 4]);
    end_all_logins(store, "user-1").await;
}

async fn of_too_many_refresh_grants_the_oldest_goes(store: &dyn TenantStorage) {
    let (user, client) = ("user-2".parse().unwrap(), "client-1".parse().unwrap());
    let grant = |number: i64, client: &str| RefreshGrant {
        user_id: "user-2".parse().unwrap(),
        client_id: client.parse().unwrap(),
        created_at: at(number),
        ..refresh_grant(&format!("rt_{client}-{number}"))
    };
    give(store, grant(0, "client-2")).await;
    for number in 1..=201 {
        give(store, grant(number, "client-1")).await;
    }
    let left = store.refresh_grants(&user, Some(&client)).await.unwrap();
    assert_eq!(left.len(), 200);
    assert_eq!(left[0].created_at, at(2));
    assert_eq!(left[199].created_at, at(201));
    let all = store.refresh_grants(&user, None).await.unwrap();
    assert_eq!(all.len(), 201);
    end_all_logins(store, "user-2").await;
}

async fn consent_grows(store: &dyn TenantStorage) {
    let (user, client) = ("user-1".parse().unwrap(), "client-1".parse().unwrap());
    let api = Some("https://api.example.com/");
    let [first, further] = [["a", "b"], ["b", "c"]].map(|names| names.map(str::to_owned));
    assert_eq!(store.consent(&user, &client, api).await.unwrap(), None);

    let given = store.give_consent(&user, &client, api, &first, at(1));
    given.await.unwrap();
    let given = store.give_consent(&user, &client, api, &further, at(2));
    given.await.unwrap();

    let consent = store.consent(&user, &client, api).await.unwrap().unwrap();
    assert_eq!(consent.scope, ["a", "b", "c"]);
    assert_eq!((consent.created_at, consent.updated_at), (at(1), at(2)));
    assert_eq!(store.consent(&user, &client, None).await.unwrap(), None);
    let nobody = "nobody".parse().unwrap();
    let unknown = store.give_consent(&nobody, &client, api, &[], at(1));
    assert_not_found(unknown.await);
    let none = "none".parse().unwrap();
    let unknown = store.give_consent(&user, &none, api, &[], at(1));
    assert_not_found(unknown.await);
}

async fn consent_is_listed_and_withdrawn_with_what_rests_on_it(store: &dyn TenantStorage) {
    let api = "https://api.example.com/";
    let scope = ["a".to_owned()];
    // What another claim left.
    let user: UserId = "user-1".parse().unwrap();
    store.withdraw_consents(&user).await.unwrap();
    for (user, client, audience) in [
        ("user-1", "client-1", Some(api)),
        ("user-1", "client-1", None),
        ("user-1", "client-2", Some(api)),
        ("user-2", "client-1", Some(api)),
    ] {
        let (user, client) = (user.parse().unwrap(), client.parse().unwrap());
        let given = store.give_consent(&user, &client, audience, &scope, at(1));
        given.await.unwrap();
    }
    let rests = |id: &str, client: &str, audience: Option<&str>| RefreshGrant {
        client_id: client.parse().unwrap(),
        audience: audience.map(str::to_owned),
        ..refresh_grant(id)
    };
    give(store, rests("rt_rests", "client-1", Some(api))).await;
    give(store, rests("rt_opaque", "client-1", None)).await;
    give(store, rests("rt_other", "client-2", Some(api))).await;
    let left = async || {
        let grants = store.refresh_grants(&user, None).await.unwrap();
        let ids = grants.into_iter().map(|grant| grant.id.to_string());
        ids.collect::<Vec<_>>()
    };
    let list = async |search: ConsentSearch, skip| {
        let page = Page::at(skip, 2);
        let (found, total) = store.consents(&search, page).await.unwrap();
        (found, total)
    };
    let all = ConsentSearch::default();
    let of_user = ConsentSearch {
        user: Some(user.clone()),
        ..all.clone()
    };
    let of_client = ConsentSearch {
        client: Some("client-1".parse().unwrap()),
        audience: Some(api.to_owned()),
        ..all.clone()
    };

    assert_eq!(list(all.clone(), 0).await.1, 4);
    assert_eq!(list(all.clone(), 3).await.0.len(), 1);
    assert_eq!(list(of_user.clone(), 0).await.1, 3);
    let (found, total) = list(of_client, 0).await;
    assert_eq!(total, 2);
    let (id, consent) = &found[0];
    assert_eq!((&consent.user_id, &consent.scope), (&user, &scope.to_vec()));
    assert_ne!(*id, found[1].0);
    for (search, count) in [(all.clone(), 4), (of_user.clone(), 3)] {
        let (mut ids, mut place) = (BTreeSet::new(), String::new());
        loop {
            let start = Start::Behind(place);
            let part = store.consents(&search, Page { start, take: 1 }).await;
            let (part, left) = part.unwrap();
            assert_eq!(left > 1, ids.len() + 1 < count);
            let Some(last) = part.last() else { break };
            place = last.place();
            assert!(ids.insert(last.0.clone()), "{place} came twice");
        }
        assert_eq!(ids.len(), count);
    }

    // A code that rests on it is worth nothing afterwards.
    let code = AuthorizationCode {
        session_id: None,
        rests_on_consent: true,
        ..authorization_code()
    };
    for number in [31, 32] {
        store
            .put_authorization_code(&[number; 32], &code)
            .await
            .unwrap();
    }
    let given = GivenTokens::default();
    let redeemed = store.redeem_authorization_code(&[31; 32], &given, at(1));
    assert!(redeemed.await.unwrap());
    store.withdraw_consent(id).await.unwrap();
    let redeemed = store.redeem_authorization_code(&[32; 32], &given, at(1));
    assert!(!redeemed.await.unwrap());

    assert_eq!(left().await, ["rt_opaque", "rt_other"]);
    store.withdraw_consent(id).await.unwrap();
    assert_eq!(list(of_user.clone(), 0).await.1, 2);
    store.withdraw_consents(&user).await.unwrap();
    assert_eq!(left().await, [""; 0]);
    assert_eq!(list(of_user, 0).await.1, 0);
    assert_eq!(list(all, 0).await.1, 1);
}

async fn what_has_ended_is_removed_and_what_goes_on_is_not(store: &dyn TenantStorage) {
    // What other claims left is removed first.
    while store.remove_expired(at(100_000_000), 1_000).await.unwrap() > 0 {}
    let mut stored = session("s-9", "user-1");
    stored.idle_expires_at = at(100);
    store.put_session(&[9; 32], &stored, None).await.unwrap();
    let mut grant = refresh_grant("rt_g");
    grant.idle_expires_at = Some(at(110));
    give(store, grant).await;
    let mut code = authorization_code();
    code.expires_at = at(0);
    store.put_authorization_code(&[8; 32], &code).await.unwrap();

    // Both go on: their ends move.
    stored.idle_expires_at = at(5_000_000);
    store.put_session(&[9; 32], &stored, None).await.unwrap();
    assert_eq!(exchange(store, "rt_g", 1, 2, 105).await, newest(2));

    assert_eq!(store.remove_expired(at(100), 9).await.unwrap(), 0);
    assert_eq!(store.remove_expired(at(200), 9).await.unwrap(), 1);
    assert!(store.session(&[9; 32]).await.unwrap().is_some());
    let id = "rt_g".parse().unwrap();
    assert!(store.refresh_grant(&id).await.unwrap().is_some());
    assert!(store.authorization_code(&[8; 32]).await.unwrap().is_some());

    // At their new ends they go; the code an hour after its own, and the refresh grant when
    // the last access token that it gave has ended.
    let removed = remove_all(store, at(6_000_000)).await;
    assert!(removed >= 2, "{removed}");
    assert_eq!(store.session(&[9; 32]).await.unwrap(), None);
    assert!(store.refresh_grant(&id).await.unwrap().is_some());
    assert!(remove_all(store, at(86_401_106)).await > 0);
    assert_eq!(store.refresh_grant(&id).await.unwrap(), None);
    assert_eq!(store.authorization_code(&[8; 32]).await.unwrap(), None);
    let user = "user-1".parse().unwrap();
    assert_eq!(store.refresh_grants(&user, None).await.unwrap(), []);
}

async fn remove_all(store: &dyn TenantStorage, now: Timestamp) -> usize {
    let mut removed = 0;
    loop {
        match store.remove_expired(now, 2).await.unwrap() {
            0 => return removed,
            some => removed += some,
        }
    }
}

async fn a_text_is_used_once(store: &dyn TenantStorage) {
    assert!(store.use_once("jti", "one", at(200_000_000)).await.unwrap());
    assert!(!store.use_once("jti", "one", at(201_000_000)).await.unwrap());
    assert!(store.use_once("jti", "two", at(200_000_000)).await.unwrap());
    assert!(
        store
            .use_once("other", "one", at(200_000_000))
            .await
            .unwrap()
    );
    assert_eq!(remove_all(store, at(200_000_001)).await, 3);
    assert!(store.use_once("jti", "one", at(202_000_000)).await.unwrap());
}

async fn users_and_clients_take_their_logins_along(store: &dyn TenantStorage) {
    let (user, client) = ("user-1".parse().unwrap(), "client-1".parse().unwrap());
    let scope = ["a".to_owned()];
    let fill = async || {
        store
            .put_session(&[5; 32], &session("s-5", "user-1"), None)
            .await?;
        let given = GivenTokens {
            refresh_grant: Some(refresh_grant("rt_h")),
            opaque_token: None,
        };
        store.put_given_tokens(&given).await?;
        let given = store.give_consent(&user, &client, None, &scope, at(1));
        given.await?;
        Ok::<_, StorageError>(())
    };
    let id = "rt_h".parse().unwrap();

    fill().await.unwrap();
    store.delete_client(&client).await.unwrap();
    assert_eq!(store.refresh_grant(&id).await.unwrap(), None);
    assert_eq!(store.refresh_grants(&user, None).await.unwrap(), []);
    assert_eq!(store.consent(&user, &client, None).await.unwrap(), None);
    assert!(store.session(&[5; 32]).await.unwrap().is_some());

    store
        .create_client(&super::fixtures::client("client-1"))
        .await
        .unwrap();
    fill().await.unwrap();
    store.delete_user(&user).await.unwrap();
    assert_eq!(store.session(&[5; 32]).await.unwrap(), None);
    assert_eq!(store.refresh_grant(&id).await.unwrap(), None);
    assert_eq!(store.consent(&user, &client, None).await.unwrap(), None);
}

use RefreshExchanged::{Exchanged, Gone, Reused};

/// What came of an exchange after which the token of 32 times `number` is good.
fn newest(number: u8) -> RefreshExchanged {
    Exchanged {
        newest: [number; 32],
    }
}

/// Ends the logins of a user as a new password does, and has the user as before then.
async fn end_all_logins(store: &dyn TenantStorage, user: &str) {
    let before = store.user(&user.parse().unwrap()).await.unwrap().unwrap();
    let after = User {
        logins_ended: before.logins_ended + 1,
        ..before.clone()
    };
    store.update_user(&before, &after).await.unwrap();
    store.update_user(&after, &before).await.unwrap();
}

async fn give(store: &dyn TenantStorage, grant: RefreshGrant) {
    let given = GivenTokens {
        refresh_grant: Some(grant),
        opaque_token: None,
    };
    assert!(store.put_given_tokens(&given).await.unwrap());
}

/// Exchanges the token of 32 times `presented` for that of `successor`, with five
/// milliseconds of leeway, a second of idle life, and an opaque token.
async fn exchange(
    store: &dyn TenantStorage,
    grant: &str,
    presented: u8,
    successor: u8,
    now: i64,
) -> RefreshExchanged {
    let exchange = to_exchange(presented, successor, now);
    let id = grant.parse().unwrap();
    let exchanged = store.exchange_refresh_token(&id, &exchange);
    exchanged.await.unwrap()
}

fn to_exchange(presented: u8, successor: u8, now: i64) -> RefreshExchange {
    let token: OpaqueToken = opaque_token(at(90_000));
    RefreshExchange {
        presented: [presented; 32],
        successor: Some([successor; 32]),
        replaced_since: Some(at(now - 5)),
        now: at(now),
        expires_at: None,
        idle_expires_at: Some(at(now + 1_000)),
        opaque_token: Some(([100 + successor; 32], token)),
    }
}
