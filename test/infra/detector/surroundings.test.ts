import assert from "node:assert/strict";
import { find, type Recording, type Registered } from "../../support/pulumi.ts";
import { build, LABELS, metadata, SELECTOR } from "./fixture.ts";

describe("Detector's surroundings", () => {
  let recording: Recording;
  const resource = (type: string, name = "detector"): Registered => find(recording, `kubernetes:${type}`, name);

  before(async () => {
    ({ recording } = await build());
  });

  it("is called at the named port of its pods", () => {
    const { inputs } = resource("core/v1:Service");
    assert.deepEqual(inputs.metadata, metadata("detector"));
    assert.deepEqual(inputs.spec, {
      type: "NodePort",
      selector: SELECTOR,
      ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP", appProtocol: "http", nodePort: 30080 }],
    });
  });

  it("always lets one pod be evicted", () => {
    const { inputs } = resource("policy/v1:PodDisruptionBudget");
    assert.deepEqual(inputs.metadata, metadata("detector"));
    assert.deepEqual(inputs.spec, {
      maxUnavailable: 1,
      selector: { matchLabels: SELECTOR },
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    });
  });

  it("denies every connection of its namespace that it does not allow, and every way out where none is needed", () => {
    const denyAll = resource("networking.k8s.io/v1:NetworkPolicy", "detector-deny-all").inputs;
    assert.deepEqual(denyAll.metadata, metadata("deny-all"));
    assert.deepEqual(denyAll.spec, { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    const policy = resource("networking.k8s.io/v1:NetworkPolicy").inputs;
    assert.deepEqual(policy.metadata, metadata("detector"));
    assert.deepEqual(policy.spec, {
      podSelector: { matchLabels: SELECTOR },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        {
          from: [
            { podSelector: {} },
            { ipBlock: { cidr: "10.0.0.0/8" } },
            { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } },
          ],
          ports: [{ protocol: "TCP", port: 8080 }],
        },
      ],
      egress: [],
    });
  });

  it("grows fast and shrinks slowly on CPU and memory", () => {
    const { inputs } = resource("autoscaling/v2:HorizontalPodAutoscaler");
    // KEDA's webhook refuses a ScaledObject beside it otherwise, so that a stack could never change over.
    const annotations = { "validations.keda.sh/hpa-ownership": "false" };
    assert.deepEqual(inputs.metadata, { ...metadata("detector"), annotations });
    assert.deepEqual(inputs.spec, {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "detector" },
      minReplicas: 2,
      maxReplicas: 5,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
        { type: "Resource", resource: { name: "memory", target: { type: "Utilization", averageUtilization: 90 } } },
      ],
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 0,
          selectPolicy: "Max",
          policies: [
            { type: "Percent", value: 100, periodSeconds: 15 },
            { type: "Pods", value: 2, periodSeconds: 15 },
          ],
        },
        scaleDown: {
          stabilizationWindowSeconds: 300,
          selectPolicy: "Max",
          policies: [{ type: "Pods", value: 1, periodSeconds: 60 }],
        },
      },
    });
  });

  it("binds a folder of the node to its claim and to no other, and keeps the files", () => {
    const volume = resource("core/v1:PersistentVolume", "detector-models").inputs;
    const claim = resource("core/v1:PersistentVolumeClaim", "detector-models").inputs;
    const claimName = (claim.metadata as { name: string }).name;
    assert.match(claimName, /^detector-models-[0-9a-f]{10}$/);
    assert.deepEqual(volume.metadata, { name: `yolo-${claimName}`, labels: LABELS });
    assert.deepEqual(volume.spec, {
      accessModes: ["ReadOnlyMany"],
      capacity: { storage: "1Gi" },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", name: claimName, namespace: "yolo" },
      hostPath: { path: "/models", type: "Directory" },
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: "",
      volumeMode: "Filesystem",
    });
    assert.deepEqual(claim.metadata, metadata(claimName));
    assert.deepEqual(claim.spec, {
      accessModes: ["ReadOnlyMany"],
      storageClassName: "",
      volumeName: `yolo-${claimName}`,
      resources: { requests: { storage: "1Gi" } },
    });
  });
});
