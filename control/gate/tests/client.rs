//! The commands that ask a running gate, where none runs, or none of this version.

#![expect(
    clippy::unwrap_used,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};

fn ask(socket: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    command.args(words).arg("--socket").arg(socket).output().unwrap()
}

/// Exit status and what was complained of.
fn outcome(socket: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = ask(socket, words);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn where_no_gate_runs_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let (code, said) = outcome(&socket, &["session", "list"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("no gate runs here"), "{said}");
    drop(UnixListener::bind(&socket).unwrap());
    let (code, said) = outcome(&socket, &["session", "list"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("is gone: start it"), "{said}");
}

/// Answers one client with these bytes.
fn answering(bytes: &'static [u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(bytes);
    });
    (folder, socket)
}

#[test]
fn a_role_that_does_not_suffice_is_said() {
    const BODY: &[u8] = b"HTTP/1.1 403 Forbidden\r\n\r\n\
        {\"status\":403,\"code\":\"forbidden\",\"what\":\"this takes one of the roles admin\"}";
    let (_folder, socket) = answering(BODY);
    let (code, said) = outcome(&socket, &["policy", "reload"]);
    assert_eq!(code, Some(1));
    assert_eq!(said, "wicketgate: this takes one of the roles admin\n");
}

#[test]
fn what_is_no_gate_is_said() {
    for bytes in
        [&b""[..], b"220 mail\r\n", b"HTTP/1.1 200 OK\r\n\r\n<html>", b"HTTP/1.1 200 OK\r\n\r\n{}"]
    {
        let (_folder, socket) = answering(bytes);
        let (code, said) = outcome(&socket, &["asset", "list"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("not one of a gate of this version"), "{said}");
    }
}

#[test]
fn shells_are_told_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
        let output = command.args(["completions", shell]).output().unwrap();
        assert!(output.status.success());
        let script = String::from_utf8(output.stdout).unwrap();
        for word in [
            "session",
            "grant",
            "break-glass",
            "stats",
            "policy",
            "reload",
            "evidence",
            "completions",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}
