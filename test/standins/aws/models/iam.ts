import type { Failure } from "../../sdk/check.ts";
import { type Properties, textAt } from "../../values.ts";
import { digits, type Model, type Models, type Request, terraform } from "../model.ts";
import { Refusal } from "../refusal.ts";
import { ROLE } from "./eks-cluster.ts";

// Codes: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html#API_CreateRole_Errors and its siblings.
// Limits: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html

const POLICY = "aws:iam/policy:Policy";
const INLINE = "aws:iam/rolePolicy:RolePolicy";
const PROFILE = "aws:iam/instanceProfile:InstanceProfile";
const ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";

/** Characters, without white space, of a managed policy, and of all inline policies of a role together. */
const LIMITS = { managed: 6144, inline: 10_240 } as const;

const TO_ROLE = {
  path: "role",
  to: ROLE,
  missing: (name: string) => new Refusal("NoSuchEntity", `The role with name ${name} cannot be found.`),
};

/** Refuses a name that is taken. */
function uniqueName(kind: string): NonNullable<Model["refuse"]> {
  return ({ type, inputs, old, resources }) => {
    if (old !== undefined || resources.by(type, "name", String(inputs.name)) === undefined) return;
    throw new Refusal("EntityAlreadyExists", `${kind} with name ${inputs.name} already exists.`);
  };
}

/** Says in a preview what the provider says of a name that is too long. */
function longest(property: string, max: number): (inputs: Properties) => Failure[] {
  return (inputs) => {
    const name = textAt(inputs, property);
    if (name === undefined || (name.length <= max && /^[\w+=,.@-]+$/.test(name))) return [];
    const reason = `Expected at most ${max} letters, digits and +=,.@_- for ${property} but received "${name}"`;
    return [{ property, reason }];
  };
}

/** Refuses a document that is no policy. */
function refuseDocument(document: unknown): void {
  const text = typeof document === "string" ? document : "{}";
  const { Version, Statement } = JSON.parse(text) as { Version?: string; Statement?: unknown };
  const statements = [Statement].flat() as { Effect?: string; Action?: unknown; NotAction?: unknown }[];
  const complete = statements.every(
    (each) => each?.Effect !== undefined && (each.Action ?? each.NotAction) !== undefined,
  );
  if (Version === undefined || !complete) throw new Refusal("MalformedPolicyDocument", "Syntax errors in policy.");
}

/** Refuses documents that are too long, together with those of `others`. */
function refuseLength(documents: unknown[], limit: number): void {
  const length = documents.reduce<number>((sum, each) => sum + String(each ?? "").replaceAll(/\s/g, "").length, 0);
  if (length > limit) throw new Refusal("LimitExceeded", `Cannot exceed quota for PolicySize: ${limit}`);
}

function path(inputs: Properties): string {
  return textAt(inputs, "path") ?? "/";
}

function inUse(what: string): NonNullable<Model["held"]> {
  return (_, by) => new Refusal("DeleteConflict", `Cannot delete entity, ${what} (${by.type} ${by.id}).`);
}

/** Roles and policies. */
export const IAM_MODELS: Models = {
  [ROLE]: {
    source: terraform("iam", "role"),
    replace: ["name", "namePrefix", "path"],
    naming: { property: "name", max: 64 },
    check: longest("name", 64),
    id: ({ inputs }) => String(inputs.name),
    arn: { service: "iam", global: true, of: (id, { inputs }) => `role${path(inputs)}${id}` },
    kept: () => ({ createDate: new Date().toISOString(), uniqueId: `AROA${digits(17).toUpperCase()}` }),
    outputs: ({ inputs }) => ({ path: path(inputs), maxSessionDuration: inputs.maxSessionDuration ?? 3600 }),
    refuse: (request: Request) => {
      refuseDocument(request.inputs.assumeRolePolicy);
      uniqueName("Role")(request);
    },
    held: inUse("must detach all policies first"),
  },
  [INLINE]: {
    source: terraform("iam", "role_policy"),
    replace: ["name", "namePrefix", "role"],
    naming: { property: "name", max: 128 },
    id: ({ inputs }) => `${inputs.role}:${inputs.name}`,
    references: [TO_ROLE],
    refuse: ({ inputs, old, resources }) => {
      refuseDocument(inputs.policy);
      const others = resources.all(INLINE).filter((each) => each.id !== old?.id && each.inputs.role === inputs.role);
      refuseLength([inputs.policy, ...others.map((each) => each.inputs.policy)], LIMITS.inline);
    },
  },
  [POLICY]: {
    source: terraform("iam", "policy"),
    replace: ["name", "namePrefix", "path", "description"],
    naming: { property: "name", max: 128 },
    check: longest("name", 128),
    id: ({ inputs, account }) => `arn:aws:iam::${account}:policy${path(inputs)}${inputs.name}`,
    kept: (_, id) => ({ arn: id, policyId: `ANPA${digits(17).toUpperCase()}` }),
    refuse: (request: Request) => {
      refuseDocument(request.inputs.policy);
      refuseLength([request.inputs.policy], LIMITS.managed);
      uniqueName("A policy")(request);
    },
    held: inUse("it is attached to an entity"),
  },
  [ATTACHMENT]: {
    source: terraform("iam", "role_policy_attachment"),
    replace: ["role", "policyArn"],
    id: ({ inputs }) => `${inputs.role}/${inputs.policyArn}`,
    references: [
      TO_ROLE,
      {
        path: "policyArn",
        to: POLICY,
        missing: (arn) => new Refusal("NoSuchEntity", `Policy ${arn} does not exist or is not attachable.`),
        foreign: /^arn:aws:iam::aws:policy\//,
      },
    ],
  },
  [PROFILE]: {
    source: terraform("iam", "instance_profile"),
    replace: ["name", "namePrefix", "path"],
    naming: { property: "name", max: 128 },
    id: ({ inputs }) => String(inputs.name),
    arn: { service: "iam", global: true, of: (id, { inputs }) => `instance-profile${path(inputs)}${id}` },
    references: [TO_ROLE],
    refuse: uniqueName("Instance Profile"),
  },
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
    source: terraform("iam", "openid_connect_provider"),
    replace: ["url"],
    id: ({ inputs, account }) => `arn:aws:iam::${account}:oidc-provider/${host(inputs)}`,
    outputs: (_, id) => ({ arn: id }),
    refuse: ({ type, inputs, old, resources, account }) => {
      const id = `arn:aws:iam::${account}:oidc-provider/${host(inputs)}`;
      if (old !== undefined || resources.get(type, id) === undefined) return;
      throw new Refusal("EntityAlreadyExists", `Provider with url ${inputs.url} already exists.`);
    },
  },
  "aws:iam/serviceLinkedRole:ServiceLinkedRole": {
    source: terraform("iam", "service_linked_role"),
    replace: ["awsServiceName", "customSuffix"],
    id: ({ inputs, account }) =>
      `arn:aws:iam::${account}:role/aws-service-role/${inputs.awsServiceName}/AWSServiceRole`,
    outputs: (_, id) => ({ arn: id, name: "AWSServiceRole", path: "/aws-service-role/" }),
  },
};

function host(inputs: Properties): string {
  return String(inputs.url).replace("https://", "");
}
