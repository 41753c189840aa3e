//! `wicketgate dissect` as people run it: the binary, on captures.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml lets tests panic, but does not see that helpers are part of one"
)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 1], 51000);
const SERVER: ([u8; 4], u16) = ([10, 0, 0, 2], 502);
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

type End = ([u8; 4], u16);

/// An Ethernet frame with a TCP segment; checksums stay zero, as a sending host's are.
fn segment(from: End, to: End, (seq, ack): (u32, u32), flags: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    frame.extend((40 + data.len() as u16).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    frame.extend([from.0, to.0].concat());
    frame.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
    frame.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
    frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(data);
    frame
}

fn from_client(seq: u32, data: &[u8]) -> Vec<u8> {
    segment(CLIENT, SERVER, (seq, 0), 0, data)
}

fn syn(seq: u32) -> Vec<u8> {
    segment(CLIENT, SERVER, (seq, 0), SYN, &[])
}

/// A request to read a holding register: 12 bytes.
fn read(transaction: u16) -> Vec<u8> {
    let [high, low] = transaction.to_be_bytes();
    vec![high, low, 0, 0, 0, 6, 1, 3, 0, 100, 0, 1]
}

/// A pcap of these frames, one a millisecond, in a file of its own. A frame is said to have had
/// `beyond` bytes more than were captured.
fn pcap(frames: &[(Vec<u8>, u32)]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let head = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65535, 1];
    file.write_all(&head.map(u32::to_be_bytes).concat()).unwrap();
    for (number, (frame, beyond)) in frames.iter().enumerate() {
        let len = frame.len() as u32;
        let record = [1_700_000_000, 1000 * number as u32, len, len + beyond];
        file.write_all(&record.map(u32::to_be_bytes).concat()).unwrap();
        file.write_all(frame).unwrap();
    }
    file
}

fn whole(frames: Vec<Vec<u8>>) -> tempfile::NamedTempFile {
    pcap(&frames.into_iter().map(|frame| (frame, 0)).collect::<Vec<_>>())
}

