import { createRequire } from "node:module";
import * as pulumi from "@pulumi/pulumi";

/** A resource as the program registered it. */
export interface Registered {
  type: string;
  name: string;
  urn: string;
  /** URN of the parent; empty for a resource without one. */
  parent: string;
  /** URNs that must exist first. */
  dependencies: string[];
  /** Reference of the provider instance; empty for the default one. */
  provider: string;
  /** Paths of the inputs whose changes the program ignores. */
  ignoreChanges: string[];
  /** Whether Pulumi refuses to delete it. */
  protect: boolean;
  /** Inputs, with secrets unwrapped. */
  inputs: Record<string, unknown>;
  /** Whether the wire marked this top-level input as secret. */
  isSecret(input: string): boolean;
}

/** What happened since mocks were installed. */
export interface Recording {
  resources: Registered[];
  /** What components passed to registerOutputs, by URN. */
  outputs: Map<string, Record<string, unknown>>;
}

type Callback = (error: unknown, response?: { getUrn(): string }) => void;

interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProvider(): string;
  getIgnorechangesList(): string[];
  getProtect(): boolean;
  getDependenciesList(): string[];
  getObject(): { toJavaScript(): Record<string, unknown> };
}

interface OutputsRequest {
  getUrn(): string;
  getOutputs(): { toJavaScript(): Record<string, unknown> };
}

interface Monitor {
  registerResource(request: RegisterRequest, callback: Callback): Promise<void>;
  registerResourceOutputs(request: OutputsRequest, callback: Callback): void;
}

// Mocks tell neither parents nor outputs (https://github.com/pulumi/pulumi/issues/14421): these internals, used in this
// file only, do.
const settings = createRequire(import.meta.url)("@pulumi/pulumi/runtime/settings") as {
  getMonitor(): Monitor;
  waitForRPCs(): Promise<void>;
};

/** Marks a secret on the wire: sdk/go/common/resource/properties.go of Pulumi, `SigKey` and `SecretSig`. */
const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";

type Values = Record<string, unknown>;

/** What mocks answer besides what they were given. */
export interface MockOptions {
  project?: string;
  stack?: string;
  /** Outputs that resources of a type have besides their inputs. */
  states?: Record<string, (name: string, inputs: Values) => Values>;
  /** Answers of providers' functions, by token. */
  calls?: Record<string, (inputs: Values) => Values>;
}

/**
 * Makes Pulumi answer from this process: resources get back what they were given, and an object without a name gets one
 * as the Kubernetes provider would make it. A call of a provider's function without an answer throws. For one test file per process.
 */
export async function installMocks(options: MockOptions = {}): Promise<Recording> {
  const { states = {}, calls = {} } = options;
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => ({
        id: `${name}-id`,
        state: { ...named(type, name, inputs), ...states[type]?.(name, inputs) },
      }),
      call: ({ token, inputs }) => {
        const answer = calls[token];
        if (answer === undefined) throw new Error(`This test does not mock a call of ${token}`);
        return answer(inputs);
      },
    },
    options.project ?? "yolo",
    options.stack ?? "test",
    false,
  );
  return record(settings.getMonitor());
}

/** Waits until everything that the program registered so far is known. */
export async function settle(): Promise<void> {
  await settings.waitForRPCs();
}

/** The value of an output. */
export function outputValue<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

/** The one resource of a type and name. Throws when there is none, and lists what there is. */
export function find(recording: Recording, type: string, name: string): Registered {
  const found = recording.resources.filter((resource) => resource.type === type && resource.name === name);
  const [resource, ...others] = found;
  if (resource !== undefined && others.length === 0) return resource;
  const known = recording.resources.map((each) => `${each.type} ${each.name}`).join("\n");
  throw new Error(`Expected one ${type} named ${name} but received ${found.length} among:\n${known}`);
}

function record(monitor: Monitor): Recording {
  const recording: Recording = { resources: [], outputs: new Map() };
  const register = monitor.registerResource.bind(monitor);
  const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResource = (request, callback) => {
    const wire = request.getObject().toJavaScript();
    return register(request, (error, response) => {
      if (response !== undefined) {
        recording.resources.push({
          type: request.getType(),
          name: request.getName(),
          urn: response.getUrn(),
          parent: request.getParent(),
          dependencies: request.getDependenciesList(),
          provider: request.getProvider(),
          ignoreChanges: request.getIgnorechangesList(),
          protect: request.getProtect(),
          inputs: unwrap(wire) as Record<string, unknown>,
          isSecret: (input) => isSecret(wire[input]),
        });
      }
      callback(error, response);
    });
  };
  monitor.registerResourceOutputs = (request, callback) => {
    recording.outputs.set(request.getUrn(), unwrap(request.getOutputs().toJavaScript()) as Record<string, unknown>);
    registerOutputs(request, callback);
  };
  return recording;
}

function named(type: string, name: string, inputs: Record<string, unknown>): Record<string, unknown> {
  if (!type.startsWith("kubernetes:")) return inputs;
  const { metadata } = inputs as { metadata?: { name?: string } };
  return { ...inputs, metadata: { ...metadata, name: metadata?.name ?? `${name}-autonamed` } };
}

function isSecret(value: unknown): value is { value: unknown } {
  return isObject(value) && value[SIGNATURE_KEY] === SECRET_SIGNATURE;
}

function unwrap(value: unknown): unknown {
  if (isSecret(value)) return unwrap(value.value);
  if (Array.isArray(value)) return value.map(unwrap);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unwrap(each)]));
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
