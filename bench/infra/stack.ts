import { mkdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { UserError } from "../../local/errors.ts";
import {
  type EngineEvent,
  errorsOf,
  makeStandinStack,
  type PlanOptions,
  readEvent,
  type StandinStack,
  WITHOUT_CHECKPOINTS,
} from "../../local/plan-run.ts";

/** What one run of Pulumi took, in seconds from its start. */
export interface Timed {
  /** Until the engine had the first resource that a provider makes; missing when there was none. */
  firstSeconds?: number;
  seconds: number;
  /** Resources that providers make. */
  resources: number;
  events: EngineEvent[];
}

/** A stack whose runs are timed, with a backend and an account of its own. */
export class TimedStack {
  readonly #options: PlanOptions;
  readonly #made: StandinStack;

  private constructor(options: PlanOptions, made: StandinStack) {
    this.#options = options;
    this.#made = made;
  }

  /** Makes the stack in a folder that need not exist. */
  static async make(folder: string, options: PlanOptions): Promise<TimedStack> {
    await mkdir(folder);
    return new TimedStack(options, await makeStandinStack(folder, options));
  }

  /** File of the AWS account that the stand-ins keep. */
  get account(): string {
    return this.#made.account;
  }

  preview(env: Record<string, string> = {}): Promise<Timed> {
    return this.#run(["preview"], { ...WITHOUT_CHECKPOINTS, ...env });
  }

  up(...args: string[]): Promise<Timed> {
    return this.#run(["up", "--yes", "--skip-preview", ...args]);
  }

  /** Like `up`, but the engine writes the state once, at the end: how the time without its own writing grows. */
  upWithoutCheckpoints(): Promise<Timed> {
    return this.#run(["up", "--yes", "--skip-preview"], WITHOUT_CHECKPOINTS);
  }

  destroy(): Promise<Timed> {
    return this.#run(["destroy", "--yes", "--skip-preview"]);
  }

  /** Throws a UserError with Pulumi's words when it fails. */
  async #run(args: string[], env: Readonly<Record<string, string>> = {}): Promise<Timed> {
    const { directory, signal } = this.#options;
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    const run = execa("pulumi", [...args, "--json", "--non-interactive", "--config-file", this.#made.configFile], {
      cwd: directory,
      env: { ...this.#made.env, ...env },
      stdin: "ignore",
      reject: false,
      buffer: { stdout: false },
      cancelSignal: signal,
      forceKillAfterDelay: 30_000,
    });
    const events: EngineEvent[] = [];
    let firstSeconds: number | undefined;
    for await (const line of createInterface({ input: run.stdout })) {
      for (const event of readEvent(line)) {
        if (isMade(event)) firstSeconds ??= seconds();
        events.push(event);
      }
    }
    const { exitCode, stderr } = await run;
    const took = seconds();
    signal.throwIfAborted();
    if (exitCode !== 0) {
      throw new UserError(`pulumi ${args.join(" ")} failed in ${directory}:\n${errorsOf(events) || stderr}`);
    }
    const resources = events.filter(isMade).length;
    return { ...(firstSeconds !== undefined && { firstSeconds }), seconds: took, resources, events };
  }
}

/** Whether an event tells of something that a provider makes. */
function isMade({ resourcePreEvent: event }: EngineEvent): boolean {
  const state = event?.metadata.new;
  return state?.custom === true && !state.type.startsWith("pulumi:");
}
