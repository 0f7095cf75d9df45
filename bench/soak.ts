import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readArguments } from "../local/arguments.ts";
import { runMain, UserError } from "../local/errors.ts";
import { ROOT } from "../local/paths.ts";
import { readModel } from "../service/src/model/model.ts";
import { type Running, start } from "./service/running.ts";
import { CONTENDERS } from "./service/servers.ts";
import { type Kind, makeAgent, makeKinds, sendOne, sequence } from "./soak/mix.ts";

const USAGE = `Usage: npm run bench:soak [-- --requests NUMBER] [--set KEY=VALUE ...] [--json FILE]
Sends a long mix of requests to a server of models/street.onnx, and fails with exit code 1 when its memory grew by 5 % or
more from the second tenth of them to the last. Explained in docs/bench.md.

  --requests NUMBER  how many, at least 1000 (default: 20000)
  --set KEY=VALUE    an environment variable of the server; may be given several times
  --json FILE        write the result as JSON as well`;

/** Callers at once. */
const CALLERS = 8;

/** Between two looks at the server's memory, in milliseconds. */
const LOOK_MS = 100;

/** From this on memory has grown. */
const MOST_GROWTH = 0.05;

interface Result {
  requests: number;
  seconds: number;
  /** Median resident memory of the server in MB while each tenth of the requests was sent. */
  rssMb: number[];
  /** Of the last tenth over the second; the first one warms up. */
  growth: number;
}

function readNumber(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1000) return value;
  throw new UserError(
    `Expected a whole number from 1000 for --requests but received ${JSON.stringify(text)}.\n\n${USAGE}`,
  );
}

function readVariables(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const [, key, value] = /^([A-Z_][A-Z0-9_]*)=(.*)$/s.exec(text) ?? [];
      if (key !== undefined && value !== undefined) return [key, value];
      throw new UserError(`Expected KEY=VALUE for --set but received ${JSON.stringify(text)}.\n\n${USAGE}`);
    }),
  );
}

async function startServer(env: Record<string, string>, folder: string, signal: AbortSignal): Promise<Running> {
  const ours = CONTENDERS.find(({ kind }) => kind === "ours");
  if (ours === undefined) throw new Error("expected our own server among those of the benchmark");
  const model = join(ROOT, "models/street.onnx");
  const inputs = {
    model,
    content: await readFile(model),
    photo: await readFile(join(ROOT, "samples/street.jpg")),
    folder,
  };
  const command: typeof ours.command = async (port, given, until) => {
    const plain = await ours.command(port, given, until);
    return { ...plain, env: { LOG_LEVEL: "error", ...plain.env, ...env } };
  };
  return start({ ...ours, command }, inputs, signal);
}

async function soak(
  server: Running,
  kinds: readonly Kind[],
  requests: number,
  agent: Agent,
  signal: AbortSignal,
): Promise<Result> {
  const samples: number[][] = Array.from({ length: 10 }, () => []);
  const order = sequence(kinds);
  const url = new URL(server.call.url).origin;
  let sent = 0;
  const look = () => samples[Math.min(9, Math.floor((10 * sent) / requests))]?.push(server.usage().rssMb);
  const timer = setInterval(look, LOOK_MS);
  const started = performance.now();
  const caller = async () => {
    while (sent < requests) {
      signal.throwIfAborted();
      sent++;
      if (sent % (requests / 10) === 0) console.error(`${sent} requests, ${Math.round(server.usage().rssMb)} MB`);
      await sendOne(url, order.next().value, agent);
    }
  };
  try {
    await Promise.all(Array.from({ length: CALLERS }, caller));
  } finally {
    clearInterval(timer);
  }
  const rssMb = samples.map(median);
  const [, second = 0] = rssMb;
  const growth = (rssMb.at(-1) ?? 0) / second - 1;
  return { requests, seconds: (performance.now() - started) / 1000, rssMb, growth };
}

function median(values: readonly number[]): number {
  if (values.length === 0)
    throw new UserError("Expected to see the server's memory in every tenth; send more requests.");
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function report({ requests, seconds, rssMb, growth }: Result): string {
  const tenths = rssMb.map((mb) => Math.round(mb)).join(", ");
  const grown = `${(100 * growth).toFixed(1)} %`;
  return (
    `${requests} requests in ${Math.round(seconds)} s, ${CALLERS} at a time, every one answered as expected\n` +
    `resident memory in MB, by tenths: ${tenths}\nfrom the second tenth to the last: ${grown} (less than 5 % is good)`
  );
}

await runMain(async (signal) => {
  const values = readArguments(USAGE, {
    options: { requests: { type: "string" }, set: { type: "string", multiple: true }, json: { type: "string" } },
  })?.values;
  if (values === undefined) return;
  const requests = readNumber(values.requests ?? "20000");
  const folder = await mkdtemp(join(tmpdir(), "yolo-soak-"));
  const agent = makeAgent(CALLERS);
  let server: Running | undefined;
  try {
    server = await startServer(readVariables(values.set ?? []), folder, signal);
    const { width, height } = readModel(await readFile(join(ROOT, "models/street.onnx")));
    const photo = await readFile(join(ROOT, "samples/street.jpg"));
    const result = await soak(
      server,
      await makeKinds(photo, { name: "bench", width, height }),
      requests,
      agent,
      signal,
    );
    console.log(report(result));
    if (values.json !== undefined)
      await writeFile(resolve(process.env.INIT_CWD ?? ".", values.json), `${JSON.stringify(result, undefined, 2)}\n`);
    if (result.growth >= MOST_GROWTH) process.exitCode = 1;
  } finally {
    agent.destroy();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
