import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../local/paths.ts";
import { INVOKES } from "./aws/invokes.ts";
import { MODELS } from "./aws/models/index.ts";
import { schemaInputs } from "./eks/schema.ts";
import { SdkShapes } from "./sdk/cache.ts";
import { checkProperties } from "./sdk/check.ts";
import type { Inputs, Shape } from "./sdk/shape.ts";
import { type Properties, UNKNOWN } from "./values.ts";

const NODES = {
  clusterName: "yolo",
  nodeRoleArn: "arn",
  subnetIds: ["subnet-1"],
  scalingConfig: { minSize: 0, desiredSize: 0, maxSize: 1 },
};

describe("types of the installed SDK", function () {
  // Reading every declaration anew takes long where the cache is empty.
  this.timeout(60_000);
  const sdk = new SdkShapes();

  async function failures(token: string, inputs: Properties): Promise<string[]> {
    const shape = await sdk.resource(token);
    assert.ok(shape !== undefined);
    return checkProperties(shape, inputs, token).map(({ reason }) => reason);
  }
  const nodeFailures = (inputs: Properties) => failures("aws:eks/nodeGroup:NodeGroup", { ...NODES, ...inputs });

  it("find nothing wrong with what they allow", async () => {
    assert.deepEqual(await nodeFailures({ labels: { a: "b" }, taints: [{ key: "k", effect: "NO_SCHEDULE" }] }), []);
    const roles = { assumeRolePolicy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["a"] }] } };
    assert.deepEqual(await failures("aws:iam/role:Role", roles), []);
    assert.deepEqual(await failures("aws:iam/role:Role", { assumeRolePolicy: "{}" }), []);
  });

  it("find a property that is missing, misspelt or unknown", async () => {
    assert.deepEqual(await nodeFailures({ subnetIds: undefined }), [
      "Expected a list for subnetIds but received nothing",
    ]);
    assert.deepEqual(await nodeFailures({ amitype: "AL2023_x86_64_NVIDIA" }), [
      "Expected a property of aws:eks/nodeGroup:NodeGroup but received amitype, which it does not have; did you mean amiType?",
    ]);
    assert.deepEqual(await nodeFailures({ colour: "blue" }), [
      "Expected a property of aws:eks/nodeGroup:NodeGroup but received colour, which it does not have",
    ]);
  });

  it("find values of the wrong kind, wherever they are", async () => {
    assert.deepEqual(await nodeFailures({ subnetIds: "subnet-1" }), [
      'Expected a list for subnetIds but received "subnet-1"',
    ]);
    assert.deepEqual(await nodeFailures({ scalingConfig: { minSize: "0", desiredSize: 0 } }), [
      "Expected a number for scalingConfig.maxSize but received nothing",
      'Expected a number for scalingConfig.minSize but received "0"',
    ]);
    assert.deepEqual(await nodeFailures({ labels: { a: 1 } }), ['Expected a string for labels["a"] but received 1']);
    assert.deepEqual(await nodeFailures({ taints: [{ key: "k" }] }), [
      "Expected a string for taints[0].effect but received nothing",
    ]);
    const statement = { Effect: "Allow", Actions: ["a"] };
    const [reason] = await failures("aws:iam/role:Role", {
      assumeRolePolicy: { Version: "1", Statement: [statement] },
    });
    assert.match(`${reason}`, /Actions, which it does not have/);
    assert.deepEqual(await failures("aws:iam/role:Role", { assumeRolePolicy: "no JSON" }), [
      'Expected a policy document for assumeRolePolicy but received "no JSON"',
    ]);
  });

  it("take what is not known yet everywhere", async () => {
    assert.deepEqual(await nodeFailures({ subnetIds: UNKNOWN, scalingConfig: UNKNOWN, labels: { a: UNKNOWN } }), []);
  });

  it("have no resource of a wrong token", async () => {
    assert.equal(await sdk.resource("aws:eks/nodeGroups:NodeGroups"), undefined);
    assert.equal(await sdk.function("aws:index/getRegionn:getRegionn"), undefined);
  });

  it("have every resource, property and function that the stand-in knows", async () => {
    const wrong: string[] = [];
    for (const [token, model] of Object.entries(MODELS)) {
      const shape = await sdk.resource(token);
      if (shape === undefined) {
        wrong.push(token);
        continue;
      }
      const paths = [
        ...model.replace,
        ...Object.keys(model.values ?? {}),
        ...(model.references ?? []).map(({ path }) => path),
        ...(model.naming === undefined ? [] : [model.naming.property]),
      ];
      wrong.push(...paths.filter((path) => !hasPath(shape, path)).map((path) => `${token} ${path}`));
      const named = (model.references ?? []).map(({ to }) => to).filter((to) => MODELS[to] === undefined);
      wrong.push(...named.map((to) => `${token} -> ${to}`));
    }
    for (const token of Object.keys(INVOKES)) if ((await sdk.function(token)) === undefined) wrong.push(token);
    assert.deepEqual(wrong, []);
  });

  it("are those of every resource and function of the program, of which the stand-in has a model or an answer", async () => {
    const missing: string[] = [];
    for await (const file of glob("{infra,stacks}/**/*.ts", { cwd: ROOT })) {
      const text = await readFile(join(ROOT, file), "utf8");
      for (const [, module, name = ""] of text.matchAll(/new aws\.(\w+)\.(\w+)\(/g)) {
        const token = `aws:${module}/${name.slice(0, 1).toLowerCase()}${name.slice(1)}:${name}`;
        if (MODELS[token] === undefined) missing.push(`${file}: ${token}`);
      }
      for (const [, module = "index", name = ""] of text.matchAll(/\baws\.(?:(\w+)\.)?(get\w+)\(/g)) {
        const plain = name.replace(/Output$/, "");
        if (INVOKES[`aws:${module}/${plain}:${plain}`] === undefined) missing.push(`${file}: ${name}`);
      }
    }
    assert.deepEqual(missing, []);
  });

  it("say of no other property that its change makes a new resource", async () => {
    const missing: string[] = [];
    for (const [token, model] of Object.entries(MODELS)) {
      const said = Object.entries((await sdk.resource(token))?.inputs ?? {}).filter(([, { replaces }]) => replaces);
      const known = model.replace.map((path) => path.split(".")[0]);
      missing.push(...said.filter(([name]) => !known.includes(name)).map(([name]) => `${token} ${name}`));
    }
    // Depends on another property: see the model's replaceAlso.
    assert.deepEqual(missing, ["aws:ec2/vpcEndpoint:VpcEndpoint privateDnsEnabled"]);
  });
});

