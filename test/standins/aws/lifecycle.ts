import type { ResourceShape } from "../sdk/shape.ts";
import { isObject, type Properties, textsAt, UNKNOWN, withoutEmpty } from "../values.ts";
import { ACCOUNT_ID, type Account, type Resources, type Stored } from "./account.ts";
import { ownInputs } from "./inputs.ts";
import { digits, type Model, type Reference, type Request } from "./model.ts";
import { MODELS } from "./models/index.ts";

/** What is asked of the account. */
export interface Change {
  type: string;
  inputs: Properties;
  /** Region of the provider. */
  region: string;
}

/** Makes a resource. Throws a Refusal where AWS would refuse. */
export function createResource(account: Account, change: Change): Stored {
  return account.change((resources) => {
    const model = MODELS[change.type];
    const request = requestOf(change, resources);
    checkReferences(model, request);
    model?.refuse?.(request);
    const id = idOf(change.type, model, request);
    const stored = { type: change.type, id, inputs: change.inputs, outputs: outputsOf(model, request, id) };
    resources.list.push(stored);
    return stored;
  });
}

/** Changes a resource. Throws a Refusal where AWS would refuse, also when it is gone. */
export function updateResource(account: Account, id: string, change: Change): Stored {
  return account.change((resources) => {
    const model = MODELS[change.type];
    const old = resources.get(change.type, id);
    if (old === undefined)
      throw new Error(`Expected ${change.type} ${id} in the account, but it is gone. Refresh the stack.`);
    const request = { ...requestOf(change, resources), old: structuredClone(old) };
    checkReferences(model, request);
    model?.refuse?.(request);
    old.inputs = change.inputs;
    old.outputs = outputsOf(model, request, id);
    return old;
  });
}

/** Deletes a resource; one that is gone already is no matter. Throws a Refusal where AWS would refuse. */
export function deleteResource(account: Account, type: string, id: string): void {
  account.change((resources) => {
    const stored = resources.get(type, id);
    if (stored === undefined) return;
    const model = MODELS[type];
    const holder = model?.held && resources.list.find((each) => each !== stored && holds(each, stored));
    if (model?.held && holder !== undefined) throw model.held(stored, holder);
    model?.refuseDelete?.(stored, resources);
    resources.list.splice(resources.list.indexOf(stored), 1);
  });
}

/** What a preview knows of a resource that is to be made: what it is given. Everything else is not known yet. */
export function plannedOutputs(type: string, inputs: Properties, shape: ResourceShape): Properties {
  const outputs = shape.outputs.map((name): [string, unknown] => [name, inputs[name] ?? UNKNOWN]);
  const planned = { ...ownInputs(inputs), ...Object.fromEntries(outputs) };
  for (const path of MODELS[type]?.planned ?? []) {
    const [head = "", name = ""] = path.split(".");
    const given = planned[head];
    if (isObject(given)) planned[head] = { [name]: UNKNOWN, ...given };
  }
  return planned;
}

/** What a preview knows of a resource that is to be changed. */
export function changedOutputs(type: string, old: Properties, inputs: Properties): Properties {
  const unsettled = (MODELS[type]?.unsettled ?? []).map((name): [string, unknown] => [name, UNKNOWN]);
  return { ...old, ...ownInputs(inputs), ...Object.fromEntries(unsettled) };
}

function requestOf({ type, inputs, region }: Change, resources: Resources): Request {
  const own = typeof inputs.region === "string" ? inputs.region : region;
  return { type, inputs, region: own, account: ACCOUNT_ID, resources };
}

function idOf(type: string, model: Model | undefined, request: Request): string {
  if (typeof model?.id === "function") return model.id(request);
  return `${model?.id ?? type.split(":").at(-1)?.toLowerCase()}-${digits()}`;
}

function outputsOf(model: Model | undefined, request: Request, id: string): Properties {
  const { inputs, old, region } = request;
  return withoutEmpty({
    ...(old === undefined ? firstOutputs(model, request, id) : keptOutputs(old)),
    region,
    ...ownInputs(inputs),
    ...model?.outputs?.(request, id),
  });
}

function firstOutputs(model: Model | undefined, request: Request, id: string): Properties {
  const { region, account } = request;
  const { service = "stand-in", global, of } = model?.arn ?? {};
  const arn = `arn:aws:${service}:${global ? "" : region}:${account}:${of?.(id, request) ?? id}`;
  return { arn, ...model?.kept?.(request, id) };
}

/** What a resource said of itself beside its inputs. */
function keptOutputs({ inputs, outputs }: Stored): Properties {
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => inputs[name] === undefined));
}

function checkReferences(model: Model | undefined, { inputs, resources }: Request): void {
  for (const reference of model?.references ?? []) {
    const { path, missing, foreign } = reference;
    for (const value of textsAt(inputs, path)) {
      if (missing === undefined || foreign?.test(value)) continue;
      if (!resources.list.some((each) => isNamed(each, reference, value))) throw missing(value);
    }
  }
}

function isNamed(stored: Stored, { to, by = "id" }: Reference, value: string): boolean {
  return stored.type === to && (by === "id" ? stored.id : stored.outputs[by]) === value;
}

/** Whether one resource names another so that the other cannot go. */
function holds(one: Stored, other: Stored): boolean {
  const references = MODELS[one.type]?.references ?? [];
  return references.some(
    (reference) =>
      reference.holds !== false &&
      textsAt(one.inputs, reference.path).some((value) => isNamed(other, reference, value)),
  );
}
