import type { EngineLog } from "../engine.ts";
import { SdkShapes } from "../sdk/cache.ts";
import { checkProperties, type Failure } from "../sdk/check.ts";
import type { ResourceShape } from "../sdk/shape.ts";
import { hasUnknown, type Properties } from "../values.ts";
import { Account, type Stored } from "./account.ts";
import { type Configuration, configurationFailures, readConfiguration } from "./configuration.ts";
import { type Difference, difference } from "./diff.ts";
import { type CheckOptions, checkInputs } from "./inputs.ts";
import { INVOKES } from "./invokes.ts";
import { changedOutputs, createResource, deleteResource, plannedOutputs, updateResource } from "./lifecycle.ts";
import { MODELS } from "./models/index.ts";
import { Refusal } from "./refusal.ts";

/** Token of the provider itself, in the form of a resource's. */
const PROVIDER = "aws:provider:Provider";

/** The AWS provider with an account that is a file: see docs/standins.md. */
export class AwsProvider {
  readonly #account: Account;
  readonly #log: EngineLog;
  readonly #sdk = new SdkShapes();
  readonly #unmodelled = new Set<string>();
  #configuration: Configuration | undefined;

  constructor(accountFile: string, log: EngineLog) {
    this.#account = new Account(accountFile);
    this.#log = log;
  }

  get version(): string {
    return this.#sdk.version;
  }

  async checkConfiguration(given: Properties): Promise<Failure[]> {
    const shape = await this.#sdk.resource(PROVIDER);
    return configurationFailures(given, Object.keys(shape?.inputs ?? {}));
  }

  async configure(given: Properties): Promise<void> {
    this.#configuration = readConfiguration(given);
    await this.#log.announce();
  }

  async check(request: Omit<CheckOptions, "shape" | "model" | "defaultTags">) {
    const shape = await this.#shape(request.type);
    const { defaultTags } = this.#configured();
    return checkInputs({ ...request, shape, model: MODELS[request.type], defaultTags });
  }

  async diff(type: string, oldInputs: Properties, oldOutputs: Properties, news: Properties): Promise<Difference> {
    const shape = await this.#sdk.resource(type);
    return difference({ oldInputs, oldOutputs, news, shape, model: MODELS[type], region: this.#configured().region });
  }

  async create(
    type: string,
    name: string,
    inputs: Properties,
    preview: boolean,
  ): Promise<{ id: string; outputs: Properties }> {
    if (preview) return { id: "", outputs: plannedOutputs(type, inputs, await this.#shape(type)) };
    const { region } = this.#configured();
    return told("creating", type, name, () => createResource(this.#account, { type, inputs, region }));
  }

  read(type: string, id: string): Stored | undefined {
    return this.#account.read().get(type, id);
  }

  update(type: string, id: string, olds: Properties, news: Properties, preview: boolean): Properties {
    if (preview) return changedOutputs(type, olds, news);
    const { region } = this.#configured();
    return told("updating", type, id, () => updateResource(this.#account, id, { type, inputs: news, region })).outputs;
  }

  delete(type: string, id: string): void {
    told("deleting", type, id, () => deleteResource(this.#account, type, id));
  }

  async invoke(token: string, args: Properties): Promise<{ answer: Properties; failures: Failure[] }> {
    const answer = INVOKES[token];
    const shape = await this.#sdk.function(token);
    if (answer === undefined || shape === undefined) {
      const known = Object.keys(INVOKES).join("\n  ");
      throw new Error(
        `Expected a function that the stand-in of AWS answers but received ${token}. It answers:\n  ${known}`,
      );
    }
    const failures = checkProperties(shape, args, token);
    if (failures.length > 0 || hasUnknown(args)) return { answer: {}, failures };
    const region = typeof args.region === "string" ? args.region : this.#configured().region;
    return { answer: answer({ args, region, resources: this.#account.read() }), failures };
  }

  #configured(): Configuration {
    if (this.#configuration === undefined) throw new Error("Pulumi did not configure the provider");
    return this.#configuration;
  }

  async #shape(type: string): Promise<ResourceShape> {
    const shape = await this.#sdk.resource(type);
    if (shape === undefined) {
      throw new Error(
        `Expected a resource of @pulumi/aws ${this.version} but received ${type}, which it does not have`,
      );
    }
    if (MODELS[type] === undefined && !this.#unmodelled.has(type)) {
      this.#unmodelled.add(type);
      await this.#log.say(`The stand-in of AWS knows of ${type} what its types say, and no refusals.`, "debug");
    }
    return shape;
  }
}

/** Adds to a refusal what was tried. */
function told<T>(verb: string, type: string, name: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Error(`${verb} ${type} (${name}): ${error.message}`, { cause: error });
  }
}
