//! `[audit.syslog]`: where records of the audit log are sent to.

use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::Report;
use crate::reader::{Node, Table};
use crate::tuning::word;
use crate::value;

/// Facilities by name (RFC 5424 section 6.2.1).
const FACILITIES: &[(&str, u8)] = &[
    ("daemon", 3),
    ("auth", 4),
    ("authpriv", 10),
    ("audit", 13),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

/// `[audit.syslog]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// The server: a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub transport: Transport,
    /// The facility's number.
    pub facility: u8,
    /// What a message holds.
    pub format: Format,
    /// How long it may be out of reach before that is alarmed.
    pub alarm_after: Duration,
}

/// How a syslog server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS (RFC 5425).
    Tls(Tls),
    /// TCP, readable by all on the way (RFC 6587).
    Tcp,
    /// UDP, likewise, and lost without a word (RFC 5426).
    Udp,
}

/// Whom to believe to be the server, and who the gate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The name that its certificate must have.
    pub name: String,
    /// The authorities that may have signed it, in PEM.
    pub ca: PathBuf,
    /// The gate's own certificate and key, in PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The record as it is.
    Json,
    /// Common Event Format.
    Cef,
}

impl Syslog {
    /// How long the server may be out of reach where the file says nothing.
    pub const ALARM_AFTER: Duration = Duration::from_secs(60);
}

/// Reads `[audit.syslog]`.
pub(crate) fn read(node: Node<'_>, report: &mut Report<'_>) -> Option<Syslog> {
    const FORMATS: &[(&str, Format)] = &[("json", Format::Json), ("cef", Format::Cef)];
    let mut table = node.table("[audit.syslog]", report)?;
    let server = table.required("server", report).and_then(|node| node.parse(report, server));
    let transport = transport(&mut table, server.as_ref(), report);
    let facility = table.optional("facility").and_then(|node| word(node, FACILITIES, report));
    let format = table.optional("format").and_then(|node| word(node, FORMATS, report));
    let alarm = table.optional("alarm_after").and_then(|node| node.parse(report, value::span));
    table.close(report);
    let (host, port) = server?;
    Some(Syslog {
        host,
        port,
        transport: transport?,
        facility: facility.unwrap_or(13),
        format: format.unwrap_or(Format::Json),
        alarm_after: alarm.unwrap_or(Syslog::ALARM_AFTER),
    })
}

/// TLS, unless the file asks for less.
fn transport(
    table: &mut Table<'_>,
    server: Option<&(String, u16)>,
    report: &mut Report<'_>,
) -> Option<Transport> {
    const TRANSPORTS: &[(&str, Option<Transport>)] =
        &[("tls", None), ("tcp", Some(Transport::Tcp)), ("udp", Some(Transport::Udp))];
    let words: Vec<_> = TRANSPORTS.iter().map(|(word, it)| (*word, it.as_ref())).collect();
    if let Some(node) = table.optional("transport")
        && let Some(plain) = word(node, &words, report)?
    {
        return Some(plain.clone());
    }
    let name = table.optional("name").and_then(|node| node.name(report)).map(str::to_owned);
    let ca = table.required("ca", report).and_then(|node| node.name(report));
    let [certificate, key] = ["certificate", "key"].map(|key| table.optional(key));
    let certificate = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            let (certificate, key) = (certificate.name(report), key.name(report));
            Some((certificate?.into(), key?.into()))
        }
        (Some(one), None) | (None, Some(one)) => {
            let help = "without both, the gate shows the server no certificate";
            report.error_with(&one.span(), "`certificate` and `key` go together", help);
            return None;
        }
    };
    let name = name.or_else(|| server.map(|(host, _)| host.clone()))?;
    Some(Transport::Tls(Tls { name, ca: ca?.into(), certificate }))
}

/// `siem.example.com:6514`, `192.0.2.10:6514`, `[2001:db8::1]:6514`.
fn server(text: &str) -> Result<(String, u16), String> {
    let wrong = || "write `HOST:PORT`; 6514 is the port of syslog over TLS".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    if host.is_empty() || !host.chars().all(fits) {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_a_host_and_a_port() {
        let read = |text: &str| server(text).ok();
        assert_eq!(read("siem.example.com:6514"), Some(("siem.example.com".to_owned(), 6514)));
        assert_eq!(read("[2001:db8::1]:514"), Some(("2001:db8::1".to_owned(), 514)));
        for wrong in ["", "siem", "siem:", ":514", "siem:0", "siem:65536", "a b:1", "tls://siem:1"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
