//! Delays: how long, how they end, and that nobody gets out of his own.

use super::*;

fn at(seconds: u64) -> Monotonic {
    Monotonic::START + Duration::from_secs(seconds)
}

fn address(number: u32) -> IpAddr {
    std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into()
}

fn fail(throttle: &mut Throttle, source: IpAddr, times: u32, now: Monotonic) {
    for _ in 0..times {
        throttle.charge(source, now).unwrap();
    }
}

#[test]
fn delays_double_up_to_fifteen_minutes() {
    let seconds = |failures| delay(failures, USER_FREE).as_secs();
    assert_eq!([0, 4, 5, 6, 7, 8, 9, 10, 99].map(seconds), [0, 0, 30, 60, 120, 240, 480, 900, 900]);
    assert_eq!(delay(u32::MAX, USER_FREE), MAX_DELAY);
}

#[test]
fn a_source_waits_and_is_forgiven() {
    let mut throttle = Throttle::new(at(0));
    fail(&mut throttle, address(1), SOURCE_FREE, at(0));
    assert_eq!(throttle.charge(address(1), at(0)), Err(FIRST_DELAY));
    assert_eq!(throttle.charge(address(1), at(29)), Err(Duration::from_secs(1)));
    assert_eq!(throttle.charge(address(2), at(0)), Ok(()), "another source is free");
    fail(&mut throttle, address(1), 1, at(30));
    assert_eq!(throttle.charge(address(1), at(30)), Err(2 * FIRST_DELAY));
    // Eleven failures, one forgiven every five minutes: after two of them there is room again.
    let later = at(30) + 2 * FORGIVEN_AFTER;
    fail(&mut throttle, address(1), 1, later);
    assert_eq!(throttle.charge(address(1), later), Err(FIRST_DELAY));
}

#[test]
fn an_own_account_does_not_wash_a_source() {
    let mut throttle = Throttle::new(at(0));
    // Guess, then log in oneself: each round costs one failure.
    for _ in 0..SOURCE_FREE - 1 {
        fail(&mut throttle, address(1), 2, at(0));
        throttle.refund(address(1), at(0));
    }
    fail(&mut throttle, address(1), 1, at(0));
    assert!(throttle.charge(address(1), at(0)).is_err());
}

#[test]
fn one_ipv6_network_is_one_source() {
    let source = |text: &str| network(text.parse().unwrap());
    assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
    assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
    assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
}

#[test]
fn flooding_the_table_frees_nobody() {
    let mut throttle = Throttle::new(at(0));
    let attacker = address(0);
    fail(&mut throttle, attacker, SOURCE_FREE, at(0));
    let most = u32::try_from(MAX_SOURCES).unwrap();
    for number in 1..most {
        fail(&mut throttle, address(number), 1, at(1));
    }
    for number in most..most + SOURCE_FREE {
        throttle.charge(address(number), at(2)).unwrap();
    }
    assert_eq!(throttle.sources.len(), MAX_SOURCES);
    assert!(throttle.charge(attacker, at(2)).is_err(), "was not evicted");
    assert!(throttle.charge(address(most + 999), at(2)).is_err(), "newcomers share one bucket");
    assert!(throttle.charge(address(1), at(2)).is_ok(), "whoever has an entry keeps it");
    // Time makes room.
    let later = at(2) + MAX_DELAY + FORGIVEN_AFTER * 2;
    assert!(throttle.charge(address(most + 999), later).is_ok());
    assert!(throttle.sources.len() < MAX_SOURCES);
}

#[test]
fn a_user_is_held_then_free_then_locked() {
    let mut throttle = Throttle::new(at(0));
    let user = UserId(7);
    assert_eq!(throttle.held(user, USER_FREE - 1, at(100)), None);
    throttle.attempted(user, USER_FREE, at(100));
    assert_eq!(throttle.held(user, USER_FREE, at(129)), Some(Held::Delayed));
    assert_eq!(throttle.held(user, USER_FREE, at(130)), None);
    assert_eq!(throttle.held(user, USER_LOCK, Monotonic::NEVER), Some(Held::Locked));
    // Unlocked by an admin: the failures are gone, and the delay with them.
    throttle.attempted(user, 50, at(200));
    assert_eq!(throttle.held(user, 0, at(200)), None);
}

#[test]
fn a_restart_begins_the_delay_anew() {
    let user = UserId(7);
    let mut throttle = Throttle::new(at(1000));
    assert_eq!(throttle.held(user, USER_FREE + 1, at(1059)), Some(Held::Delayed));
    assert_eq!(throttle.held(user, USER_FREE + 1, at(1060)), None);
}

#[test]
fn failures_counted_by_another_process_hold_here_too() {
    let user = UserId(7);
    let mut throttle = Throttle::new(at(0));
    throttle.attempted(user, USER_FREE, at(100));
    assert_eq!(throttle.held(user, USER_FREE + 2, at(200)), Some(Held::Delayed));
}
