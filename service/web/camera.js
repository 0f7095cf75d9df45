// Sends what a camera sees, and hands back each frame with what was found in it.

/** @import { ImageResult, StreamMessage } from "../contract.ts" */

import { Problem, problemOf } from "./service.js";

/** Longer side of a frame in pixels: more than models look at, little enough for a phone's connection. */
const LONGEST = 960;

const QUALITY = 0.82;

/** One frame is being worked on and one waits, so that the service never waits for the network. */
const IN_FLIGHT = 2;

/** Seconds between attempts to open a lost stream again, and how often it is tried. */
const RECONNECT_MS = 1_000;
const ATTEMPTS = 5;

/** Codes of an end that is not meant to be one: idle, restart, lost. */
const LOST = new Set([1000, 1001, 1006, 1012]);

/**
 * @typedef {object} CameraEvents
 * @property {(frame: HTMLCanvasElement, image: ImageResult, milliseconds: number) => void} onResult
 * @property {(problem: Problem) => void} onProblem a frame failed; the camera goes on
 * @property {(problem: Problem) => void} onEnd the camera stopped for good
 */

/** A camera that is open. */
export class Camera {
  /** @type {MediaStream} */
  #media;
  #video = document.createElement("video");
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {Map<number, { frame: HTMLCanvasElement, sentAt: number }>} */
  #sent = new Map();
  /** @type {HTMLCanvasElement[]} */
  #spare = [];
  /** @type {HTMLCanvasElement | undefined} the frame that was handed out last, which is still looked at */
  #shown;
  #number = 0;
  #failures = 0;
  #capturing = false;
  #stopped = false;
  /** @type {() => { url: URL, protocols: string[] }} */
  #target;
  /** @type {CameraEvents} */
  #events;

  /**
   * @param {MediaStream} media
   * @param {() => { url: URL, protocols: string[] }} target
   * @param {CameraEvents} events
   */
  constructor(media, target, events) {
    this.#media = media;
    this.#target = target;
    this.#events = events;
    media.getVideoTracks()[0]?.addEventListener("ended", () => {
      this.#end(new Problem("The camera stopped", "It was unplugged, or another program took it."));
    });
    document.addEventListener("visibilitychange", this.#onVisible);
  }

  /**
   * Asks for a camera and begins to send what it sees.
   * @param {string} facing environment or user
   * @param {() => { url: URL, protocols: string[] }} target
   * @param {CameraEvents} events
   */
  static async open(facing, target, events) {
    if (navigator.mediaDevices === undefined) {
      throw new Problem(
        "The camera is not available here",
        "Browsers open it on https:// addresses and on localhost only. Photos work everywhere.",
      );
    }
    const wish = { facingMode: facing, width: { ideal: 1280 }, height: { ideal: 720 } };
    const media = await navigator.mediaDevices.getUserMedia({ video: wish, audio: false }).catch((error) => {
      throw cameraProblem(error);
    });
    const camera = new Camera(media, target, events);
    camera.#video.muted = true;
    camera.#video.playsInline = true;
    camera.#video.srcObject = media;
    await camera.#video.play();
    camera.#connect();
    return camera;
  }

  /** Whether there is another camera to turn to. */
  static async several() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter(({ kind }) => kind === "videoinput").length > 1;
  }

  /** Lets go of the camera and the stream. */
  stop() {
    this.#stopped = true;
    document.removeEventListener("visibilitychange", this.#onVisible);
    for (const track of this.#media.getTracks()) track.stop();
    this.#video.srcObject = null;
    this.#socket?.close(1000);
  }

  /** A page in the background sends nothing, and its stream is closed after a while. */
  #onVisible = () => {
    if (document.visibilityState !== "visible" || this.#stopped) return;
    if (this.#socket === undefined) this.#connect();
    else void this.#capture();
  };

  #connect() {
    const { url, protocols } = this.#target();
    const socket = new WebSocket(url, protocols);
    this.#socket = socket;
    this.#sent.clear();
    this.#number = 0;
    socket.addEventListener("open", () => void this.#capture());
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(data)));
    socket.addEventListener("close", ({ code, reason }) => {
      this.#socket = undefined;
      if (this.#stopped) return;
      if (!LOST.has(code) || ++this.#failures > ATTEMPTS) {
        const why = reason === "" ? "The connection was lost." : `The service closed it: ${reason}.`;
        return this.#end(new Problem("The stream ended", `${why} Open the camera again to go on.`));
      }
      setTimeout(() => {
        if (!this.#stopped && this.#socket === undefined && document.visibilityState === "visible") this.#connect();
      }, RECONNECT_MS);
    });
  }

  /** @param {StreamMessage} message */
  #receive(message) {
    const sent = this.#sent.get(message.frame);
    for (const [number, { frame }] of this.#sent) {
      if (number > message.frame) continue;
      this.#sent.delete(number);
      if (message.type === "error" || frame !== sent?.frame) this.#spare.push(frame);
    }
    if (message.type === "error") {
      this.#events.onProblem(problemOf(message.error));
    } else if (sent !== undefined) {
      this.#failures = 0;
      if (this.#shown !== undefined) this.#spare.push(this.#shown);
      this.#shown = sent.frame;
      this.#events.onResult(sent.frame, message.image, performance.now() - sent.sentAt);
    }
    void this.#capture();
  }

  async #capture() {
    const { videoWidth, videoHeight } = this.#video;
    const open = this.#socket?.readyState === WebSocket.OPEN;
    if (this.#capturing || !open || this.#sent.size >= IN_FLIGHT || document.visibilityState !== "visible") return;
    this.#capturing = true;
    try {
      if (videoWidth === 0) return;
      const scale = Math.min(1, LONGEST / Math.max(videoWidth, videoHeight));
      const canvas = this.#spare.pop() ?? document.createElement("canvas");
      canvas.width = Math.round(videoWidth * scale);
      canvas.height = Math.round(videoHeight * scale);
      canvas.getContext("2d")?.drawImage(this.#video, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise((/** @type {BlobCallback} */ done) => canvas.toBlob(done, "image/jpeg", QUALITY));
      if (blob === null || this.#socket?.readyState !== WebSocket.OPEN) return;
      this.#socket.send(blob);
      this.#sent.set(++this.#number, { frame: canvas, sentAt: performance.now() });
    } finally {
      this.#capturing = false;
    }
    if (this.#sent.size < IN_FLIGHT) this.#video.requestVideoFrameCallback(() => void this.#capture());
  }

  /** @param {Problem} problem */
  #end(problem) {
    if (this.#stopped) return;
    this.stop();
    this.#events.onEnd(problem);
  }
}

/** @param {unknown} error */
function cameraProblem(error) {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return new Problem(
        "The camera was not allowed",
        "Allow it for this page in the browser's settings, then try again.",
      );
    case "NotFoundError":
    case "OverconstrainedError":
      return new Problem("There is no camera", "No camera was found on this device.");
    case "NotReadableError":
      return new Problem("The camera is in use", "Another program or tab uses it. Close that, then try again.");
    default:
      return new Problem("The camera could not be opened", error instanceof Error ? error.message : String(error));
  }
}
