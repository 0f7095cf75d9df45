import type { ListrTask } from "listr2";
import { prefetchModules } from "./build.ts";
import { findTool, getTool, type Tool } from "./cache.ts";
import { PINS, type Pin } from "./pins.ts";
import { hostAnswers } from "./release.ts";
import { getRuntime, type Runtime } from "./runtime.ts";

/** How often the line below a running task is renewed, in milliseconds. */
const REFRESH_MS = 500;

/** What the tasks put together; complete when every task has ended well. */
export interface Collected {
  tools: Tool[];
  runtime?: Runtime;
}

/**
 * One listr2 task for each tool of the toolchain, to be run one after the other: building one uses every core. Without a
 * terminal a task prints nothing while it runs. The list they run in needs `LIST_OPTIONS`.
 */
export function toolchainTasks(collected: Collected, signal: AbortSignal): ListrTask[] {
  const tools = PINS.map((pin, index) =>
    task(`${pin.title} ${pin.version}`, async (progress) => {
      const buildGb = PINS.slice(index).reduce((sum, { buildGb }) => sum + buildGb, 0);
      const tool = await whileFetchingModules(PINS[index + 1], signal, () =>
        getTool(pin, { signal, progress, buildGb }),
      );
      collected.tools.push(tool);
      return origin(pin, tool);
    }),
  );
  const runtime = task("Container runtime", async (progress) => {
    collected.runtime = await whileFetchingModules(PINS[0], signal, () => getRuntime({ signal, progress }));
    return "Container runtime: Debian packages";
  });
  // First what takes seconds: a machine that cannot have it says so before the long builds.
  return [runtime, ...tools];
}

/** Runs `action`, and meanwhile, because a build waits long for the network, downloads what the next build needs. */
async function whileFetchingModules<T>(
  next: Pin | undefined,
  signal: AbortSignal,
  action: () => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const fetched = next === undefined ? undefined : fetchModules(next, AbortSignal.any([signal, end.signal]));
  try {
    return await action();
  } finally {
    end.abort();
    await fetched;
  }
}

async function fetchModules(pin: Pin, signal: AbortSignal): Promise<void> {
  try {
    if ((await findTool(pin, signal)) !== undefined) return;
    const release = pin.releases?.[process.arch];
    if (release === undefined || !(await hostAnswers(release))) await prefetchModules(pin, signal);
  } catch {
    // Whatever is wrong, the next task meets it too, and reports it.
  }
}

function task(title: string, action: (progress: (text: string) => void) => Promise<string>): ListrTask {
  return {
    title,
    task: async (_, task) => {
      const started = Date.now();
      let now = "";
      const show = () => {
        task.output = `${elapsed(Date.now() - started)}${now === "" ? "" : `  ${now}`}`;
      };
      const timer = process.stdout.isTTY ? setInterval(show, REFRESH_MS) : undefined;
      try {
        task.title = await action((text) => {
          now = text;
        });
      } finally {
        clearInterval(timer);
      }
    },
  };
}

function origin({ title, version }: Pin, { source }: Tool): string {
  return `${title} ${version}: ${source === "PATH" ? "found on PATH" : source}`;
}

/** Writes a duration for people: `9 s`, `2 min 05 s`. */
export function elapsed(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}
