//! A person at the server's login page: a browser that keeps cookies and fills in a form,
//! and the application that sent it there (RFC 6749 section 4.1 with PKCE, RFC 7636).

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom as _, SystemRandom},
};

use super::{
    api::{Answer, Api, Page, Request},
    tenant::{APP_AUDIENCE, CALLBACK, EMAIL, PASSWORD, SCOPE, Tenant},
};

/// The cookies of one browser.
#[derive(Default)]
struct Browser {
    cookies: BTreeMap<String, String>,
}

/// Logs in as a person does, and redeems the code that comes of it; says each step.
pub(crate) fn log_in(api: &Api, issuer: &str, tenant: &Tenant) -> Result<Answer> {
    let client = &tenant.portal;
    let (verifier, state, nonce) = (random()?, random()?, random()?);
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    let scope = format!("openid profile email {SCOPE}");
    let request = [
        ("response_type", "code"),
        ("client_id", &client.id),
        ("redirect_uri", CALLBACK),
        ("scope", &scope),
        ("audience", APP_AUDIENCE),
        ("organization", &tenant.organization_id),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let mut browser = Browser::default();

    let page = browser.open(api, &Request::get(format!("authorize?{}", query(&request))))?;
    let form = Form::of(&page)?;
    println!(
        "  GET /authorize, from {}: {}, the login page",
        client.name, page.status
    );
    let mut fields = form.hidden;
    fields.extend([
        ("username".to_owned(), EMAIL.to_owned()),
        ("password".to_owned(), PASSWORD.to_owned()),
    ]);
    let fields = fields.iter().map(|(name, value)| (&**name, &**value));
    let action = form.action.trim_start_matches('/');
    let sent = Request::form(action, fields.collect());
    let page = browser.open(api, &sent)?;
    let location = page
        .location
        .as_deref()
        .with_context(|| format!("the login led nowhere, but to {}", page.text))?;
    let answered = parameters(location)?;
    println!(
        "  POST {}, by {EMAIL}: {}, back to the portal with a code, and a session",
        form.action, page.status
    );
    let given = |name: &str| answered.get(name).map_or("", String::as_str);
    if given("state") != state || given("iss") != issuer {
        bail!("the response is not of this request and this server: {location}");
    }

    let answer = api.expect(
        200,
        &Request::form(
            "oauth/token",
            vec![
                ("grant_type", "authorization_code"),
                ("client_id", &client.id),
                ("redirect_uri", CALLBACK),
                ("code", given("code")),
                ("code_verifier", &verifier),
            ],
        ),
    )?;
    println!(
        "  POST /oauth/token, by {}: an access and an ID token",
        client.name
    );
    let silent = [request.as_slice(), &[("prompt", "none")]].concat();
    let page = browser.open(api, &Request::get(format!("authorize?{}", query(&silent))))?;
    let again = parameters(page.location.as_deref().unwrap_or_default())?;
    if !again.contains_key("code") {
        bail!("the session was not known again: {again:?}");
    }
    println!("  GET /authorize again, with the session: another code, and no page");
    Ok(answer)
}

impl Browser {
    /// Sends a request with the cookies, and keeps those that come.
    fn open(&mut self, api: &Api, request: &Request<'_>) -> Result<Page> {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let page = api.page(request, &cookies.join("; "))?;
        for cookie in &page.cookies {
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').context("a cookie without a value")?;
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(page)
    }
}

/// The one form of a page.
struct Form {
    action: String,
    hidden: Vec<(String, String)>,
}

impl Form {
    fn of(page: &Page) -> Result<Self> {
        let elements = || page.text.split('<');
        let form = elements().find(|element| element.starts_with("form "));
        let action = form.and_then(|form| attribute(form, "action"));
        let action = action.with_context(|| format!("a page without a form: {}", page.text))?;
        let hidden = elements()
            .filter(|element| element.starts_with("input type=\"hidden\""))
            .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)));
        Ok(Self {
            action,
            hidden: hidden.collect(),
        })
    }
}

/// The value of an element's attribute, as the server writes it.
fn attribute(element: &str, name: &str) -> Option<String> {
    let (_, rest) = element.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    Some(value.replace("&quot;", "\"").replace("&amp;", "&"))
}

/// The parameters of a URL's query.
fn parameters(url: &str) -> Result<BTreeMap<String, String>> {
    let (_, query) = url.split_once('?').unwrap_or_default();
    query
        .split('&')
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn query(parameters: &[(&str, &str)]) -> String {
    let pairs = parameters.iter();
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={}", super::api::encoded(value)))
        .collect();
    pairs.join("&")
}

/// The text that a form-urlencoded one stands for.
fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(Option::unwrap_or_default);
                let digits = std::str::from_utf8(&digits)?;
                u8::from_str_radix(digits, 16)?
            }
            other => other,
        });
    }
    Ok(String::from_utf8(bytes)?)
}

/// 256 bits that nobody guesses.
fn random() -> Result<String> {
    let mut bytes = [0; 32];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.ok().context("the system has no randomness")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pages_form_is_read_as_the_server_writes_it() {
        let page = Page {
            status: 200,
            location: None,
            cookies: Vec::new(),
            text: r#"<form method="post" action="/u/login"><input type="hidden" name="state"
                value="a&amp;b"><input name="username" type="text" value="">"#
                .replace("\n                ", " "),
        };

        let form = Form::of(&page).unwrap();

        assert_eq!(form.action, "/u/login");
        assert_eq!(form.hidden, [("state".to_owned(), "a&b".to_owned())]);
    }

    #[test]
    fn the_parameters_of_a_response_are_decoded() {
        let read = parameters("https://app.example.com/cb?code=a%2Bb&state=c+d&iss=%C3%A9");

        let read = read.unwrap();
        assert_eq!(read["code"], "a+b");
        assert_eq!(read["state"], "c d");
        assert_eq!(read["iss"], "é");
        assert!(parameters("https://app.example.com/cb?code=%zz").is_err());
    }
}
