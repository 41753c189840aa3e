//! What goes wrong is said clearly, with the right exit status.

#![expect(
    clippy::unwrap_used,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Exit status, standard output and standard error of `wicketgate ARGUMENTS`.
fn wicketgate(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_wicketgate")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps/modbus").join(name)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Exit status 2, and each of these words in the complaint.
#[track_caller]
fn refused(arguments: &[&str], words: &[&str]) {
    let (status, _, complaint) = wicketgate(arguments);
    assert_eq!(status, 2, "{complaint}");
    for word in words {
        assert!(complaint.contains(word), "`{word}` is not in: {complaint}");
    }
}

#[test]
fn no_command_is_bad_usage() {
    refused(&[], &["Usage"]);
    refused(&["replay"], &["CAPTURE"]);
    refused(&["replay", "x.pcap", "--frobnicate"], &["--frobnicate"]);
}

#[test]
fn a_capture_that_is_not_there() {
    refused(&["replay", "/no/such/file.pcap"], &["/no/such/file.pcap", "cannot be opened"]);
    refused(&["dissect", "/no/such/file.pcap"], &["/no/such/file.pcap", "cannot be opened"]);
}

#[test]
fn a_file_that_is_no_capture() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "this is a text, not a capture").unwrap();
    for command in ["replay", "dissect"] {
        refused(&[command, path(file.path())], &["not a capture"]);
    }
}

#[test]
fn a_later_capture_that_is_not_there_is_found_before_the_first_is_replayed() {
    let good = case("hmi-poll").join("capture.pcapng");
    refused(&["replay", path(&good), "/no/such/file.pcap"], &["/no/such/file.pcap"]);
}

#[test]
fn a_capture_cut_in_a_record_is_replayed_so_far() {
    let whole = fs::read(case("hmi-poll").join("capture.pcapng")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &whole[..whole.len() / 2]).unwrap();
    let (status, report, complaint) = wicketgate(&["replay", path(file.path())]);
    assert_eq!(status, 1, "{complaint}");
    assert!(complaint.contains("at byte "), "{complaint}");
    assert!(report.contains("frames: "), "{report}");
}

#[test]
fn a_config_that_cannot_be_read() {
    let capture = case("hmi-poll").join("capture.pcapng");
    let arguments = ["replay", path(&capture), "--config", "/no/such/policy.toml"];
    refused(&arguments, &["/no/such/policy.toml", "cannot be read"]);
    refused(&["check", "--config", "/no/such/policy.toml"], &["cannot be read"]);
    refused(&["check", "--config", path(&capture)], &["cannot be read"]);
}

#[test]
fn a_config_with_errors_says_where_each_is() {
    let policy = fs::read_to_string(case("hmi-poll").join("policy.toml")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), policy.replace("underlay =", "undrelay =")).unwrap();
    let name = path(file.path());
    let capture = case("hmi-poll").join("capture.pcapng");
    let place = format!("{name}:");
    refused(&["check", "--config", name], &["undrelay", "did you mean `underlay`", &place]);
    refused(&["replay", path(&capture), "--config", name], &["undrelay", &place]);
}

#[test]
fn a_login_that_makes_no_sense() {
    let (capture, policy) =
        (case("hmi-poll").join("capture.pcapng"), case("hmi-poll").join("policy.toml"));
    for login in ["alice", "10.0.0=alice", "10.0.0.1=", "10.0.0.1=alice:"] {
        let with = ["replay", path(&capture), "--config", path(&policy), "--login", login];
        refused(&with, &["--login"]);
    }
    refused(&["replay", path(&capture), "--login", "10.0.0.1=alice"], &["--config"]);
}

#[test]
fn an_output_that_cannot_be_written() {
    let capture = case("hmi-poll").join("capture.pcapng");
    for option in ["--out", "--audit", "--transcript"] {
        refused(&["replay", path(&capture), option, "/no/such/dir/file"], &["cannot be written"]);
    }
}

#[test]
fn an_output_never_destroys_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (capture, policy, link) = (at("c.pcapng"), at("p.toml"), at("link"));
    fs::copy(case("hmi-poll").join("capture.pcapng"), &capture).unwrap();
    fs::copy(case("hmi-poll").join("policy.toml"), &policy).unwrap();
    std::os::unix::fs::symlink(&capture, &link).unwrap();
    let before = (fs::read(&capture).unwrap(), fs::read(&policy).unwrap());
    for option in ["--out", "--audit", "--transcript"] {
        for (input, what) in [(&capture, "capture"), (&link, "capture"), (&policy, "config")] {
            let with = ["--config", path(&policy), option, path(input)];
            refused(&[&["replay", path(&capture)], &with[..]].concat(), &[option, what]);
        }
    }
    assert_eq!((fs::read(&capture).unwrap(), fs::read(&policy).unwrap()), before);
}

