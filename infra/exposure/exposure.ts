import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { refuseProblems } from "../problems.ts";
import type { ExposureArgs } from "./args.ts";
import { canaryProblems, exposureProblems } from "./checks.ts";
import {
  balancerConfiguration,
  CONTROLLER_API,
  GATEWAY_API,
  gatewaySpec,
  NOT_FOUND_RULE,
  objectMeta,
  redirectSpec,
  routeSpec,
  targetGroupConfiguration,
} from "./gateway.ts";
import { ingressAnnotations, ingressSpec } from "./ingress.ts";
import { webAclArgs } from "./web-acl.ts";

const LABELS = { "app.kubernetes.io/part-of": "yolo", "app.kubernetes.io/managed-by": "pulumi" };

/** A Gateway, of which the controller says where it is reached. */
class Gateway extends k8s.apiextensions.CustomResource {
  declare readonly status: pulumi.Output<{ addresses?: { value: string }[] } | undefined>;
}

/**
 * An Application Load Balancer in front of a service. It must depend on the LoadBalancerController (P11): what it makes is
 * deleted first, and the controller takes the load balancer down before the object is gone.
 */
export class Exposure extends pulumi.ComponentResource {
  /** Host name of the load balancer, for a CNAME or an alias; undefined while AWS has not said it. */
  readonly hostname: pulumi.Output<string | undefined>;
  /** Address to call: the first of the names, or the load balancer's own. */
  readonly url: pulumi.Output<string>;

  /** Throws one ResourceError that lists every problem with the arguments. */
  constructor(name: string, args: ExposureArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:Exposure", name, {}, opts);
    const problems = [...exposureProblems(args), ...canaryProblems(args)];
    refuseProblems(problems, this);

    const { waf, clusterName, hosts, certificateArn } = args;
    const acl =
      waf === undefined
        ? undefined
        : new aws.wafv2.WebAcl(name, webAclArgs(`${clusterName}-${name}`, waf), { parent: this });
    this.hostname = args.via === "gateway" ? this.#gateway(name, args, acl?.arn) : this.#ingress(name, args, acl?.arn);
    const scheme = certificateArn === undefined ? "http" : "https";
    this.url = this.hostname.apply((hostname) => `${scheme}://${hosts[0] ?? hostname ?? ""}`);
    this.registerOutputs({ hostname: this.hostname, url: this.url });
  }

  #ingress(
    name: string,
    args: ExposureArgs,
    webAclArn: pulumi.Output<string> | undefined,
  ): pulumi.Output<string | undefined> {
    const ingress = new k8s.networking.v1.Ingress(
      name,
      {
        metadata: {
          ...objectMeta(name, args.namespace, LABELS),
          annotations: ingressAnnotations(args, webAclArn),
        },
        spec: ingressSpec(args),
      },
      { parent: this, protect: args.protect },
    );
    return ingress.status.apply((status) => status?.loadBalancer?.ingress?.[0]?.hostname);
  }

  #gateway(
    name: string,
    args: ExposureArgs,
    webAclArn: pulumi.Output<string> | undefined,
  ): pulumi.Output<string | undefined> {
    const { namespace, hosts, service, canary } = args;
    const metadata = (suffix = "") => objectMeta(`${name}${suffix}`, namespace, LABELS);
    const object = (
      suffix: string,
      apiVersion: string,
      kind: string,
      spec: Record<string, unknown>,
      after: pulumi.Resource[],
    ) =>
      new k8s.apiextensions.CustomResource(
        `${name}${suffix}`,
        { apiVersion, kind, metadata: metadata(suffix), spec },
        { parent: this, dependsOn: after },
      );

    const configuration = object(
      "",
      CONTROLLER_API,
      "LoadBalancerConfiguration",
      balancerConfiguration(args, webAclArn),
      [],
    );
    const targets = [
      object("", CONTROLLER_API, "TargetGroupConfiguration", targetGroupConfiguration(service, args), []),
      ...(canary === undefined
        ? []
        : [
            object(
              "-canary",
              CONTROLLER_API,
              "TargetGroupConfiguration",
              targetGroupConfiguration(canary.service, args),
              [],
            ),
          ]),
    ];
    const notFound = object("-not-found", CONTROLLER_API, "ListenerRuleConfiguration", NOT_FOUND_RULE, []);
    const gateway = new Gateway(
      name,
      {
        apiVersion: GATEWAY_API,
        kind: "Gateway",
        metadata: { ...metadata(), annotations: { "pulumi.com/waitFor": "condition=Programmed" } },
        spec: gatewaySpec(name, args),
        // Named so that the resource has it as an output.
        status: undefined,
      },
      { parent: this, protect: args.protect, dependsOn: [configuration, ...targets] },
    );
    const spec = routeSpec({ ...args, gateway: name, notFound: `${name}-not-found` });
    object("", GATEWAY_API, "HTTPRoute", spec, [gateway, notFound]);
    if (args.certificateArn !== undefined) {
      object("-redirect", GATEWAY_API, "HTTPRoute", redirectSpec(name, hosts), [gateway]);
    }
    return gateway.status.apply((status) => status?.addresses?.[0]?.value);
  }
}
