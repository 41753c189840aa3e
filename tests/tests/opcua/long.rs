//! Requests longer than a connection's own copy, and requests in several chunks.

use proptest::prelude::*;
use wicketgate_dissectors::opcua::items::MAX_ITEMS;
use wicketgate_dissectors::opcua::variant::MAX_VALUES;
use wicketgate_engine::Limits;
use wicketgate_engine::splice::long::LONGEST_PDU;

use super::*;

const SEGMENT: usize = 1400;

/// Says it in segments, and the asset takes what comes; what left towards the asset, and towards the client.
fn say(gate: &mut Gate, talk: &mut Talk, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut line, mut office) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(SEGMENT) {
        let outcome = talk.send(gate, piece);
        line.extend(outcome.payload_on(LINE));
        office.extend(outcome.payload_on(OFFICE));
    }
    line.extend(acknowledge_all(gate, talk));
    (line, office)
}

fn free(gate: &Gate) -> usize {
    gate.engine.free_long_copies()
}

/// The asset acknowledges what it has got until nothing more comes for it; what came meanwhile, for its window
/// is shorter than a long request.
fn acknowledge_all(gate: &mut Gate, talk: &Talk) -> Vec<u8> {
    let mut line = Vec::new();
    loop {
        let more = gate.line(&talk.from_asset(talk.asset_next, flag::ACK, &[])).payload_on(LINE);
        if more.is_empty() {
            return line;
        }
        line.extend(more);
    }
}

#[test]
fn a_long_request_leaves_whole_and_gives_its_copy_back() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let all = free(&gate);
    let long = read_many(2, 1500);
    assert!(long.len() > 60_000 && long.len() < LONGEST_PDU, "{}", long.len());
    let (most, last) = long.split_at(long.len() - 1);
    let (line, office) = say(&mut gate, &mut talk, most);
    assert!(line.is_empty() && office.is_empty(), "nothing before it is whole");
    assert_eq!(free(&gate), all - 1);
    let (line, _) = say(&mut gate, &mut talk, last);
    assert!(line == long, "as it came: {} of {}", line.len(), long.len());
    assert_eq!((gate.last_command().name, gate.last_command().denied), ("read", None));
    acknowledge_all(&mut gate, &talk);
    assert_eq!(free(&gate), all);
    let next = read(3, "Level");
    assert_eq!(talk.send(&mut gate, &next).payload_on(LINE), next, "and the connection goes on");
}

#[test]
fn every_item_of_a_long_request_is_judged() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let (line, _) = say(&mut gate, &mut talk, &write_many(2, 1000, 1500));
    assert!(!line.is_empty() && gate.last_command().denied.is_none());
    acknowledge_all(&mut gate, &talk);
    let mut last_differs = write_many(3, 1000, 1500);
    let end = last_differs.len();
    last_differs[end - 4..].copy_from_slice(&1501_i32.to_le_bytes());
    let (line, office) = say(&mut gate, &mut talk, &last_differs);
    assert!(line.is_empty());
    assert_eq!(gate.last_command().denied, Some(Reason::ValueDenied));
    // A status for each of a thousand does not fit: it fails as a whole.
    assert_eq!(office, fault(52, 3));
}

#[test]
fn a_request_in_chunks_is_judged_as_one() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let chunks = in_chunks(&write_many(2, 100, 700), 2, 1000).concat();
    let (line, _) = say(&mut gate, &mut talk, &chunks);
    assert!(line == chunks, "the chunks leave as they came");
    let told = gate.last_command();
    assert_eq!((told.name, told.denied), ("write", None));
    assert_eq!(told.payload[..4], *b"MSGF", "told as one");
    assert_eq!(gate.commands().len(), 3, "hello, open, write");
}

/// What is denied stays behind with all its chunks, and what follows is numbered without a gap.
#[test]
fn a_denied_request_in_chunks_stays_behind() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let chunks = in_chunks(&write_many(2, 100, 1501), 2, 1000);
    let (line, office) = say(&mut gate, &mut talk, &chunks.concat());
    assert!(line.is_empty());
    assert_eq!(office[16..24], [52, 0, 0, 0, 2, 0, 0, 0], "one refusal, of the request");
    let next = 2 + chunks.len() as u32;
    let cut = in_chunks(&read_many(next, 200), next, 3000);
    let (line, _) = say(&mut gate, &mut talk, &cut.concat());
    let expected = in_chunks(&read_many(next, 200), 2, 3000).concat();
    assert!(line == expected, "each chunk has another number, and nothing else is changed");
}

