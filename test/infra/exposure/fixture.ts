import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ExposureArgs, LoadBalancerControllerArgs } from "../../../infra/exposure/args.ts";
import { installMocks, type MockOptions, type Recording, settle } from "../../support/pulumi.ts";

/** Arguments of an internal load balancer. */
export const ARGS: ExposureArgs = {
  via: "ingress",
  scheme: "internal",
  tlsPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
  hosts: [],
  sourceRanges: [],
  idleTimeoutSeconds: 60,
  clusterName: "yolo-test",
  namespace: "yolo",
  service: "detector",
  drain: { drainSeconds: 20, requestTimeoutMs: 10_500 },
  vpcCidr: "10.0.0.0/16",
  protect: false,
};

/** Arguments of a load balancer on the internet, which set everything there is to set. */
export const PUBLIC: ExposureArgs = {
  ...ARGS,
  scheme: "public",
  certificateArn: "arn:aws:acm:eu-central-1:111111111111:certificate/1",
  hosts: ["detect.example.com", "www.example.com"],
  sourceRanges: ["203.0.113.0/24", "198.51.100.7/32"],
  waf: { ruleGroups: ["ipReputation", "common"], requestsPerFiveMinutes: 3000 },
  protect: true,
};

/** Arguments of the controller. */
export const CONTROLLER_ARGS: LoadBalancerControllerArgs = {
  clusterName: "yolo-test",
  location: { region: "eu-central-1", accountId: "111111111111", partition: "aws" },
  vpcId: "vpc-1",
  placement: {
    nodeSelector: { "yolo/pool": "system" },
    tolerations: [{ key: "CriticalAddonsOnly", operator: "Exists" }],
  },
  charts: { from: "upstream" },
  serviceMonitors: true,
  tags: { project: "yolo", stack: "test" },
  gateway: false,
};

const HOSTNAME = "k8s-yolo-exposure-1.eu-central-1.elb.amazonaws.com";

/** What AWS and the controller answer. It does not show that they accept what they are asked. */
const STATES: NonNullable<MockOptions["states"]> = {
  "aws:iam/role:Role": (name) => ({ name, arn: `arn:aws:iam::111111111111:role/${name}` }),
  "aws:wafv2/webAcl:WebAcl": () => ({ arn: "arn:aws:wafv2:eu-central-1:111111111111:regional/webacl/w/1" }),
  "kubernetes:networking.k8s.io/v1:Ingress": () => ({
    status: { loadBalancer: { ingress: [{ hostname: HOSTNAME }] } },
  }),
  "kubernetes:gateway.networking.k8s.io/v1:Gateway": () => ({ status: { addresses: [{ value: HOSTNAME }] } }),
};

/** Builds a component below a parent that has a cluster, under mocks. */
export async function build<T>(
  make: (parent: pulumi.ComponentResource) => T,
): Promise<{ made: T; recording: Recording }> {
  const recording = await installMocks({ states: STATES });
  const provider = new k8s.Provider("cluster", { kubeconfig: "{}" });
  const made = make(new pulumi.ComponentResource("test:Parent", "parent", {}, { providers: [provider] }));
  await settle();
  return { made, recording };
}
