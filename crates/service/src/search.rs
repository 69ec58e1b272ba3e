//! Searching by a simple expression: `field:value` terms with `AND` and `OR` between, such
//! as `type:"s" AND user_id:"auth0|1"` or `name:ada*`. That is what of the reference
//! product's `q` its tools use; the rest of Lucene's language is refused with its place.

use std::fmt;

/// The longest expression, in characters.
const EXPRESSION_CHARS_MAX: usize = 2_000;
/// How many terms an expression may have.
const TERMS_MAX: usize = 20;

/// What can be searched.
pub(crate) trait Searched {
    /// The fields that a term can name. One that ends with `.` stands for all that begin so.
    const FIELDS: &'static [&'static str];

    /// Whether one of the field's values passes.
    fn has(&self, field: &str, is_it: &dyn Fn(&str) -> bool) -> bool;
}

/// A parsed expression: one of several lists of terms that must all hold. Without any term
/// it accepts everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expression(Vec<Vec<Term>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    field: String,
    value: Wanted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Exactly(String),
    Beginning(String),
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidExpression(String);

impl Expression {
    /// Everything whose field is a value.
    pub(crate) fn exactly(field: &str, value: &str) -> Self {
        Self(vec![vec![Term {
            field: field.to_owned(),
            value: Wanted::Exactly(value.to_owned()),
        }]])
    }

    /// Reads an expression about things of the type `T`.
    pub(crate) fn parse<T: Searched>(text: &str) -> Result<Self, InvalidExpression> {
        if text.chars().count() > EXPRESSION_CHARS_MAX {
            return Err(invalid(format!(
                "an expression has at most {EXPRESSION_CHARS_MAX} characters"
            )));
        }
        let mut rest = text.trim();
        let mut terms = 0;
        let mut any = vec![Vec::new()];
        while !rest.is_empty() {
            let (term, after) = term::<T>(rest)?;
            terms += 1;
            if terms > TERMS_MAX {
                return Err(invalid(format!(
                    "an expression has at most {TERMS_MAX} terms"
                )));
            }
            if let Some(all) = any.last_mut() {
                all.push(term);
            }
            rest = after.trim_start();
            if rest.is_empty() {
                break;
            }
            rest = if let Some(rest) = word(rest, "AND") {
                rest
            } else if let Some(rest) = word(rest, "OR") {
                any.push(Vec::new());
                rest
            } else {
                return Err(invalid(format!(
                    "expected AND or OR between terms at `{}`",
                    shown(rest)
                )));
            };
            if rest.is_empty() {
                return Err(invalid("a term is missing at the end".to_owned()));
            }
        }
        any.retain(|all| !all.is_empty());
        Ok(Self(any))
    }

    /// Whether the expression holds for a thing.
    pub(crate) fn accepts<T: Searched>(&self, thing: &T) -> bool {
        let holds = |term: &Term| thing.has(&term.field, &|value| term.value.is(value));
        self.0.is_empty() || self.0.iter().any(|all| all.iter().all(holds))
    }

    /// The one value that a field must have for the expression to hold.
    pub(crate) fn required(&self, field: &str) -> Option<&str> {
        let [all] = self.0.as_slice() else {
            return None;
        };
        all.iter().find_map(|term| match &term.value {
            Wanted::Exactly(value) if term.field == field => Some(value.as_str()),
            _ => None,
        })
    }
}

impl Wanted {
    /// Compared without regard to case, as the reference product does.
    fn is(&self, value: &str) -> bool {
        match self {
            Self::Exactly(wanted) => value.to_lowercase() == *wanted.to_lowercase(),
            Self::Beginning(wanted) => value.to_lowercase().starts_with(&wanted.to_lowercase()),
        }
    }
}

/// The term at the beginning of a text, and what follows it.
fn term<T: Searched>(text: &str) -> Result<(Term, &str), InvalidExpression> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (field, rest) = text.split_at(end);
    let Some(rest) = rest.strip_prefix(':').filter(|_| !field.is_empty()) else {
        return Err(invalid(format!(
            "expected field:value at `{}`",
            shown(text)
        )));
    };
    let is_known = |known: &&str| match known.strip_suffix('.') {
        Some(_) => field.len() > known.len() && field.starts_with(*known),
        None => field == *known,
    };
    if !T::FIELDS.iter().any(is_known) {
        return Err(invalid(format!(
            "there is no field `{}`; there are {}",
            shown(field),
            Names(T::FIELDS)
        )));
    }
    let (value, rest) = value(rest)?;
    let term = Term {
        field: field.to_owned(),
        value,
    };
    Ok((term, rest))
}