fn dissect(arguments: &[&str], captures: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    command.arg("dissect").args(arguments).args(captures).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

fn json(capture: &Path) -> Vec<Value> {
    lines(&dissect(&["--json"], &[capture]))
}

/// Frame, index and transaction of each PDU.
fn sightings(frames: Vec<Vec<u8>>) -> Vec<(u64, u64, u64)> {
    let file = whole(frames);
    let number = |value: &Value| value.as_u64().unwrap();
    json(file.path())
        .iter()
        .map(|pdu| (number(&pdu["frame"]), number(&pdu["pdu"]), number(&pdu["fields"]["trans_id"])))
        .collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn several_pdus_of_a_segment_are_numbered() {
    let both = [read(1), read(2)].concat();
    assert_eq!(sightings(vec![syn(0), from_client(1, &both)]), [(2, 0, 1), (2, 1, 2)]);
}

#[test]
fn a_pdu_counts_where_its_last_byte_is() {
    let mut frames = vec![syn(9)];
    frames
        .extend(read(7).iter().enumerate().map(|(at, byte)| from_client(10 + at as u32, &[*byte])));
    assert_eq!(sightings(frames), [(13, 0, 7)]);
}

#[test]
fn segments_out_of_order_are_put_back() {
    let frames = vec![
        syn(0),
        from_client(13, &read(2)),
        from_client(25, &read(3)),
        from_client(1, &read(1)),
    ];
    assert_eq!(sightings(frames), [(4, 0, 1), (4, 1, 2), (4, 2, 3)]);
}

#[test]
fn sequence_numbers_wrap() {
    let start = u32::MAX - 5;
    let frames = vec![
        syn(start.wrapping_sub(1)),
        from_client(start.wrapping_add(12), &read(2)),
        from_client(start, &read(1)),
    ];
    assert_eq!(sightings(frames), [(3, 0, 1), (3, 1, 2)]);
}

#[test]
fn retransmitted_bytes_are_read_once() {
    let joined = [read(1), read(2)].concat();
    let frames = vec![
        syn(0),
        from_client(1, &read(1)),
        from_client(1, &read(1)),
        from_client(1, &joined),
        from_client(13, &read(2)),
    ];
    assert_eq!(sightings(frames), [(2, 0, 1), (4, 0, 2)]);
}

#[test]
fn a_hole_is_given_up_when_the_other_side_has_acknowledged_it() {
    let ack = segment(SERVER, CLIENT, (0, 25), ACK, &[]);
    let late = from_client(1, &read(9));
    let frames = vec![syn(0), from_client(13, &read(2)), ack, from_client(25, &read(3)), late];
    assert_eq!(sightings(frames), [(2, 0, 2), (4, 0, 3)], "the late bytes are behind the stream");
}

#[test]
fn a_hole_is_given_up_at_the_end_of_the_capture() {
    assert_eq!(sightings(vec![syn(0), from_client(13, &read(2))]), [(2, 0, 2)]);
}

#[test]
fn a_hole_is_given_up_when_too_much_is_held_behind_it() {
    let mut frames = vec![syn(0)];
    frames.extend((0..300u16).map(|nth| from_client(13 + 12 * u32::from(nth), &read(nth))));
    let seen = sightings(frames);
    assert_eq!(seen.len(), 300);
    assert_eq!(seen[299], (301, 0, 299));
}

#[test]
fn after_a_hole_reading_goes_on_at_a_segment_that_begins_with_a_pdu() {
    let (tail, next) = (read(2)[5..].to_vec(), read(3));
    let frames = vec![
        syn(0),
        from_client(1, &read(1)[..4]),
        from_client(18, &tail),
        from_client(25, &next),
        segment(SERVER, CLIENT, (0, 37), ACK, &[]),
    ];
    assert_eq!(sightings(frames), [(4, 0, 3)]);
}

#[test]
fn a_flow_is_joined_midstream_where_a_pdu_begins() {
    let frames = vec![
        from_client(500, &read(1)[5..]),
        from_client(507, &read(2)),
        from_client(519, &read(3)),
    ];
    assert_eq!(sightings(frames), [(2, 0, 2), (3, 0, 3)]);
}

#[test]
fn a_new_syn_on_the_same_ports_is_a_new_flow() {
    let frames = vec![
        syn(1_000_000),
        from_client(1_000_001, &read(1)),
        syn(5),
        syn(5),
        from_client(6, &read(1)),
    ];
    assert_eq!(sightings(frames), [(2, 0, 1), (5, 0, 1)]);
}

#[test]
fn a_frame_cut_at_the_snapshot_length_gives_no_wrong_pdu() {
    let mut cut = from_client(1, &[read(1), read(2)].concat());
    cut.truncate(cut.len() - 5);
    let file = pcap(&[(syn(0), 0), (cut, 5), (from_client(25, &read(3)), 0)]);
    let seen: Vec<_> =
        json(file.path()).iter().map(|pdu| pdu["fields"]["trans_id"].clone()).collect();
    assert_eq!(seen, [1, 3]);
}

#[test]
fn a_segment_captured_before_segmentation_offload_is_read() {
    let mut frame = from_client(1, &[read(1), read(2)].concat());
    frame[16..18].fill(0);
    assert_eq!(sightings(vec![syn(0), frame]), [(2, 0, 1), (2, 1, 2)]);
}

#[test]
fn what_is_not_modbus_on_port_502_gives_no_pdu() {
    let frames = vec![
        syn(0),
        from_client(1, b"GET / HTTP/1.1\r\n\r\n"),
        from_client(19, &[0, 0, 0, 0, 0, 0, 0, 0]),
        from_client(27, &[3, 0, 0, 22, 17, 224, 0, 0]),
    ];
    assert_eq!(sightings(frames), []);
}

#[test]
fn a_response_names_its_request() {
    let answer = [0, 4, 0, 0, 0, 5, 1, 3, 2, 0x12, 0x34];
    let file = whole(vec![
        syn(0),
        from_client(1, &read(4)),
        segment(SERVER, CLIENT, (77, 13), ACK, &answer),
    ]);
    let pdus = json(file.path());
    assert_eq!(pdus[1]["answers"], 2);
    assert_eq!((&pdus[0]["dir"], &pdus[1]["dir"]), (&"c2s".into(), &"s2c".into()));
    assert_eq!(pdus[1]["name"], "read-holding-registers");
    assert_eq!(pdus[1]["fields"]["regs"], serde_json::json!([0x1234]));
    assert_eq!(pdus[0]["time"], "1700000000.001000000");
}

#[test]
fn another_port_is_read_when_told_so() {
    let other = (SERVER.0, 1502);
    let file = whole(vec![segment(CLIENT, other, (0, 0), 0, &read(1))]);
    assert_eq!(json(file.path()).len(), 0);
    let told = dissect(&["--json", "--decode-as", "1502=modbus"], &[file.path()]);
    assert_eq!(lines(&told).len(), 1);
}

#[test]
fn what_is_not_read_is_said() {
    let mut fragment = from_client(1, &read(1));
    fragment[20] = 0x20;
    let mut ipv6 = from_client(1, &read(1));
    ipv6[12..14].copy_from_slice(&[0x86, 0xdd]);
    let file = whole(vec![fragment, ipv6]);
    for form in [&["--json"][..], &[]] {
        let said = stderr(&dissect(form, &[file.path()]));
        assert!(said.contains("IP fragment") && said.contains("IPv6"), "{said}");
    }
}

#[test]
fn a_cut_capture_is_read_up_to_the_cut() {
    let file = whole(vec![syn(0), from_client(1, &read(1)), from_client(13, &read(2))]);
    let bytes = std::fs::read(file.path()).unwrap();
    std::fs::write(file.path(), &bytes[..bytes.len() - 3]).unwrap();
    let output = dissect(&["--json"], &[file.path()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lines(&output).len(), 1);
    let record = bytes.len() - 16 - 54 - 12;
    assert!(stderr(&output).contains(&format!("byte {record}")), "{}", stderr(&output));
}

#[test]
fn what_cannot_be_read_at_all_is_an_error() {
    let text = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(text.path(), "no capture").unwrap();
    let wireless = whole(vec![syn(0)]);
    let mut bytes = std::fs::read(wireless.path()).unwrap();
    bytes[23] = 105;
    std::fs::write(wireless.path(), bytes).unwrap();
    let cases = [
        (Path::new("/nonexistent/x.pcap"), "cannot be opened"),
        (text.path(), "not a capture"),
        (wireless.path(), "link type 105"),
    ];
    for (path, expected) in cases {
        let output = dissect(&[], &[path]);
        assert_eq!(output.status.code(), Some(2), "{expected}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(stderr(&output).contains(&path.display().to_string()));
    }
}

#[test]
fn the_worst_status_of_several_captures_wins_and_all_are_read() {
    let good = whole(vec![from_client(1, &read(1))]);
    let output = dissect(&["--json"], &[good.path(), Path::new("/nonexistent"), good.path()]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(lines(&output).len(), 2);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let frames = (0..20_000u32).map(|nth| from_client(1 + 12 * nth, &read(nth as u16))).collect();
    let file = whole(frames);
    let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    command.arg("dissect").arg(file.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("CLIENT"));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn the_table_says_who_does_what() {
    let write = [0, 9, 0, 0, 0, 6, 3, 6, 0, 100, 0x05, 0xdc];
    let file = whole(vec![from_client(1, &write)]);
    let output = dissect(&[], &[file.path()]);
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    for word in ["10.0.0.1:51000", "10.0.0.2:502", "write-single-register", "100 = 1500"] {
        assert!(table.contains(word), "{word} in {table}");
    }
    assert!(stderr(&output).contains("1 frames, 1 flows"), "{}", stderr(&output));
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn count(pdus: &[Value], direction: &str) -> usize {
    pdus.iter().filter(|pdu| pdu["dir"] == direction).count()
}

/// Requests as `pcaps/README.md` says; every response finds its request.
#[test]
fn captures_of_real_stacks_are_read_whole() {
    let cases = [
        ("hmi-poll", 320),
        ("maintenance-writes", 659),
        ("every-function", 134),
        ("pipelined", 63),
        ("udp", 13),
        ("unit-ids", 28),
        ("vendor-functions", 12),
        ("reconnects", 30),
    ];
    for (case, requests) in cases {
        let pdus = json(&project().join("pcaps/modbus").join(case).join("capture.pcapng"));
        assert_eq!(count(&pdus, "c2s"), requests, "{case}");
        let unpaired =
            pdus.iter().filter(|pdu| pdu["dir"] == "s2c" && pdu["answers"].is_null()).count();
        assert_eq!(unpaired, 0, "{case}");
    }
}

#[test]
fn s7_is_recognised_by_its_first_bytes_and_told_by_layer() {
    let pdus = json(&project().join("pcaps/s7comm/controller/capture.pcapng"));
    let of = |layer: &str| pdus.iter().filter(|pdu| pdu["proto"] == layer).count();
    assert!(of("cotp") >= 4 && of("s7comm") > 60, "{} {}", of("cotp"), of("s7comm"));
    let unpaired = |pdu: &&Value| pdu["dir"] == "s2c" && pdu["answers"].is_null();
    let own: Vec<&Value> = pdus.iter().filter(unpaired).collect();
    // What a device fetches of a download it asks for; and the end of the connection.
    assert!(
        own.iter().all(|pdu| pdu["fields"]["func"] == 0x1b
            || pdu["fields"]["func"] == 0x1c
            || pdu["fields"]["type"] == "DC"),
        "{own:#?}"
    );
}

/// The independent reading of real captures (docs/TRUTH.md), where it is at hand.
#[test]
fn real_captures_agree_with_their_truth() {
    let shared = project().join("../shared");
    let script = shared.join("tools/compare_truth.py");
    let captures = shared.join("pcaps/given");
    if !script.exists() || !captures.exists() {
        eprintln!("skipped: {} is not there", script.display());
        return;
    }
    agrees("modbus", "100", &script, &[captures.join("modbus")]);
    let is_right = |path: &PathBuf| !path.ends_with(WRONG_TRUTH);
    let enip = fs::read_dir(captures.join("enip")).unwrap().map(|entry| entry.unwrap().path());
    let mut enip: Vec<PathBuf> = enip.filter(is_right).collect();
    // EtherNet/IP and Modbus on one wire.
    enip.push(captures.join("modbus"));
    agrees("enip", "100", &script, &enip);
    // The rest of a list that came in several PDUs (docs/TRUTH.md): 4 of 15622.
    let s7 = ["s7comm", "s7commplus"].map(|folder| captures.join(folder));
    agrees("s7comm", "99.97", &script, &s7);
    agrees("s7commplus", "100", &script, &s7);
    agrees("cotp", "100", &script, &s7);
    agrees("opcua", "100", &script, &[captures.join("opcua")]);
}

/// Nothing of another protocol is taken for OPC UA, on whatever port.
#[test]
fn other_protocols_are_no_opcua() {
    let count = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let captures: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
        let output =
            dissect(&["--json"], &captures.iter().map(PathBuf::as_path).collect::<Vec<_>>());
        String::from_utf8(output.stdout).unwrap().matches("\"proto\":\"opcua\"").count()
    };
    let given = project().join("../shared/pcaps/given");
    if !given.exists() {
        eprintln!("skipped: {} is not there", given.display());
        return;
    }
    for folder in fs::read_dir(given).unwrap().map(|entry| entry.unwrap().path()) {
        assert_eq!(count(&folder) > 0, folder.ends_with("opcua"), "{}", folder.display());
    }
}

/// Its truth takes one port for a server's that is a client's (docs/TRUTH.md).
const WRONG_TRUTH: &str = "iti__openics_EIP-ControlProtocolChangeAttempt.pcap";

/// At least so many percent of the PDUs.
fn agrees(protocol: &str, least: &str, script: &Path, captures: &[PathBuf]) {
    let mut compare = Command::new("python3");
    compare.arg(script).args(["--protocols", protocol, "--min", least, "--bin"]);
    compare.arg(env!("CARGO_BIN_EXE_wicketgate")).args(captures);
    match compare.output() {
        Err(error) => eprintln!("skipped: python3: {error}"),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{said}{}", stderr(&output));
            let whole = said.contains("100.000%") || least != "100";
            assert!(said.contains(protocol) && whole, "{said}");
        }
    }
}

/// A capture of ::1, where both ends run on one machine.
#[test]
fn ipv6_is_read() {
    let pdu = read(1);
    let tcp = [&[0xc7, 0x38, 1, 0xf6][..], &[0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0, 9, 0, 0, 0, 0]];
    let payload = [&tcp.concat()[..], &pdu].concat();
    let loopback = [&[0; 15][..], &[1]].concat();
    let header = |next: u8, length: u16, more: &[u8]| {
        let [high, low] = length.to_be_bytes();
        let front = [0x60, 0, 0, 0, high, low, next, 64];
        let macs = from_client(1, &pdu)[..12].to_vec();
        [&macs[..], &[0x86, 0xdd], &front, &loopback, &loopback, more, &payload].concat()
    };
    let length = payload.len() as u16;
    let options = [6, 0, 1, 4, 0, 0, 0, 0];
    for frame in [header(6, length, &[]), header(6, 0, &[]), header(0, length + 8, &options)] {
        let told = json(whole(vec![frame]).path());
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0]["src"], &told[0]["dir"]), (&"::1".into(), &"c2s".into()));
        assert_eq!(told[0]["sport"], 51000);
    }
    let fragment = header(44, length + 8, &[6, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(json(whole(vec![fragment]).path()).len(), 0);
}

/// A session that begins like one is read on any port.
#[test]
fn enip_is_recognised_by_its_first_bytes() {
    let capture = project().join("pcaps/enip/tags/capture.pcapng");
    let mut bytes = fs::read(&capture).unwrap();
    let [port, other] = [44818_u16, 4242].map(u16::to_be_bytes);
    for at in 0..bytes.len() - 1 {
        if bytes[at..at + 2] == port {
            bytes[at..at + 2].copy_from_slice(&other);
        }
    }
    let moved = tempfile::NamedTempFile::new().unwrap();
    fs::write(moved.path(), bytes).unwrap();
    let names = |path: &Path| {
        json(path)
            .into_iter()
            .map(|pdu| (pdu["dir"].clone(), pdu["name"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(moved.path()), names(&capture));
}

/// Fields inside fields: lists and objects as they are nested on the wire.
#[test]
fn what_is_nested_in_cip_is_nested_in_json() {
    let pdus = json(&project().join("pcaps/enip/tags/capture.pcapng"));
    assert_eq!((count(&pdus, "c2s"), count(&pdus, "s2c")), (20, 19));
    let packet = pdus.iter().find(|pdu| pdu["frame"] == 22).unwrap();
    // cpppo wraps everything in an Unconnected Send.
    let wrapped = &packet["fields"]["cip"][0];
    assert_eq!((&wrapped["service"], &wrapped["response"]), (&0x52.into(), &false.into()));
    let message = &wrapped["embedded"][0];
    assert_eq!(message["service"], 0x0a);
    assert_eq!(message["path"], serde_json::json!([["class", 2], ["instance", 1]]));
    let names = message["embedded"].as_array().unwrap().iter().map(|inner| &inner["path"][1][1]);
    assert_eq!(names.collect::<Vec<_>>(), ["Level", "Setpoint", "Speed"]);
    assert_eq!(packet["class"], "read");
}
