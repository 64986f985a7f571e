"use strict";

/* Audio and video beside w3c.js in Chromium's page, the same as media.py. A packet of Opus is an encoded frame; of video
   encoded frames are counted, before the decoder, and decoded ones. Played sound has no gaps, so it is not counted. */

const SMALL = { width: 160, height: 120, frameRate: 15 }; // as in media.py

let arrivals = {};

function came(stream) {
  (arrivals[stream] ??= []).push(performance.now());
}

/* What an RTCPeerConnection has to be given, so that encoded frames can be seen. */
const VISIBLE = { encodedInsertableStreams: true };

function through({ readable, writable }, seen) {
  const transform = (frame, next) => (seen(), next.enqueue(frame));
  readable.pipeThrough(new TransformStream({ transform })).pipeTo(writable);
}

async function film() {
  connection.ontrack = ({ track, receiver }) => {
    through(receiver.createEncodedStreams(), () => came(track.kind));
    track.onended = () => said(`${track.kind} closed`);
    if (track.kind === "video") watch(new MediaStreamTrackProcessor({ track }).readable.getReader());
  };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: SMALL });
  for (const track of stream.getTracks()) through(connection.addTrack(track, stream).createEncodedStreams(), () => {});
}

async function watch(frames) {
  for (let frame; (frame = (await frames.read()).value); frame.close()) came("video frames");
}

function takeMedia() {
  const found = arrivals;
  arrivals = {};
  return found;
}
