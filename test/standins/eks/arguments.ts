import * as pulumi from "@pulumi/pulumi";
import { SdkShapes } from "../sdk/cache.ts";
import { checkProperties, type Failure } from "../sdk/check.ts";
import { isObject, type Properties, UNKNOWN } from "../values.ts";
import { schemaInputs } from "./schema.ts";

/** Options of the real component that the stand-in does not model: with them it would make other resources than the real one. */
const NOT_MODELLED = [
  "autoMode",
  "createInstanceRole",
  "creationRoleProvider",
  "desiredCapacity",
  "fargate",
  "gpu",
  "instanceProfileName",
  "instanceRole",
  "instanceType",
  "maxSize",
  "minSize",
  "nodeAmiId",
  "nodeAssociatePublicIpAddress",
  "nodeGroupOptions",
  "nodePublicKey",
  "nodeRootVolumeEncrypted",
  "nodeRootVolumeSize",
  "nodeSubnetIds",
  "nodeUserData",
  "storageClasses",
];

/** What is meaningless with access entries: https://docs.aws.amazon.com/eks/latest/userguide/grant-k8s-access.html */
const CONFIG_MAP_ONLY = ["instanceRoles", "roleMappings", "userMappings"];

/** Throws what is wrong with the arguments of a cluster, all at once. */
export async function checkClusterArgs(args: Readonly<Properties>): Promise<void> {
  const plain = plainValue(args) as Properties;
  const shape = await new SdkShapes("@pulumi/eks").resource("eks:cluster:Cluster");
  const schema = schemaInputs("eks:index:Cluster");
  const token = "eks:index:Cluster";
  const kinds = [shape, schema].flatMap((inputs) =>
    inputs === undefined ? [] : checkProperties(inputs, plain, token),
  );
  const failures = kinds.length > 0 ? kinds : ruleFailures(plain);
  if (failures.length === 0) return;
  const distinct = [...new Map(failures.map((each) => [each.property, each])).values()];
  throw new pulumi.InputPropertiesError({
    message: "The cluster's arguments are wrong",
    errors: distinct.map(({ property, reason }) => ({ propertyPath: property, reason })),
  });
}

/** The rules of the real component, as observed, and the limits of the stand-in. */
export function ruleFailures(args: Properties): Failure[] {
  const { authenticationMode: mode } = args;
  const given = (name: string) => args[name] !== undefined;
  const failures: [boolean, string, string][] = [
    ...NOT_MODELLED.map((name): [boolean, string, string] => [
      given(name),
      name,
      `Expected no ${name} for a cluster but received some: the stand-in does not model what the real component makes of it`,
    ]),
    [
      args.skipDefaultNodeGroup !== true,
      "skipDefaultNodeGroup",
      "Expected true for skipDefaultNodeGroup but received another value or nothing: the stand-in makes no default node group",
    ],
    [
      !given("vpcId"),
      "vpcId",
      "Expected a VPC for vpcId but received nothing: the stand-in's account has no default VPC",
    ],
    [
      given("subnetIds") && (given("publicSubnetIds") || given("privateSubnetIds")),
      "subnetIds",
      "Expected either subnetIds or publicSubnetIds and privateSubnetIds but received both",
    ],
    ...CONFIG_MAP_ONLY.map((name): [boolean, string, string] => [
      mode === "API" && Array.isArray(args[name]) && args[name].length > 0,
      name,
      `Expected no ${name} for authenticationMode API but received some`,
    ]),
    [
      given("accessEntries") && mode !== "API" && mode !== "API_AND_CONFIG_MAP",
      "accessEntries",
      `Expected authenticationMode API or API_AND_CONFIG_MAP for accessEntries but received ${JSON.stringify(mode) ?? "none"}`,
    ],
    [
      given("publicAccessCidrs") && args.endpointPublicAccess === false,
      "publicAccessCidrs",
      "Expected endpointPublicAccess true for publicAccessCidrs but received false",
    ],
  ];
  return failures.filter(([wrong]) => wrong).map(([, property, reason]) => ({ property, reason }));
}

/** What is known now: outputs and resources are not. */
function plainValue(value: unknown): unknown {
  if (pulumi.Output.isInstance(value) || pulumi.Resource.isInstance(value)) return UNKNOWN;
  if (Array.isArray(value)) return value.map(plainValue);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plainValue(each)]));
  return value;
}
