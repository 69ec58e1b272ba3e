//! The grants that store something, beside the one that stores nothing.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{
    bench::{
        Bench,
        figures::Series,
        row::{Goal, Row, Unit},
        server::Server,
        tenant::{AUDIENCE, Platform, Tenant},
    },
    demo::api::{encoded, text},
};

const REDIRECT_URI: &str = "http://localhost:9/callback";
const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// Longer than any answer here.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// One connection that stays open asks for a token by client credentials, by a code and by
/// the refresh token that the code gave, in turn. Nothing is bound to a trigger. How codes
/// are come by, in a session, isn't counted.
pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let data = bench.folder.join("grants");
    let server = Server::claimsmith(bench, &data)?;
    let tenant = Platform::of(&server, &data)?.tenant("a", "ES256")?;
    let app = App::furnish(&tenant)?;
    let mut connection = Connection::open(&tenant)?;
    let session = app.log_in(&mut connection)?;
    let [mut code, mut refresh, mut exchange] = [const { Vec::<f64>::new() }; 3];
    let (mut code_over, mut refresh_over) = (Series::default(), Series::default());
    let [mut code_us, mut refresh_us, mut exchange_us] = std::array::from_fn(|_| Series::default());
    bench.each_round(|| {
        for took in [&mut code, &mut refresh, &mut exchange] {
            took.clear();
        }
        for _ in 0..bench.effort.logins {
            let given = app.code(&mut connection, &session)?;
            let form = app.form("authorization_code", &[("code", &given)]);
            let (tokens, took) = connection.token(&form)?;
            code.push(took);
            let token = text(&tokens, "/refresh_token")?;
            let form = app.form("refresh_token", &[("refresh_token", token)]);
            refresh.push(connection.token(&form)?.1);
            exchange.push(connection.token(&tenant.job_form())?.1);
        }
        let [code, refresh, exchange] =
            [&mut code, &mut refresh, &mut exchange].map(|took| median(took));
        code_over.note(code / exchange);
        refresh_over.note(refresh / exchange);
        code_us.note(code);
        refresh_us.note(refresh);
        exchange_us.note(exchange);
        Ok(())
    })?;
    server.stop()?;
    let row = |measure: &str, figure, took: &Series| Row {
        measure: measure.to_owned(),
        figure,
        unit: Unit::Ratio,
        goal: Some(Goal::AtMost(2.0)),
        beside: format!("{took} µs against {exchange_us} µs"),
        data: json!({"us": took.to_json(), "client_credentials_us": exchange_us.to_json()}),
    };
    Ok(vec![
        row(
            "redeeming an authorization code, with an ID token and a refresh token, against \
             client credentials, p50 of one connection",
            code_over,
            &code_us,
        ),
        row(
            "exchanging a refresh token that rotates, with an ID token, against client \
             credentials, p50 of one connection",
            refresh_over,
            &refresh_us,
        ),
    ])
}

fn median(took_us: &mut [f64]) -> f64 {
    took_us.sort_by(f64::total_cmp);
    took_us.get(took_us.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A client whose users log in in a browser.
struct App {
    id: String,
    secret: String,
}

impl App {
    fn furnish(tenant: &Tenant) -> Result<Self> {
        let api = format!("resource-servers/{}", encoded(AUDIENCE));
        tenant.manage(
            200,
            "PATCH",
            &api,
            Some(&json!({"allow_offline_access": true})),
        )?;
        let user = json!({
            "connection": "Username-Password-Authentication", "email": EMAIL,
            "password": PASSWORD,
        });
        tenant.manage(201, "POST", "users", Some(&user))?;
        let app = json!({
            "name": "app", "app_type": "regular_web", "callbacks": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
        });
        let app = tenant.manage(201, "POST", "clients", Some(&app))?;
        Ok(Self {
            id: text(&app, "/client_id")?.to_owned(),
            secret: text(&app, "/client_secret")?.to_owned(),
        })
    }

    fn authorize(&self) -> String {
        format!(
            "/authorize?response_type=code&client_id={}&redirect_uri={}&audience={}\
             &scope=openid%20offline_access%20read%3Areports&state=s",
            encoded(&self.id),
            encoded(REDIRECT_URI),
            encoded(AUDIENCE),
        )
    }

    /// Fills in the login page. Answers the cookies that the browser has then.
    fn log_in(&self, connection: &mut Connection) -> Result<String> {
        let page = connection.send("GET", &self.authorize(), "", "")?;
        let attribute = |after: &str, name: &str| {
            let (_, rest) = page.body.split_once(after)?;
            let (_, rest) = rest.split_once(&format!("{name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let action = attribute("<form", "action").context("the login page has no form")?;
        let state = attribute("name=\"state\"", "value").context("the form has no state")?;
        let form = format!(
            "state={}&username={}&password={}",
            encoded(&state),
            encoded(EMAIL),
            encoded(PASSWORD)
        );
        let answer = connection.send("POST", &action, &page.cookies.join("; "), &form)?;
        let code = answer.location.as_deref().and_then(code_in);
        code.context("the login led to no code")?;
        Ok(answer.cookies.join("; "))
    }

    /// A code, in a session.
    fn code(&self, connection: &mut Connection, session: &str) -> Result<String> {
        let answer = connection.send("GET", &self.authorize(), session, "")?;
        let code = answer.location.as_deref().and_then(code_in);
        code.with_context(|| format!("the session led to no code: {}", answer.status))
    }

    fn form(&self, grant: &str, parameters: &[(&str, &str)]) -> String {
        let mut form = format!(
            "grant_type={grant}&client_id={}&client_secret={}&redirect_uri={}",
            encoded(&self.id),
            encoded(&self.secret),
            encoded(REDIRECT_URI)
        );
        for (name, value) in parameters {
            form += &format!("&{name}={}", encoded(value));
        }
        form
    }
}

fn code_in(location: &str) -> Option<String> {
    let (_, query) = location.split_once('?')?;
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
    // A code has no character that a query would encode.
    code.map(str::to_owned)
}

/// A connection that stays open.
struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

/// As much of an answer as a browser looks at.
#[derive(Default)]
struct Answer {
    status: u16,
    location: Option<String>,
    cookies: Vec<String>,
    body: String,
}

impl Connection {
    fn open(tenant: &Tenant) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&tenant.client.address, TIME_LIMIT)?;
        stream.set_read_timeout(Some(TIME_LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            host: tenant.client.host.clone(),
        })
    }

    /// Gets tokens. Answers them, and how many microseconds that took.
    fn token(&mut self, form: &str) -> Result<(Value, f64)> {
        let began = Instant::now();
        let answer = self.send("POST", "/oauth/token", "", form)?;
        let took_us = began.elapsed().as_secs_f64() * 1e6;
        if answer.status != 200 {
            bail!("no token: {} {}", answer.status, answer.body);
        }
        Ok((serde_json::from_str(&answer.body)?, took_us))
    }

    fn send(&mut self, method: &str, path: &str, cookies: &str, form: &str) -> Result<Answer> {
        let host = &self.host;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookies}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut answer = Answer::default();
        let mut length = 0;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).context("the answer has no status")?;
        answer.status = status.parse()?;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "location" => answer.location = Some(value.to_owned()),
                "set-cookie" => {
                    let pair = value.split(';').next().unwrap_or_default();
                    answer.cookies.push(pair.to_owned());
                }
                _ => {}
            }
        }
        if length > ANSWER_BYTES_MAX {
            bail!("an answer of {length} bytes to {method} {path}");
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        answer.body = String::from_utf8(body)?;
        Ok(answer)
    }
}
