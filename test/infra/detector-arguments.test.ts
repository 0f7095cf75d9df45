import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { Detector } from "../../infra/detector.ts";
import { find, installMocks, settle } from "../support/pulumi.ts";
import { ARGS, build, podTemplate, SHA256 } from "./detector-fixture.ts";

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

  it("ends old pods first where there is no room for new ones", async () => {
    const { recording } = await build({ rollout: { mode: "resourceAware", maxUnavailable: 1 } });
    const { spec } = find(recording, "kubernetes:apps/v1:Deployment", "detector").inputs as {
      spec: { strategy: unknown };
    };
    assert.deepEqual(spec.strategy, { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } });
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
