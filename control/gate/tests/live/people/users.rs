//! Users, administered beside a gate that runs: by `wicketgate user`, and by curl.

use super::*;

#[test]
fn the_command_line_changes_users_of_a_gate_that_runs() {
    let (server, _) = need!("the_command_line_changes_users_of_a_gate_that_runs");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let gate = office.start();
    // The gate runs already: its store is empty.
    let secret = office.add("alice", &["maintenance"]);
    let hmi = Hmi::start(&office.plant);
    let (status, login) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 200, "{login}");
    let mut stream = office.connected();
    assert_eq!(register(&mut stream, 7), 70);
    assert!(office.user(&["disable", "alice"]).status().unwrap().success());
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(ask(&mut stream, &[3, 0, 7, 0, 1]).is_err(), "at once");
    let (status, _) = office.log_in("alice", &code(&secret, 1));
    assert_eq!(status, 401, "disabled");
    hmi.stop();
    drop(gate.stop());
    let disabled = office.audited("user-disabled");
    assert_eq!(
        (&disabled[0]["user"], &disabled[0]["actor"]),
        (&json!("alice"), &json!("root (uid 0)"))
    );
    assert_eq!(office.audited("logout")[0]["reason"], "disabled");
}

#[test]
fn every_user_command_is_done_by_the_gate_that_runs() {
    let (server, _) = need!("every_user_command_is_done_by_the_gate_that_runs");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let run = |words: &[&str], lines: &[&str], exit: i32, says: &str| {
        let output = office.type_in(office.user(words), lines);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{words:?}: {said}");
        assert!(said.contains(says), "{words:?}: {said}");
        said
    };
    run(&["add", "root.2", "--no-totp", "--admin"], &[PASSWORD], 0, "has a password");
    run(&["add", "alice", "--no-totp"], &["short"], 2, "at least 15 characters");
    run(&["add", "alice", "--no-totp", "--full-name", "Alice A."], &[PASSWORD], 0, "");
    run(&["add", "alice", "--no-totp"], &[PASSWORD], 1, "another user has that name");
    run(&["roles", "alice", "--role", "maintenance"], &[], 0, "has these roles");
    run(&["roles", "alice", "--role", "NO ROLE"], &[], 2, "");
    run(&["password", "alice"], &[PASSWORD], 1, "enrolled already");
    run(&["reset", "alice", "--factor", "password"], &[], 0, "has no password any more");
    run(&["reset", "alice", "--factor", "nose"], &[], 2, "no factor `nose`");
    run(&["password", "alice"], &[PASSWORD], 0, "has a password");
    run(&["recovery-codes", "alice"], &[], 1, "no such factor");
    run(&["enrol-totp", "alice"], &["000000"], 1, "the code is not right");
    run(&["disable", "alice"], &[], 0, "is disabled");
    run(&["enable", "alice"], &[], 0, "may log in again");
    run(&["unlock", "alice"], &[], 0, "is unlocked");
    run(&["disable", "root.2"], &[], 1, "the last admin");
    run(&["disable", "nobody"], &[], 1, "no such user");
    run(&["disable", "../../v1/policy/reload"], &[], 2, "");
    let listed: Value = serde_json::from_str(&run(&["list", "--json"], &[], 0, "")).unwrap();
    assert_eq!(
        (&listed[0]["name"], &listed[0]["factors"]),
        (&json!("alice"), &json!(["password"]))
    );
    run(&["remove", "alice"], &[], 0, "is removed");
    run(&["list"], &[], 0, "root.2");
    hmi.stop();
    drop(gate.stop());
    // All of it was the gate's doing, and is told with who asked.
    for (kind, times) in [
        ("user-added", 2),
        ("user-roles", 1),
        ("factor-enrolled", 3),
        ("factor-reset", 1),
        ("user-disabled", 1),
        ("user-enabled", 1),
        ("user-unlocked", 1),
        ("user-removed", 1),
    ] {
        let told = office.audited(kind);
        assert_eq!(told.len(), times, "{kind}: {told:?}");
        assert!(told.iter().all(|record| record["actor"] == "root (uid 0)"), "{told:?}");
    }
    // And where no gate runs, the store is asked.
    run(&["list"], &[], 0, "root.2");
}

