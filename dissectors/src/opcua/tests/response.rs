use super::{READ, acknowledge, chunk, hello, hex, open, service};
use crate::NotTheProtocol;
use crate::opcua::response;
use crate::opcua::response::{completes, is_unasked};

#[test]
fn what_a_server_says() {
    let error = chunk(b"ERRF", &hex("00001f80 ffffffff"));
    for pdu in [acknowledge(), error.clone(), open("None", 1), service(634, "")] {
        assert_eq!(response(&pdu), Ok(()));
        assert_eq!(is_unasked(&pdu), pdu == error);
    }
    assert_eq!(response(&service(634, "")[..24]), Ok(()), "its front is enough");
    assert!(response(&service(634, "")[..7]).is_err());
}

#[test]
fn what_only_a_client_says() {
    let function = Err(NotTheProtocol::Function);
    assert_eq!(response(&hello()), function);
    assert_eq!(response(&[b"CLO", &service(452, "")[3..]].concat()), function);
    let longer = chunk(b"ACKF", &[0; 24]);
    assert_eq!(response(&longer), Err(NotTheProtocol::Inconsistent));
}

#[test]
fn only_the_last_chunk_completes_an_answer() {
    let mut pdu = service(634, READ);
    assert!(completes(&pdu));
    pdu[3] = b'A';
    assert!(completes(&pdu), "given up is an end too");
    pdu[3] = b'C';
    assert!(!completes(&pdu) && !completes(&pdu[..24]));
}
