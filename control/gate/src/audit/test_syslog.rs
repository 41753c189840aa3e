//! `wicketgate audit test-syslog`: one record to the syslog server, step by step.

use std::net::SocketAddr;

use serde::Serialize;
use wicketgate_audit::View;
use wicketgate_policy::syslog::Transport;

use super::arguments::TestSyslog;
use crate::config;
use crate::exit::{Exit, complain};
use crate::output::text;
use crate::run::clock;
use crate::syslog::Target;
use crate::syslog::link::Link;
use crate::words;

pub(super) fn run(arguments: &TestSyslog) -> Result<Exit, String> {
    let policy = config::load(&arguments.config)?;
    let none = || format!("{}: there is no [audit.syslog]", arguments.config.display());
    let settings = policy.log().syslog.as_ref().ok_or_else(none)?;
    let target = Target::find(settings)?;
    let addresses: Vec<_> = target.addresses.iter().map(SocketAddr::to_string).collect();
    if addresses.is_empty() {
        complain(format_args!("{}: nobody knows this name", target.name));
        return Ok(Exit::Finding);
    }
    text(format_args!("resolved   {}: {}", target.name, addresses.join(", ")));
    if let Transport::Tls(tls) = &settings.transport {
        let (name, ca) = (&tls.name, tls.ca.display());
        text(format_args!("expected   a certificate for {name}, by an authority of {ca}"));
    }
    for address in &target.addresses {
        match try_at(*address, &target) {
            Ok(()) => return Ok(Exit::Success),
            Err((step, error)) => complain(format_args!("{address}: {step}: {error}")),
        }
    }
    Ok(Exit::Finding)
}

/// All steps at one address; where one fails, which, and why.
fn try_at(address: SocketAddr, target: &Target) -> Result<(), (&'static str, std::io::Error)> {
    let link = Link::dial(address, &target.way).map_err(|error| ("not connected", error))?;
    text(format_args!("connected  {address}"));
    let link = link.secure(&target.way);
    let mut link = link.map_err(|error| ("connected, and refused", error))?;
    text(format_args!("secured    {}", link.describe()));
    let (bytes, record) = message(target, &link);
    link.send(&bytes).map_err(|error| ("not sent", error))?;
    text(format_args!("sent       {} bytes: {record}", bytes.len()));
    let is_udp = matches!(link, Link::Udp(_));
    link.close().map_err(|error| ("sent, and not ended by the server", error))?;
    if !is_udp {
        text(format_args!("ended      by the server too: it has had all of it"));
    }
    Ok(())
}

/// The fields that every record begins with.
#[derive(Serialize)]
struct Test<'a> {
    time: String,
    seq: u64,
    source: &'a str,
    category: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    result: &'static str,
}

/// The test record as the server gets it, and as people find it there.
fn message(target: &Target, link: &Link) -> (Vec<u8>, String) {
    let (now, machine) = (clock::wall(), rustix::system::uname());
    let record = Test {
        time: words::time(now),
        seq: 1,
        source: &machine.nodename().to_string_lossy(),
        category: "audit",
        kind: "syslog-test",
        id: format!("test-{}", now.as_nanos()),
        result: "success",
    };
    // Strings and numbers always are JSON.
    let (record, mut bytes) = (serde_json::to_string(&record).unwrap_or_default(), Vec::new());
    let line = record.as_bytes();
    match (View::read(line), link) {
        (Some(view), Link::Udp(_)) => target.messages.message(line, &view, &mut bytes),
        (Some(view), _) => target.messages.frame(line, &view, &mut bytes),
        (None, _) => {}
    }
    (bytes, record)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::syslog::server::{Authority, Server};

    /// How it ends with this certificate for the server, and what that has got.
    fn tried(name: &str) -> (Exit, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "plant");
        let config = Some(authority.server(name, None));
        let server = Server::listen("127.0.0.1:0", config, usize::MAX);
        let text = format!(
            "[audit.syslog]\nserver = \"{}\"\nname = \"log.plant\"\nca = {:?}\n",
            server.address, authority.file
        );
        let config = folder.path().join("policy.toml");
        fs::write(&config, text).unwrap();
        (run(&TestSyslog { config }).unwrap(), server.received())
    }

    #[test]
    fn one_record_is_sent_where_all_steps_succeed() {
        let (exit, received) = tried("log.plant");
        assert_eq!((exit, received.len()), (Exit::Success, 1));
        assert!(
            received[0].contains(" syslog-test [origin ") && received[0].starts_with("<110>1 2")
        );
    }

    #[test]
    fn a_step_that_fails_is_a_finding() {
        assert_eq!(tried("other.plant"), (Exit::Finding, Vec::new()));
    }

    #[test]
    fn a_policy_without_a_server_is_bad_usage() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = run(&TestSyslog { config: file.path().to_owned() }).unwrap_err();
        assert!(said.contains("no [audit.syslog]"), "{said}");
    }
}