describe("schema of the EKS component", () => {
  it("has what the stand-in checks", function () {
    const schema = schemaInputs("eks:index:Cluster");
    if (schema === undefined) {
      console.log("      skipped: the schema is not beside the repository");
      this.skip();
    }
    const wrong = { authenticationMode: "Api", accessEntries: { a: {} }, skipDefaultNodegroup: true };
    assert.deepEqual(
      checkProperties(schema, wrong, "eks:index:Cluster").map(({ reason }) => reason),
      [
        'Expected "CONFIG_MAP" or "API" or "API_AND_CONFIG_MAP" for authenticationMode but received "Api"',
        'Expected a string for accessEntries["a"].principalArn but received nothing',
        "Expected a property of eks:index:Cluster but received skipDefaultNodegroup, which it does not have; did you mean skipDefaultNodeGroup?",
      ],
    );
  });
});

function hasPath(declared: Inputs, path: string): boolean {
  let properties: Inputs["inputs"] | undefined = declared.inputs;
  for (const name of path.split(".")) {
    const property: Inputs["inputs"][string] | undefined = properties?.[name];
    if (property === undefined) return false;
    properties = declared.types[objectType(property.shape) ?? ""];
  }
  return true;
}

function objectType(shape: Shape): string | undefined {
  if (shape.kind === "object") return shape.type;
  return shape.kind === "list" || shape.kind === "map" ? objectType(shape.of) : undefined;
}
