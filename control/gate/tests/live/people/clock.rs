//! The wall clock, set while the gate runs.
//!
//! No namespace has a wall clock of its own, and the machine's is everybody's. The gate gets one by a library
//! that is put before its libc (`tests/lab/clock.c`); the clock that never steps is the kernel's.

use super::*;

const RULES: &str = r#"
[[rule]]
name = "reads at any time"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = ["read"]
factors = ["password"]

[[rule]]
name = "writes by day"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = [{ class = "write", function = 6, address = "0-99" }]
factors = ["password"]
reason = true
window = { days = "mon-fri", from = "08:00", to = "18:00", zone = "UTC" }
"#;

const DAY: i64 = 86_400;

/// A gate's wall clock.
struct Clock {
    library: PathBuf,
    offset: PathBuf,
}

impl Clock {
    fn new(office: &Office) -> Result<Clock, String> {
        let library = modbus::compile_with("tests/lab/clock.c", &["-shared", "-fPIC"])?;
        Ok(Clock { library, offset: office.plant.file("offset") })
    }

    /// Sets it to a Monday of a week to come, at this hour.
    fn set(&self, hour: i64) {
        // 1 January 1970 was a Thursday.
        let today = seconds().cast_signed() / DAY;
        let monday = today + 7 - (today + 3) % 7;
        let offset = monday * DAY + hour * 3600 - seconds().cast_signed();
        // In place: the gate has it mapped.
        let mut open = std::fs::OpenOptions::new();
        let file = open.write(true).create(true).truncate(false).open(&self.offset);
        file.unwrap().write_all(&offset.to_ne_bytes()).unwrap();
    }

    fn start(&self, office: &Office) -> Gate {
        let audit = office.plant.file("audit.jsonl");
        let mut command = office.plant.command(&[], &["--audit", audit.to_str().unwrap()]);
        command.env("LD_PRELOAD", &self.library).env("CLOCK_OFFSET", &self.offset);
        let gate = Gate::spawn(&mut command);
        assert!(gate.says("running"));
        gate
    }
}

#[test]
fn a_step_of_the_wall_clock_neither_extends_nor_cuts_what_it_should_not() {
    const TEST: &str = "a_step_of_the_wall_clock_neither_extends_nor_cuts_what_it_should_not";
    let (server, _) = need!(TEST);
    let office = Office::new(RULES);
    let clock = match Clock::new(&office) {
        Ok(clock) => clock,
        Err(why) => return wicketgate_lab::skip(TEST, &why),
    };
    let _device = device(&office.plant, &server);
    office.add_plain("alice", &["maintenance"]);
    clock.set(10);
    let gate = clock.start(&office);
    let hmi = Hmi::start(&office.plant);
    let alice = office.enter("alice", Some(DESK));
    let reads = || {
        within(|| {
            let mut stream = office.connect().ok()?;
            ask(&mut stream, &[3, 0, 8, 0, 1]).ok().filter(|pdu| pdu[0] == 3)
        });
    };
    let granted = || {
        let (status, grant) = office.request(&alice, "writes by day");
        assert_eq!((status, &grant["state"]), (200, &json!("granted")), "{grant}");
        writes(&office, DESK)
    };
    // Tables are compiled anew once the step has been seen.
    let set = |hour| {
        let before = epoch(&office);
        clock.set(hour);
        within(|| (epoch(&office) > before).then_some(()));
    };
    let mut stream = granted();
    for (hour, what) in [(9, "back"), (17, "forward"), (10, "and to where it was")] {
        set(hour);
        assert!(!refuses_write(&mut stream), "{what}, within the window: nothing changes");
        hmi.goes_on();
    }
    clock.set(20);
    is_cut(&mut stream);
    assert_eq!(office.request(&alice, "writes by day").0, 409, "outside its window");
    reads();
    set(10);
    assert!(office.connect().is_ok_and(|mut stream| refuses_write(&mut stream)), "it stays over");
    // To before it opened: shut, and open again when the clock is put right.
    let mut stream = granted();
    clock.set(-30);
    is_cut(&mut stream);
    reads();
    clock.set(11);
    drop(writes(&office, DESK));
    hmi.stop();
    drop(gate.stop());
    let expired = office.audited("grant-expired");
    assert_eq!((expired.len(), &expired[0]["user"]), (1, &json!("alice")));
}

fn epoch(office: &Office) -> u64 {
    office.ask("GET", "/v1/policy", None, &Value::Null).1["epoch"].as_u64().unwrap()
}