#[test]
fn curl_enrols_a_user_and_no_secret_is_said_twice() {
    const TEST: &str = "curl_enrols_a_user_and_no_secret_is_said_twice";
    let (server, _) = need!(TEST);
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    // The body comes by standard input: what stands on a command line, `ps` shows to everybody.
    let curl = |method: &str, path: &str, body: &Value| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--max-time", "20", "--write-out", "%{http_code}", "-X", method]);
        command.arg("--unix-socket").arg(office.state.join("control.sock"));
        command.args(["--data", "@-"]).arg(format!("http://localhost{path}"));
        let output = office.type_in(command, &[&body.to_string()]);
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.split_at(text.len() - 3);
        let body: Value = serde_json::from_str(body).unwrap();
        (status.parse::<u16>().unwrap(), body)
    };
    if Command::new("curl").arg("--version").output().is_err() {
        return wicketgate_lab::skip(TEST, "there is no curl");
    }
    let alice = json!({"name": "alice", "roles": ["maintenance"]});
    assert_eq!(curl("POST", "/v1/users", &alice).0, 200);
    let password = json!({"password": PASSWORD});
    assert_eq!(curl("PUT", "/v1/users/alice/password", &password).0, 200);
    let (status, enrolment) = curl("POST", "/v1/users/alice/totp", &Value::Null);
    assert_eq!(status, 200);
    let secret = enrolment["secret"].as_str().unwrap();
    assert!(enrolment["uri"].as_str().unwrap().contains(secret));
    let (status, said) = curl("POST", "/v1/users/alice/totp/confirm", &json!({"code": "000000"}));
    assert_eq!((status, &said["code"]), (422, &json!("wrong-code")));
    not_at_the_end_of_a_step();
    let confirm = json!({"code": code(secret, -1)});
    assert_eq!(curl("POST", "/v1/users/alice/totp/confirm", &confirm).0, 200);
    let (status, again) = curl("POST", "/v1/users/alice/totp", &Value::Null);
    assert_eq!((status, &again["code"]), (409, &json!("already-enrolled")), "shown once");
    let certificates = |print: &str| {
        let new = json!({"thumbprint": print, "label": "laptop"});
        curl("POST", "/v1/users/alice/certificates", &new)
    };
    assert_eq!(certificates("not hex").1["code"], "invalid");
    assert_eq!(certificates(&"5c".repeat(32)).0, 200);
    assert_eq!(certificates(&"5C".repeat(32)).1["code"], "already-enrolled");
    let (_, codes) = curl("POST", "/v1/users/alice/recovery-codes", &Value::Null);
    let codes: Vec<&str> = codes.as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert_eq!(codes.len(), 10);
    assert_eq!(office.log_in("alice", &code(secret, 0)).0, 200);
    assert_eq!(office.log_in("alice", codes[0]).0, 200);
    assert_eq!(register(&mut office.connected(), 7), 70);
    let (_, users) = curl("GET", "/v1/users", &Value::Null);
    hmi.stop();
    let said = gate.everything_said();
    let audit = std::fs::read_to_string(office.plant.file("audit.jsonl")).unwrap();
    for text in [users.to_string(), said, audit] {
        for secret in codes.iter().copied().chain([PASSWORD, secret]) {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn what_root_makes_without_a_gate_is_the_services() {
    use std::os::unix::fs::{MetadataExt, chown};
    const TEST: &str = "what_root_makes_without_a_gate_is_the_services";
    const SERVICE: u32 = 65_534;
    if let Err(why) = wicketgate_lab::available() {
        return wicketgate_lab::skip(TEST, &why);
    }
    let office = Office::new(RULES);
    // The plant's folder is the test's own; the service may go through it now.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(office.plant.file("."), open).unwrap();
    std::fs::create_dir(&office.state).unwrap();
    chown(&office.state, Some(SERVICE), Some(SERVICE)).unwrap();
    office.add_plain("alice", &["maintenance"]);
    let folder = office.state.join("identity");
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let all: Vec<_> = files.chain([folder]).collect();
    assert!(all.len() >= 3, "{all:?}");
    for path in all {
        assert_eq!(std::fs::metadata(&path).unwrap().uid(), SERVICE, "{}", path.display());
    }
}
