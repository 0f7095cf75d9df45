import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../errors.ts";
import type { ClusterObject } from "./objects.ts";
import type { Environment } from "./pulumi.ts";

/** Time after which a single answer of the API server is not waited for any more. */
const REQUEST_TIMEOUT = "30s";

/** kubectl with the credentials of a stack, in a file that goes with it. */
export class Kubectl implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: Environment;
  readonly #signal: AbortSignal;

  private constructor(folder: string, env: Environment, signal: AbortSignal) {
    this.#folder = folder;
    this.#env = env;
    this.#signal = signal;
  }

  static async make(kubeconfig: string, env: Environment, signal: AbortSignal): Promise<Kubectl> {
    const folder = await mkdtemp(join(tmpdir(), "yolo-teardown-"));
    await writeFile(join(folder, "kubeconfig"), kubeconfig, { mode: 0o600 });
    return new Kubectl(folder, env, signal);
  }

  /** Runs kubectl. Throws a UserError with its words when it fails. */
  async run(args: readonly string[], input = ""): Promise<string> {
    const { stdout, stderr, exitCode } = await execa("kubectl", [...args], {
      env: { ...this.#env, KUBECONFIG: join(this.#folder, "kubeconfig") },
      input,
      reject: false,
      cancelSignal: this.#signal,
    });
    this.#signal.throwIfAborted();
    if (exitCode === 0) return stdout;
    // Its library's log says the same several times.
    const said = stderr.split("\n").filter((line) => !/^[EWI]\d{4} /.test(line));
    throw new UserError(`kubectl ${args.slice(0, 2).join(" ")} failed: ${said.join("\n").trim()}`);
  }

  /** Objects of kinds, of all namespaces. */
  async list(kinds: readonly string[]): Promise<ClusterObject[]> {
    if (kinds.length === 0) return [];
    const args = ["get", kinds.join(","), "--all-namespaces", "--output=json", `--request-timeout=${REQUEST_TIMEOUT}`];
    return (JSON.parse(await this.run(args)) as { items: ClusterObject[] }).items;
  }

  /** Names of the definitions that the cluster has, such as gateways.gateway.networking.k8s.io. */
  async definitions(): Promise<string[]> {
    const args = ["get", "customresourcedefinitions", "--output=name", `--request-timeout=${REQUEST_TIMEOUT}`];
    return (await this.run(args)).split("\n").map((line) => line.split("/").at(-1) ?? "");
  }

  /** Deletes objects, and waits until each is gone with what its controller made. */
  async remove(objects: readonly ClusterObject[], timeoutSeconds: number): Promise<void> {
    if (objects.length === 0) return;
    const items = objects.map(({ apiVersion, kind, metadata: { name, namespace } }) => {
      return { apiVersion, kind, metadata: { name, namespace } };
    });
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    await this.run(["delete", "--filename=-", "--ignore-not-found", `--timeout=${timeoutSeconds}s`], list);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
