import { createHash } from "node:crypto";
import { isObject, type Properties, stableJson, textAt, textsAt } from "../values.ts";
import { ACCOUNT_ID, type Resources } from "./account.ts";
import { zonesOf } from "./regions.ts";

/** What a function answers from. */
export interface Call {
  args: Properties;
  region: string;
  resources: Resources;
}

type Answer = (call: Call) => Properties;

/** An instance type such as g5.xlarge or p4de.24xlarge. */
const INSTANCE_TYPE = /^[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|\d*xlarge|metal(-\w+)?)$/;

/** Families that the last zone of a region does not offer, so that choosing zones by what they offer can be seen here. */
const RARE_FAMILIES = /^(p\d|g6e|g7e|trn|inf)/;

/** The values that filters ask for by a name; undefined when they do not. */
function filtered(args: Properties, name: string): string[] | undefined {
  const filters = Array.isArray(args.filters) ? args.filters.filter(isObject) : [];
  const found = filters.filter((filter) => filter.name === name);
  return found.length === 0 ? undefined : found.flatMap((filter) => textsAt(filter, "values"));
}

const availabilityZones: Answer = ({ args, region }) => {
  const excluded = [...textsAt(args, "excludeNames"), ...textsAt(args, "excludeZoneIds")];
  const names = filtered(args, "zone-name");
  const zones = zonesOf(region)
    .filter(({ name, id }) => !excluded.includes(name) && !excluded.includes(id))
    .filter(({ name }) => names === undefined || names.includes(name));
  return {
    id: region,
    names: zones.map(({ name }) => name),
    zoneIds: zones.map(({ id }) => id),
    groupNames: [region],
    region,
  };
};

const instanceTypeOfferings: Answer = ({ args, region }) => {
  const types = (filtered(args, "instance-type") ?? []).filter((type) => INSTANCE_TYPE.test(type));
  const zones = zonesOf(region);
  const byId = args.locationType === "availability-zone-id";
  const locations = args.locationType === undefined || args.locationType === "region" ? [] : zones;
  const wanted = filtered(args, "location");
  const offers = types.flatMap((type) => {
    if (locations.length === 0) return [{ type, location: region }];
    return locations
      .filter((zone) => zone !== zones.at(-1) || !RARE_FAMILIES.test(type))
      .map(({ name, id }) => ({ type, location: byId ? id : name }));
  });
  const found = offers.filter(({ location }) => wanted === undefined || wanted.includes(location));
  return {
    id: region,
    instanceTypes: found.map(({ type }) => type),
    locations: found.map(({ location }) => location),
    locationTypes: found.map(() => args.locationType ?? "region"),
    region,
  };
};

/** The document that statements in Pulumi's spelling make. */
const policyDocument: Answer = ({ args }) => {
  const statements = Array.isArray(args.statements) ? args.statements.filter(isObject) : [];
  const json = stableJson({ Version: args.version ?? "2012-10-17", Statement: statements.map(statement) });
  return { id: createHash("sha256").update(json).digest("hex").slice(0, 10), json, minifiedJson: json };
};

function statement(given: Properties): Properties {
  const groups = (key: string) => (Array.isArray(given[key]) ? given[key].filter(isObject) : []);
  const principals = groups("principals").map(({ type, identifiers }) => [String(type), identifiers]);
  const conditions = groups("conditions").map(({ test, variable, values }) => [
    String(test),
    { [String(variable)]: values },
  ]);
  return {
    ...(given.sid !== undefined && { Sid: given.sid }),
    Effect: given.effect ?? "Allow",
    ...(given.actions !== undefined && { Action: given.actions }),
    ...(given.notActions !== undefined && { NotAction: given.notActions }),
    ...(given.resources !== undefined && { Resource: given.resources }),
    ...(principals.length > 0 && { Principal: Object.fromEntries(principals) }),
    ...(conditions.length > 0 && { Condition: Object.fromEntries(conditions) }),
  };
}

function found(stored: { id: string; outputs: Properties } | undefined, what: string): Properties {
  if (stored === undefined) throw new Error(`no matching ${what} found`);
  return { ...stored.outputs, id: stored.id };
}

/** What the stand-in answers, by function token. */
export const INVOKES: Readonly<Record<string, Answer>> = {
  "aws:index/getAvailabilityZones:getAvailabilityZones": availabilityZones,
  "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": instanceTypeOfferings,
  "aws:iam/getPolicyDocument:getPolicyDocument": policyDocument,
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({
    id: ACCOUNT_ID,
    accountId: ACCOUNT_ID,
    arn: `arn:aws:sts::${ACCOUNT_ID}:assumed-role/deployer/stand-in`,
    userId: "AROASTANDIN:stand-in",
  }),
  "aws:index/getPartition:getPartition": () => ({
    id: "aws",
    partition: "aws",
    dnsSuffix: "amazonaws.com",
    reverseDnsPrefix: "com.amazonaws",
  }),
  "aws:index/getRegion:getRegion": ({ region }) => ({
    id: region,
    name: region,
    region,
    description: region,
    endpoint: `ec2.${region}.amazonaws.com`,
  }),
  // No version is real: the component asks for the newest where it is given none (P9).
  "aws:eks/getAddonVersion:getAddonVersion": ({ args }) => ({
    ...args,
    id: textAt(args, "addonName"),
    version: "v1.0.0-eksbuild.1",
  }),
  "aws:ec2/getVpc:getVpc": ({ args, resources }) =>
    found(resources.get("aws:ec2/vpc:Vpc", textAt(args, "id") ?? ""), "EC2 VPC"),
  "aws:eks/getClusters:getClusters": ({ region, resources }) => ({
    id: region,
    names: resources.all("aws:eks/cluster:Cluster").map(({ id }) => id),
    region,
  }),
  "aws:eks/getCluster:getCluster": ({ args, resources }) =>
    found(resources.get("aws:eks/cluster:Cluster", textAt(args, "name") ?? ""), "EKS Cluster"),
};
