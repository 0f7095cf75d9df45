import assert from "node:assert/strict";
import type { ExposureArgs } from "../../../infra/exposure/args.ts";
import { Exposure } from "../../../infra/exposure/exposure.ts";
import { find, outputValue, type Recording } from "../../support/pulumi.ts";
import { ARGS, build, PUBLIC } from "./fixture.ts";

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:Exposure::exposure";
const INGRESS = "kubernetes:networking.k8s.io/v1:Ingress";
const GATEWAY = "kubernetes:gateway.networking.k8s.io/v1";
const CONTROLLER = "kubernetes:gateway.k8s.aws/v1";
const HOSTNAME = "k8s-yolo-exposure-1.eu-central-1.elb.amazonaws.com";
const ACL_ARN = "arn:aws:wafv2:eu-central-1:111111111111:regional/webacl/w/1";
const LABELS = { "app.kubernetes.io/part-of": "yolo", "app.kubernetes.io/managed-by": "pulumi" };
const PATHS = [
  {
    path: "/metrics",
    pathType: "Prefix",
    backend: { service: { name: "not-found", port: { name: "use-annotation" } } },
  },
  { path: "/", pathType: "Prefix", backend: { service: { name: "detector", port: { name: "http" } } } },
];

const make = (args: ExposureArgs) => build((parent) => new Exposure("exposure", args, { parent }));

/** Annotations of the controller, without their prefix. */
function annotations(recording: Recording): Record<string, string> {
  const { metadata } = find(recording, INGRESS, "exposure").inputs as {
    metadata: { annotations: Record<string, string> };
  };
  return Object.fromEntries(
    Object.entries(metadata.annotations).map(([key, value]) => [key.replace("alb.ingress.kubernetes.io/", ""), value]),
  );
}

describe("Exposure by an Ingress, internal", () => {
  let exposure: Exposure;
  let recording: Recording;

  before(async () => {
    ({ made: exposure, recording } = await make(ARGS));
  });

  it("makes one Ingress in the service's namespace, and tells where it is reached", async () => {
    const ingress = find(recording, INGRESS, "exposure");
    assert.equal(ingress.parent, COMPONENT);
    assert.match(ingress.provider, /pulumi:providers:kubernetes::cluster/);
    assert.equal(ingress.protect, false);
    assert.equal(await outputValue(exposure.url), `http://${HOSTNAME}`);
    assert.deepEqual(recording.outputs.get(COMPONENT), { hostname: HOSTNAME, url: `http://${HOSTNAME}` });
    const { name, namespace, labels } = ingress.inputs.metadata as Record<string, unknown>;
    assert.deepEqual([name, namespace, labels], ["exposure", "yolo", LABELS]);
  });

  it("asks for a load balancer that only the VPC reaches, straight to the pods", () => {
    assert.deepEqual(annotations(recording), {
      scheme: "internal",
      "target-type": "ip",
      "listen-ports": '[{"HTTP":80}]',
      "inbound-cidrs": "10.0.0.0/16",
      "healthcheck-path": "/health/ready",
      "healthcheck-interval-seconds": "5",
      "healthcheck-timeout-seconds": "3",
      "healthy-threshold-count": "2",
      "unhealthy-threshold-count": "2",
      "success-codes": "200",
      // The drain, and the longest request after it.
      "target-group-attributes":
        "deregistration_delay.timeout_seconds=31,load_balancing.algorithm.type=least_outstanding_requests",
      "load-balancer-attributes":
        "idle_timeout.timeout_seconds=60,routing.http.drop_invalid_header_fields.enabled=true," +
        "routing.http.desync_mitigation_mode=defensive",
      "wafv2-acl-arn": "none",
      "actions.not-found":
        '{"type":"fixed-response","fixedResponseConfig":{"contentType":"text/plain","statusCode":"404","messageBody":"Not found"}}',
      "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0].hostname}",
    });
  });

  it("sends everything to the service but what is for the cluster", () => {
    assert.deepEqual(find(recording, INGRESS, "exposure").inputs.spec, {
      ingressClassName: "alb",
      rules: [{ http: { paths: PATHS } }],
    });
  });
});

