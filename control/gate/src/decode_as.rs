//! `--decode-as PORT=PROTOCOL`: what is spoken on a port that is not the protocol's own.

use std::str::FromStr;

use wicketgate_dissectors::{Protocol, Transport};

/// One such option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecodeAs {
    port: u16,
    protocol: Protocol,
}

impl FromStr for DecodeAs {
    type Err = String;

    fn from_str(text: &str) -> Result<DecodeAs, String> {
        let form = || format!("`{text}` is not of the form PORT=PROTOCOL");
        let (port, protocol) = text.split_once('=').ok_or_else(form)?;
        let port = port.parse().map_err(|_| format!("`{port}` is not a port (0 to 65535)"))?;
        let readable = Protocol::ALL.iter().filter(|protocol| protocol.is_inspected());
        let names: Vec<&str> = readable.map(|protocol| protocol.name()).collect();
        let protocol = Protocol::from_name(protocol)
            .filter(|protocol| protocol.is_inspected())
            .ok_or_else(|| format!("`{protocol}` cannot be read; known: {}", names.join(", ")))?;
        Ok(DecodeAs { port, protocol })
    }
}

impl DecodeAs {
    /// This protocol on this port.
    pub(crate) fn new(port: u16, protocol: Protocol) -> DecodeAs {
        DecodeAs { port, protocol }
    }

    /// What is spoken on this port: what `options` say, else the protocol that owns it, else
    /// something that is not read.
    pub(crate) fn protocol(options: &[DecodeAs], transport: Transport, port: u16) -> Protocol {
        let said = options.iter().find(|option| option.port == port).map(|option| option.protocol);
        let owner = || Protocol::of_port(transport, port);
        let readable = said.or_else(owner).filter(|p| p.transports().contains(&transport));
        readable.unwrap_or(match transport {
            Transport::Tcp => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
            Transport::Icmp => Protocol::Icmp,
        })
    }
}
