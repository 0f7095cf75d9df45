import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { HEALTH_CHECK, loadBalancerPeers } from "../../../infra/exposure/balancer.ts";
import {
  exposedServiceProblems,
  exposureProblems,
  KEEP_ALIVE_SECONDS,
  MIN_DRAIN_SECONDS,
} from "../../../infra/exposure/checks.ts";
import { planSubnets } from "../../../infra/network/subnets.ts";
import { problemText } from "../../../infra/problems.ts";
import { ARGS, PUBLIC } from "./fixture.ts";

const SERVICE = { service: { type: "ClusterIP" }, drainSeconds: 15, requestTimeoutMs: 10_000 } as const;

describe("exposureProblems", () => {
  const problems = (changes: object) => exposureProblems({ ...PUBLIC, ...changes }).map(problemText);

  it("finds none in what goes together", () => {
    assert.deepEqual(problems({}), []);
    assert.deepEqual(exposureProblems(ARGS), []);
  });

  it("refuses ranges that are none", () => {
    assert.deepEqual(problems({ sourceRanges: ["203.0.113.4", "203.0.113.4/24", "::/0"] }), [
      'Expected an address range such as 203.0.113.0/24 for sourceRanges.0 but received "203.0.113.4"',
      'Expected the first address of the range (203.0.113.0/24) for sourceRanges.1 but received "203.0.113.4/24"',
      'Expected an address range such as 203.0.113.0/24 for sourceRanges.2 but received "::/0"',
    ]);
  });

  it("refuses a firewall without a rule", () => {
    assert.deepEqual(problems({ waf: { ruleGroups: [] } }), [
      "Expected at least one, or requestsPerFiveMinutes, for a firewall that does something, for waf.ruleGroups " +
        "but received []",
    ]);
    assert.deepEqual(problems({ waf: { ruleGroups: [], requestsPerFiveMinutes: 100 } }), []);
  });
});

describe("exposedServiceProblems", () => {
  const problems = (settings: object, service: object = {}) =>
    exposedServiceProblems({ ...PUBLIC, ...settings }, { ...SERVICE, ...service }, "eu-central-1").map(problemText);

  it("finds none in what goes together", () => {
    assert.deepEqual(problems({}), []);
    assert.deepEqual(exposedServiceProblems(ARGS, { ...SERVICE, drainSeconds: MIN_DRAIN_SECONDS }), []);
  });

  it("refuses a certificate of another region", () => {
    const certificateArn = "arn:aws:acm:us-east-1:111111111111:certificate/1";
    assert.deepEqual(problems({ certificateArn }), [
      "Expected a certificate in the stack's region (eu-central-1) for exposure.certificateArn " +
        `but received "${certificateArn}"`,
    ]);
  });

  it("refuses a connection that the service closes before the load balancer", () => {
    assert.deepEqual(problems({ idleTimeoutSeconds: 75 }), [
      "Expected less than 75, after which the service closes idle connections itself, for exposure.idleTimeoutSeconds " +
        "but received 75",
    ]);
  });

  it("refuses requests that the load balancer gives up first", () => {
    assert.deepEqual(problems({}, { requestTimeoutMs: 60_000 }), [
      "Expected less than exposure.idleTimeoutSeconds (60 s), after which callers are answered 504, " +
        "for detector.serving.requestTimeoutMs but received 60000",
    ]);
  });

  it("refuses pods that stop before the load balancer knows", () => {
    assert.deepEqual(problems({}, { drainSeconds: 5 }), [
      "Expected at least 15, until which a load balancer still sends requests to a stopping pod, for detector.drainSeconds " +
        "but received 5",
    ]);
  });

  it("refuses a second load balancer", () => {
    assert.deepEqual(problems({}, { service: { type: "LoadBalancer" } }), [
      "Expected ClusterIP, because yolo:exposure makes the load balancer, for detector.service.type " +
        'but received "LoadBalancer"',
    ]);
  });

  it("knows for how long the service keeps connections", () => {
    const app = readFileSync(resolve(import.meta.dirname, "../../../service/src/app.ts"), "utf8");
    const [, milliseconds = ""] = /KEEP_ALIVE_MS = ([\d_]+);/.exec(app) ?? [];
    assert.equal(Number(milliseconds.replaceAll("_", "")), KEEP_ALIVE_SECONDS * 1000);
  });

  it("lets no pod stop before its health check says so", () => {
    assert.ok(HEALTH_CHECK.intervalSeconds * HEALTH_CHECK.threshold < MIN_DRAIN_SECONDS);
  });
});

describe("loadBalancerPeers", () => {
  it("are the subnets that a load balancer lies in", () => {
    const subnets = planSubnets("10.0.0.0/16", ["a", "b"]);
    assert.deepEqual(
      loadBalancerPeers("public", subnets),
      subnets.map(({ publicCidr }) => ({ cidr: publicCidr })),
    );
    assert.deepEqual(
      loadBalancerPeers("internal", subnets),
      subnets.map(({ privateCidr }) => ({ cidr: privateCidr })),
    );
  });
});
