import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { ExposureArgs } from "./args.ts";
import {
  allowedRanges,
  balancerAttributes,
  HEALTH_CHECK,
  PRIVATE_PATHS,
  SCHEMES,
  targetGroupAttributes,
} from "./balancer.ts";
import { LOAD_BALANCER_CLASS } from "./controller-values.ts";

/** Prefix of the controller's annotations: https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/ */
const PREFIX = "alb.ingress.kubernetes.io";

/** Name of the action that answers 404. */
const DENY_ACTION = "not-found";

/** What the controller is told by annotations. */
export function ingressAnnotations(
  args: ExposureArgs,
  webAclArn: pulumi.Input<string> | undefined,
): Record<string, pulumi.Input<string>> {
  const { certificateArn } = args;
  const ports = certificateArn === undefined ? [{ HTTP: 80 }] : [{ HTTP: 80 }, { HTTPS: 443 }];
  const annotations: Record<string, pulumi.Input<string>> = {
    scheme: SCHEMES[args.scheme],
    "target-type": "ip",
    "listen-ports": JSON.stringify(ports),
    "inbound-cidrs": allowedRanges(args).join(","),
    "healthcheck-path": HEALTH_CHECK.path,
    "healthcheck-interval-seconds": String(HEALTH_CHECK.intervalSeconds),
    "healthcheck-timeout-seconds": String(HEALTH_CHECK.timeoutSeconds),
    "healthy-threshold-count": String(HEALTH_CHECK.threshold),
    "unhealthy-threshold-count": String(HEALTH_CHECK.threshold),
    "success-codes": "200",
    "target-group-attributes": list(targetGroupAttributes(args.drain)),
    "load-balancer-attributes": list(balancerAttributes(args)),
    // Without it the controller would leave a firewall where it was, which then could not be deleted.
    "wafv2-acl-arn": webAclArn ?? "none",
    [`actions.${DENY_ACTION}`]: JSON.stringify({
      type: "fixed-response",
      fixedResponseConfig: { contentType: "text/plain", statusCode: "404", messageBody: "Not found" },
    }),
    ...(certificateArn !== undefined && {
      "certificate-arn": certificateArn,
      "ssl-policy": args.tlsPolicy,
      "ssl-redirect": "443",
    }),
  };
  return {
    ...Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`${PREFIX}/${key}`, value])),
    // Pulumi would look for a Service of the action's name: https://github.com/pulumi/pulumi-kubernetes/issues/408
    "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0].hostname}",
  };
}

/** Rules of the Ingress: private paths first, everything else to the service, under each name or any. */
export function ingressSpec({
  hosts,
  service,
}: Pick<ExposureArgs, "hosts" | "service">): k8s.types.input.networking.v1.IngressSpec {
  const paths = [
    ...PRIVATE_PATHS.map((path) => ({
      path,
      pathType: "Prefix",
      backend: { service: { name: DENY_ACTION, port: { name: "use-annotation" } } },
    })),
    { path: "/", pathType: "Prefix", backend: { service: { name: service, port: { name: "http" } } } },
  ];
  const names: (string | undefined)[] = hosts.length > 0 ? [...hosts] : [undefined];
  return {
    ingressClassName: LOAD_BALANCER_CLASS,
    rules: names.map((host) => ({ ...(host !== undefined && { host }), http: { paths } })),
  };
}

function list(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}
