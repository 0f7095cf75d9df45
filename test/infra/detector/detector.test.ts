import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { Detector } from "../../../infra/detector/detector.ts";
import { find, outputValue, type Recording, type Registered } from "../../support/pulumi.ts";
import { build, COMPONENT, LABELS, metadata, podTemplate, SELECTOR, SHA256 } from "./fixture.ts";

describe("Detector", () => {
  let detector: Detector;
  let recording: Recording;
  const resource = (type: string, name = "detector"): Registered => find(recording, `kubernetes:${type}`, name);

  before(async () => {
    ({ detector, recording } = await build());
  });

  it("creates exactly these objects", () => {
    const objects = recording.resources
      .map(({ type, name }) => `${type} ${name}`)
      .filter((each) => /^kubernetes/.test(each));
    assert.deepEqual(objects.sort(), [
      "kubernetes:apps/v1:Deployment detector",
      "kubernetes:autoscaling/v2:HorizontalPodAutoscaler detector",
      "kubernetes:core/v1:ConfigMap detector",
      "kubernetes:core/v1:Namespace detector",
      "kubernetes:core/v1:PersistentVolume detector-models",
      "kubernetes:core/v1:PersistentVolumeClaim detector-models",
      "kubernetes:core/v1:Secret detector",
      "kubernetes:core/v1:Service detector",
      "kubernetes:core/v1:ServiceAccount detector",
      "kubernetes:networking.k8s.io/v1:NetworkPolicy detector",
      "kubernetes:networking.k8s.io/v1:NetworkPolicy detector-deny-all",
      "kubernetes:policy/v1:PodDisruptionBudget detector",
    ]);
  });

  it("is the parent of every object and a child of its own parent", () => {
    assert.equal(find(recording, "yolo:infra:Detector", "detector").urn, COMPONENT);
    for (const { type, name, parent, urn } of recording.resources.filter((each) =>
      each.type.startsWith("kubernetes:"),
    )) {
      assert.equal(parent, COMPONENT, `${type} ${name}`);
      assert.equal(urn, `urn:pulumi:test::yolo::yolo:infra:Detector$${type}::${name}`);
    }
  });

  it("registers the outputs that it offers", async () => {
    const expected = { namespace: "yolo", service: "detector", deployment: "detector", nodePort: 30080 };
    assert.deepEqual(recording.outputs.get(COMPONENT), expected);
    const { namespace, service, deployment, nodePort } = detector;
    assert.deepEqual(await outputValue(pulumi.output({ namespace, service, deployment, nodePort })), expected);
  });

  it("makes the API server refuse every pod of its namespace that is not restricted", () => {
    assert.deepEqual(resource("core/v1:Namespace").inputs.metadata, {
      name: "yolo",
      labels: {
        ...LABELS,
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "v1.35",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/audit-version": "v1.35",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": "v1.35",
      },
    });
  });

  it("gives its pods an account without a token", () => {
    const { inputs } = resource("core/v1:ServiceAccount");
    assert.deepEqual(inputs.metadata, metadata("detector"));
    assert.equal(inputs.automountServiceAccountToken, false);
  });

  it("configures the service by an immutable map that is named by its content", () => {
    const { inputs } = resource("core/v1:ConfigMap");
    assert.match((inputs.metadata as { name: string }).name, /^detector-[0-9a-f]{10}$/);
    assert.equal(inputs.immutable, true);
    assert.deepEqual(inputs.data, {
      MODELS: `street=file:///models/${SHA256}.onnx@sha256:${SHA256}`,
      MODEL_CACHE_DIR: "/models",
      EXECUTION_PROVIDER: "cpu",
      THREADS: "2",
      WORKERS: "1",
      MAX_BATCH: "1",
      MAX_BATCH_DELAY_MS: "2",
      QUEUE_LIMIT: "32",
      REQUEST_TIMEOUT_MS: "10000",
      BODY_LIMIT_BYTES: "10485760",
      PIXEL_LIMIT: "25000000",
      RESIZE: "exact",
      FETCH_HOSTS: "",
      CORS_ORIGINS: "https://app.example.com,https://b.example.com",
      API_KEYS_FILE: "/etc/yolo/api-keys",
      RATE_LIMIT_PER_MINUTE: "600",
      OTEL_EXPORTER_OTLP_ENDPOINT: "",
      PAGE: "on",
      LOG_LEVEL: "info",
    });
  });

  it("keeps the API keys secret, in a Secret that can change in place", () => {
    const secret = resource("core/v1:Secret");
    assert.deepEqual(secret.inputs.metadata, metadata("detector"));
    assert.equal(secret.inputs.immutable, undefined);
    assert.equal(secret.inputs.type, "Opaque");
    assert.deepEqual(secret.inputs.stringData, { "api-keys": `one:${SHA256}` });
    assert.equal(secret.isSecret("stringData"), true);
    const others = recording.resources.filter((each) => each !== secret);
    assert.ok(!JSON.stringify([others, [...recording.outputs]]).includes(`one:${SHA256}`));
  });

  it("runs pods that replace each other without a gap, and leaves their number to the autoscaler", () => {
    const { inputs } = resource("apps/v1:Deployment");
    assert.deepEqual(inputs.metadata, metadata("detector"));
    const { template: _, ...spec } = inputs.spec as Record<string, unknown>;
    assert.deepEqual(spec, {
      selector: { matchLabels: SELECTOR },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      minReadySeconds: 3,
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 3,
    });
  });

  it("runs this pod", () => {
    const spread = { maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway", labelSelector: { matchLabels: SELECTOR } };
    const configMap = (resource("core/v1:ConfigMap").inputs.metadata as { name: string }).name;
    const claim = (resource("core/v1:PersistentVolumeClaim", "detector-models").inputs.metadata as { name: string })
      .name;
    assert.deepEqual(podTemplate(recording), {
      metadata: { labels: LABELS },
      spec: {
        serviceAccountName: "detector",
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 21,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 65532,
          runAsGroup: 65532,
          fsGroup: 65532,
          fsGroupChangePolicy: "OnRootMismatch",
          seccompProfile: { type: "RuntimeDefault" },
        },
        nodeSelector: { pool: "general" },
        tolerations: [{ key: "dedicated", operator: "Exists", effect: "NoSchedule" }],
        topologySpreadConstraints: [
          { ...spread, topologyKey: "topology.kubernetes.io/zone", matchLabelKeys: ["pod-template-hash"] },
          { ...spread, topologyKey: "kubernetes.io/hostname", matchLabelKeys: ["pod-template-hash"] },
        ],
        containers: [
          {
            name: "detector",
            image: `docker.io/yolo/detector@sha256:${SHA256}`,
            imagePullPolicy: "IfNotPresent",
            ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
            envFrom: [{ configMapRef: { name: configMap } }],
            resources: { requests: { cpu: "500m", memory: "512Mi" }, limits: { cpu: "2", memory: "2Gi" } },
            startupProbe: {
              httpGet: { path: "/health/startup", port: "http" },
              periodSeconds: 1,
              failureThreshold: 300,
            },
            livenessProbe: {
              httpGet: { path: "/health/live", port: "http" },
              periodSeconds: 10,
              timeoutSeconds: 10,
              failureThreshold: 3,
            },
            readinessProbe: {
              httpGet: { path: "/health/ready", port: "http" },
              periodSeconds: 5,
              timeoutSeconds: 3,
              failureThreshold: 2,
            },
            lifecycle: { preStop: { sleep: { seconds: 5 } } },
            securityContext: {
              allowPrivilegeEscalation: false,
              capabilities: { drop: ["ALL"] },
              privileged: false,
              readOnlyRootFilesystem: true,
            },
            volumeMounts: [
              { name: "models", mountPath: "/models", readOnly: true },
              { name: "tmp", mountPath: "/tmp" },
              { name: "secrets", mountPath: "/etc/yolo", readOnly: true },
            ],
          },
        ],
        volumes: [
          { name: "models", persistentVolumeClaim: { claimName: claim, readOnly: true } },
          { name: "tmp", emptyDir: { sizeLimit: "64Mi" } },
          { name: "secrets", secret: { secretName: "detector", defaultMode: 0o440 } },
        ],
      },
    });
  });

  it("lets no pod start before the policies that guard it", () => {
    const { dependencies } = resource("apps/v1:Deployment");
    for (const name of ["detector", "detector-deny-all"]) {
      const { urn } = resource("networking.k8s.io/v1:NetworkPolicy", name);
      assert.ok(dependencies.includes(urn), urn);
    }
  });
});
