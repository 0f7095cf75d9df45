import assert from "node:assert/strict";
import { exposureSchema } from "../../stacks/config/exposure.ts";
import { describeExpected, formatProblems } from "../../stacks/config/problems.ts";

/** The problems of a section, as they are printed. */
function problems(raw: unknown): string[] {
  const result = exposureSchema.safeParse(raw, { error: describeExpected });
  return result.success ? [] : formatProblems(result.error, raw).split("\n");
}

const DEFAULTS = {
  scheme: "internal",
  tlsPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
  hosts: [],
  sourceRanges: [],
  idleTimeoutSeconds: 60,
};

const REFUSED: [name: string, raw: Record<string, unknown>, message: string][] = [
  ["a way that does not exist", { via: "nlb" }, 'one of none, ingress, gateway for via but received "nlb"'],
  ["settings of nothing", { via: "none", scheme: "public" }, 'no such key for scheme but received "public"'],
  [
    "definitions of the Gateway API without it",
    { via: "ingress", definitions: "/a.yaml" },
    'no such key for definitions but received "/a.yaml"',
  ],
  [
    "an old policy of TLS",
    { via: "ingress", tlsPolicy: "ELBSecurityPolicy-2016-08" },
    "one of ELBSecurityPolicy-TLS13-1-2-2021-06, ELBSecurityPolicy-TLS13-1-2-Res-2021-06, " +
      "ELBSecurityPolicy-TLS13-1-3-2021-06, ELBSecurityPolicy-TLS13-1-2-PQ-2025-09, " +
      "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09, ELBSecurityPolicy-TLS13-1-3-PQ-2025-09 for tlsPolicy " +
      'but received "ELBSecurityPolicy-2016-08"',
  ],
  [
    "a certificate by another name than its ARN",
    { via: "gateway", certificateArn: "detect.example.com" },
    'the ARN of a certificate of ACM for certificateArn but received "detect.example.com"',
  ],
  [
    "a host that is an address",
    { via: "ingress", hosts: ["https://detect.example.com"] },
    "a host name such as detect.example.com or *.example.com for hosts[0] " +
      'but received "https://detect.example.com"',
  ],
  [
    "a timeout that the service does not keep",
    { via: "ingress", idleTimeoutSeconds: 75 },
    "a whole number from 1 to 74 for idleTimeoutSeconds but received 75",
  ],
  [
    "a rule group that does not exist",
    { via: "ingress", waf: { ruleGroups: ["all"] } },
    'one of ipReputation, anonymousIp, common, knownBadInputs for waf.ruleGroups[0] but received "all"',
  ],
  [
    "a range that is none",
    { via: "ingress", sourceRanges: ["all"] },
    'an address range such as 203.0.113.0/24 for sourceRanges.0 but received "all"',
  ],
];

describe("exposureSchema", () => {
  it("fills in every default", () => {
    assert.deepEqual(exposureSchema.parse({ via: "ingress" }), { via: "ingress", ...DEFAULTS });
    assert.deepEqual(exposureSchema.parse({ via: "gateway", waf: {} }), {
      via: "gateway",
      ...DEFAULTS,
      waf: { ruleGroups: ["ipReputation", "common", "knownBadInputs"] },
    });
    assert.deepEqual(exposureSchema.parse({ via: "none" }), { via: "none" });
  });

  for (const [name, raw, message] of REFUSED) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(problems(raw), [`✖ Expected ${message}`]);
    });
  }

  it("refuses a public load balancer without TLS, and one that does not say to whom", () => {
    assert.deepEqual(problems({ via: "gateway", scheme: "public" }), [
      "✖ Expected a certificate of ACM for the scheme public, which nobody should call without TLS, for certificateArn " +
        "but received nothing",
      '✖ Expected at least one range for the scheme public ("0.0.0.0/0" for everybody) for sourceRanges but received []',
    ]);
  });
});