describe("Exposure by an Ingress, public", () => {
  let exposure: Exposure;
  let recording: Recording;

  before(async () => {
    ({ made: exposure, recording } = await make(PUBLIC));
  });

  it("is reached by TLS under its names, from given addresses, and protected", async () => {
    const given = annotations(recording);
    const expected = {
      scheme: "internet-facing",
      "listen-ports": '[{"HTTP":80},{"HTTPS":443}]',
      "inbound-cidrs": "203.0.113.0/24,198.51.100.7/32",
      "certificate-arn": "arn:aws:acm:eu-central-1:111111111111:certificate/1",
      "ssl-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
      "ssl-redirect": "443",
      "wafv2-acl-arn": ACL_ARN,
    };
    for (const [key, value] of Object.entries(expected)) assert.equal(given[key], value, key);
    const { rules } = find(recording, INGRESS, "exposure").inputs.spec as { rules: unknown };
    assert.deepEqual(
      rules,
      PUBLIC.hosts.map((host) => ({ host, http: { paths: PATHS } })),
    );
    assert.equal(find(recording, INGRESS, "exposure").protect, true);
    assert.equal(await outputValue(exposure.url), "https://detect.example.com");
  });

  it("has a firewall with AWS's rules, which do not mistake images for attacks, and a limit for each address", () => {
    const { rules, ...acl } = find(recording, "aws:wafv2/webAcl:WebAcl", "exposure").inputs;
    const visibility = (metricName: string) => ({
      metricName,
      cloudwatchMetricsEnabled: true,
      sampledRequestsEnabled: true,
    });
    assert.deepEqual(acl, {
      name: "yolo-test-exposure",
      description: "Requests to yolo-test-exposure",
      scope: "REGIONAL",
      defaultAction: { allow: {} },
      visibilityConfig: visibility("yolo-test-exposure"),
    });
    const counted = [
      "SizeRestrictions_BODY",
      "EC2MetaDataSSRF_BODY",
      "GenericLFI_BODY",
      "GenericRFI_BODY",
      "GenericRFI_QUERYARGUMENTS",
      "CrossSiteScripting_BODY",
    ];
    assert.deepEqual(rules, [
      {
        name: "rate",
        priority: 0,
        action: { block: { customResponse: { responseCode: 429 } } },
        statement: { rateBasedStatement: { aggregateKeyType: "IP", evaluationWindowSec: 300, limit: 3000 } },
        visibilityConfig: visibility("rate"),
      },
      {
        name: "ipReputation",
        priority: 1,
        overrideAction: { none: {} },
        statement: {
          managedRuleGroupStatement: { vendorName: "AWS", name: "AWSManagedRulesAmazonIpReputationList" },
        },
        visibilityConfig: visibility("ipReputation"),
      },
      {
        name: "common",
        priority: 2,
        overrideAction: { none: {} },
        statement: {
          managedRuleGroupStatement: {
            vendorName: "AWS",
            name: "AWSManagedRulesCommonRuleSet",
            ruleActionOverrides: counted.map((name) => ({ name, actionToUse: { count: {} } })),
          },
        },
        visibilityConfig: visibility("common"),
      },
    ]);
  });
});

