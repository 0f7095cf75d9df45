import assert from "node:assert/strict";
import { PLACEHOLDERS } from "../../local/plan-placeholders.ts";
import { ensureToolchain } from "../../local/toolchain/index.ts";
import { ProjectStack } from "./project-stack.ts";
import { TestStack } from "./stack.ts";

const signal = new AbortController().signal;

/** What Pulumi's SDK says after a cause that stands elsewhere, and what nobody can read. */
const NOISE = /error serializing|unhandled|node_modules|\n\s+at /;

/** What a user reads when something is refused, by the real engine. The texts of AWS and its provider are those of stand-ins. */
describe("A failure", function () {
  this.timeout(120_000);

  describe("of the dev stack's preview", () => {
    let stack: ProjectStack;

    before(async () => {
      const toolchain = await ensureToolchain({ signal, report: () => {} });
      stack = await ProjectStack.make({ toolchain, stack: "dev", kubeconfig: "", config: PLACEHOLDERS });
    });

    after(() => stack?.remove());

    /** What is said without a region, or with one. */
    const previewIn = async (region: string | undefined) => {
      await stack.configure((values) => Object.assign(values, { "aws:region": region }));
      const { exitCode, text } = await stack.preview();
      assert.notEqual(exitCode, 0);
      assert.doesNotMatch(text, NOISE);
      assert.deepEqual(stack.account(), []);
      return text;
    };

    it("for want of a region says so, and how to choose one", async () => {
      assert.match(
        await previewIn(undefined),
        /error: Expected a region for aws:region but received nothing\. Choose one by/,
      );
    });

    // Missing credentials are refused by the real provider at the same moment: when it is configured.
    it("that AWS's provider causes has the provider's words alone", async () => {
      assert.match(await previewIn("nowhere"), /error: .*Expected an AWS region for aws:region but received "nowhere"/);
    });

    it("lists every wrong value, and asks AWS nothing", async () => {
      await stack.configure((values) =>
        Object.assign(values, { "yolo:network": { zones: 9 }, "yolo:nodes": { system: { min: 9, max: 3 } } }),
      );
      const text = await previewIn("us-west-2");
      assert.match(text, /✖ Expected .* for network\.zones but received 9/);
      assert.doesNotMatch(text, /stood in for/);
    });
  });

  it("of a resource in a component has AWS's words alone", async () => {
    const stack = await TestStack.make(await ensureToolchain({ signal, report: () => {} }));
    try {
      await stack.program(`
        class Part extends pulumi.ComponentResource {
          constructor(name: string) {
            super("test:index:Part", name);
            const vpc = new aws.ec2.Vpc(name, { cidrBlock: "10.0.0.0/8" }, { parent: this });
            const subnet = new aws.ec2.Subnet(name, { vpcId: vpc.id, cidrBlock: "10.0.0.0/24" }, { parent: this });
            this.registerOutputs({ vpcId: vpc.id, subnet: subnet.id.apply((id) => id.toUpperCase()) });
          }
        }
        export default async () => { new Part("part"); };`);
      const { exitCode, text } = await stack.up();
      assert.notEqual(exitCode, 0);
      assert.match(
        text,
        /aws:ec2:Vpc \(part\):\n\s+error: .*InvalidVpc\.Range: The CIDR '10\.0\.0\.0\/8' is invalid\./,
      );
      assert.doesNotMatch(text, NOISE);
    } finally {
      await stack.remove();
    }
  });
});
