import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { previewStack } from "../../local/plan-run.ts";
import { costNotes, planLines, planTable, type Step, unreadNames } from "../../local/plan-table.ts";
import { ensureToolchain, type Toolchain } from "../../local/toolchain/index.ts";
import { TestStack } from "./stack.ts";

const signal = new AbortController().signal;

function step(path: string, name: string, parent?: Step, custom = true): Step {
  const type = path.split("$").at(-1) ?? "";
  const urn = `urn:pulumi:dev::yolo::${path}::${name}`;
  return { op: "create", urn, newState: { type, custom, ...(parent !== undefined && { parent: parent.urn }) } };
}

describe("the table of a plan", () => {
  const stack = step("pulumi:pulumi:Stack", "yolo-dev", undefined, false);
  const network = step("yolo:infra:Network", "network", stack, false);
  const cluster = step("yolo:infra:Cluster", "cluster", stack, false);
  const inner = step("yolo:infra:Cluster$eks:index:Cluster", "eks", cluster, false);
  const steps = [
    stack,
    step("pulumi:providers:aws", "default_7_48_0", stack),
    network,
    step("yolo:infra:Network$aws:ec2/vpc:Vpc", "network", network),
    step("yolo:infra:Network$aws:ec2/subnet:Subnet", "a", network),
    cluster,
    inner,
    step("yolo:infra:Cluster$eks:index:Cluster$aws:eks/cluster:Cluster", "eks", inner),
    step("yolo:infra:Network$aws:ec2/subnet:Subnet", "b", network),
    step("kubernetes:core/v1:Namespace", "gpu", stack),
    step("yolo:infra:Cluster$kubernetes:helm.sh/v4:Chart", "keda", cluster, false),
  ];

  it("counts by component and type", () => {
    assert.deepEqual(planLines(steps), [
      { name: "network", component: "network (Network)", type: "aws:ec2:Subnet", count: 2 },
      { name: "network", component: "network (Network)", type: "aws:ec2:Vpc", count: 1 },
      { name: "cluster", component: "cluster (Cluster)", type: "aws:eks:Cluster", count: 1 },
      { name: "cluster", component: "cluster (Cluster)", type: "kubernetes:helm.sh/v4:Chart", count: 1 },
      { component: "(in none)", type: "kubernetes:core/v1:Namespace", count: 1 },
    ]);
  });

  it("names each component once, in columns", () => {
    assert.deepEqual(planTable(planLines(steps)), [
      "COMPONENT          RESOURCE                      COUNT",
      "network (Network)  aws:ec2:Subnet                    2",
      "                   aws:ec2:Vpc                       1",
      "cluster (Cluster)  aws:eks:Cluster                   1",
      "                   kubernetes:helm.sh/v4:Chart       1",
      "(in none)          kubernetes:core/v1:Namespace      1",
      "total                                                6",
    ]);
  });

  it("says what each component costs, also one that has nothing in the plan", () => {
    const components = { network: { min: 36.5, max: 36.5 }, g6: { min: 0, max: 1484.76 } };
    const cost = { min: 36.5, max: 1521.26, components, withoutPrice: ["interface endpoint × 2"] };
    assert.deepEqual(planTable(planLines(steps), cost), [
      "COMPONENT          RESOURCE                      COUNT       USD A MONTH",
      "network (Network)  aws:ec2:Subnet                    2             36.50",
      "                   aws:ec2:Vpc                       1                  ",
      "cluster (Cluster)  aws:eks:Cluster                   1                  ",
      "                   kubernetes:helm.sh/v4:Chart       1                  ",
      "(in none)          kubernetes:core/v1:Namespace      1                  ",
      "g6                 (made when pods need it)              0.00 to 1484.76",
      "total                                                6  36.50 to 1521.26",
    ]);
    assert.deepEqual(costNotes(cost).slice(2), ["Too low by what has no price: interface endpoint × 2"]);
    const pricesOf = { instances: "2026-01-19", services: "2026-10-04" };
    assert.match(`${costNotes({ ...cost, pricesOf })[0]}`, /of 2026-01-19 \(instances\) and 2026-10-04/);
    assert.match(`${costNotes(cost)[0]}`, /not known for this region/);
  });

  it("names what it cannot look into", () => {
    assert.deepEqual(unreadNames(steps), ["keda"]);
  });
});

describe("a plan under the real engine", function () {
  this.timeout(120_000);
  let toolchain: Toolchain;
  let stack: TestStack;

  before(async () => {
    toolchain = await ensureToolchain({ signal, report: () => {} });
    stack = await TestStack.make(toolchain);
  });

  after(() => stack.remove());

  it("shows what a stack would create, without its secrets and without writing to its files", async () => {
    await stack.configure({ "standin:key": { secure: "v1:AAAA:BBBB" } });
    await stack.program(`
      class Network extends pulumi.ComponentResource {
        constructor(name: string) {
          super("yolo:infra:Network", name);
          const vpc = new aws.ec2.Vpc(name, { cidrBlock: "10.0.0.0/16" }, { parent: this });
          for (const n of [0, 1])
            new aws.ec2.Subnet(name + n, { vpcId: vpc.id, cidrBlock: "10.0." + n + ".0/24" }, { parent: this });
        }
      }
      new Network("network");
      export const estimatedMonthlyUsd = { min: 1, max: 2, components: { network: { min: 1, max: 2 } }, withoutPrice: [] };`);
    const file = join(stack.folder, "Pulumi.test.yaml");
    const before = await readFile(file, "utf8");
    const placeholders = { "standin:release": "none", "aws:region": "us-east-1" };
    const options = { toolchain, signal, directory: stack.folder, stack: "test", placeholders };
    const { steps, cost, secrets, placed } = await previewStack(options);
    assert.deepEqual(planLines(steps), [
      { name: "network", component: "network (Network)", type: "aws:ec2:Subnet", count: 2 },
      { name: "network", component: "network (Network)", type: "aws:ec2:Vpc", count: 1 },
    ]);
    assert.deepEqual(cost, { min: 1, max: 2, components: { network: { min: 1, max: 2 } }, withoutPrice: [] });
    assert.deepEqual([secrets, placed], [["standin:key"], ["standin:release"]]);
    assert.equal(await readFile(file, "utf8"), before);
  });

  it("says what is wrong with a program, and that a stack does not exist", async () => {
    await stack.program(`throw new pulumi.RunError("Expected at least 2 zones for network.zones but received 1");`);
    const options = { toolchain, signal, directory: stack.folder };
    await assert.rejects(previewStack({ ...options, stack: "test" }), /Expected at least 2 zones for network\.zones/);
    await assert.rejects(previewStack({ ...options, stack: "none" }), /Expected a stack but received "none"/);
  });
});
