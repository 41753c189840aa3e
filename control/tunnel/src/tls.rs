//! TLS 1.3 on both ends (RFC 8446), by aws-lc: no other version, and no other provider.

use std::fmt;
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, RootCertStore,
    ServerConfig, SignatureScheme, SupportedProtocolVersion,
};
use sha2::{Digest, Sha256};

/// What is spoken inside (RFC 7301): another version of it is another name.
pub(crate) const ALPN: &[u8] = b"wicketgate/1";

/// The name that the gate's own authority gives its certificates, and no other authority.
pub const OWN_NAME: &str = "wicketgate";

/// A certificate with those that lead to its authority, and its key.
#[derive(Debug)]
pub struct Identity {
    /// The gate's own first, its authority's last.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first.
    pub key: PrivateKeyDer<'static>,
}

/// What the gate's side needs: who it is, and whose word on users it takes.
#[derive(Debug)]
pub struct Gate {
    /// Its certificate.
    pub identity: Identity,
    /// Authorities whose certificates of users are asked for; nobody is asked where there are none.
    pub clients: Vec<CertificateDer<'static>>,
}

impl Identity {
    /// What people compare at the first connection: that of the last certificate of the chain, so that it
    /// outlives the ones before.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.chain.last().map(|anchor| Fingerprint::of(anchor))
    }
}

/// SHA-256 of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(certificate: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate).into())
    }

    /// The fingerprint that is written so: 64 hexadecimal digits, with or without colons.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let (pairs, rest) = digits.as_chunks::<2>();
        let octet = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
        let plain = digits.iter().all(u8::is_ascii_hexdigit) && rest.is_empty();
        let bytes: Option<Vec<u8>> = pairs.iter().map(octet).collect();
        bytes.filter(|_| plain)?.try_into().ok().map(Fingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        f.write_str(&pairs.join(":"))
    }
}

/// The versions that are spoken.
const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13];

/// Whether all that TLS takes of cryptography comes of a FIPS 140-3 module that is in FIPS mode: as the module
/// itself says now, not as the program was built.
pub fn is_fips() -> bool {
    provider().fips()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// What this program's tunnels are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Versions: `TLS 1.3`.
    pub versions: Vec<String>,
    /// Cipher suites of these versions, by their names of RFC 8446, B.4.
    pub suites: Vec<String>,
}

/// What this program's tunnels are made of, as both ends are set up.
pub fn spoken() -> Spoken {
    let provider = provider();
    let version = |of: &&SupportedProtocolVersion| match of.version {
        ProtocolVersion::TLSv1_3 => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    };
    let suites = provider.cipher_suites.iter();
    let suites = suites.filter(|suite| VERSIONS.contains(&suite.version()));
    Spoken {
        versions: VERSIONS.iter().map(version).collect(),
        suites: suites.map(|suite| format!("{:?}", suite.suite())).collect(),
    }
}

/// The gate's side.
///
/// # Errors
/// Key and certificate do not belong together, or are of a kind that TLS 1.3 does not know.
pub fn server(gate: Gate) -> Result<ServerConfig, Error> {
    let Gate { identity, clients } = gate;
    let builder = ServerConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(VERSIONS)?;
    let builder = match clients.is_empty() {
        true => builder.with_no_client_auth(),
        false => builder.with_client_cert_verifier(users(clients)?),
    };
    let mut config = builder.with_single_cert(identity.chain, identity.key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A login never comes back by a ticket.
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Checks certificates of users who show one; whoever shows none has one factor less.
fn users(authorities: Vec<CertificateDer<'static>>) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    authorities.into_iter().try_for_each(|authority| roots.add(authority))?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let built = builder.allow_unauthenticated().build();
    built.map_err(|error| Error::General(error.to_string()))
}

/// The user's side, for a gate with this fingerprint; for none, to look at the gate's. Without a certificate of
/// the user's none is shown.
///
/// # Errors
/// The library has no TLS 1.3.
pub fn client(
    pin: Option<Fingerprint>,
    user: Option<Identity>,
) -> Result<(ClientConfig, Arc<Pinned>), Error> {
    let provider = provider();
    let verifier = Arc::new(Pinned { pin, seen: Mutex::new(None), provider: provider.clone() });
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(VERSIONS)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier.clone());
    let mut config = match user {
        Some(user) => builder.with_client_auth_cert(user.chain, user.key)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Ok((config, verifier))
}

/// Takes the gate whose authority has a known fingerprint, and no other.
///
/// Where the chain is one certificate alone, that is the gate's own, and the fingerprint is all that there
/// is to check. Where it has an authority, which may have made certificates for others, the first must be by
/// it, and for the name that the user typed or for [`OWN_NAME`].
#[derive(Debug)]
pub struct Pinned {
    /// `None` refuses every gate, and keeps what it has shown.
    pin: Option<Fingerprint>,
    seen: Mutex<Option<Fingerprint>>,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    /// What the gate has shown, where that is not what it should be.
    pub fn refused(&self) -> Option<Fingerprint> {
        let seen = self.seen.lock().ok().and_then(|seen| *seen);
        seen.filter(|seen| self.pin != Some(*seen))
    }

    fn check_chain(
        &self,
        first: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        anchor: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let mut roots = RootCertStore::empty();
        roots.add(anchor.clone().into_owned())?;
        let first = ParsedCertificate::try_from(first)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&first, &roots, between, now, algorithms)?;
        let own =
            ServerName::try_from(OWN_NAME).map_err(|_| Error::General(OWN_NAME.to_owned()))?;
        verify_server_name(&first, name).or_else(|_| verify_server_name(&first, &own))
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (anchor, between) = match intermediates.split_last() {
            Some((anchor, between)) => (anchor, Some(between)),
            None => (end_entity, None),
        };
        let shown = Fingerprint::of(anchor);
        if let Ok(mut seen) = self.seen.lock() {
            *seen = Some(shown);
        }
        if self.pin != Some(shown) {
            let mismatch = CertificateError::ApplicationVerificationFailure;
            return Err(Error::InvalidCertificate(mismatch));
        }
        if let Some(between) = between {
            self.check_chain(end_entity, between, anchor, server_name, now)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_is_spoken() {
        let spoken = spoken();
        assert_eq!(spoken.versions, ["TLS 1.3"]);
        assert!(!spoken.suites.is_empty());
        assert!(spoken.suites.iter().all(|suite| suite.starts_with("TLS13_")), "{spoken:?}");
    }

    #[test]
    fn fips_mode_is_on_where_it_was_asked_for() {
        assert_eq!(is_fips(), cfg!(feature = "fips"));
    }

    #[test]
    fn fingerprints_are_read_as_they_are_written() {
        let print = Fingerprint::of(b"certificate");
        assert_eq!(Fingerprint::parse(&print.to_string()), Some(print));
        assert_eq!(
            Fingerprint::parse(&print.to_string().replace(':', "").to_lowercase()),
            Some(print)
        );
        for wrong in
            ["", "AB", &"A".repeat(63), &"A".repeat(66), &"+1".repeat(32), &"G1".repeat(32)]
        {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }
}
