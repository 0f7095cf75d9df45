import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { ensureToolchain, type Toolchain } from "../../local/toolchain/index.ts";
import type { Stored } from "./aws/account.ts";
import { TestStack } from "./stack.ts";

const NOTICE = /AWS is stood in for: nothing is created in, or asked of, any AWS account/g;

/** A network and a role; `rest` changes what its name says, `more` adds to it. */
function program({ cidr = "10.0.1.0/24", tag = "one", roleName = "detector", more = "" } = {}): string {
  return `
    const zones = (await aws.getAvailabilityZones({ state: "available" })).names;
    const vpc = new aws.ec2.Vpc("vpc", { cidrBlock: "10.0.0.0/16", tags: { which: "${tag}" } });
    const subnet = new aws.ec2.Subnet("a", { vpcId: vpc.id, cidrBlock: "${cidr}", availabilityZone: zones[0] });
    const trust = { Version: "2012-10-17", Statement: [
      { Effect: "Allow", Principal: { Service: "pods.eks.amazonaws.com" }, Action: ["sts:AssumeRole", "sts:TagSession"] },
    ] };
    const role = new aws.iam.Role("role", { name: "${roleName}", assumeRolePolicy: trust });
    new aws.iam.RolePolicy("role", { role: role.name, policy: {
      Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["s3:GetObject"], Resource: ["arn:aws:s3:::models/*"] }],
    } });
    const template = new aws.ec2.LaunchTemplate("gpu", { metadataOptions: { httpTokens: "required" } });
    export const vpcId = vpc.id;
    export const subnetArn = subnet.arn;
    export const { arn: roleArn } = role;
    export const version = template.latestVersion;
    ${more}`;
}

describe("the AWS stand-in under the real engine", function () {
  // A test runs the engine, once or twice.
  this.timeout(120_000);
  let toolchain: Toolchain;
  let stack: TestStack;

  before(async () => {
    toolchain = await ensureToolchain({ signal: new AbortController().signal, report: () => {} });
    stack = await TestStack.make(toolchain, { region: "" });
  });

  after(() => stack.remove());

  const resources = async () =>
    (JSON.parse(await readFile(stack.account, "utf8")) as { resources: Stored[] }).resources;

  it("needs a region", async () => {
    await stack.program(program());
    const { exitCode, text } = await stack.preview();
    assert.notEqual(exitCode, 0);
    assert.match(text, /Expected an AWS region for aws:region but received nothing/);
    await stack.configure({ "aws:region": "eu-central-1", "aws:defaultTags": { tags: { project: "yolo" } } });
  });

  it("finds mistakes in a preview, all at once", async () => {
    await stack.program(`
      await aws.ssm.getParameter({ name: "/ami" }).catch((error) => console.log(error.message));
      const wrong: object = { metadataOptions: { httptokens: "required" }, updateDefaultVersion: "yes" };
      new aws.ec2.LaunchTemplate("gpu", wrong);`);
    const { exitCode, text } = await stack.preview();
    assert.notEqual(exitCode, 0);
    assert.match(text, /received metadataOptions\.httptokens, which it does not have; did you mean httpTokens\?/);
    assert.match(text, /Expected a boolean for updateDefaultVersion but received "yes"/);
    assert.match(text, /function that the stand-in of AWS answers but received aws:ssm\/getParameter:getParameter/);
  });

  it("previews without touching the account, and says once that nothing is real", async () => {
    await stack.program(program());
    const { exitCode, text, changes } = await stack.preview();
    assert.equal(exitCode, 0, text);
    assert.deepEqual(changes, { create: 6 });
    assert.match(text, /vpcId +: \[unknown\]/);
    assert.equal(text.slice(text.indexOf("Diagnostics:")).match(NOTICE)?.length, 1);
    assert.equal(existsSync(stack.account), false);
  });

  it("creates what a program describes, and nothing the second time", async () => {
    const first = await stack.up();
    assert.equal(first.exitCode, 0, first.text);
    assert.deepEqual(first.changes, { created: 6 });
    const { vpcId, subnetArn, roleArn, version } = await stack.outputs();
    assert.match(`${vpcId}`, /^vpc-[0-9a-f]{17}$/);
    assert.match(`${subnetArn}`, /^arn:aws:ec2:eu-central-1:123456789012:subnet\/subnet-[0-9a-f]{17}$/);
    assert.equal(roleArn, "arn:aws:iam::123456789012:role/detector");
    assert.equal(version, 1);
    const vpc = (await resources()).find(({ id }) => id === vpcId);
    assert.deepEqual(vpc?.outputs.tagsAll, { project: "yolo", which: "one" });
    assert.deepEqual((await stack.up()).changes, { unchanged: 6 });
  });

  it("updates in place or replaces, as the real provider does", async () => {
    const { vpcId } = await stack.outputs();
    await stack.program(program({ cidr: "10.0.2.0/24", tag: "two", roleName: "other" }));
    const { exitCode, text, changes } = await stack.up();
    assert.equal(exitCode, 0, text);
    assert.deepEqual(changes, { updated: 1, replaced: 3, unchanged: 2 });
    const after = await stack.outputs();
    assert.equal(after.vpcId, vpcId);
    assert.equal(after.roleArn, "arn:aws:iam::123456789012:role/other");
    assert.deepEqual(
      (await resources()).filter(({ type }) => type.endsWith(":Role")).map(({ id }) => id),
      ["other"],
    );
  });

  it("shows what somebody changed by hand, and puts it right", async () => {
    const list = (await resources()).filter(({ type }) => !type.endsWith(":LaunchTemplate"));
    for (const { type, inputs, outputs } of list) {
      if (type.endsWith(":Vpc")) for (const each of [inputs, outputs]) each.tags = { which: "three" };
    }
    await writeFile(stack.account, JSON.stringify({ about: "", resources: list }));
    const refreshed = await stack.refresh();
    assert.deepEqual(refreshed.changes, { updated: 1, deleted: 1, unchanged: 4 }, refreshed.text);
    assert.deepEqual((await stack.up()).changes, { created: 1, updated: 1, unchanged: 4 });
  });

  it("refuses what AWS refuses, with its code", async () => {
    await stack.program(
      program({
        cidr: "10.0.2.0/24",
        tag: "two",
        roleName: "other",
        more: `
          new aws.ec2.Subnet("b", { vpcId: vpc.id, cidrBlock: "10.0.2.0/25" });
          new aws.iam.Role("same", { name: "other", assumeRolePolicy: trust });`,
      }),
    );
    const { exitCode, text } = await stack.up("--continue-on-error");
    assert.notEqual(exitCode, 0);
    assert.match(
      text,
      /creating aws:ec2\/subnet:Subnet \(b\): InvalidSubnet\.Conflict: The CIDR '10\.0\.2\.0\/25' conflicts/,
    );
    assert.match(
      text,
      /creating aws:iam\/role:Role \(same\): EntityAlreadyExists: Role with name other already exists/,
    );
  });

  it("destroys everything, and the account is empty", async () => {
    const { exitCode, text } = await stack.destroy();
    assert.equal(exitCode, 0, text);
    assert.deepEqual(await resources(), []);
  });
});
