use super::*;
use crate::s7comm::fields;
use crate::s7comm::fields::layer;
use crate::{Direction, Field};

/// Every number and text by name.
fn told(pdu: &[u8]) -> String {
    let mut all = Vec::new();
    let mut sink = |name: &str, field: Field<'_>| match field {
        Field::Number(number) => all.push(format!("{name}={number}")),
        Field::Text(text) => all.push(format!("{name}={text}")),
        _ => {}
    };
    fields(pdu, Direction::ToServer, &mut sink);
    all.join(" ")
}

#[test]
fn every_field_has_the_name_that_others_give_it() {
    for (pdu, names) in [
        (
            job(READ, ""),
            "rosctr=1 pduref=258 param_len=14 data_len=0 func=4 item_count=1 syntax=16 \
             transport=4 length=1 db=1 area=132 byte=0 bit=0",
        ),
        (
            message(3, &hex("05 01"), &hex("03")),
            "rosctr=3 pduref=258 param_len=2 data_len=1 errcls=0 errcod=0 func=5 item_count=1",
        ),
        (
            job("29 0000000000 09 505f50524f4752414d", ""),
            "rosctr=1 pduref=258 param_len=16 data_len=0 func=41 pi_service=P_PROGRAM",
        ),
        (
            job("1d 00 0000 00000000 09 5f3041303030303141", ""),
            "rosctr=1 pduref=258 param_len=18 data_len=0 func=29 filename=_0A00001A",
        ),
        (
            userdata("0401", "ff 09 0004 0011 0000"),
            "rosctr=7 pduref=258 param_len=8 data_len=8 ud_method=17 ud_type=4 ud_group=4 \
             ud_subfunc=1 ud_seq=0 szl_id=17 szl_index=0",
        ),
        (hex(CONNECT), "type=CR src_ref=1 dst_ref=0 tpdu_size=1024 class=0 role=pg"),
        (plus(0x04bb, ""), "version=1 length=14 opcode=49 function=1211 seq=7"),
    ] {
        assert_eq!(told(&pdu), names.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

/// What continues an answer begins with anything: it is no list of its own.
#[test]
fn the_rest_of_a_list_is_not_named() {
    let answer = hex("000112 08 12 84 01 02 06 00 0000");
    let rest = message(7, &answer, &hex("ff 09 000c 4d4d4320 34414143 30313900"));
    assert!(!told(&rest).contains("szl"));
    let first = message(7, &answer, &hex("ff 09 000c 0011 0000 0002 0002 01020304"));
    assert!(told(&first).ends_with("szl_id=17 szl_index=0"));
}

#[test]
fn each_layer_has_its_name() {
    assert_eq!(layer(&hex(CONNECT)), "cotp");
    assert_eq!(layer(&job(READ, "")), "s7comm");
    assert_eq!(layer(&plus(0x04bb, "")), "s7commplus");
}