#[test]
fn two_outputs_are_two_files() {
    let folder = tempfile::tempdir().unwrap();
    let capture = case("hmi-poll").join("capture.pcapng");
    let (new, detour) = (folder.path().join("new"), folder.path().join("./new"));
    let with = ["--audit", path(&new), "--out", path(&detour)];
    refused(&[&["replay", path(&capture)], &with[..]].concat(), &["--out", "--audit"]);
    assert!(!new.exists());
    let nowhere = ["replay", path(&capture), "--audit", "/dev/null", "--out", "/dev/null"];
    assert_eq!(wicketgate(&nowhere).0, 0, "a device is no file that could be destroyed");
}

#[test]
fn standard_output_holds_one_thing() {
    let capture = case("udp").join("capture.pcapng");
    for with in [&["--out", "-"][..], &["--audit", "-"], &["--json", "--transcript", "-"]] {
        refused(&[&["replay", path(&capture)], with].concat(), &["name a file"]);
    }
    let (status, lines, _) = wicketgate(&["replay", path(&capture), "--transcript", "-"]);
    assert_eq!(status, 0);
    assert!(lines.contains(" unit 1 coils 3 = 1: observed\n"), "{lines}");
}

#[test]
fn an_address_with_two_users() {
    let folder = case("maintenance-writes");
    let (capture, policy) = (folder.join("capture.pcapng"), folder.join("policy.toml"));
    let logins = ["--login", "192.168.20.7=alice:maintenance", "--login", "192.168.20.7=bob"];
    let with = ["replay", path(&capture), "--config", path(&policy)];
    refused(&[&with[..], &logins].concat(), &["192.168.20.7", "`alice`", "`bob`"]);
}

#[test]
fn a_folder_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let name = path(folder.path());
    for command in [&["replay", name][..], &["dissect", name], &["audit", "verify", name]] {
        refused(command, &[name]);
    }
    refused(&["check", "--config", name], &["is a folder"]);
}

/// Some editors of Windows write a byte order mark, and end lines with CR LF.
#[test]
fn a_config_from_another_editor() {
    let policy = fs::read_to_string(case("hmi-poll").join("policy.toml")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = path(file.path());
    fs::write(file.path(), format!("\u{feff}{}", policy.replace('\n', "\r\n"))).unwrap();
    assert_eq!(wicketgate(&["check", "--config", name]).0, 0);
    fs::write(file.path(), "\u{feff}[[what]]\r\n").unwrap();
    refused(&["check", "--config", name], &[&format!("{name}:1:3: unknown key `what`")]);
    fs::write(file.path(), b"\xff\xfe[\0g\0").unwrap();
    refused(&["check", "--config", name], &["not UTF-8", "save it as UTF-8"]);
}

#[test]
fn a_full_disk_behind_standard_output() {
    let folder = case("udp");
    let (capture, policy) = (folder.join("capture.pcapng"), folder.join("policy.toml"));
    let (capture, policy) = (path(&capture), path(&policy));
    let commands: [&[&str]; 4] = [
        &["replay", capture],
        &["replay", capture, "--json"],
        &["dissect", capture],
        &["check", "--config", policy],
    ];
    for command in commands {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
        let output = program.args(command).stdout(full).output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        let told = complaint.matches("standard output cannot be written").count();
        assert_eq!(told, 1, "{command:?}: {complaint}");
    }
}

#[test]
fn a_role_that_no_rule_names_is_said() {
    let folder = case("maintenance-writes");
    let (capture, policy) = (folder.join("capture.pcapng"), folder.join("policy.toml"));
    let login = "192.168.20.7=alice:maintenence";
    let (status, _, complaint) =
        wicketgate(&["replay", path(&capture), "--config", path(&policy), "--login", login]);
    assert_eq!(status, 0);
    assert!(complaint.contains("maintenence"), "{complaint}");
}

#[test]
fn the_empty_policy_denies_everything() {
    let capture = case("maintenance-writes").join("capture.pcapng");
    let file = tempfile::NamedTempFile::new().unwrap();
    let arguments = ["replay", path(&capture), "--config", path(file.path()), "--json"];
    let (status, report, _) = wicketgate(&arguments);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(status, 0);
    assert_eq!(report["frames"]["forwarded"], 0);
    assert_eq!(report["sessions"], 0);
}
