import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.ts";
import type { ApiClient } from "./api.ts";
import { FAILED_LOGS, NODE_DIR, NODE_NAME } from "./paths.ts";
import { findNode } from "./processes.ts";

/** How often a component may end before the start is given up. */
const MOST_EXITS = 4;
const LOG_LINES = 15;

/** What is said of a node whose first process is gone while it starts. */
export const ENDED = "ended (did `npm stop` run meanwhile?)";

interface Node {
  status?: { conditions?: { type: string; status: string }[] };
}

/** Whether the API server answers that it is ready. */
export async function apiReady(api: ApiClient, signal?: AbortSignal): Promise<boolean> {
  return api.call("/readyz", signal === undefined ? {} : { signal }).then(
    () => true,
    () => false,
  );
}

/** Whether the node can take pods, by its own word. */
export async function nodeReady(api: ApiClient, signal?: AbortSignal): Promise<boolean> {
  const node = await api
    .get<Node>(`/api/v1/nodes/${NODE_NAME}`, signal === undefined ? {} : { signal })
    .catch(() => undefined);
  return node?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/**
 * Waits until `check` says yes. Throws a UserError with the log of the component that is to blame when the node ends,
 * when a component keeps ending, or after `timeoutMs`; `component` is blamed when none has ended.
 */
export async function waitUntil(
  check: () => Promise<boolean>,
  { component, timeoutMs, signal }: { component: string; timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    signal.throwIfAborted();
    if (findNode() === undefined) throw await nodeFailure("node", ENDED);
    const ended = await componentThatEnds();
    if (ended !== undefined) throw await nodeFailure(ended, `ended ${MOST_EXITS} times`);
    if (Date.now() > deadline) throw await nodeFailure(component, `was not ready after ${timeoutMs / 1000} s`);
    await sleep(100, undefined, { signal });
  }
}

async function componentThatEnds(): Promise<string | undefined> {
  const exits = await readFile(join(NODE_DIR, "exits"), "utf8").catch(() => ""); // not there before the first exit
  const byComponent = Map.groupBy(exits.trimEnd().split("\n"), (line) => line.split(" ")[0] ?? "");
  return [...byComponent].find(([name, lines]) => name !== "" && lines.length >= MOST_EXITS)?.[0];
}

/** The error that says which component of the node failed and how, with the end of its log and where all logs are kept. */
export async function nodeFailure(component: string, what: string): Promise<UserError> {
  const log = (await readFile(join(NODE_DIR, "log", `${component}.log`), "utf8").catch(() => "")).trim();
  const lines = log.split("\n").slice(-LOG_LINES);
  return new UserError(
    `The embedded cluster did not start: ${component === "node" ? "the node" : component} ${what}.\n` +
      (log === "" ? "" : `The last lines of its log:\n${lines.map((line) => `  ${line.slice(0, 400)}\n`).join("")}`) +
      `All logs are kept in ${FAILED_LOGS} until the next start or stop.`,
  );
}
