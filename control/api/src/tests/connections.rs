//! The server at a real socket: who is let in, how many, for how long.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::peers::{Admission, Peers};
use crate::server::{CLIENTS, HEAD, LOBBY, Server};

const GET: &[u8] = b"GET /v1/sessions HTTP/1.1\r\nhost: x\r\n\r\n";

/// A server at a socket of its own; its thread ends with the test program.
struct At(PathBuf);

impl At {
    fn start(roles: &[Role], answer: impl Fn(&Request) -> Answer + Send + 'static) -> At {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wicketgate-api-{}-{number}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let (admission, mut peers) = (Admission::default(), Peers::default());
        roles.iter().for_each(|role| peers.give(own_uid(&path), *role));
        admission.set(peers);
        let server = Server::new(listener, None, desk(answer), admission).unwrap();
        thread::spawn(move || server.run());
        At(path)
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.0).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// The whole answer to these bytes.
    fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // A server that has heard enough may close before all is written.
        let _ = stream.write_all(bytes);
        hear(&mut stream)
    }
}

impl Drop for At {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn hear(stream: &mut UnixStream) -> String {
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    String::from_utf8_lossy(&heard).into_owned()
}

/// Who runs this test, as the file system knows them.
fn own_uid(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).unwrap().uid()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn an_answer_ends_its_connection() {
    let at = At::start(&[Role::Admin], control);
    let answer = at.say(GET);
    assert_eq!(status(&answer), "200", "{answer}");
    assert!(answer.ends_with("{\"done\":\"Sessions\"}\n"), "{answer}");
    let twice = at.say(&GET.repeat(2));
    assert_eq!(twice.matches("HTTP/1.1").count(), 1, "{twice}");
}

#[test]
fn garbage_is_answered_or_cut_and_the_next_client_is_served() {
    let at = At::start(&[Role::Admin], control);
    let long = [b"GET /v1/sessions HTTP/1.1\r\nx: ".as_slice(), &vec![b'a'; 2 * HEAD]].concat();
    let path = [b"GET /".as_slice(), &vec![b'a'; 2 * HEAD], b" HTTP/1.1\r\n\r\n"].concat();
    let chunked = b"POST /v1/users HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    let two =
        b"POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}";
    let h2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let zeros = vec![0; 4096];
    for bytes in [&long[..], &path, chunked, two, h2, &zeros, b"\xff\xfe\r\n\r\n", b"\r\n\r\n\r\n"]
    {
        let answer = at.say(bytes);
        assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(status(&at.say(GET)), "200");
}

#[test]
fn a_client_that_does_not_finish_is_cut_off() {
    let at = At::start(&[Role::Admin], control);
    let halves: [&[u8]; 4] = [
        b"",
        b"GET /v1/sess",
        b"POST /v1/users HTTP/1.1\r\nhost: x\r\n",
        b"POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n{\"name\"",
    ];
    let mut streams = halves.map(|half| {
        let mut stream = at.connect();
        stream.write_all(half).unwrap();
        stream
    });
    // Others are served meanwhile.
    assert_eq!(status(&at.say(GET)), "200");
    for stream in &mut streams {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
}

#[test]
fn slow_clients_hold_no_place_for_long_and_the_rest_is_told_to_come_again() {
    let at = At::start(&[Role::Admin], control);
    let slow: Vec<UnixStream> = (0..CLIENTS).map(|_| at.connect()).collect();
    let answer = at.say(GET);
    assert_eq!(status(&answer), "503", "{answer}");
    assert!(answer.contains("too many clients"), "{answer}");
    drop(slow);
    let served = (0..100).any(|_| status(&at.say(GET)) == "200");
    assert!(served, "places are free again");
}

#[test]
fn a_thousand_clients_at_once_are_all_answered() {
    let at = At::start(&[Role::Admin], control);
    let answers: Vec<String> = thread::scope(|scope| {
        let clients: Vec<_> = (0..1000).map(|_| scope.spawn(|| at.say(GET))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let served = answers.iter().filter(|answer| status(answer) == "200").count();
    let refused = answers.iter().filter(|answer| status(answer) == "503").count();
    assert_eq!(served + refused, 1000, "{:?}", answers.iter().find(|a| a.is_empty()));
    assert!(served >= LOBBY, "{served}");
    assert_eq!(status(&at.say(GET)), "200");
}

#[test]
fn who_has_no_role_is_told_so_before_anything_is_read() {
    let at = At::start(&[], |request| panic!("control was asked {request:?}"));
    if own_uid(&at.0) == 0 {
        eprintln!("SKIPPED who_has_no_role_is_told_so_before_anything_is_read: root has a role");
        return;
    }
    let answer = at.say(GET);
    assert_eq!(status(&answer), "403", "{answer}");
}
