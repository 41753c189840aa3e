//! What `wicketgate evidence` sees of a gate that runs.

use super::*;

/// How a check stands, and what it has seen, of the policy file as it is now.
fn finding(office: &Office, check: &str) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    command
        .args(["evidence", "--format", "json", "--config"])
        .arg(office.plant.file("policy.toml"));
    let output = command.arg("--audit").arg(office.plant.file("audit.jsonl")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|found| found["check"] == check).unwrap();
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    (text("outcome"), text("seen"))
}

#[test]
fn evidence_asks_the_gate_that_runs() {
    let (server, _) = need!("evidence_asks_the_gate_that_runs");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let gate = office.start();
    let secret = office.add("alice", &["maintenance"]);
    let (status, login) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 200, "{login}");
    let mut stream = office.connected();
    assert_eq!(register(&mut stream, 7), 70);
    let (outcome, seen) = finding(&office, "gate-runs");
    assert_eq!(outcome, "satisfied", "{seen}");
    assert!(seen.ends_with(", by this policy"), "{seen}");
    let accounts = finding(&office, "accounts");
    assert_eq!(accounts.0, "satisfied", "{}", accounts.1);
    assert_eq!(finding(&office, "factors-enrolled").0, "satisfied");
    let logins = finding(&office, "logins-now");
    assert_eq!(logins.1, "1 of 1 login now have proven two factors");
    assert_eq!(finding(&office, "audit-takes").0, "satisfied");
    let door = finding(&office, "one-door");
    assert_eq!(door.0, "not-satisfied", "people log in in clear here: {}", door.1);
    within(|| (finding(&office, "log-attributed").1.starts_with("1 of 1 ")).then_some(()));
    // The file says something else than the gate that runs.
    office.write_rules("");
    let (outcome, seen) = finding(&office, "gate-runs");
    assert_eq!(outcome, "not-satisfied");
    assert!(seen.ends_with(", by another policy than this file"), "{seen}");
    drop(gate.stop());
    assert_eq!(finding(&office, "gate-runs").0, "not-looked");
}
