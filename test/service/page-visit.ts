import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, request } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { AxeResults } from "axe-core";
import type { BrowserContext, Page } from "playwright-core";
import sharp from "sharp";
import { ROOT } from "../../local/paths.ts";
import type { Box, StreamMessage } from "../../service/contract.ts";
import { startApp } from "./running-app.ts";
import { modelEntry } from "./support.ts";

/** The photo that tests drop, and the model that looks at it. */
export const PHOTO = join(ROOT, "samples", "street.jpg");
const MODEL = modelEntry("street", join(ROOT, "models", "street.onnx"));

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What WCAG 2.2 asks for on its levels A and AA, and what axe's authors advise beyond. */
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Frames of a film of the street: the photo, moving by 6 pixels from one frame to the next, and back. */
export function filmFrames(): Promise<Buffer[]> {
  const crops = Array.from({ length: 30 }, (_, i) => ({
    left: 6 * Math.abs(15 - i),
    top: 0,
    width: 1120,
    height: 640,
  }));
  return Promise.all(crops.map((crop) => sharp(PHOTO).extract(crop).jpeg().toBuffer()));
}

/** Flags with which Chromium takes a film (JPEGs, one after the other) for a camera that it may open. */
export function cameraFlags(film: string): string[] {
  return [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-video-capture=${film}`,
  ];
}

/** A service with the street model that browsers can reach. */
export async function startService(more: Record<string, string> = {}) {
  const { app, close } = await startApp("raw", { MODELS: MODEL, ...more });
  await app.listen({ host: "127.0.0.1", port: 0 });
  return { address: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, close };
}

/** A proxy that shows a service below a path, with the path taken away and all else passed on. */
export async function startProxy(address: string, path: string) {
  const { hostname, port } = new URL(address);
  const ask = ({ method, url = "", headers }: IncomingMessage) => {
    return request({ hostname, port, method, path: url.replace(path, ""), headers });
  };
  const server = createServer((asked, answer) => {
    const passed = ask(asked).once("response", (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers);
      given.pipe(answer);
    });
    asked.pipe(passed);
  });
  const open = new Set<Duplex>();
  server.on("upgrade", (asked, socket) => {
    const passed = ask(asked).once("upgrade", (given, upstream) => {
      const lines = Object.entries(given.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
      for (const end of [socket, upstream]) open.add(end.on("error", () => {}));
      upstream.pipe(socket).pipe(upstream);
    });
    passed.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    for (const end of open) end.destroy();
    server.closeAllConnections();
    server.close();
  };
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** A page that is open, and all that it said and asked for meanwhile. */
export interface Visit {
  page: Page;
  /** Addresses of requests and WebSockets. */
  asked: string[];
  /** Errors and warnings of the console, exceptions, and requests that failed. */
  complaints: string[];
  /** What came by WebSockets. */
  messages: StreamMessage[];
}

/** Opens a page of the service in a tab of its own. */
export async function visit(context: BrowserContext, address: string): Promise<Visit> {
  const page = await context.newPage();
  const seen: Visit = { page, asked: [], complaints: [], messages: [] };
  page.setDefaultTimeout(30_000);
  page.on("request", (request) => seen.asked.push(request.url()));
  page.on("requestfailed", (request) => seen.complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on("pageerror", (error) => seen.complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) seen.complaints.push(message.text());
  });
  page.on("websocket", (socket) => {
    seen.asked.push(socket.url());
    socket.on("framereceived", ({ payload }) => seen.messages.push(JSON.parse(String(payload))));
  });
  // As an initial script, because the pages' own policy lets nothing else into them.
  await page.addInitScript({ content: AXE });
  await page.goto(address, { waitUntil: "networkidle" });
  return seen;
}

/** Asserts that a page asked nobody but its service, and that the browser had nothing to complain about. */
export function assertQuiet({ asked, complaints }: Visit, address: string): void {
  const own = [address, address.replace("http:", "ws:"), `blob:${new URL(address).origin}`].map((start) => `${start}/`);
  const foreign = asked.filter((url) => !own.some((start) => url.startsWith(start)));
  assert.deepEqual(foreign, []);
  assert.deepEqual(complaints, []);
}

/** Asserts that axe finds no fault in what a page shows now. */
export async function assertAccessible(page: Page): Promise<void> {
  const results = await page.evaluate((values): Promise<AxeResults> => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    return axe.run({ runOnly: { type: "tag", values } });
  }, AXE_TAGS);
  assert.ok(results.passes.length > 15, `only ${results.passes.length} rules applied`);
  const faults = results.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html)}`);
  assert.deepEqual(faults, []);
}

/** Asserts that nothing of a page is beyond the right edge of its window. */
export async function assertFits(page: Page): Promise<void> {
  const [content, window] = (await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")) as [
    number,
    number,
  ];
  assert.ok(content <= window, `${content} pixels in a window of ${window}`);
}

/**
 * Which share of the left edge of an object's box has a colour in the picture that the page shows.
 * @param width pixels that the coordinates are of
 */
export async function edgeShare(page: Page, { x1, y1, y2 }: Box, colour: string, width: number): Promise<number> {
  const shown = String(await page.evaluate("document.querySelector('#canvas').toDataURL()"));
  const { data, info } = await sharp(Buffer.from(shown.split(",")[1] ?? "", "base64"))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const scale = info.width / width;
  const wanted = [1, 3, 5].map((i) => Number.parseInt(colour.slice(i, i + 2), 16));
  const near = Array.from({ length: 20 }, (_, i) => {
    const y = Math.round((y1 + ((y2 - y1) * (i + 0.5)) / 20) * scale);
    const at = (y * info.width + Math.round(x1 * scale)) * 3;
    return wanted.every((value, channel) => Math.abs(value - (data[at + channel] ?? -999)) < 48);
  });
  return near.filter(Boolean).length / near.length;
}
