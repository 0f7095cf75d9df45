import type { Failure } from "../sdk/check.ts";
import { isObject, isUnknown, type Properties } from "../values.ts";
import { REGION } from "./regions.ts";

/** How a provider is configured. */
export interface Configuration {
  region: string;
  /** Tags of every resource. */
  defaultTags: Readonly<Record<string, string>>;
}

/** Keys of a provider that Pulumi itself reads. */
const OF_THE_ENGINE = ["version", "pluginDownloadURL", "__internal"];

/** Where the region is looked for when it is not configured, as by the real provider. */
const REGION_VARIABLES = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/** What is wrong with the configuration of a provider. Credentials are neither needed nor read. */
export function configurationFailures(
  given: Properties,
  known: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Failure[] {
  const unknown = Object.keys(given)
    .filter((key) => !known.includes(key) && !OF_THE_ENGINE.includes(key))
    .map((property) => ({
      property,
      reason: `Expected a setting of the AWS provider but received aws:${property}, which it does not have`,
    }));
  return [...unknown, ...regionFailures(given.region ?? regionOf(environment))];
}

function regionFailures(region: unknown): Failure[] {
  if (isUnknown(region) || (typeof region === "string" && REGION.test(region))) return [];
  const received = region === undefined || region === "" ? "nothing" : JSON.stringify(region);
  const reason =
    `Expected an AWS region for aws:region but received ${received}. ` +
    "Set it in the stack's configuration: pulumi config set aws:region eu-central-1";
  return [{ property: "region", reason }];
}

/** Reads the configuration of a provider, whose nested values arrive as JSON. */
export function readConfiguration(given: Properties, environment: NodeJS.ProcessEnv = process.env): Configuration {
  const region = given.region ?? regionOf(environment);
  const [failure] = regionFailures(region);
  if (failure !== undefined) throw new Error(failure.reason);
  const settings = parsed(given.defaultTags);
  const tags = isObject(settings) && isObject(settings.tags) ? settings.tags : {};
  const defaultTags = Object.fromEntries(Object.entries(tags).map(([key, value]) => [key, String(value)]));
  return { region: String(region), defaultTags };
}

function regionOf(environment: NodeJS.ProcessEnv): string | undefined {
  return REGION_VARIABLES.map((name) => environment[name]).find((value) => value);
}

function parsed(value: unknown): unknown {
  return typeof value === "string" ? (JSON.parse(value) as unknown) : value;
}
