//! A syslog server, as `wicketgate run` and `wicketgate audit test-syslog` reach it.

pub(crate) mod link;
#[cfg(test)]
pub(crate) mod server;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use wicketgate_audit::{Format, Syslog as Messages};
use wicketgate_policy::syslog::{self, Syslog, Tls, Transport};
use wicketgate_tunnel::authority;

/// A server, with all that is needed to reach it: no file is read and no name asked for later.
pub(crate) struct Target {
    /// `siem.example.com:6514`.
    pub(crate) name: String,
    /// What that name stands for; nothing where nobody knows it.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) way: Way,
    pub(crate) messages: Messages,
}

/// How it is spoken to.
#[derive(Clone)]
pub(crate) enum Way {
    Tls(Arc<ClientConfig>, ServerName<'static>),
    Tcp,
    Udp,
}

impl Target {
    /// Reads certificates and asks for the server's addresses.
    ///
    /// # Errors
    /// The settings do not make a connection. That nobody knows the name is none: that may change.
    pub(crate) fn find(settings: &Syslog) -> Result<Target, String> {
        let way = match &settings.transport {
            Transport::Tls(tls) => secure(tls).map_err(|what| format!("[audit.syslog]: {what}"))?,
            Transport::Tcp => Way::Tcp,
            Transport::Udp => Way::Udp,
        };
        let found = (&*settings.host, settings.port).to_socket_addrs();
        let format = match settings.format {
            syslog::Format::Json => Format::Json,
            syslog::Format::Cef => Format::Cef,
        };
        Ok(Target {
            name: format!("{}:{}", settings.host, settings.port),
            addresses: found.map(Iterator::collect).unwrap_or_default(),
            way,
            messages: Messages { facility: settings.facility, format },
        })
    }
}

/// TLS 1.3, by the authorities of the file alone.
fn secure(tls: &Tls) -> Result<Way, String> {
    let mut roots = RootCertStore::empty();
    for authority in authority::certificates(&tls.ca).map_err(|fault| fault.to_string())? {
        let wrong = |error| format!("{}: no authority: {error}", tls.ca.display());
        roots.add(authority).map_err(wrong)?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13]).map_err(|error| error.to_string())?;
    let builder = builder.with_root_certificates(roots);
    let config = match &tls.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let own = authority::from_files(certificate, key).map_err(|fault| fault.to_string())?;
            let made = builder.with_client_auth_cert(own.chain, own.key);
            made.map_err(|error| format!("{}: {error}", certificate.display()))?
        }
    };
    let name = ServerName::try_from(tls.name.clone());
    let name = name.map_err(|_| format!("`name`: {} is no name of a server", tls.name))?;
    Ok(Way::Tls(Arc::new(config), name))
}