describe("Exposure by a Gateway", () => {
  let exposure: Exposure;
  let recording: Recording;
  const spec = (type: string, name = "exposure") => find(recording, type, name).inputs.spec;

  before(async () => {
    const canary = { service: "detector-canary", weight: 5 };
    ({ made: exposure, recording } = await make({ ...PUBLIC, via: "gateway", canary }));
  });

  it("makes a Gateway, once what configures it is there, and tells where it is reached", async () => {
    const gateway = find(recording, `${GATEWAY}:Gateway`, "exposure");
    assert.deepEqual(gateway.inputs.spec, {
      gatewayClassName: "alb",
      infrastructure: {
        parametersRef: { group: "gateway.k8s.aws", kind: "LoadBalancerConfiguration", name: "exposure" },
      },
      listeners: [
        { name: "http", protocol: "HTTP", port: 80, allowedRoutes: { namespaces: { from: "Same" } } },
        { name: "https", protocol: "HTTPS", port: 443, allowedRoutes: { namespaces: { from: "Same" } } },
      ],
    });
    assert.deepEqual(gateway.inputs.metadata, {
      name: "exposure",
      namespace: "yolo",
      labels: LABELS,
      annotations: { "pulumi.com/waitFor": "condition=Programmed" },
    });
    assert.ok(!("status" in gateway.inputs));
    assert.equal(gateway.protect, true);
    for (const type of ["LoadBalancerConfiguration", "TargetGroupConfiguration"]) {
      assert.ok(gateway.dependencies.includes(find(recording, `${CONTROLLER}:${type}`, "exposure").urn), type);
    }
    assert.equal(await outputValue(exposure.hostname), HOSTNAME);
    assert.equal(await outputValue(exposure.url), "https://detect.example.com");
  });

  it("says of the load balancer what the Ingress says", () => {
    assert.deepEqual(spec(`${CONTROLLER}:LoadBalancerConfiguration`), {
      scheme: "internet-facing",
      sourceRanges: ["203.0.113.0/24", "198.51.100.7/32"],
      loadBalancerAttributes: [
        { key: "idle_timeout.timeout_seconds", value: "60" },
        { key: "routing.http.drop_invalid_header_fields.enabled", value: "true" },
        { key: "routing.http.desync_mitigation_mode", value: "defensive" },
      ],
      listenerConfigurations: [
        {
          protocolPort: "HTTPS:443",
          defaultCertificate: "arn:aws:acm:eu-central-1:111111111111:certificate/1",
          sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
        },
      ],
      wafV2: { webACL: ACL_ARN },
    });
  });

  it("says of the targets what the Ingress says, for both versions", () => {
    for (const [name, service] of [
      ["exposure", "detector"],
      ["exposure-canary", "detector-canary"],
    ] as const) {
      assert.deepEqual(spec(`${CONTROLLER}:TargetGroupConfiguration`, name), {
        targetReference: { name: service },
        defaultConfiguration: {
          targetType: "ip",
          healthCheckConfig: {
            healthCheckPath: "/health/ready",
            healthCheckInterval: 5,
            healthCheckTimeout: 3,
            healthyThresholdCount: 2,
            unhealthyThresholdCount: 2,
            matcher: { httpCode: "200" },
          },
          targetGroupAttributes: [
            { key: "deregistration_delay.timeout_seconds", value: "31" },
            { key: "load_balancing.algorithm.type", value: "least_outstanding_requests" },
          ],
        },
      });
    }
  });

  it("sends five of a hundred requests to the canary, and none to what is for the cluster", () => {
    const backend = { group: "", kind: "Service", port: 80 };
    assert.deepEqual(spec(`${GATEWAY}:HTTPRoute`), {
      parentRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "exposure", sectionName: "https" }],
      hostnames: ["detect.example.com", "www.example.com"],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/metrics" } }],
          filters: [
            {
              type: "ExtensionRef",
              extensionRef: {
                group: "gateway.k8s.aws",
                kind: "ListenerRuleConfiguration",
                name: "exposure-not-found",
              },
            },
          ],
        },
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          backendRefs: [
            { ...backend, name: "detector", weight: 95 },
            { ...backend, name: "detector-canary", weight: 5 },
          ],
        },
      ],
    });
    assert.deepEqual(spec(`${CONTROLLER}:ListenerRuleConfiguration`, "exposure-not-found"), {
      actions: [
        {
          type: "fixed-response",
          fixedResponseConfig: { statusCode: 404, contentType: "text/plain", messageBody: "Not found" },
        },
      ],
    });
  });

  it("answers HTTP by a redirect", () => {
    assert.deepEqual(spec(`${GATEWAY}:HTTPRoute`, "exposure-redirect"), {
      parentRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "exposure", sectionName: "http" }],
      hostnames: ["detect.example.com", "www.example.com"],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", port: 443, statusCode: 301 } }],
        },
      ],
    });
  });

  it("needs none of that for HTTP within the VPC, and then has one version only", async () => {
    const { made, recording: plain } = await make({ ...ARGS, via: "gateway" });
    const { rules, ...route } = find(plain, `${GATEWAY}:HTTPRoute`, "exposure").inputs.spec as {
      rules: { backendRefs?: unknown[] }[];
    };
    assert.deepEqual(route, {
      parentRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "exposure", sectionName: "http" }],
    });
    assert.deepEqual(rules[1]?.backendRefs, [{ group: "", kind: "Service", port: 80, name: "detector", weight: 100 }]);
    assert.ok(!plain.resources.some(({ name }) => /redirect|canary/.test(name)));
    const { listenerConfigurations, wafV2, sourceRanges } = find(
      plain,
      `${CONTROLLER}:LoadBalancerConfiguration`,
      "exposure",
    ).inputs.spec as Record<string, unknown>;
    assert.deepEqual([listenerConfigurations, wafV2, sourceRanges], [undefined, undefined, ["10.0.0.0/16"]]);
    assert.equal(await outputValue(made.url), `http://${HOSTNAME}`);
  });
});

describe("Exposure with wrong arguments", () => {
  it("lists all of them", async () => {
    const wrong: ExposureArgs = { ...ARGS, scheme: "public", canary: { service: "other", weight: 101 } };
    await assert.rejects(() => make(wrong), {
      message: [
        "Expected a certificate of ACM for the scheme public, which nobody should call without TLS, for certificateArn " +
          "but received nothing",
        'Expected at least one range for the scheme public ("0.0.0.0/0" for everybody) for sourceRanges but received []',
        'Expected gateway, which can weigh traffic, for a canary, for via but received "ingress"',
        "Expected a whole number from 0 to 100 for canary.weight but received 101",
      ].join("\n"),
    });
  });
});
