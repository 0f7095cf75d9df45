import assert from "node:assert/strict";
import type { LoadBalancerControllerArgs } from "../../../infra/exposure/args.ts";
import { controllerPolicy } from "../../../infra/exposure/controller-policy.ts";
import { controllerValues } from "../../../infra/exposure/controller-values.ts";
import { LoadBalancerController } from "../../../infra/exposure/load-balancer-controller.ts";
import { CHARTS } from "../../../infra/versions.ts";
import { unknownKeys } from "../../support/chart-values.ts";
import { find, outputValue, type Recording } from "../../support/pulumi.ts";
import { statements } from "../scaling/fixture.ts";
import { build, CONTROLLER_ARGS } from "./fixture.ts";

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:LoadBalancerController::balancers";
const RELEASE = "kubernetes:helm.sh/v3:Release";
const FILE = "kubernetes:yaml/v2:ConfigFile";
const SCOPE = {
  clusterName: "yolo-test",
  region: "eu-central-1",
  accountId: "111111111111",
  partition: "aws",
  vpcId: "vpc-1",
};

const make = (changes: Partial<LoadBalancerControllerArgs> = {}) =>
  build((parent) => new LoadBalancerController("balancers", { ...CONTROLLER_ARGS, ...changes }, { parent }));

/** Files whose definitions the stack owns. */
function files(recording: Recording): unknown[] {
  return recording.resources.filter(({ type }) => type === FILE).map(({ inputs }) => inputs.file);
}

describe("LoadBalancerController", () => {
  let controller: LoadBalancerController;
  let recording: Recording;

  before(async () => {
    ({ made: controller, recording } = await make());
  });

  it("is a child of its parent, uses its cluster, and tells the role of its pods", async () => {
    const release = find(recording, RELEASE, "balancers");
    assert.equal(release.parent, COMPONENT);
    assert.match(release.provider, /pulumi:providers:kubernetes::cluster/);
    const roleArn = "arn:aws:iam::111111111111:role/balancers";
    assert.equal(await outputValue(controller.roleArn), roleArn);
    assert.deepEqual(recording.outputs.get(COMPONENT), { roleArn });
  });

  it("installs the pinned chart as a release that is rolled back when it fails (P16)", () => {
    const { chart, version, repository } = CHARTS.awsLoadBalancerController;
    const { values, ...inputs } = find(recording, RELEASE, "balancers").inputs;
    assert.ok(values);
    for (const [key, value] of Object.entries({
      chart,
      version,
      repositoryOpts: { repo: repository },
      name: "balancers",
      namespace: "kube-system",
      skipCrds: true,
      atomic: true,
      cleanupOnFail: true,
    })) {
      assert.deepEqual(inputs[key], value, key);
    }
  });

  it("gives the chart exactly these values", () => {
    assert.deepEqual(find(recording, RELEASE, "balancers").inputs.values, {
      fullnameOverride: "aws-load-balancer-controller",
      clusterName: "yolo-test",
      region: "eu-central-1",
      vpcId: "vpc-1",
      replicaCount: 2,
      serviceAccount: { name: "aws-load-balancer-controller" },
      ingressClass: "alb",
      defaultTargetType: "ip",
      defaultTags: { project: "yolo", stack: "test" },
      keepTLSSecret: true,
      enableShield: false,
      enableWaf: false,
      enableWafv2: true,
      enableServiceMutatorWebhook: false,
      controllerConfig: {
        featureGates: { EnableServiceController: false, NLBGatewayAPI: false, ALBGatewayAPI: false },
      },
      resources: { requests: { cpu: "100m", memory: "200Mi" }, limits: { memory: "400Mi" } },
      podDisruptionBudget: { maxUnavailable: 1 },
      podSecurityContext: {
        runAsNonRoot: true,
        runAsUser: 65534,
        runAsGroup: 65534,
        fsGroup: 65534,
        seccompProfile: { type: "RuntimeDefault" },
      },
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        capabilities: { drop: ["ALL"] },
      },
      nodeSelector: { "yolo/pool": "system" },
      tolerations: [{ key: "CriticalAddonsOnly", operator: "Exists" }],
      topologySpreadConstraints: ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: {
          matchLabels: {
            "app.kubernetes.io/instance": "balancers",
            "app.kubernetes.io/name": "aws-load-balancer-controller",
          },
        },
      })),
      serviceMonitor: { enabled: true, namespace: "kube-system", interval: "30s" },
    });
  });

  it("gives the pods' service account a role, and starts the pods after that", () => {
    const association = find(recording, "aws:eks/podIdentityAssociation:PodIdentityAssociation", "balancers");
    assert.deepEqual(association.inputs, {
      clusterName: "yolo-test",
      namespace: "kube-system",
      serviceAccount: "aws-load-balancer-controller",
      roleArn: "arn:aws:iam::111111111111:role/balancers",
    });
    assert.ok(find(recording, RELEASE, "balancers").dependencies.includes(association.urn));
    const { policy } = find(recording, "aws:iam/rolePolicy:RolePolicy", "balancers").inputs;
    assert.deepEqual(policy, controllerPolicy(SCOPE));
  });

  it("owns its definitions, which Helm would never upgrade (P17)", () => {
    const folder =
      "https://raw.githubusercontent.com/kubernetes-sigs/aws-load-balancer-controller/" +
      "v3.5.0/helm/aws-load-balancer-controller/crds";
    assert.deepEqual(files(recording), [`${folder}/crds.yaml`, `${folder}/gateway-crds.yaml`]);
    assert.ok(!recording.resources.some(({ type }) => type.endsWith(":GatewayClass")));
  });

  it("leaves them to Helm where charts come from a mirror, or from a folder without them", async () => {
    for (const charts of [
      { from: "mirror", repository: "oci://charts.example.com" },
      { from: "directory", path: "/no/such/folder" },
    ] as const) {
      const { recording: other } = await make({ charts });
      assert.deepEqual(files(other), []);
      assert.equal(find(other, RELEASE, "balancers").inputs.skipCrds, false);
    }
  });
});

