// An HMI on nodes7: reads several variables at once, writes some, reads them again; prints the answers.
//
// Usage: NODE_PATH=.../node_modules node s7_client.cjs HOST [PORT]
//
// All of it goes over one connection. What a device refuses is printed and no reason to stop.
"use strict";

const NodeS7 = require("nodes7");

const [host, port] = process.argv.slice(2);
const VARIABLES = { level: "DB1,INT0", motor: "DB1,X4.0", setpoint: "DB10,WORD0", speed: "DB10,REAL4", flag: "M0.0" };
const WRITES = [["setpoint", 700], ["setpoint", 1500], ["setpoint", 1501], ["speed", 12.5], ["level", 1], ["motor", true], ["flag", true]];

const plc = new NodeS7({ silent: true });
const read = () => new Promise((done) => plc.readAllItems((bad, values) => done({ bad, values })));
const write = (name, value) => new Promise((done) => plc.writeItems(name, value, done));

async function main() {
    plc.setTranslationCB((tag) => VARIABLES[tag]);
    plc.addItems(Object.keys(VARIABLES));
    console.log("read", JSON.stringify(await read()));
    for (const [name, value] of WRITES) {
        console.log("write", name, value, (await write(name, value)) ? "REFUSED" : "done");
    }
    console.log("read", JSON.stringify(await read()));
    plc.dropConnection(() => process.exit(0));
}

plc.initiateConnection({ host, port: Number(port || 102), rack: 0, slot: 2, timeout: 5000 }, (error) => {
    if (error) {
        console.log("no connection:", error);
        process.exit(1);
    }
    main();
});