/// The chunks of another message between two of one, and numbers with a gap: no server takes that.
#[test]
fn chunks_that_do_not_belong_together_are_refused() {
    let chunks = in_chunks(&read_many(2, 60), 2, 1000);
    let mut gap = chunks.clone();
    gap[1][16] += 1;
    let mut other = chunks.clone();
    other[1][20] += 1;
    for request in [gap, other] {
        let (mut gate, mut talk) = opened_channel(&rights());
        let (line, office) = say(&mut gate, &mut talk, &request.concat());
        assert!(line.is_empty());
        assert_eq!(gate.last_command().denied, Some(Reason::MalformedCommand));
        assert_eq!(office[..4], *b"MSGF", "a fault, and the connection goes on");
    }
}

#[test]
fn what_its_client_gives_up_stays_behind_in_silence() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let chunks = in_chunks(&write_many(2, 100, 700), 2, 1000);
    let abort = message("MSGA", 4, 2, &[0, 0, 0xb8, 0x80, 0xff, 0xff, 0xff, 0xff]);
    let given_up = [&chunks[0][..], &chunks[1], &abort].concat();
    let (line, office) = say(&mut gate, &mut talk, &given_up);
    assert!(line.is_empty() && office.is_empty());
    assert_eq!(gate.commands().len(), 2, "it asks for nothing: hello, open");
    let mut next = read(3, "Level");
    next[16] = 5;
    let (line, _) = say(&mut gate, &mut talk, &next);
    next[16] = 2;
    assert_eq!(line, next, "without a gap");
}

fn fault_of(office: &[u8]) -> u32 {
    assert_eq!(office[24..28], [1, 0, 0x8d, 1], "a ServiceFault");
    u32::from_le_bytes(office[40..44].try_into().unwrap())
}

/// One more than fits, in one chunk or in many: refused by its front, and the rest stays behind as it comes.
#[test]
fn what_does_not_fit_is_refused_in_words() {
    let longer = service(2, 673, &vec![0; LONGEST_PDU]);
    let chunks = in_chunks(&longer, 2, 8000);
    for (request, next) in [(longer, 3), (chunks.concat(), 2 + chunks.len() as u32)] {
        let (mut gate, mut talk) = opened_channel(&rights());
        let all = free(&gate);
        let (line, office) = say(&mut gate, &mut talk, &request);
        assert!(line.is_empty());
        assert_eq!(fault_of(&office), 0x80b8_0000, "BadRequestTooLarge");
        assert_eq!(office.len(), fault(52, 2).len(), "once");
        assert_eq!(gate.last_command().denied, Some(Reason::PduTooLong));
        assert_eq!(gate.commands().len(), 3);
        let mut expected = read(3, "Level");
        let mut sent = expected.clone();
        sent[16] = u8::try_from(next).unwrap();
        expected[16] = 2;
        assert_eq!(talk.send(&mut gate, &sent).payload_on(LINE), expected);
        acknowledge_all(&mut gate, &talk);
        assert_eq!((free(&gate), gate.flow_ends()), (all, vec![]));
    }
}

#[test]
fn where_no_copy_is_left_it_is_said_and_the_connection_goes_on() {
    let limits = Limits { flows: 16, streams: 16, long_requests: 1, io_connections: 1 };
    let mut gate = Gate::with_limits(&rights(), limits, 64);
    gate.engine.set_captured(true);
    let [mut first, mut second] = [51000, 51001].map(|port| {
        let mut talk = Talk::open_to(&mut gate, (ALICE, port), DOOR);
        open_channel(&mut gate, &mut talk);
        talk
    });
    let long = read_many(2, 300);
    say(&mut gate, &mut first, &long[..9000]);
    assert_eq!(free(&gate), 0);
    let (line, office) = say(&mut gate, &mut second, &long);
    assert!(line.is_empty());
    assert_eq!(fault_of(&office), 0x8010_0000, "BadTooManyOperations");
    assert_eq!(gate.last_command().denied, Some(Reason::LongCopiesUsedUp));
    let (line, _) = say(&mut gate, &mut first, &long[9000..]);
    assert!(line == long, "who has one is not disturbed");
    acknowledge_all(&mut gate, &first);
    let (line, _) = say(&mut gate, &mut second, &read_many(3, 300));
    let mut expected = read_many(3, 300);
    expected[16] = 2;
    assert!(line == expected, "and it is there for the next one");
}

