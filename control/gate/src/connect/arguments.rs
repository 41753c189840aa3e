//! `wicketgate connect`: its arguments.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use wicketgate_tunnel::authority;
use wicketgate_tunnel::tls::{Fingerprint, Identity};

use super::Failure;
use super::forward::Forward;

/// The TCP port of gates where none is named.
const TCP_PORT: u16 = 443;

/// `wicketgate connect`
#[derive(Debug, Args)]
#[command(after_help = "\
Password and code are asked at the terminal and not shown, or are the first two lines of standard input.
Neither ever stands on a command line.

The tunnel is QUIC, over UDP. Where the gate does not answer so within 4 s, it is TLS 1.3 over TCP; which
one it is, is said.

The first time, the gate's fingerprint is shown: compare it with the one that the gate printed when it
started. From then on another one is refused.

Packets to the overlay go into the tunnel, and no others. The device needs CAP_NET_ADMIN (root, or
`setcap cap_net_admin+ep`); it and its route are gone when the command ends. --forward and --socks need no
right at all, and let any program of this machine use the connection.

Meanwhile lines of standard input are commands: `code` and `password` prove a factor anew (it is asked for
then and not shown; without a terminal it is the next line), `ask ASSET \"RULE\" REASON` asks for what a rule
gives on request only, `left` says how long the login lasts, `quit` logs out, `help` lists these. Where
something is refused that one of them may open, the line to type is told. The tunnel outlives the end of
standard input.

Less than 30 s without the gate cost nothing but time; after 40 s the login is over. It is said,
and as soon as the gate is heard of again, password and code are asked anew. Where standard input has ended,
that is the end.

Exit status: 0 logged out; 1 the gate said no, or ended the tunnel; 2 no gate, or bad usage.")]
pub(crate) struct Connect {
    /// The gate: a name or an address; UDP port 4433 where none is named
    #[arg(value_name = "GATE[:PORT]")]
    pub(crate) gate: String,
    /// The gate's TCP port, taken where it does not answer by UDP; 0 for none
    #[arg(long, value_name = "PORT", default_value_t = TCP_PORT)]
    pub(crate) tcp_port: u16,
    /// The name to log in by; without it $USER
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The fingerprint that the gate must show, instead of asking
    #[arg(long, value_name = "SHA256", value_parser = fingerprint)]
    pub(crate) pin: Option<Fingerprint>,
    /// Where fingerprints are kept; without it wicketgate/known_gates in $XDG_CONFIG_HOME or ~/.config
    #[arg(long, value_name = "FILE")]
    pub(crate) known_gates: Option<PathBuf>,
    /// The user's certificate in PEM, followed by those that lead to its authority: a factor
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// Its key in PEM, readable by nobody else
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// Have connections to a port of this machine go on to a door of an asset, instead of opening a device;
    /// several times, for several
    #[arg(long, value_name = "[ADDRESS:]PORT=ASSET:PORT", value_parser = Forward::parse)]
    pub(crate) forward: Vec<Forward>,
    /// Be a SOCKS 5 proxy for programs of this machine, instead of opening a device: to overlay addresses, and
    /// assets by their names, and nowhere else. 127.0.0.1:1080 where nothing is said
    #[arg(
        long,
        value_name = "[ADDRESS:]PORT",
        num_args = 0..=1,
        default_missing_value = "1080",
        value_parser = here
    )]
    pub(crate) socks: Option<SocketAddr>,
    /// The name of the device
    #[arg(long, value_name = "NAME", default_value = "wicket0")]
    pub(crate) device: String,
}

impl Connect {
    /// The certificate that is shown, if there is one.
    pub(super) fn identity(&self) -> Result<Option<Identity>, String> {
        let files = self.certificate.as_deref().zip(self.key.as_deref());
        let read = files.map(|(certificate, key)| authority::from_files(certificate, key));
        read.transpose().map_err(|fault| fault.to_string())
    }

    /// Who logs in.
    pub(super) fn user(&self) -> Result<String, Failure> {
        let user = self.user.clone().or_else(|| env::var("USER").ok());
        user.ok_or_else(|| Failure::Unusable("who logs in? give --user NAME".to_owned()))
    }
}

/// An address and port; a port alone is one of this machine's own.
pub(super) fn here(text: &str) -> Result<SocketAddr, String> {
    let own = |port: u16| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    let address = text.parse().or_else(|_| text.parse().map(own));
    address.map_err(|_| "wanted: [ADDRESS:]PORT, like 1080 or 127.0.0.1:1080".to_owned())
}

fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    Fingerprint::parse(text).ok_or_else(|| "64 hexadecimal digits are wanted".to_owned())
}