fn value(text: &str) -> Result<(Wanted, &str), InvalidExpression> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    let rest = quoted.get(at + 1..).unwrap_or_default();
                    return Ok((Wanted::Exactly(value), rest));
                }
                '\\' => value.extend(chars.next().map(|(_, c)| c)),
                c => value.push(c),
            }
        }
        return Err(invalid("a quotation mark has no second one".to_owned()));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (value, rest) = text.split_at(end);
    let (value, wanted): (_, fn(String) -> Wanted) = match value.strip_suffix('*') {
        Some(value) => (value, Wanted::Beginning),
        None => (value, Wanted::Exactly),
    };
    let is_plain =
        |c: char| !matches!(c, '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | '~');
    if value.is_empty() && wanted(String::new()) == Wanted::Exactly(String::new()) {
        return Err(invalid(format!("a value is missing at `{}`", shown(text))));
    }
    if !value.chars().all(is_plain) {
        return Err(invalid(format!(
            "`{}` is no value: put it into quotation marks, or end its beginning with *; ranges, \
             lists and other wildcards are not supported",
            shown(value)
        )));
    }
    Ok((wanted(value.replace('\\', "")), rest))
}

/// What follows a word and the space after it.
fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim_start())
}

fn invalid(what: String) -> InvalidExpression {
    InvalidExpression(what)
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

struct Names(&'static [&'static str]);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let more = if name.ends_with('.') { "…" } else { "" };
            write!(f, "{comma}{name}{more}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(&'static [(&'static str, &'static str)]);

    impl Searched for Thing {
        const FIELDS: &'static [&'static str] = &["type", "name", "app_metadata."];

        fn has(&self, field: &str, is_it: &dyn Fn(&str) -> bool) -> bool {
            self.0
                .iter()
                .any(|(name, value)| *name == field && is_it(value))
        }
    }

    const ADA: Thing = Thing(&[
        ("type", "s"),
        ("name", "Ada Lovelace"),
        ("app_metadata.plan", "gold"),
    ]);

    fn finds(expression: &str) -> bool {
        Expression::parse::<Thing>(expression)
            .unwrap()
            .accepts(&ADA)
    }

    fn refusal(expression: &str) -> String {
        Expression::parse::<Thing>(expression)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn terms_are_joined_by_and_and_or_with_and_binding_tighter() {
        for found in [
            "",
            "type:s",
            "type:\"s\" AND name:\"ada lovelace\"",
            "name:ada*",
            "name:*",
            "type:f OR type:s",
            "type:f AND name:x OR type:s AND name:ada*",
            "app_metadata.plan:gold",
            "  type:s  AND  name:Ada*  ",
        ] {
            assert!(finds(found), "{found}");
        }
        for missed in [
            "type:f",
            "name:ada",
            "type:s AND name:bob*",
            "type:f OR name:bob",
            "app_metadata.plan:silver",
            "app_metadata.role:gold",
        ] {
            assert!(!finds(missed), "{missed}");
        }
    }

    #[test]
    fn a_quoted_value_may_hold_anything() {
        let thing = Thing(&[("name", "a \"b\" * AND :c")]);
        let expression = r#"name:"a \"b\" * AND :c""#;
        assert!(
            Expression::parse::<Thing>(expression)
                .unwrap()
                .accepts(&thing)
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_place() {
        assert_eq!(
            refusal("kind:s"),
            "there is no field `kind`; there are type, name, app_metadata.…"
        );
        assert_eq!(refusal("ada"), "expected field:value at `ada`");
        assert_eq!(refusal("type:"), "a value is missing at ``");
        assert_eq!(
            refusal("type:s name:a"),
            "expected AND or OR between terms at `name:a`"
        );
        assert_eq!(refusal("type:s AND"), "a term is missing at the end");
        assert_eq!(refusal("name:\"ada"), "a quotation mark has no second one");
        for unsupported in ["name:(a", "name:[a TO b]", "name:a*b", "name:*a"] {
            assert!(
                refusal(unsupported).contains("not supported"),
                "{unsupported}"
            );
        }
        assert!(refusal("app_metadata.:x").contains("no field"));
    }

    #[test]
    fn an_expression_has_its_limits() {
        let terms = |count: usize| vec!["type:s"; count].join(" OR ");
        assert!(finds(&terms(TERMS_MAX)));
        assert!(refusal(&terms(TERMS_MAX + 1)).contains("at most"));
        let long = |chars: usize| format!("name:{}", "a".repeat(chars - 5));
        assert!(!finds(&long(EXPRESSION_CHARS_MAX)));
        assert!(refusal(&long(EXPRESSION_CHARS_MAX + 1)).contains("at most"));
    }

    #[test]
    fn a_value_that_must_be_is_known_only_if_no_other_will_do() {
        let required = |text| {
            let expression = Expression::parse::<Thing>(text).unwrap();
            expression.required("type").map(str::to_owned)
        };
        assert_eq!(required("name:a AND type:s").as_deref(), Some("s"));
        assert_eq!(required("type:s OR name:a"), None);
        assert_eq!(required("type:s*"), None);
    }
}
