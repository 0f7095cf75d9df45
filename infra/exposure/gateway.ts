import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Canary, ExposureArgs } from "./args.ts";
import {
  allowedRanges,
  balancerAttributes,
  HEALTH_CHECK,
  PRIVATE_PATHS,
  SCHEMES,
  targetGroupAttributes,
} from "./balancer.ts";
import { LOAD_BALANCER_CLASS } from "./controller-values.ts";

/** Versions of the two APIs: the standard one, and the controller's own for what the standard does not say. */
export const GATEWAY_API = "gateway.networking.k8s.io/v1";
export const CONTROLLER_API = "gateway.k8s.aws/v1";

/** Port of the Service. */
const SERVICE_PORT = 80;

type Spec = Record<string, unknown>;

/** Source: https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/loadbalancerconfig/ */
export function balancerConfiguration(args: ExposureArgs, webAclArn: pulumi.Input<string> | undefined): Spec {
  const { certificateArn } = args;
  return {
    scheme: SCHEMES[args.scheme],
    sourceRanges: allowedRanges(args),
    loadBalancerAttributes: pairs(balancerAttributes(args)),
    ...(certificateArn !== undefined && {
      listenerConfigurations: [
        { protocolPort: "HTTPS:443", defaultCertificate: certificateArn, sslPolicy: args.tlsPolicy },
      ],
    }),
    ...(webAclArn !== undefined && { wafV2: { webACL: webAclArn } }),
  };
}

/** Source: https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/targetgroupconfig/ */
export function targetGroupConfiguration(service: pulumi.Input<string>, { drain }: Pick<ExposureArgs, "drain">): Spec {
  return {
    targetReference: { name: service },
    defaultConfiguration: {
      targetType: "ip",
      healthCheckConfig: {
        healthCheckPath: HEALTH_CHECK.path,
        healthCheckInterval: HEALTH_CHECK.intervalSeconds,
        healthCheckTimeout: HEALTH_CHECK.timeoutSeconds,
        healthyThresholdCount: HEALTH_CHECK.threshold,
        unhealthyThresholdCount: HEALTH_CHECK.threshold,
        matcher: { httpCode: "200" },
      },
      targetGroupAttributes: pairs(targetGroupAttributes(drain)),
    },
  };
}

/** An answer in place of a pod's. Source: https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/listenerruleconfig/ */
export const NOT_FOUND_RULE: Spec = {
  actions: [
    {
      type: "fixed-response",
      fixedResponseConfig: { statusCode: 404, contentType: "text/plain", messageBody: "Not found" },
    },
  ],
};

/** The load balancer: its listeners, and the name of what configures it. Source: https://gateway-api.sigs.k8s.io/reference/spec/#gateway */
export function gatewaySpec(configuration: string, { certificateArn }: Pick<ExposureArgs, "certificateArn">): Spec {
  const listener = (name: string, protocol: string, port: number) => ({
    name,
    protocol,
    port,
    allowedRoutes: { namespaces: { from: "Same" } },
  });
  return {
    gatewayClassName: LOAD_BALANCER_CLASS,
    infrastructure: {
      parametersRef: { group: "gateway.k8s.aws", kind: "LoadBalancerConfiguration", name: configuration },
    },
    listeners: [
      listener("http", "HTTP", 80),
      // Its certificate stands in the configuration: the controller takes none from a Secret.
      ...(certificateArn === undefined ? [] : [listener("https", "HTTPS", 443)]),
    ],
  };
}

/** What a route needs to know. */
export interface RouteArgs extends Pick<ExposureArgs, "hosts" | "certificateArn" | "service" | "canary"> {
  /** Name of the Gateway. */
  gateway: string;
  /** Name of the rule that answers 404. */
  notFound: string;
}

/** Sends requests to the service, and a part of them to its canary. */
export function routeSpec({ gateway, notFound, hosts, certificateArn, service, canary }: RouteArgs): Spec {
  return {
    ...attached(gateway, certificateArn === undefined ? "http" : "https", hosts),
    rules: [
      ...PRIVATE_PATHS.map((value) => ({
        matches: [{ path: { type: "PathPrefix", value } }],
        filters: [
          {
            type: "ExtensionRef",
            extensionRef: { group: "gateway.k8s.aws", kind: "ListenerRuleConfiguration", name: notFound },
          },
        ],
      })),
      { matches: [{ path: { type: "PathPrefix", value: "/" } }], backendRefs: backends(service, canary) },
    ],
  };
}

/** Answers every request by HTTP with the same address by HTTPS. */
export function redirectSpec(gateway: string, hosts: readonly string[]): Spec {
  return {
    ...attached(gateway, "http", hosts),
    rules: [
      {
        matches: [{ path: { type: "PathPrefix", value: "/" } }],
        filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", port: 443, statusCode: 301 } }],
      },
    ],
  };
}

/** Metadata of an object in the service's namespace. */
export function objectMeta(
  name: string,
  namespace: pulumi.Input<string>,
  labels: Readonly<Record<string, string>>,
): k8s.types.input.meta.v1.ObjectMeta {
  return { name, namespace, labels: { ...labels } };
}

function attached(gateway: string, sectionName: string, hosts: readonly string[]): Spec {
  return {
    parentRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: gateway, sectionName }],
    ...(hosts.length > 0 && { hostnames: [...hosts] }),
  };
}

function backends(service: pulumi.Input<string>, canary: Canary | undefined): Spec[] {
  const backend = (name: pulumi.Input<string>, weight: number) => ({
    group: "",
    kind: "Service",
    name,
    port: SERVICE_PORT,
    weight,
  });
  if (canary === undefined) return [backend(service, 100)];
  return [backend(service, 100 - canary.weight), backend(canary.service, canary.weight)];
}

function pairs(values: Readonly<Record<string, string>>): { key: string; value: string }[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}
