//! Lists in the reference product's two shapes.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_service::admin::{Page, Placed, checkpoints};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    access::Admin,
    error::ApiError,
    query::{self, ActionsPage, ClassicPage, ListForm},
};

/// The part of the list that a request asks for.
///
/// # Errors
/// When the list can't go on from what was given.
pub(crate) fn page<S, Q>(admin: &Admin<S, Q>, page: &ClassicPage) -> Result<Page, ApiError> {
    let ListForm::Checkpoint { from } = &page.form else {
        return Ok(Page::at(page.start, page.per_page));
    };
    let start = checkpoints::start(admin, admin.list(), from.as_deref()).ok_or_else(|| {
        query::wrong(
            "from",
            "It is not what a part of this list gave as next; send that, and whatever else was \
             asked for, as before, or leave it out to begin anew",
        )
    })?;
    let take = page.per_page;
    Ok(Page { start, take })
}

/// A part of a list: a bare array, or an object that says which part it is and how many
/// there are, or where the next part begins. `last` is the part's last item.
pub(crate) fn classic<S, Q, V: Serialize, T: Placed>(
    admin: &Admin<S, Q>,
    entity: &str,
    page: &ClassicPage,
    views: &[V],
    total: usize,
    last: Option<&T>,
) -> Result<Response, ApiError> {
    let goes_on = page.is_in_parts() && views.len() < total;
    let next = last
        .filter(|_| goes_on)
        .map(|last| checkpoints::behind(admin, admin.list(), &last.place()))
        .transpose()?;
    in_form(entity, page, views, total, next)
}

/// A part of a list of what there is none of.
pub(crate) fn empty<S, Q>(
    admin: &Admin<S, Q>,
    entity: &str,
    page: &ClassicPage,
) -> Result<Response, ApiError> {
    self::page(admin, page)?;
    in_form::<()>(entity, page, &[], 0, None)
}

pub(crate) fn in_form<V: Serialize>(
    entity: &str,
    page: &ClassicPage,
    views: &[V],
    total: usize,
    next: Option<String>,
) -> Result<Response, ApiError> {
    let views = to_json(views)?;
    let mut body = Map::new();
    match page.form {
        ListForm::Bare => return Ok(Json(views).into_response()),
        ListForm::Totals => {
            body.insert("start".into(), json!(page.start));
            body.insert("limit".into(), json!(page.per_page));
            body.insert("total".into(), json!(total));
        }
        ListForm::Checkpoint { .. } => {
            body.extend(next.map(|next| ("next".into(), json!(next))));
        }
    }
    body.insert(entity.into(), views);
    Ok(Json(body).into_response())
}

/// A page of a list of Actions, versions or bindings. `page` and `total` are absent
/// when they are 0, and `total` beyond the end, as in the reference product.
pub(crate) fn of_actions<T: Serialize>(
    entity: &str,
    page: ActionsPage,
    items: &[T],
    total: usize,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let mut body = Map::new();
    if !items.is_empty() {
        body.insert("total".into(), json!(total));
    }
    if page.page != 0 {
        body.insert("page".into(), json!(page.page));
    }
    body.insert("per_page".into(), json!(page.per_page));
    body.insert(entity.into(), to_json(items)?);
    Ok(Json(body))
}

/// The part of a whole list that the page is.
pub(crate) fn part<T>(items: Vec<T>, page: ActionsPage) -> (Vec<T>, usize) {
    let total = items.len();
    let skip = page.page.saturating_mul(page.per_page);
    (
        items.into_iter().skip(skip).take(page.per_page).collect(),
        total,
    )
}

fn to_json<T: Serialize>(items: &[T]) -> Result<Value, ApiError> {
    serde_json::to_value(items)
        .map_err(|error| claimsmith_service::ServiceError::internal(error).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::query::Parameters;

    fn actions(query: &str, items: &[u8]) -> Value {
        let page = Parameters::read(Some(query)).unwrap();
        let (items, total) = part(items.to_vec(), page);
        Value::Object(of_actions("items", page, &items, total).unwrap().0)
    }

    #[test]
    fn the_family_of_actions_leaves_zeros_out() {
        assert_eq!(
            actions("page=0&per_page=2", b"\x01\x02\x03"),
            json!({ "total": 3, "per_page": 2, "items": [1, 2] })
        );
        assert_eq!(
            actions("page=1&per_page=2", b"\x01\x02\x03"),
            json!({ "total": 3, "page": 1, "per_page": 2, "items": [3] })
        );
        assert_eq!(
            actions("page=1&per_page=100", b"\x01"),
            json!({ "page": 1, "per_page": 100, "items": [] })
        );
        assert_eq!(actions("", b""), json!({ "per_page": 20, "items": [] }));
    }

    async fn body(query: &str, next: Option<&str>) -> Value {
        let page: ClassicPage = Parameters::read(Some(query)).unwrap();
        let response = in_form("items", &page, &[7], 3, next.map(str::to_owned));
        let bytes = axum::body::to_bytes(response.unwrap().into_body(), 1000)
            .await
            .unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn other_lists_are_bare_unless_totals_or_parts_are_asked_for() {
        assert_eq!(body("page=2&per_page=1", None).await, json!([7]));
        assert_eq!(
            body("page=2&per_page=1&include_totals=true", None).await,
            json!({ "start": 2, "limit": 1, "total": 3, "items": [7] })
        );
        let more = json!({ "items": [7], "next": "x" });
        assert_eq!(body("take=1", Some("x")).await, more);
        assert_eq!(body("take=1&include_totals=true", Some("x")).await, more);
        assert_eq!(body("from=x", None).await, json!({ "items": [7] }));
    }

    #[test]
    fn parts_are_bounded_and_no_pages() {
        for right in ["take=1", "take=100", &format!("from={}", "x".repeat(4096))] {
            assert!(Parameters::read::<ClassicPage>(Some(right)).is_ok());
        }
        for wrong in [
            "take=0",
            "take=101",
            "take=1&page=0",
            "take=1&per_page=1",
            &format!("from={}", "x".repeat(4097)),
        ] {
            assert!(
                Parameters::read::<ClassicPage>(Some(wrong)).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_page_is_bounded_and_an_unknown_parameter_refused() {
        let read = |query| Parameters::read::<ActionsPage>(Some(query));
        assert!(read("per_page=100").is_ok());
        for wrong in [
            "per_page=101",
            "per_page=0",
            "page=-1",
            "page=x",
            "include_totals=true",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
