//! Refuses logins outside opening hours: 08:00 to 18:00 UTC on weekdays, or
//! what the client's metadata says in `opening_hours`, such as `7-16`.
//!
//! The one idea: an Action has no clock, and needs none. The event says when the
//! request came.

use actions_sdk::post_login::{Api, Event};

#[actions_sdk::post_login]
fn deny_outside_hours(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
    let hours = event.client().metadata("opening_hours");
    let (opens, closes) = opening_hours(hours.as_deref().unwrap_or("8-18"))
        .ok_or("the client's `opening_hours` must look like `8-18`")?;
    let (weekday, hour) = weekday_and_hour(event.request().received_at_ms());

    if weekday > FRIDAY || hour < opens || hour >= closes {
        api.access()
            .deny("Logins are possible on weekdays during opening hours only.");
    }
    Ok(())
}

const FRIDAY: u64 = 4;

/// The hours of `8-18`: from the first, up to the last.
fn opening_hours(text: &str) -> Option<(u64, u64)> {
    let (opens, closes) = text.split_once('-')?;
    Some((opens.trim().parse().ok()?, closes.trim().parse().ok()?))
}

/// The weekday, 0 for Monday, and the hour in UTC.
fn weekday_and_hour(ms_since_1970: u64) -> (u64, u64) {
    let hours = ms_since_1970 / (60 * 60 * 1000);
    // 1970 began on a Thursday.
    ((hours / 24 + 3) % 7, hours % 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * 60 * 1000;
    const DAY: u64 = 24 * HOUR;
    /// 2026-01-05T00:00:00Z, a Monday.
    const MONDAY: u64 = 1_767_571_200_000;

    fn denied_at(received_at_ms: u64, opening_hours: Option<&str>) -> bool {
        let mut event = Event::builder().received_at_ms(received_at_ms);
        if let Some(hours) = opening_hours {
            event = event.client_metadata("opening_hours", hours);
        }
        let event = event.build();
        let mut api = Api::recording(&event);

        deny_outside_hours(&event, &mut api).unwrap();

        api.recorded().denial.is_some()
    }

    #[test]
    fn a_weekday_is_open_from_eight_to_eighteen() {
        let friday = MONDAY + 4 * DAY;

        assert!(denied_at(MONDAY + 8 * HOUR - 1, None));
        assert!(!denied_at(MONDAY + 8 * HOUR, None));
        assert!(!denied_at(friday + 18 * HOUR - 1, None));
        assert!(denied_at(friday + 18 * HOUR, None));
    }

    #[test]
    fn the_weekend_is_closed() {
        assert!(denied_at(MONDAY - 12 * HOUR, None));
        assert!(denied_at(MONDAY + 5 * DAY + 12 * HOUR, None));
        assert!(!denied_at(MONDAY + 7 * DAY + 12 * HOUR, None));
    }

    #[test]
    fn a_client_may_have_hours_of_its_own() {
        assert!(!denied_at(MONDAY + 7 * HOUR, Some("7-16")));
        assert!(denied_at(MONDAY + 16 * HOUR, Some("7-16")));
    }

    #[test]
    fn hours_that_make_no_sense_fail_the_action_and_deny_nothing() {
        for hours in ["always", "8-late"] {
            let event = Event::builder()
                .client_metadata("opening_hours", hours)
                .build();
            let mut api = Api::recording(&event);

            let error = deny_outside_hours(&event, &mut api).unwrap_err();

            assert_eq!(
                error.to_string(),
                "the client's `opening_hours` must look like `8-18`"
            );
            assert_eq!(api.recorded().denial, None);
        }
    }
}
