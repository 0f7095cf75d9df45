import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { ROOT } from "../../local/paths.ts";
import type { Toolchain } from "../../local/toolchain/index.ts";
import { standinEnvironment } from "./environment.ts";

const RUNTIME = { name: "nodejs", options: { typescript: false } };

/** What a run of Pulumi said. */
export interface Run {
  exitCode: number | undefined;
  /** Everything it printed. */
  text: string;
  /** How many resources, by Pulumi's own word: `create`, `update`, `replace`, `same`, ... */
  changes: Record<string, number>;
}

/** Pulumi's file of a stack's state, as far as it is read here. */
interface Checkpoint {
  checkpoint: { latest: { resources: { type: string; outputs?: Record<string, unknown> }[] } };
}

/** Where a stack runs, and as what. */
export interface TestStackOptions {
  /** Kubeconfig of the cluster that stands for EKS. */
  kubeconfig?: string;
  /** Defaults to eu-central-1; none when empty. */
  region?: string;
  /** Name of the project. Defaults to `standin`. */
  project?: string;
}

/** A stack of a program of a few lines, with a backend and an account of its own. */
export class TestStack {
  readonly folder: string;
  readonly account: string;
  readonly #env: Record<string, string | undefined>;
  readonly #project: string;

  private constructor(folder: string, toolchain: Toolchain, { kubeconfig, project = "standin" }: TestStackOptions) {
    this.folder = folder;
    this.#project = project;
    this.account = join(folder, "account.json");
    this.#env = {
      HOME: join(folder, "home"),
      PULUMI_HOME: join(folder, "pulumi-home"),
      PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_SKIP_UPDATE_CHECK: "1",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "1",
      ...standinEnvironment({
        account: this.account,
        path: `${toolchain.binDir}:${process.env.PATH}`,
        ...(kubeconfig !== undefined && { kubeconfig }),
      }),
    };
  }

  /** Makes a stack named `test`, in a region. */
  static async make(toolchain: Toolchain, options: TestStackOptions = {}): Promise<TestStack> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), "yolo-standin-")));
    for (const name of ["home", "pulumi-home", "state"]) await mkdir(join(folder, name));
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    await symlink(toolchain.pluginDir, join(folder, "pulumi-home", "plugins"));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", main: "index.ts" }));
    const stack = new TestStack(folder, toolchain, options);
    await writeFile(join(folder, "Pulumi.yaml"), JSON.stringify({ name: stack.#project, runtime: RUNTIME }));
    await writeFile(join(folder, "index.ts"), "");
    await stack.pulumi(["stack", "init", "test"]);
    const { region = "eu-central-1" } = options;
    if (region !== "") await stack.configure({ "aws:region": region });
    return stack;
  }

  /** Environment in which Pulumi runs. */
  get env(): Readonly<Record<string, string | undefined>> {
    return this.#env;
  }

  /** Path of the stack's configuration. */
  get configFile(): string {
    return join(this.folder, "Pulumi.test.yaml");
  }

  /** Adds to the stack's configuration. */
  async configure(values: Record<string, unknown>): Promise<void> {
    const file = this.configFile;
    const { config, ...rest } = parse(await readFile(file, "utf8")) as { config?: object };
    await writeFile(file, stringify({ ...rest, config: { ...config, ...values } }));
  }

  /** Replaces the program; what it says may use `aws`, `eks`, `k8s` and `pulumi`. */
  async program(text: string): Promise<void> {
    const packages = { aws: "@pulumi/aws", eks: "@pulumi/eks", k8s: "@pulumi/kubernetes", pulumi: "@pulumi/pulumi" };
    const imports = Object.entries(packages)
      .filter(([name]) => new RegExp(`\\b${name}\\.`).test(text))
      .map(([name, from]) => `import * as ${name} from "${from}";`);
    await writeFile(join(this.folder, "index.ts"), `${imports.join("\n")}\n${text}\n`);
  }

  /** Runs Pulumi, whatever comes of it. */
  async pulumi(args: string[]): Promise<Run> {
    const run = await execa("pulumi", [...args, "--non-interactive", "--color=never"], {
      cwd: this.folder,
      env: this.#env,
      all: true,
      reject: false,
    });
    const summary = run.all.slice(run.all.lastIndexOf("\nResources:"));
    const changes = [...summary.matchAll(/(\d+) (?:to )?([a-z]+)$/gm)].map(([, n, what]) => [what, Number(n)]);
    return { exitCode: run.exitCode, text: run.all, changes: Object.fromEntries(changes) };
  }

  preview(...args: string[]): Promise<Run> {
    return this.pulumi(["preview", ...args]);
  }

  up(...args: string[]): Promise<Run> {
    return this.pulumi(["up", "--yes", "--skip-preview", ...args]);
  }

  refresh(): Promise<Run> {
    return this.pulumi(["refresh", "--yes", "--skip-preview"]);
  }

  destroy(): Promise<Run> {
    return this.pulumi(["destroy", "--yes", "--skip-preview"]);
  }

  /** The stack's outputs, out of its state. */
  async outputs(): Promise<Record<string, unknown>> {
    const file = join(this.folder, "state", ".pulumi", "stacks", this.#project, "test.json");
    const { checkpoint } = JSON.parse(await readFile(file, "utf8")) as Checkpoint;
    return checkpoint.latest.resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  }

  /** Removes everything of the stack. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
