import type * as k8s from "@pulumi/kubernetes";
import type { Model, Serving } from "./args.ts";

/** One way out of the pods. */
export type EgressRule = k8s.types.input.networking.v1.NetworkPolicyEgressRule;
type PolicyPeer = k8s.types.input.networking.v1.NetworkPolicyPeer;

const HTTPS_PORT = 443;
const HTTP_PORT = 80;

/** Everywhere; not every network takes an address range for pods, hence the namespaces (https://docs.cilium.io/en/stable/network/kubernetes/policy/). */
const ANYWHERE: PolicyPeer[] = [
  { namespaceSelector: {} },
  { ipBlock: { cidr: "0.0.0.0/0" } },
  { ipBlock: { cidr: "::/0" } },
];

/** Public addresses: what callers may make the service fetch (https://www.iana.org/assignments/iana-ipv4-special-registry/). */
const PUBLIC: PolicyPeer[] = [
  {
    ipBlock: {
      cidr: "0.0.0.0/0",
      except: ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
    },
  },
  { ipBlock: { cidr: "::/0", except: ["::1/128", "fc00::/7", "fe80::/10"] } },
];

/** Where pods of EKS get the credentials of their role (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html). */
const POD_IDENTITY: PolicyPeer[] = [
  { ipBlock: { cidr: "169.254.170.23/32" } },
  { ipBlock: { cidr: "fd00:ec2::23/128" } },
];

const DNS: EgressRule = {
  to: [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
  ],
  ports: [
    { protocol: "UDP", port: 53 },
    { protocol: "TCP", port: 53 },
  ],
};

/** Whom the pods must reach: nobody, unless they download models, fetch images for callers or send traces. */
export function egressRules(model: Model, { fetchHosts, otlpEndpoint }: Serving): EgressRule[] {
  const rules: EgressRule[] = [];
  if (model.uri !== undefined) rules.push({ to: ANYWHERE, ports: tcp(portOf(model.uri)) });
  if (model.uri?.startsWith("s3:")) rules.push({ to: POD_IDENTITY, ports: tcp(HTTP_PORT) });
  if (fetchHosts.length > 0) rules.push({ to: PUBLIC, ports: tcp(...fetchHosts.map(fetchPort)) });
  if (otlpEndpoint !== undefined) rules.push({ to: ANYWHERE, ports: tcp(portOf(otlpEndpoint)) });
  return rules.length === 0 ? [] : [DNS, ...rules];
}

/** Port of an `http:` or `https:` address, or of S3, which is reached by https. */
function portOf(address: string): number {
  const { port, protocol } = new URL(address);
  if (port !== "") return Number(port);
  return protocol === "http:" ? HTTP_PORT : HTTPS_PORT;
}

function fetchPort(host: string): number {
  return Number(/:(\d+)$/.exec(host)?.[1] ?? HTTPS_PORT);
}

function tcp(...ports: number[]): { protocol: string; port: number }[] {
  return [...new Set(ports)].sort((a, b) => a - b).map((port) => ({ protocol: "TCP", port }));
}
