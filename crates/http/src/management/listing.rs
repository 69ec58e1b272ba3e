//! Lists in the reference product's two shapes.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    error::ApiError,
    query::{ActionsPage, ClassicPage, ListForm},
};

/// A part of a list: a bare array, or an object that says which part it is and how many
/// there are, or where the next part begins.
pub(crate) fn classic<T: Serialize>(
    entity: &str,
    page: ClassicPage,
    items: &[T],
    total: usize,
) -> Result<Response, ApiError> {
    let end = page.start.saturating_add(items.len());
    let items = to_json(items)?;
    let mut body = Map::new();
    match page.form {
        ListForm::Bare => return Ok(Json(items).into_response()),
        ListForm::Totals => {
            body.insert("start".into(), json!(page.start));
            body.insert("limit".into(), json!(page.per_page));
            body.insert("total".into(), json!(total));
        }
        ListForm::Checkpoint if end < total => {
            body.insert("next".into(), json!(end.to_string()));
        }
        ListForm::Checkpoint => {}
    }
    body.insert(entity.into(), items);
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

    #[tokio::test]
    async fn other_lists_are_bare_unless_totals_are_asked_for() {
        let body = async |query: &str| -> Value {
            let page: ClassicPage = Parameters::read(Some(query)).unwrap();
            let response = classic("items", page, &[7], 3).unwrap();
            let bytes = axum::body::to_bytes(response.into_body(), 1000)
                .await
                .unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        assert_eq!(body("page=2&per_page=1").await, json!([7]));
        assert_eq!(
            body("page=2&per_page=1&include_totals=true").await,
            json!({ "start": 2, "limit": 1, "total": 3, "items": [7] })
        );
    }

    #[tokio::test]
    async fn a_checkpoint_tells_where_the_next_part_begins_until_there_is_none() {
        let body = async |query: &str| -> Value {
            let page: ClassicPage = Parameters::read(Some(query)).unwrap();
            let items: Vec<_> = (1..=3).skip(page.start).take(page.per_page).collect();
            let response = classic("items", page, &items, 3).unwrap();
            let bytes = axum::body::to_bytes(response.into_body(), 1000)
                .await
                .unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        let first = json!({ "items": [1, 2], "next": "2" });
        assert_eq!(body("take=2").await, first);
        assert_eq!(body("take=2&include_totals=true").await, first);
        assert_eq!(body("take=2&from=2").await, json!({ "items": [3] }));
        assert_eq!(body("from=3").await, json!({ "items": [] }));
        for wrong in [
            "take=0",
            "take=101",
            "from=x",
            "take=1&page=0",
            "take=1&per_page=1",
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
