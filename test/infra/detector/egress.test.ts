import assert from "node:assert/strict";
import type { Model, Serving } from "../../../infra/detector/args.ts";
import { egressRules } from "../../../infra/detector/egress.ts";
import { detectorSchema } from "../../../stacks/config/detector.ts";

const FILE = { name: "street", sha256: "0".repeat(64) };

interface Rule {
  to: { ipBlock?: { cidr: string; except?: string[] }; namespaceSelector?: object; podSelector?: object }[];
  ports: { protocol: string; port: number }[];
}

function rules(model: Partial<Model>, serving: Partial<Serving> = {}): Rule[] {
  const { serving: defaults } = detectorSchema.parse({});
  return egressRules({ ...FILE, ...model }, { ...defaults, ...serving }) as unknown as Rule[];
}

/** Rules but the first, which must be that for name servers, as ports and addresses. */
function beyondDns(all: Rule[]): [ports: number[], addresses: string[]][] {
  const [dns, ...others] = all;
  assert.deepEqual(dns, {
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
  });
  return others.map(({ to, ports }) => [
    ports.map(({ port }) => port),
    to.map(({ ipBlock }) => (ipBlock === undefined ? "pods" : ipBlock.cidr + (ipBlock.except ? " but private" : ""))),
  ]);
}

const ANYWHERE = ["pods", "0.0.0.0/0", "::/0"];
const PUBLIC = ["0.0.0.0/0 but private", "::/0 but private"];

describe("egressRules", () => {
  it("open no way out, not even to name servers, for a service that needs none", () => {
    assert.deepEqual(rules({}), []);
  });

  it("let pods get a model, and of EKS the credentials for it", () => {
    assert.deepEqual(beyondDns(rules({ uri: "https://models.example.com/a.onnx" })), [[[443], ANYWHERE]]);
    assert.deepEqual(beyondDns(rules({ uri: "https://models.example.com:8443/a.onnx" })), [[[8443], ANYWHERE]]);
    assert.deepEqual(beyondDns(rules({ uri: "s3://models/a.onnx" })), [
      [[443], ANYWHERE],
      [[80], ["169.254.170.23/32", "fd00:ec2::23/128"]],
    ]);
  });

  it("let pods fetch images from public addresses only, at the ports of the listed hosts", () => {
    const fetchHosts = ["a.example.com", "*.b.example.com", "c.example.com:8443"];
    const all = rules({}, { fetchHosts });
    assert.deepEqual(beyondDns(all), [[[443, 8443], PUBLIC]]);
    const [v4, v6] = all[1]?.to.map(({ ipBlock }) => ipBlock?.except) ?? [];
    for (const cidr of ["10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"])
      assert.ok(v4?.includes(cidr));
    for (const cidr of ["fc00::/7", "fe80::/10"]) assert.ok(v6?.includes(cidr));
  });

  it("let pods send traces", () => {
    const ports = (otlpEndpoint: string) => beyondDns(rules({}, { otlpEndpoint }))[0];
    assert.deepEqual(ports("http://collector.monitoring:4318"), [[4318], ANYWHERE]);
    assert.deepEqual(ports("https://otlp.example.com/path"), [[443], ANYWHERE]);
    assert.deepEqual(ports("http://collector"), [[80], ANYWHERE]);
  });
});
