//! One request to the control socket, and its answer (RFC 9112).

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::Failure;
use crate::api::model::Fault;
use crate::api::secret::Secret;

/// Where sockets are looked for, in this order.
const PLACES: &[&str] = &["/run/wicketgate/control.sock", "/var/lib/wicketgate/control.sock"];

/// The variable that names another.
const VARIABLE: &str = "WICKETGATE_SOCKET";

/// How long the gate has; it gives itself less.
const PATIENCE: Duration = Duration::from_secs(15);

/// Bytes of an answer at most: as many sessions as a gate may have, half a KiB each, are half of it.
const ANSWER: u64 = 64 << 20;

/// A gate that can be asked.
#[derive(Debug)]
pub(crate) struct Gate {
    socket: PathBuf,
    token: Option<Secret>,
}

impl Gate {
    /// The gate at that socket; without one, where gates are.
    pub(crate) fn at(socket: Option<PathBuf>) -> Gate {
        let named = socket.or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from));
        let mut places = PLACES.iter().map(PathBuf::from);
        let found = named.or_else(|| places.find(|path| path.exists()));
        let first = || PLACES.iter().map(PathBuf::from).next().unwrap_or_default();
        Gate { socket: found.unwrap_or_else(first), token: None }
    }

    /// Whether one runs, perhaps one that lets nobody in.
    pub(crate) fn is_there(&self) -> bool {
        let gone = [ErrorKind::NotFound, ErrorKind::ConnectionRefused];
        UnixStream::connect(&self.socket).map_or_else(|e| !gone.contains(&e.kind()), |_| true)
    }

    /// Where it is asked.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Acts by the login of this token.
    pub(super) fn by(self, token: Secret) -> Gate {
        Gate { token: Some(token), ..self }
    }

    /// Asks without a body.
    pub(crate) fn ask<T: DeserializeOwned>(&self, method: &str, path: &str) -> Result<T, Failure> {
        self.send(method, path, b"")
    }

    /// Asks with a body.
    pub(super) fn ask_with<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map(Zeroizing::new);
        let body = body.map_err(|error| Failure::Unusable(error.to_string()))?;
        self.send(method, path, &body)
    }

    fn send<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<T, Failure> {
        let answer = self.exchange(method, path, body);
        let answer = answer.map_err(|error| Failure::Unusable(self.words(&error)))?;
        let (status, body) = parse(&answer).ok_or_else(|| self.strange("no HTTP"))?;
        if status == 200 {
            return serde_json::from_slice(body).map_err(|error| self.strange(error));
        }
        let fault: Fault = serde_json::from_slice(body).map_err(|error| self.strange(error))?;
        Err(Failure::Refused(fault))
    }

    /// The answer may be a secret.
    fn exchange(&self, method: &str, path: &str, body: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        // A gate that turns clients away may close before it has read all: its answer is there.
        let sent = stream.write_all(&self.request(method, path, body));
        let mut answer = Zeroizing::new(Vec::new());
        let heard = stream.take(ANSWER).read_to_end(&mut answer);
        if answer.is_empty() { sent.and(heard).map(|_| answer) } else { Ok(answer) }
    }

    fn request(&self, method: &str, path: &str, body: &[u8]) -> Zeroizing<Vec<u8>> {
        let token = self.token.as_ref().map(|token| token.expose());
        let shown = token.map(|token| format!("authorization: Bearer {token}\r\n"));
        let shown = Zeroizing::new(shown.unwrap_or_default());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        Zeroizing::new([head.as_bytes(), shown.as_bytes(), b"\r\n", body].concat())
    }

    fn words(&self, error: &io::Error) -> String {
        let path = self.socket.display();
        match error.kind() {
            ErrorKind::NotFound => format!(
                "no gate runs here: there is no socket {path}; start one, or name its socket with \
                 --socket"
            ),
            ErrorKind::ConnectionRefused => {
                format!("{path}: the gate that made this socket is gone: start it")
            }
            ErrorKind::PermissionDenied => format!(
                "{path}: you may not open it: be in the group that control_group in [gate] names, or \
                 ask as root"
            ),
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                format!("{path}: no answer in {} s", PATIENCE.as_secs())
            }
            _ => format!("{path}: {error}"),
        }
    }

    fn strange(&self, what: impl std::fmt::Display) -> Failure {
        let path = self.socket.display();
        Failure::Unusable(format!(
            "{path}: the answer is not one of a gate of this version: {what}"
        ))
    }
}

/// Status and body of a whole response. The gate ends its connections, so the body is the rest.
fn parse(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = str::from_utf8(answer.get(..end)?).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, answer.get(end + 4..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(parse(answer), Some((404, &b"{}"[..])));
        for broken in ["", "\r\n\r\n", "HTTP/1.1 20", "HTTP/1.1 abc\r\n\r\n", "HTTP/2 200\r\n\r\n"]
        {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
    }
}
