"use strict";

/* A prober by W3C's names alone, the same as prober.py: in Chromium's page (browser.html), and in Node.js (node.mjs),
   which gives an RTCPeerConnection. Times are performance.now(). */

const EVERY = 20; // ms; as in prober.py
const RELIABLE_EVERY = 12;

const channels = {};
let connection, heard, opened = null, sent = 0;

function clear() {
  heard = { probes: [], reliable: [], states: [], candidates: [] };
}

function said(what) {
  heard.states.push([performance.now(), what]);
}

function prepare(given) {
  clear();
  connection = new RTCPeerConnection(given);
  connection.onicecandidate = ({ candidate }) => {
    if (candidate?.candidate) heard.candidates.push(candidate.toJSON());
  };
  connection.ondatachannel = ({ channel }) => add(channel);
  connection.onconnectionstatechange = () => said(connection.connectionState);
  connection.oniceconnectionstatechange = () => said(`ice ${connection.iceConnectionState}`);
}

async function offer() {
  add(connection.createDataChannel("probes", { ordered: false, maxRetransmits: 0 }));
  add(connection.createDataChannel("reliable"));
  return describe(await connection.createOffer());
}

async function restart() {
  return describe(await connection.createOffer({ iceRestart: true }));
}

/* Take an offer back that the other side cannot answer. */
async function rollback() {
  await connection.setLocalDescription({ type: "rollback" });
  return {};
}

async function accept(description) {
  await connection.setRemoteDescription(description);
  return description.type === "answer" ? {} : describe(await connection.createAnswer());
}

async function describe(description) {
  await connection.setLocalDescription(description);
  const { type, sdp } = connection.localDescription;
  return { type, sdp };
}

function add(channel) {
  if (channel.label in channels) said(`another channel ${channel.label}`);
  channels[channel.label] = channel;
  channel.onopen = open;
  channel.onclose = () => said(`${channel.label} closed`);
  channel.onmessage =
    channel.label === "probes"
      ? () => heard.probes.push(performance.now())
      : ({ data }) => heard.reliable.push(Number(data));
  open();
}

function open() {
  const { probes, reliable } = channels;
  if (opened || probes?.readyState !== "open" || reliable?.readyState !== "open") return;
  opened = performance.now();
  let number = 0;
  const timer = setInterval(() => {
    if (probes.readyState !== "open" || reliable.readyState !== "open") return clearInterval(timer);
    probes.send(String((number += 1)));
    if (number % RELIABLE_EVERY === 0) reliable.send(String((sent += 1)));
  }, EVERY);
}

function take() {
  const found = { ...heard, sent, opened };
  clear();
  return found;
}

/* As Stack.path in prober.py. */
async function path() {
  const stats = await connection.getStats();
  let transport;
  stats.forEach((each) => (transport = each.type === "transport" ? each : transport));
  const pair = stats.get(transport?.selectedCandidatePairId);
  if (!pair) return { path: "", ufrag: "" };
  const [local, remote] = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
  const words = [local?.candidateType, local?.relayProtocol, ">", remote?.candidateType];
  return { path: words.filter(Boolean).join(" "), ufrag: local?.usernameFragment ?? "" };
}
