//! The grants that store something, beside the one that stores nothing.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    net::TcpStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
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
const PASSWORD: &str = "correct horse battery staple";
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// Longer than any answer here.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How many ask at once, beside one that asks alone.
const AT_ONCE: usize = 16;

/// How much a group of changes writes to the disk, more or less.
const WRITE_BYTES: usize = 2 * 1024;

/// Connections that stay open ask for tokens by client credentials, by a code, and by the
/// refresh token that the code gave: one alone, and several at once, whose writes can share
/// a flush. Nothing is bound to a trigger. How codes are come by, in a session, isn't
/// counted. All tokens are signed with ES256.
pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let data = bench.folder.join("grants");
    let server = Server::claimsmith(bench, &data)?;
    let tenant = Platform::of(&server, &data)?.tenant("a", "ES256")?;
    let app = App::furnish(&tenant)?;
    let browsers = (0..AT_ONCE).map(|number| Browser::open(&app, &tenant, number));
    let mut browsers = browsers.collect::<Result<Vec<_>>>()?;
    let mut alone = Compared::default();
    let mut at_once = Compared::default();
    let mut disk_us = Series::default();
    bench.each_round(|| {
        disk_us.note(write_us(&data.join("disk"), bench.effort.logins)?);
        let first = browsers.get_mut(..1).unwrap_or_default();
        alone.note(&ask(first, bench.effort.logins)?);
        at_once.note(&ask(&mut browsers, bench.effort.logins.div_ceil(4))?);
        Ok(())
    })?;
    server.stop()?;
    let mut rows = alone.rows("p50 of one connection", &disk_us);
    let how = format!("p50 of {AT_ONCE} connections at once");
    rows.extend(at_once.rows(&how, &disk_us));
    Ok(rows)
}

/// The median of what the disk itself takes for a write: to the midst of a file, and synced.
fn write_us(path: &Path, times: usize) -> Result<f64> {
    let mut file = File::create(path)?;
    file.write_all(&vec![0; WRITE_BYTES * times])?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let began = Instant::now();
        file.write_all(&[1; WRITE_BYTES])?;
        file.sync_data()?;
        took.push(began.elapsed().as_secs_f64() * 1e6);
    }
    took.sort_by(f64::total_cmp);
    took.get(times / 2).copied().context("nothing was written")
}

/// So many turns of each browser, all at once. Answers the medians.
fn ask(browsers: &mut [Browser<'_>], turns: usize) -> Result<Took<f64>> {
    let all = thread::scope(|scope| {
        let asking = browsers.iter_mut();
        let asking: Vec<_> = asking.map(|it| scope.spawn(|| it.turns(turns))).collect();
        let ended = asking.into_iter().map(|thread| match thread.join() {
            Ok(took) => took,
            Err(_) => Err(anyhow!("a thread panicked")),
        });
        ended.collect::<Result<Vec<_>>>()
    })?;
    let median_of = |grant: fn(Took<Vec<f64>>) -> Vec<f64>| {
        let mut took: Vec<f64> = all.iter().cloned().flat_map(grant).collect();
        took.sort_by(f64::total_cmp);
        took.get(took.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Ok(Took {
        exchange: median_of(|took| took.exchange),
        code: median_of(|took| took.code),
        refresh: median_of(|took| took.refresh),
    })
}

/// Something of each grant that is compared, in microseconds.
#[derive(Clone, Default)]
struct Took<T> {
    exchange: T,
    code: T,
    refresh: T,
}

/// The medians of all rounds.
#[derive(Default)]
struct Compared {
    us: Took<Series>,
    code_over: Series,
    refresh_over: Series,
}

impl Compared {
    fn note(&mut self, median_us: &Took<f64>) {
        self.us.exchange.note(median_us.exchange);
        self.us.code.note(median_us.code);
        self.us.refresh.note(median_us.refresh);
        self.code_over.note(median_us.code / median_us.exchange);
        self.refresh_over
            .note(median_us.refresh / median_us.exchange);
    }

    fn rows(self, how: &str, disk_us: &Series) -> Vec<Row> {
        let exchange_us = self.us.exchange;
        let row = |what: &str, figure, took: &Series| Row {
            measure: format!("{what}, against client credentials, {how}"),
            figure,
            unit: Unit::Ratio,
            goal: Some(Goal::AtMost(2.0)),
            beside: format!(
                "{took} µs against {exchange_us} µs; one write takes the disk {disk_us} µs"
            ),
            data: json!({
                "us": took.to_json(), "client_credentials_us": exchange_us.to_json(),
                "disk_us": disk_us.to_json(),
            }),
        };
        vec![
            row(
                "redeeming an authorization code, with an ID token and a refresh token",
                self.code_over,
                &self.us.code,
            ),
            row(
                "exchanging a refresh token that rotates, with an ID token",
                self.refresh_over,
                &self.us.refresh,
            ),
        ]
    }
}

/// The browser of a user of its own, with a session, and the app behind it.
struct Browser<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    /// Where the user's are.
    refresh_tokens: String,
    job_form: String,
    connection: Connection,
    session: String,
}

impl<'a> Browser<'a> {
    fn open(app: &'a App, tenant: &'a Tenant, number: usize) -> Result<Self> {
        let email = format!("user-{number}@example.com");
        let user = json!({
            "connection": "Username-Password-Authentication", "email": email,
            "password": PASSWORD,
        });
        let user = tenant.manage(201, "POST", "users", Some(&user))?;
        let user_id = encoded(text(&user, "/user_id")?);
        let mut connection = Connection::open(tenant)?;
        let session = app.log_in(&mut connection, &email)?;
        Ok(Self {
            app,
            tenant,
            refresh_tokens: format!("users/{user_id}/refresh-tokens"),
            job_form: tenant.job_form(),
            connection,
            session,
        })
    }

    /// So many tokens by each grant. A grant's are asked for one right after another, so
    /// that others who ask at once ask mostly for the same.
    fn turns(&mut self, turns: usize) -> Result<Took<Vec<f64>>> {
        let mut took = Took::<Vec<f64>>::default();
        for _ in 0..turns {
            took.exchange.push(self.connection.token(&self.job_form)?.1);
        }
        let codes = (0..turns).map(|_| self.app.code(&mut self.connection, &self.session));
        let mut refresh_token = String::new();
        for code in codes.collect::<Result<Vec<_>>>()? {
            let form = self.app.form("authorization_code", &[("code", &code)]);
            let (tokens, code_took) = self.connection.token(&form)?;
            took.code.push(code_took);
            text(&tokens, "/refresh_token")?.clone_into(&mut refresh_token);
        }
        for _ in 0..turns {
            let form = self
                .app
                .form("refresh_token", &[("refresh_token", &refresh_token)]);
            let (tokens, refresh_took) = self.connection.token(&form)?;
            took.refresh.push(refresh_took);
            text(&tokens, "/refresh_token")?.clone_into(&mut refresh_token);
        }
        // Nobody logs in hundreds of times and never out.
        self.tenant
            .manage(204, "DELETE", &self.refresh_tokens, None)?;
        Ok(took)
    }
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
        let app = json!({
            "name": "app", "app_type": "regular_web", "callbacks": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "jwt_configuration": {"alg": "ES256"},
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
    fn log_in(&self, connection: &mut Connection, email: &str) -> Result<String> {
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
            encoded(email),
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
