import { PATHS } from "../../service/contract.ts";

/** A request that must never be answered where it is hidden in another one. */
export const INNER = `GET ${PATHS.info} HTTP/1.1\r\nhost: a\r\n\r\n`;

/** The head of a request to `/predict`, with the given lines of headers. */
export function head(...lines: string[]): string {
  return `${[`POST ${PATHS.predict} HTTP/1.1`, "host: a", "content-type: image/png", ...lines].join("\r\n")}\r\n\r\n`;
}

/** A whole request to `/predict`. */
export function post(image: Uint8Array, ...lines: string[]): Buffer {
  return Buffer.concat([Buffer.from(head(`content-length: ${image.length}`, ...lines)), image]);
}

/** The same as one chunk. */
export function chunkedPost(image: Uint8Array): Buffer {
  const size = image.length.toString(16);
  return Buffer.concat([
    Buffer.from(`${head("transfer-encoding: chunked")}${size}\r\n`),
    image,
    Buffer.from("\r\n0\r\n\r\n"),
  ]);
}

/** A form with an image, cut nowhere. */
export function formPost(image: Uint8Array): Buffer {
  const before = `--X\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n`;
  const after = "\r\n--X--\r\n";
  const length = before.length + image.length + after.length;
  const lines = ["host: a", "content-type: multipart/form-data; boundary=X", `content-length: ${length}`];
  const start = `POST ${PATHS.predict} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${before}`;
  return Buffer.concat([Buffer.from(start), image, Buffer.from(after)]);
}

/** The handshake of a WebSocket. */
export function handshake(...lines: string[]): string {
  return `${[`GET ${PATHS.stream} HTTP/1.1`, "host: a", "connection: upgrade", "upgrade: websocket", ...lines].join("\r\n")}\r\n\r\n`;
}

/** Headers that make a handshake whole. */
export const HANDSHAKE_KEY = ["sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="];

/** Requests that a proxy may understand otherwise than the server behind it: the second one in them must not be seen. */
export const SMUGGLING: Readonly<Record<string, string>> = {
  "both lengths, the chunks shorter": head(`content-length: ${5 + INNER.length}`, "transfer-encoding: chunked").concat(
    `0\r\n\r\n${INNER}`,
  ),
  "both lengths, the chunks longer": head("content-length: 4", "transfer-encoding: chunked").concat(
    `${INNER.length.toString(16)}\r\n${INNER}\r\n0\r\n\r\n`,
  ),
  "two different lengths": head("content-length: 0", `content-length: ${INNER.length}`).concat(INNER),
  "a list of lengths": head(`content-length: 0, ${INNER.length}`).concat(INNER),
  ...Object.fromEntries(
    ["+0", "-0", "-1", "0x0", "0e0", "0 0", "", "zero", "1_0"].map((length) => {
      return [`content-length "${length}"`, head(`content-length: ${length}`).concat(INNER)];
    }),
  ),
  ...Object.fromEntries(
    [
      "transfer-encoding: xchunked",
      "transfer-encoding: chunked, identity",
      "transfer-encoding: chunked\r\ntransfer-encoding: identity",
      "transfer-encoding: identity",
      "transfer-encoding : chunked",
      "transfer-encoding\t: chunked",
      " transfer-encoding: chunked",
      "transfer-encoding: \x0bchunked",
      "transfer-encoding: chunked\0",
      'transfer-encoding: "chunked"',
      "x: y\ntransfer-encoding: chunked",
      "x: y\rtransfer-encoding: chunked",
    ].map((lines) => [JSON.stringify(lines), head("content-length: 5", lines).concat(`0\r\n\r\n${INNER}`)]),
  ),
};

/** Bodies in chunks that are none. */
export const BAD_CHUNKS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    "no size": "\r\nabc\r\n0\r\n\r\n",
    "a size that is no number": "xyz\r\nabc\r\n0\r\n\r\n",
    "a size with a sign": "+3\r\nabc\r\n0\r\n\r\n",
    "a size with a prefix": "0x3\r\nabc\r\n0\r\n\r\n",
    "a size of 17 digits": `1${"0".repeat(16)}\r\nabc`,
    "more than the size": "3\r\nabcdef\r\n0\r\n\r\n",
    "line feeds alone": "3\nabc\n0\n\n",
    "an endless extension": `3;${"x".repeat(40_000)}\r\nabc\r\n0\r\n\r\n`,
    "a zero byte in the size": "3\0\r\nabc\r\n0\r\n\r\n",
    "trailers that are no headers": "0\r\nno colon\r\n\r\n",
  }).map(([name, body]) => [name, head("transfer-encoding: chunked").concat(body)]),
);

/** What other programs say to a port that they do not know. */
export const FOREIGN: Readonly<Record<string, string>> = {
  "the begin of TLS": "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".padEnd(300, "\x80"),
  "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
  "HTTP/9.9": "GET / HTTP/9.9\r\nhost: a\r\n\r\n",
  "a method in small letters": "get / HTTP/1.1\r\nhost: a\r\n\r\n",
  "an unknown method": "BREW / HTTP/1.1\r\nhost: a\r\n\r\n",
  "no host": `GET ${PATHS.info} HTTP/1.1\r\n\r\n`,
  "a space in the address": "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
  "a zero byte in a header": `GET ${PATHS.info} HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n`,
  "a header without a name": `GET ${PATHS.info} HTTP/1.1\r\nhost: a\r\n: x\r\n\r\n`,
  "line feeds alone": `GET ${PATHS.info} HTTP/1.1\nhost: a\n\n`,
  SMTP: "EHLO a\r\n",
  SSH: "SSH-2.0-OpenSSH_9.9\r\n",
  Redis: "*1\r\n$4\r\nPING\r\n",
  zeros: "\0".repeat(5000),
};
