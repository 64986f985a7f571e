/* A prober that is a WebRTC stack of Node.js: the same questions as prober.py, answered by w3c.js.

       node bench/session/node.mjs STACK CONFIGURATION

   Stacks are packages in build/stacks, where `make/setup.sh proof` puts them. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { runInThisContext } from "node:vm";

const WITHIN = 5e3; // ms
const MODULES = { werift: "werift", wrtc: "@roamhq/wrtc", libdatachannel: "node-datachannel/polyfill" };

const [stack, given] = process.argv.slice(2);
const install = createRequire(new URL("../../build/stacks/package.json", import.meta.url));
globalThis.RTCPeerConnection = install(MODULES[stack]).RTCPeerConnection;
runInThisContext(readFileSync(new URL("w3c.js", import.meta.url), "utf8"));

/* What performance.now() lacks to the machine's monotonic clock; both in seconds. */
const offset = Number(process.hrtime.bigint()) / 1e9 - performance.now() / 1e3;
const time = (milliseconds) => Math.round((milliseconds / 1e3 + offset) * 1e4) / 1e4;

const answers = {
  offer,
  restart,
  accept,
  rollback,
  candidate: async (candidate) => void (await connection.addIceCandidate(candidate)),
  path,
  take: () => {
    const { probes, states, opened, ...rest } = take();
    const told = states.map(([at, what]) => [time(at), what]);
    return { ...rest, probes: probes.map(time), states: told, opened: opened && time(opened), media: {}, association: "" };
  },
  close: () => connection.close(),
};

/* A stack that cannot do what it is asked may also never say so. */
function late(what) {
  return new Promise((_, reject) => setTimeout(reject, WITHIN, `no end of ${what} in ${WITHIN / 1e3} s`));
}

function say(line) {
  process.stdout.write(JSON.stringify(line ?? {}) + "\n");
}

const { stun, turn, username, password, relay_only } = JSON.parse(given);
const iceServers = stun ? [{ urls: stun }] : [];
for (const urls of turn) iceServers.push({ urls, username, credential: password });
prepare({ iceServers, iceTransportPolicy: relay_only ? "relay" : "all" });
say({});
for await (const line of createInterface({ input: process.stdin })) {
  const { do: what, ...question } = JSON.parse(line);
  try {
    say(await Promise.race([answers[what](question), late(what)]));
  } catch (problem) {
    say({ problem: String(problem) });
  }
  if (what === "close") break;
}
process.exit();