describe("LoadBalancerController with the Gateway API", () => {
  it("makes the definitions at the release that the controller is built for, then itself, then the class", async () => {
    const { recording } = await make({ gateway: true });
    const definitions = find(recording, FILE, "balancers-gateway-api");
    assert.equal(
      definitions.inputs.file,
      "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.0/standard-install.yaml",
    );
    const release = find(recording, RELEASE, "balancers");
    const { controllerConfig } = release.inputs.values as { controllerConfig: object };
    assert.deepEqual(controllerConfig, {
      featureGates: { EnableServiceController: false, NLBGatewayAPI: false, ALBGatewayAPI: true },
    });
    const gatewayClass = find(recording, "kubernetes:gateway.networking.k8s.io/v1:GatewayClass", "balancers");
    assert.deepEqual(gatewayClass.inputs.metadata, { name: "alb" });
    assert.deepEqual(gatewayClass.inputs.spec, { controllerName: "gateway.k8s.aws/alb" });
    assert.ok(gatewayClass.dependencies.includes(release.urn));
  });

  it("takes the definitions from elsewhere", async () => {
    const named = await make({ gateway: true, gatewayDefinitions: "/etc/gateway.yaml" });
    assert.equal(find(named.recording, FILE, "balancers-gateway-api").inputs.file, "/etc/gateway.yaml");
    const folder = await make({ gateway: true, charts: { from: "directory", path: "/charts" } });
    assert.deepEqual(files(folder.recording), ["/charts/gateway-api/standard-install.yaml"]);
  });
});

describe("The controller's values", () => {
  it("have keys of the chart only", function () {
    const values = controllerValues({ ...CONTROLLER_ARGS, region: "eu-central-1", release: "balancers" });
    const unknown = unknownKeys(values, "aws-load-balancer-controller", {
      passedOn: ["podSecurityContext", "securityContext"],
    });
    if (unknown === undefined) this.skip();
    assert.deepEqual(unknown, []);
  });
});

describe("The controller's policy", () => {
  const policy = statements(controllerPolicy(SCOPE));
  const own = { StringEquals: { "aws:ResourceTag/elbv2.k8s.aws/cluster": "yolo-test" } };

  it("changes anything only in its region and account", () => {
    for (const [sid, { Resource, Condition }] of Object.entries(policy)) {
      if (sid === "Read") assert.deepEqual(Condition, { StringEquals: { "aws:RequestedRegion": "eu-central-1" } });
      else
        for (const arn of [Resource].flat())
          assert.match(String(arn), /^arn:aws:[a-z0-9]+:(?:eu-central-1)?:111111111111:/);
    }
  });

  it("reads only by what cannot be limited to resources", () => {
    assert.equal(policy.Read?.Resource, "*");
    for (const action of [policy.Read?.Action].flat()) assert.match(String(action), /:(?:Describe|Get|List)/);
  });

  it("changes load balancers, target groups and security groups that bear the tag of the cluster", () => {
    assert.deepEqual(policy.ChangeOwn?.Condition, own);
    assert.deepEqual(policy.ChangeOwnGroups?.Condition, own);
    const requested = { StringEquals: { "aws:RequestTag/elbv2.k8s.aws/cluster": "yolo-test" } };
    assert.deepEqual(policy.MakeTagged?.Condition, requested);
    assert.deepEqual(policy.MakeOwnGroups?.Condition, requested);
    for (const sid of ["TagOwn", "TagOwnGroups"]) {
      assert.deepEqual(
        policy[sid]?.Condition,
        { ...own, Null: { "aws:RequestTag/elbv2.k8s.aws/cluster": "true" } },
        sid,
      );
    }
  });

  it("opens the nodes of this cluster only", () => {
    assert.deepEqual(policy.OpenNodes?.Condition, {
      StringEquals: { "aws:ResourceTag/kubernetes.io/cluster/yolo-test": "owned" },
    });
    assert.equal(policy.MakeGroupsInVpc?.Resource, "arn:aws:ec2:eu-central-1:111111111111:vpc/vpc-1");
  });

  it("stays within the size of a role's inline policy", () => {
    assert.ok(JSON.stringify(controllerPolicy(SCOPE)).replaceAll(/\s/g, "").length < 10_240);
  });
});
