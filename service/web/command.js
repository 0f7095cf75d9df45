// What to type for the same result.

import { address, contentType, LEAST_CONFIDENCE } from "./service.js";

/**
 * @typedef {object} Asked
 * @property {string | undefined} model missing where the service has only one
 * @property {boolean} withKey
 * @property {number} confidence
 * @property {readonly number[] | undefined} classes missing where all are shown
 */

/**
 * The command that answers exactly what the page shows of a photo.
 * @param {File} photo
 * @param {Asked} asked
 */
export function curl(photo, { model, withKey, confidence, classes }) {
  const url = address("predict", { conf: confidence, classes: classes?.join(","), model });
  const lines = [
    `curl ${quote(url.href.replaceAll("%2C", ","))}`,
    `--data-binary ${quote(`@${photo.name}`)}`,
    `-H ${quote(`content-type: ${contentType(photo)}`)}`,
  ];
  // The key itself stays out of what may be pasted anywhere.
  if (withKey) lines.push('-H "x-api-key: $YOLO_API_KEY"');
  return lines.join(" \\\n  ");
}

/**
 * A few lines of JavaScript that do what the camera does.
 * @param {string | undefined} model
 * @param {boolean} withKey
 */
export function streamCode(model, withKey) {
  const url = streamAddress(model);
  const protocols = withKey ? '["yolo", "key." + apiKey]' : '["yolo"]';
  return [
    `const stream = new WebSocket(${JSON.stringify(url.href)}, ${protocols});`,
    "stream.onopen = () => stream.send(jpeg);   // a Blob: one frame",
    "stream.onmessage = ({ data }) => console.log(JSON.parse(data));",
  ].join("\n");
}

/**
 * The address of the stream that the camera uses.
 * @param {string | undefined} model
 */
export function streamAddress(model) {
  const url = address("stream", { conf: LEAST_CONFIDENCE, model });
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

/**
 * A word of a shell's command line.
 * @param {string} text
 */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
