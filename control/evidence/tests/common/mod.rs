//! Facts of a gate of which everything is as it is asked for.

use std::collections::BTreeMap;

use wicketgate_evidence::facts::*;

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// A press line that one rule and one conduit reach.
pub(crate) fn good() -> Facts {
    Facts {
        made: "2026-11-23T12:00:00Z".to_owned(),
        config: "policy.toml".to_owned(),
        policy: policy(),
        people: Ok(People { users: vec![user()] }),
        live: Ok(live()),
        log: Ok(log()),
        keys: Ok(vec![KeyFile { path: "audit.key".to_owned(), mode: 0o600 }]),
        program: program(),
    }
}

fn policy() -> Policy {
    Policy {
        assets: vec![Asset {
            name: "press-3".to_owned(),
            zone: "press-line".to_owned(),
            doors: words(["modbus on tcp/502"]),
        }],
        rules: vec![rule()],
        conduits: vec![conduit()],
        cleartext_ports: Vec::new(),
        tunnel: Some(Tunnel {
            lifetime: 43_200,
            site_certificate: true,
            asks_certificates: true,
            most: 64,
        }),
        sentences: (4, 0),
        control: ["auditor", "operator"].map(|role| (role.to_owned(), "anna".to_owned())).to_vec(),
        keeping: Keeping {
            size: Some(1 << 30),
            span: None,
            checkpoint: 10,
            off_box: Some("/mnt/elsewhere/gate.jsonl".to_owned()),
            syslog: Some(Collector { server: "siem.plant.example:6514".to_owned(), by_tls: true }),
        },
        trials: Trials {
            doors: 1,
            proven: 1,
            essential: 1,
            essential_open: 1,
            ..Trials::default()
        },
    }
}

fn right(name: &str, classes: &[&'static str]) -> Right {
    Right {
        name: name.to_owned(),
        assets: words(["press-3"]),
        protocol: "modbus".to_owned(),
        read: true,
        classes: classes.iter().copied().collect(),
        by_code: false,
        allow: words(["read"]),
    }
}

fn rule() -> Rule {
    Rule {
        right: right("engineers load programs", &["read", "program-write"]),
        roles: words(["engineer"]),
        factors: words(["password", "totp"]),
        window: Some("mon 06:00-18:00 UTC".to_owned()),
        approval: Some("shift-lead".to_owned()),
        max_duration: Some(3600),
        max_proof_age: None,
        max_sessions: Some(1),
    }
}

fn conduit() -> Conduit {
    Conduit {
        right: right("the HMI runs press-3", &["read", "write"]),
        from: "192.168.20.5".to_owned(),
        has_mac: true,
        has_port: true,
        rate: Some("always, at most 100 commands a second".to_owned()),
    }
}

fn user() -> User {
    User {
        name: "anna".to_owned(),
        roles: words(["engineer"]),
        disabled: false,
        factors: words(["password", "totp"]),
        failures: 0,
        idle_days: Some(3),
    }
}

fn live() -> Live {
    Live {
        version: "0.1.0".to_owned(),
        uptime: 3600,
        epoch: 4,
        is_of_the_file: true,
        alarms: [("audit-fails".to_owned(), false), ("worker-stalled".to_owned(), false)].into(),
        logins: vec![("anna".to_owned(), words(["password", "totp"]))],
        sessions: 1,
        essential_sessions: 1,
        armed: 0,
        commands: 900,
        denied: 3,
        waiting: (0, 4096),
        sending: Some(Sending { connected: true, waiting: 3, lost: 0 }),
    }
}

fn log() -> Log {
    let counts = |pairs: &[(&str, u64)]| -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    Log {
        files: 3,
        records: 1_204_331,
        fault: None,
        checkpoints: 40,
        signed: Some(40),
        matched: Some(39),
        checkpoint_age: Some(4),
        tail: 2,
        lost: 0,
        headed: 1_204_331,
        steps_back: 0,
        syslog_alarms: 1,
        syslog_fails: false,
        categories: counts(&[
            ("audit", 43),
            ("session", 12),
            ("access", 2),
            ("command", 900),
            ("login", 2),
            ("user", 1),
            ("policy", 1),
        ]),
        types: counts(&[
            ("command", 900),
            ("access-refused", 2),
            ("session-start", 6),
            ("session-end", 4),
            ("login", 1),
            ("logout", 1),
            ("grant-requested", 1),
            ("grant-approved", 1),
            ("break-glass-armed", 1),
        ]),
        attributed: 900,
        denied: 3,
        reasoned: 5,
        serious: 7,
    }
}

fn program() -> Program {
    Program {
        version: "0.1.0".to_owned(),
        fips: true,
        tls: words(["TLS 1.3"]),
        suites: words(["TLS13_AES_256_GCM_SHA384"]),
        limits: Limits {
            lock: 100,
            delayed_from: 5,
            delay: (30, 900),
            password: 15,
            hash: (19 * 1024, 2),
            code: 90,
            idle: 1800,
            login: 43_200,
        },
    }
}
