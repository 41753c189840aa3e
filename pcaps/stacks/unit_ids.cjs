// One gateway address, several stations behind it: modbus-serial asks by unit identifier.
// Usage: node unit_ids.cjs HOST PORT SOURCE_PORT
"use strict";
const Modbus = require("modbus-serial");

const TIMEOUT_MS = 1000;
const PAUSE_MS = 10;
const UNITS = [1, 2, 3, 17, 247, 255, 0];
const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

async function ask(client, unit, label, command) {
  client.setID(unit);
  const answer = await command().then((data) => JSON.stringify(data.data ?? data), (error) => error.message);
  console.log(`unit ${unit}: ${label}: ${answer}`);
  await pause();
}

async function oneByOne(client) {
  for (const unit of UNITS) {
    await ask(client, unit, "read", () => client.readHoldingRegisters(100, 4));
    await ask(client, unit, "read coils", () => client.readCoils(0, 8));
    await ask(client, unit, "write", () => client.writeRegister(20, 100 + unit));
  }
}

// Requests of several units outstanding at once: answers are told apart by transaction and unit.
async function allAtOnce(client) {
  const reads = UNITS.map((unit) => {
    client.setID(unit);
    return client.readInputRegisters(unit % 8, 2);
  });
  console.log(`at once: ${(await Promise.allSettled(reads)).filter((read) => read.status === "fulfilled").length} answers`);
}

async function main([host, port, localPort]) {
  const client = new Modbus();
  client.setTimeout(TIMEOUT_MS);
  await client.connectTCP(host, { port: Number(port), localPort: Number(localPort) });
  await oneByOne(client);
  await allAtOnce(client);
  await new Promise((resolve) => client.close(resolve));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
