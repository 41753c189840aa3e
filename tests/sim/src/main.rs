//! quick
use wicketgate_sim::{*, gate::{Gate, compile}, protocol::Protocol};
fn main() {
    let args: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let tables = compile(Modbus::POLICY);
    let (mut steps, mut frames) = (0, 0);
    for seed in args[0]..args[0] + args[1] {
        let scenario = Scenario::new(seed);
        let gate = Gate::new(tables.clone(), scenario.tick);
        let mut world: World<Modbus, Smol, Gate> = World::new(scenario.clone(), Smol::new, gate);
        let out = if args.len() > 3 { World::<Modbus, Smol, _>::new(scenario.clone(), Smol::new, wicketgate_sim::wire::Wire::default()).run() } else { world.run() };
        match out {
            Ok(out) => { steps += out.steps; frames += out.entered + out.left; if args.get(2) == Some(&1) { println!("{seed} {out:?}") } }
            Err(v) => println!("seed {seed}: {v} {:?} {:?} | {:?} {:?}| {:?}", scenario.client.receive, scenario.server.receive, scenario.client.keep_alive, scenario.server.keep_alive, scenario.closer),
        }
    }
    println!("{steps} steps {frames} frames");
}
