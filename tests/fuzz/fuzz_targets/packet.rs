//! Headers: any bytes are read without panic, and what verifies agrees with itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wicketgate_packet::{Headers, Link};

fuzz_target!(|bytes: &[u8]| {
    let Ok(headers) = Headers::parse(bytes) else { return };
    assert!(Link::parse(bytes).is_ok());
    let (ip, l4) = (usize::from(headers.ip_at), usize::from(headers.l4_at));
    let (payload, end) = (usize::from(headers.payload_at), headers.end as usize);
    assert!(ip + 20 <= l4 && l4 + 8 <= payload && payload <= end && end <= bytes.len());
    assert_eq!(headers.payload(bytes).len(), headers.payload_len());
    let options = headers.tcp_options(bytes).take(64);
    let sound = options.map(|option| option.is_some()).fold(true, |all, one| all && one);
    if headers.verify(bytes).is_ok() {
        assert!(sound, "broken TCP options were verified");
        assert_eq!(l4 - ip, 20, "IP options were verified");
    }
    let moved = headers.moved_to(18);
    assert_eq!(moved.payload_len(), headers.payload_len());
});
