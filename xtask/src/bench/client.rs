//! HTTP to a server of many tenants on this machine: each request names its tenant as
//! Host, whatever the address is.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::demo::api::encoded;

/// Compiling an uploaded module takes seconds on a busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The longest answer that is read, in bytes: an execution's record with a full log.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// One tenant's server as a caller sees it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// The tenant's host.
    pub(crate) host: String,
}

/// What a request carries.
pub(crate) enum Content<'a> {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(&'a Value),
    /// A form, as OAuth's token endpoint takes it.
    Form(&'a [(&'a str, &'a str)]),
    /// A WebAssembly module.
    Module(&'a [u8]),
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The body; `null` when it is no JSON.
    pub(crate) body: Value,
}

impl Client {
    /// Sends a request, on a connection of its own, and reads the answer.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        bearer: Option<&str>,
        content: &Content<'_>,
    ) -> Result<Answer> {
        let (media_type, body) = match content {
            Content::Nothing => ("", Vec::new()),
            Content::Json(value) => ("application/json", value.to_string().into_bytes()),
            Content::Form(fields) => ("application/x-www-form-urlencoded", form(fields)),
            Content::Module(bytes) => ("application/wasm", bytes.to_vec()),
        };
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.host,
            body.len()
        );
        if !media_type.is_empty() {
            head += &format!("content-type: {media_type}\r\n");
        }
        if let Some(token) = bearer {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        head += "\r\n";
        self.exchange(head.as_bytes(), &body)
            .with_context(|| format!("{method} {path} of {}", self.host))
    }

    /// Sends a request whose answer must have that status; answers its body.
    pub(crate) fn expect(
        &self,
        status: u16,
        method: &str,
        path: &str,
        bearer: Option<&str>,
        content: &Content<'_>,
    ) -> Result<Value> {
        let answer = self.send(method, path, bearer, content)?;
        if answer.status != status {
            bail!(
                "{method} {path} of {} was answered with {} instead of {status}: {}",
                self.host,
                answer.status,
                answer.body
            );
        }
        Ok(answer.body)
    }

    fn exchange(&self, head: &[u8], body: &[u8]) -> Result<Answer> {
        let mut stream = TcpStream::connect_timeout(&self.address, TIME_LIMIT)?;
        stream.set_read_timeout(Some(TIME_LIMIT))?;
        stream.set_write_timeout(Some(TIME_LIMIT))?;
        stream.set_nodelay(true)?;
        stream.write_all(&[head, body].concat())?;
        let mut answer = Vec::new();
        // The server ends the connection after its answer, as it was asked to.
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        parse(&answer)
    }
}

fn parse(answer: &[u8]) -> Result<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.context("the answer has no end of its headers")?);
    let head = std::str::from_utf8(head).context("the answer's headers are no text")?;
    let status = head.split("\r\n").next();
    let status = status.and_then(|line| line.split(' ').nth(1));
    let status = status.ok_or_else(|| anyhow!("the answer has no status: {head}"))?;
    Ok(Answer {
        status: status.parse().context("the answer's status is no number")?,
        body: serde_json::from_slice(body.get(4..).unwrap_or_default()).unwrap_or_default(),
    })
}

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let text = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\
                     \r\n{\"error\":\"access_denied\"}";

        let answer = parse(text).unwrap();

        assert_eq!(answer.status, 400);
        assert_eq!(answer.body["error"], "access_denied");
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(parse(b"").is_err());
        assert!(parse(b"nonsense\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 many\r\n\r\n").is_err());
    }
}