/// Without a single long copy chunks that fit the connection's own are read all the same.
#[test]
fn short_chunks_need_no_long_copy() {
    let limits = Limits { flows: 16, streams: 16, long_requests: 0, io_connections: 1 };
    let mut gate = Gate::with_limits(&rights(), limits, 64);
    let mut talk = Talk::open_to(&mut gate, (ALICE, 51000), DOOR);
    open_channel(&mut gate, &mut talk);
    let chunks = in_chunks(&write_many(2, 50, 700), 2, 1000).concat();
    let (line, _) = say(&mut gate, &mut talk, &chunks);
    assert!(line == chunks && gate.last_command().denied.is_none());
    let next = 2 + u32::try_from(chunks.len().div_ceil(1024)).unwrap();
    let (line, office) = say(&mut gate, &mut talk, &read_many(next, 300));
    assert!(line.is_empty());
    assert_eq!(fault_of(&office), 0x8010_0000, "BadTooManyOperations");
}

#[test]
fn a_copy_comes_back_with_the_end_of_its_connection() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let all = free(&gate);
    say(&mut gate, &mut talk, &read_many(2, 300)[..9000]);
    assert_eq!(free(&gate), all - 1);
    gate.pass(Duration::from_secs(40));
    assert_eq!(gate.flow_ends(), [], "the flow stays for a while, to name what comes");
    assert_eq!(free(&gate), all, "given up: its sender has stopped");
}

/// Of a response that nobody asked for all stays behind, however long it is, and the connection goes on.
#[test]
fn a_long_response_nobody_asked_for_stays_behind() {
    let (mut gate, mut talk) = opened_channel(&rights());
    for piece in message("MSGF", 52, 9, &vec![7; 20_000]).chunks(SEGMENT) {
        let outcome = talk.answer(&mut gate, piece);
        assert_eq!(outcome.reason(), Some(Reason::Unsolicited));
        assert_eq!(outcome.payload_on(OFFICE), []);
    }
    talk.send(&mut gate, &read(2, "Level"));
    let answer = talk.answer(&mut gate, &response(53, 2, 634)).payload_on(OFFICE);
    assert_eq!(answer, response(52, 2, 634), "its number goes to the next");
    assert_eq!(gate.flow_ends(), []);
}

/// TranslateBrowsePathsToNodeIds for so many nodes, six bytes each.
fn paths(number: u32, count: u32) -> Vec<u8> {
    let nodes = [0, 85, 0, 0, 0, 0].repeat(count as usize);
    service(number, 554, &[&count.to_le_bytes()[..], &nodes].concat())
}

#[test]
fn more_items_than_a_request_may_have_are_refused_however_short_they_are() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let most = paths(2, MAX_ITEMS as u32);
    let (line, _) = say(&mut gate, &mut talk, &most);
    assert!(line == most, "all of them: {:?}", gate.last_command().denied);
    let (line, office) = say(&mut gate, &mut talk, &paths(3, MAX_ITEMS as u32 + 1));
    assert!(line.is_empty() && !office.is_empty());
    assert_eq!(gate.last_command().denied, Some(Reason::PduTooLong));
    let next = talk.send(&mut gate, &read(4, "Level")).payload_on(LINE);
    assert!(!next.is_empty(), "and the connection goes on");
}

/// TranslateBrowsePathsToNodeIds for one node, with a path of so many elements, ten bytes each.
fn path(number: u32, count: u32) -> Vec<u8> {
    let elements = [0, 33, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff].repeat(count as usize);
    let front = [&1_u32.to_le_bytes()[..], &[0, 85], &count.to_le_bytes()].concat();
    service(number, 554, &[front, elements].concat())
}

