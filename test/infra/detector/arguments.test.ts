import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { Detector } from "../../../infra/detector/detector.ts";
import { find, installMocks, settle } from "../../support/pulumi.ts";
import { ARGS, build, podTemplate, SELECTOR, SHA256 } from "./fixture.ts";

describe("Detector with other arguments", () => {
  it("changes the pods when a setting changes, and only then", async () => {
    const first = podTemplate((await build()).recording);
    assert.deepEqual(podTemplate((await build()).recording), first);
    const changed = podTemplate((await build({ serving: { ...ARGS.serving, queueLimit: 33 } })).recording);
    assert.notDeepEqual(changed, first);
    const model = { name: "street", sha256: SHA256.replace("0", "f") };
    assert.notDeepEqual(podTemplate((await build({ model })).recording), first);
  });

  it("takes a volume from a storage class", async () => {
    const modelVolume = { type: "storageClass", name: "efs", sizeGib: 20, accessMode: "ReadWriteMany" } as const;
    const { recording } = await build({ modelVolume });
    assert.ok(!recording.resources.some(({ type }) => type.endsWith(":PersistentVolume")));
    assert.deepEqual(find(recording, "kubernetes:core/v1:PersistentVolumeClaim", "detector-models").inputs.spec, {
      accessModes: ["ReadWriteMany"],
      storageClassName: "efs",
      resources: { requests: { storage: "20Gi" } },
    });
  });

  it("lets a provided volume grow in place, and replaces one of another class", async () => {
    const modelVolume = { type: "storageClass", name: "efs", sizeGib: 20, accessMode: "ReadWriteMany" } as const;
    const claimName = async (changes: object) => {
      const { recording } = await build({ modelVolume: { ...modelVolume, ...changes } });
      const { inputs } = find(recording, "kubernetes:core/v1:PersistentVolumeClaim", "detector-models");
      return (inputs.metadata as { name: string }).name;
    };
    assert.equal(await claimName({ sizeGib: 40 }), await claimName({}));
    assert.notEqual(await claimName({ name: "gp3" }), await claimName({}));
  });

  it("ties a folder to the one node that has it", async () => {
    const { recording } = await build({ modelVolume: { type: "hostPath", path: "/models", sizeGib: 1, node: "one" } });
    const { spec } = find(recording, "kubernetes:core/v1:PersistentVolume", "detector-models").inputs as {
      spec: Record<string, unknown>;
    };
    assert.deepEqual(spec.nodeAffinity, {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["one"] }] }],
      },
    });
  });

  it("downloads the model where it has an address, into a volume that it may write to, and with more time", async () => {
    const model = { name: "street", sha256: SHA256, uri: "s3://models/street.onnx" };
    const { recording } = await build({ model, modelVolume: { type: "pod", sizeGib: 3 } });
    assert.ok(!recording.resources.some(({ type }) => /:PersistentVolume/.test(type)));
    const { data } = find(recording, "kubernetes:core/v1:ConfigMap", "detector").inputs as {
      data: Record<string, string>;
    };
    assert.equal(data.MODELS, `street=s3://models/street.onnx@sha256:${SHA256}`);
    const { spec } = podTemplate(recording) as { spec: Record<string, unknown[]> };
    assert.deepEqual(spec.volumes?.[0], { name: "models", emptyDir: { sizeLimit: "3Gi" } });
    const container = spec.containers?.[0] as { volumeMounts: unknown[]; startupProbe: { failureThreshold: number } };
    assert.deepEqual(container.volumeMounts[0], { name: "models", mountPath: "/models", readOnly: false });
    assert.equal(container.startupProbe.failureThreshold, 900);
  });

  it("or into a volume of each pod, which Kubernetes makes and deletes with it", async () => {
    const model = { name: "street", sha256: SHA256, uri: "s3://models/street.onnx" };
    const modelVolume = { type: "podClaim", storageClass: "gp3", sizeGib: 20 } as const;
    const { recording } = await build({ model, modelVolume });
    assert.ok(!recording.resources.some(({ type }) => /:PersistentVolume/.test(type)));
    const { spec } = podTemplate(recording) as { spec: Record<string, unknown[]> };
    assert.deepEqual(spec.volumes?.[0], {
      name: "models",
      ephemeral: {
        volumeClaimTemplate: {
          metadata: { labels: SELECTOR },
          spec: {
            accessModes: ["ReadWriteOnce"],
            storageClassName: "gp3",
            resources: { requests: { storage: "20Gi" } },
          },
        },
      },
    });
    const [container] = spec.containers as [{ volumeMounts: unknown[] }];
    assert.deepEqual(container.volumeMounts[0], { name: "models", mountPath: "/models", readOnly: false });
  });

  it("labels its namespace as it is told, and still as restricted", async () => {
    const { recording } = await build({
      namespaceLabels: { "example.com/a": "b", "pod-security.kubernetes.io/enforce": "privileged" },
    });
    const { metadata } = find(recording, "kubernetes:core/v1:Namespace", "detector").inputs as {
      metadata: { labels: Record<string, string> };
    };
    assert.equal(metadata.labels["example.com/a"], "b");
    assert.equal(metadata.labels["pod-security.kubernetes.io/enforce"], "restricted");
  });

  it("asks for no API key, and has no Secret, where there are none", async () => {
    const { recording } = await build({ secrets: undefined });
    assert.ok(!recording.resources.some(({ type }) => type.endsWith(":Secret")));
    const { data } = find(recording, "kubernetes:core/v1:ConfigMap", "detector").inputs as {
      data: Record<string, string>;
    };
    assert.equal(data.API_KEYS_FILE, "");
    assert.doesNotMatch(JSON.stringify(podTemplate(recording)), /secret/);
  });

  it("does not touch the pods when the API keys change", async () => {
    const template = podTemplate((await build()).recording);
    const secrets = { "api-keys": `two:${SHA256}` };
    assert.deepEqual(podTemplate((await build({ secrets })).recording), template);
  });

  it("ends old pods first where there is no room for new ones", async () => {
    const { recording } = await build({ rollout: { mode: "resourceAware", maxUnavailable: 1 } });
    const { spec } = find(recording, "kubernetes:apps/v1:Deployment", "detector").inputs as {
      spec: { strategy: unknown };
    };
    assert.deepEqual(spec.strategy, { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } });
  });

  it("makes a template of claims for GPUs that are claimed, whose name follows its content", async () => {
    const serving = { ...ARGS.serving, executionProvider: "cuda" as const };
    const template = async (gpus: number) => {
      const { recording } = await build({ resources: { ...ARGS.resources, gpus }, gpuApi: "dra", serving });
      const { inputs } = find(recording, "kubernetes:resource.k8s.io/v1:ResourceClaimTemplate", "detector-gpu");
      const { spec } = podTemplate(recording) as { spec: { resourceClaims: { resourceClaimTemplateName: string }[] } };
      const { name } = inputs.metadata as { name: string };
      assert.equal(spec.resourceClaims[0]?.resourceClaimTemplateName, name);
      return { name, spec: inputs.spec };
    };
    const [one, two] = [await template(1), await template(2)];
    assert.deepEqual(one.spec, {
      spec: { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu.nvidia.com", count: 1 } }] } },
    });
    assert.notEqual(one.name, two.name);
  });

  it("throws one error with every problem, tied to the component, before it creates an object", async () => {
    const recording = await installMocks();
    assert.throws(
      () => new Detector("detector", { ...ARGS, replicas: { min: 6, max: 5 }, allowFrom: [] }),
      (error: unknown) => {
        assert.ok(pulumi.ResourceError.isInstance(error));
        assert.equal(error.hideStack, true);
        assert.equal(
          error.message,
          "Expected at most replicas.max (5) for replicas.min but received 6\n" +
            "Expected at least one cidr for a service of type NodePort, which nobody outside could call otherwise, " +
            "for allowFrom but received []",
        );
        return true;
      },
    );
    await settle();
    assert.deepEqual(
      recording.resources.map(({ type }) => type),
      ["yolo:infra:Detector"],
    );
  });
});
