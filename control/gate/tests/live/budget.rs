//! A cycle so short that no gate keeps its budget.

use serde_json::{Value, json};

use crate::plant::{CONDUIT, Plant};
use crate::{assert_whole, device, register};

/// What the log has of cycle budgets and alarms.
fn told(plant: &Plant) -> Vec<Value> {
    let of_system = |record: &Value| record["category"] == "system";
    plant.audit("audit.jsonl").into_iter().filter(of_system).collect()
}

#[test]
fn a_budget_that_no_gate_keeps_is_an_alarm_as_long_as_there_are_frames() {
    let (server, _) = need!("a_budget_that_no_gate_keeps_is_an_alarm_as_long_as_there_are_frames");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    plant.write_policy(&format!("{CONDUIT}[gate]\nbudget_window = \"1s\"\n"));
    let policy = plant.file("policy.toml");
    let text = std::fs::read_to_string(&policy).unwrap();
    let narrow = text.replace("cycle = \"10ms\"", "cycle = \"1us\"\nbudget = \"1%\"");
    assert_ne!(narrow, text);
    std::fs::write(&policy, narrow).unwrap();
    let gate = plant.start("audit.jsonl");
    let mut stream = plant.connect().unwrap();
    register(&mut stream, 1);
    assert!(gate.says("ALARM: cycle budget: press-3: "));
    assert!(gate.says("alarm is over: cycle-budget"), "a second without a frame");
    assert_whole(&gate.stop());
    let told = told(&plant);
    let first = |kind: &str| told.iter().find(|record| record["type"] == kind).unwrap();
    let breached = first("budget-breached");
    assert_eq!((&breached["asset"], &breached["worker"]), (&json!("press-3"), &json!(0)));
    assert_eq!((&breached["cycle_ns"], &breached["budget_ns"]), (&json!(1_000), &json!(10)));
    assert_eq!(breached["times"], breached["frames"], "each frame takes more than 10 ns");
    assert_eq!(first("budget-recovered")["asset"], "press-3");
    assert_eq!((&first("alarm")["reason"], told.len()), (&json!("cycle-budget"), 4), "{told:?}");
}
