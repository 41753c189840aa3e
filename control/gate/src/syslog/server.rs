//! A syslog server for tests: TLS 1.3, TCP or UDP on loopback, octet counting.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// An authority, with its certificate in a file.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
    pub(crate) file: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = folder.join(format!("{name}.pem"));
        fs::write(&file, certificate.pem()).unwrap();
        Authority { issuer: Issuer::new(params, key), certificate, file }
    }

    /// A certificate for this name, and its key.
    fn leaf(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// The same as files.
    pub(crate) fn leaf_files(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        use std::os::unix::fs::PermissionsExt;
        let (certificate, key) = self.leaf(name);
        let paths = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
        fs::write(&paths.0, certificate.pem()).unwrap();
        fs::write(&paths.1, key.serialize_pem()).unwrap();
        fs::set_permissions(&paths.1, fs::Permissions::from_mode(0o600)).unwrap();
        paths
    }

    /// What a server of this name needs; with `clients`, it asks for a certificate of that authority's.
    pub(crate) fn server(&self, name: &str, clients: Option<&Authority>) -> Arc<ServerConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.certificate.der().clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let (certificate, key) = self.leaf(name);
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }
}

/// A server; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens; `None` is without TLS. After `most` messages it breaks the connection off and is gone.
    pub(crate) fn listen(at: &str, tls: Option<Arc<ServerConfig>>, most: usize) -> Server {
        let listener = TcpListener::bind(at).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (received, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let (into, until) = (received.clone(), stop.clone());
        let thread = thread::spawn(move || {
            let is_over = || until.load(Ordering::Relaxed) || into.lock().unwrap().len() >= most;
            while !is_over() {
                match listener.accept() {
                    Ok((socket, _)) => serve(socket, tls.as_ref(), &into, &is_over),
                    Err(_) => thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        Server { address, received, stop, thread: Some(thread) }
    }

    /// All messages so far, each without its length.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

fn serve(
    socket: TcpStream,
    tls: Option<&Arc<ServerConfig>>,
    into: &Mutex<Vec<String>>,
    is_over: &impl Fn() -> bool,
) {
    socket.set_nonblocking(false).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let Some(config) = tls else { return take(socket, into, is_over) };
    let connection = ServerConnection::new(config.clone()).unwrap();
    take(StreamOwned::new(connection, socket), into, is_over);
}

fn take(mut from: impl Read, into: &Mutex<Vec<String>>, is_over: &impl Fn() -> bool) {
    let (mut bytes, mut room) = (Vec::new(), [0; 4096]);
    while !is_over() {
        match from.read(&mut room) {
            Ok(0) => return,
            Ok(count) => bytes.extend_from_slice(&room[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
        while let Some(message) = cut(&mut bytes).filter(|_| !is_over()) {
            into.lock().unwrap().push(message);
        }
    }
}

/// Cuts a message off, by the count of octets before it: anything else is a fault of the sender.
fn cut(bytes: &mut Vec<u8>) -> Option<String> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let count: usize = str::from_utf8(&bytes[..blank]).unwrap().parse().expect("a count of octets");
    let end = blank + 1 + count;
    let message = bytes.get(blank + 1..end)?.to_vec();
    assert!(message.starts_with(b"<"), "{}", String::from_utf8_lossy(&message));
    bytes.drain(..end);
    Some(String::from_utf8(message).unwrap())
}