#[test]
fn more_values_than_a_request_may_have_are_refused_however_short_they_are() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let most = path(2, MAX_VALUES as u32);
    let (line, _) = say(&mut gate, &mut talk, &most);
    assert!(line == most, "all of them: {:?}", gate.last_command().denied);
    let (line, office) = say(&mut gate, &mut talk, &path(3, MAX_VALUES as u32 + 1));
    assert!(line.is_empty() && !office.is_empty());
    assert_eq!(gate.last_command().denied, Some(Reason::PduTooLong));
    let next = talk.send(&mut gate, &read(4, "Level")).payload_on(LINE);
    assert!(!next.is_empty(), "and the connection goes on");
}

/// A client that waits for the gate's window is told at once that it may go on.
#[test]
fn its_sender_is_let_in() {
    let (mut gate, mut talk) = opened_gate(&rights());
    gate.engine.set_captured(false);
    open_channel(&mut gate, &mut talk);
    acknowledge_all(&mut gate, &talk);
    let long = read_many(2, 1000);
    let told = talk.send(&mut gate, &long[..SEGMENT]);
    assert_eq!(told.seen_on(OFFICE).last().unwrap().numbers.1, talk.client_next, "it has come");
    let (_, frame) = told.own.iter().rfind(|(port, _)| *port == OFFICE).unwrap();
    // Behind Ethernet and IPv4.
    let window = u16::from_be_bytes([frame[34 + 14], frame[34 + 15]]);
    assert!(usize::from(window) >= long.len() - SEGMENT, "{window}");
}

/// One request of a random conversation, by what it asks for and how it is cut into chunks.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Read(u32),
    Write(u32, i32),
    TooLong,
}

fn asks() -> impl Strategy<Value = Vec<(Ask, Option<usize>)>> {
    let ask = prop_oneof![
        3 => Just(Ask::Read(1)),
        2 => (1_u32..900).prop_map(Ask::Read),
        2 => (1_u32..500, 1499_i32..1503).prop_map(|(count, value)| Ask::Write(count, value)),
        1 => Just(Ask::TooLong),
    ];
    proptest::collection::vec((ask, proptest::option::of(5000_usize..9000)), 1..6)
}

/// The conversation as its client would send it.
fn conversation(asks: &[(Ask, Option<usize>)]) -> Vec<u8> {
    let (mut all, mut number) = (Vec::new(), 2);
    for (ask, size) in asks {
        let request = match *ask {
            Ask::Read(count) => read_many(number, count),
            Ask::Write(count, value) => write_many(number, count, value),
            Ask::TooLong => service(number, 673, &vec![0; LONGEST_PDU + 1]),
        };
        let chunks = match size {
            Some(size) => in_chunks(&request, number, *size),
            None => vec![request],
        };
        number += chunks.len() as u32;
        all.extend(chunks.concat());
    }
    all
}

/// What the asset gets of it, what the client hears, and what is told, where segments have these lengths and
/// some come twice.
fn heard(bytes: &[u8], cuts: &[(usize, bool)]) -> (Vec<u8>, Vec<u8>, Vec<Told>) {
    let (mut gate, mut talk) = opened_channel(&rights());
    let (mut line, mut office, mut rest) = (Vec::new(), Vec::new(), bytes);
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let (size, twice) = *cuts.next().unwrap();
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        let before = talk;
        let outcome = talk.send(&mut gate, piece);
        line.extend(outcome.payload_on(LINE));
        office.extend(outcome.payload_on(OFFICE));
        if twice {
            let segment = before.from_client(before.client_next, flag::ACK, piece);
            // What is under way may be sent on again; no command comes of it.
            let commands = gate.commands().len();
            gate.office(&segment);
            assert_eq!(gate.commands().len(), commands);
        }
        line.extend(acknowledge_all(&mut gate, &talk));
        rest = behind;
    }
    (line, office, gate.commands())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However it is cut into segments, the same is judged, and the same leaves.
    #[test]
    fn cutting_changes_no_verdict(
        asks in asks(),
        cuts in proptest::collection::vec((1_usize..1460, proptest::bool::weighted(0.1)), 1..40),
    ) {
        let bytes = conversation(&asks);
        let (line, office, told) = heard(&bytes, &[(1460, false)]);
        prop_assert_eq!(told.len(), 2 + asks.len());
        let other = heard(&bytes, &cuts);
        prop_assert!(other.0 == line, "towards the asset");
        prop_assert!(other.1 == office, "towards the client");
        prop_assert_eq!(other.2, told);
    }
}
