import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { ROOT } from "../../local/paths.ts";
import { WITHOUT_CHECKPOINTS } from "../../local/plan-run.ts";
import { parseChanges, pulumiEnvironment } from "../../local/stack.ts";
import type { Toolchain } from "../../local/toolchain/index.ts";
import { Account, type Stored } from "./aws/account.ts";
import { standinEnvironment } from "./environment.ts";
import type { Run } from "./stack.ts";

/** Where a stack of the project runs. */
export interface ProjectStackOptions {
  toolchain: Toolchain;
  /** Name of a committed stack. */
  stack: string;
  /** Kubeconfig of the cluster that stands for EKS. */
  kubeconfig: string;
  /** Values of the configuration besides the committed ones. */
  config: Readonly<Record<string, unknown>>;
}

/** Values of a stack's configuration, by key. */
export type StackValues = Record<string, Record<string, unknown>>;

/** A committed stack of the project's own program, with a backend and an account of its own. */
export class ProjectStack {
  readonly #folder: string;
  readonly #env: Record<string, string | undefined>;
  readonly #file: string;
  readonly #end = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, { toolchain, stack, kubeconfig }: ProjectStackOptions) {
    this.#folder = folder;
    this.#file = join(folder, `Pulumi.${stack}.yaml`);
    const path = `${toolchain.binDir}:${process.env.PATH}`;
    this.#env = {
      ...pulumiEnvironment(toolchain),
      ...standinEnvironment({ account: join(folder, "account.json"), kubeconfig, path }),
      // Helm keeps what it finds below its user's home.
      HOME: join(folder, "home"),
      PULUMI_HOME: join(folder, "pulumi-home"),
      PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
      PULUMI_STACK: stack,
      PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
      PULUMI_CONFIG_PASSPHRASE: "test",
      // The engine's own writing of the state takes a third of a run's time, and is not what is tried.
      ...WITHOUT_CHECKPOINTS,
    };
  }

  static async make(options: ProjectStackOptions): Promise<ProjectStack> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), "yolo-project-")));
    const stack = new ProjectStack(folder, options);
    for (const name of ["home", "pulumi-home", "state"]) await mkdir(join(folder, name));
    await symlink(options.toolchain.pluginDir, join(folder, "pulumi-home", "plugins"));
    // Pulumi writes the stack's salt beside the Pulumi.yaml that it finds: here, so that the committed file stays as it is.
    const { name } = parse(await readFile(join(ROOT, "Pulumi.yaml"), "utf8")) as { name: string };
    await writeFile(join(folder, "Pulumi.yaml"), stringify({ name, runtime: "nodejs" }));
    const init = ["stack", "init", options.stack, "--non-interactive", "--cwd", folder];
    await execa("pulumi", init, { env: stack.#env });
    const committed = parse(await readFile(join(ROOT, `Pulumi.${options.stack}.yaml`), "utf8")) as { config: object };
    await stack.configure((values) => Object.assign(values, committed.config, options.config));
    return stack;
  }

  /** Changes the configuration. */
  async configure(change: (values: StackValues) => void): Promise<void> {
    const document = parse(await readFile(this.#file, "utf8")) as { config?: StackValues };
    const config = document.config ?? {};
    change(config);
    await writeFile(this.#file, stringify({ ...document, config }));
  }

  /** Runs Pulumi, whatever comes of it. */
  pulumi(...args: string[]): Promise<Run> {
    return runOf(this.#start(args));
  }

  #start(args: string[], env: Record<string, undefined> = {}) {
    const options = ["--config-file", this.#file, "--non-interactive", "--color=never"];
    const running = execa("pulumi", [...args, ...options], {
      cwd: ROOT,
      env: { ...this.#env, ...env },
      all: true,
      reject: false,
      cancelSignal: this.#end.signal,
      forceKillAfterDelay: 10_000,
    });
    this.#running = running;
    return running;
  }

  preview(...args: string[]): Promise<Run> {
    return this.pulumi("preview", ...args);
  }

  up(...args: string[]): Promise<Run> {
    return this.pulumi("up", "--yes", "--skip-preview", ...args);
  }

  /** Begins an update and stops it as Ctrl-C does, once the account has as much as `when` wants. Throws when it ends before. */
  async interruptedUp(when: (account: Stored[]) => boolean): Promise<Run> {
    const running = this.#start(["up", "--yes", "--skip-preview"], { PULUMI_SKIP_CHECKPOINTS: undefined });
    const run = runOf(running);
    let ended = false;
    run.finally(() => {
      ended = true;
    });
    while (!when(this.account())) {
      if (ended) throw new Error(`Expected an update to interrupt but it ended:\n${(await run).text}`);
      await sleep(50);
    }
    running.kill("SIGINT");
    return run;
  }

  refresh(...args: string[]): Promise<Run> {
    return this.pulumi("refresh", "--yes", "--skip-preview", ...args);
  }

  destroy(...args: string[]): Promise<Run> {
    return this.pulumi("destroy", "--yes", "--skip-preview", ...args);
  }

  /** What the account has now. */
  account(type?: string): Stored[] {
    const resources = new Account(join(this.#folder, "account.json")).read();
    return type === undefined ? resources.list : resources.all(type);
  }

  /** Ends what runs, as after a test's time is over, and removes everything of the stack. */
  async remove(): Promise<void> {
    this.#end.abort();
    await this.#running;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function runOf(running: PromiseLike<{ exitCode?: number; all: string }>): Promise<Run> {
  const { exitCode, all } = await running;
  return { exitCode, text: all, changes: parseChanges(all) };
}
