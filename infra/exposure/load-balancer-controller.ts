import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { installRelease } from "../charts.ts";
import { PodIdentity } from "../pod-identity.ts";
import { SYSTEM_NAMESPACE } from "../scaling/system-pods.ts";
import type { LoadBalancerControllerArgs } from "./args.ts";
import { controllerPolicy } from "./controller-policy.ts";
import { CONTROLLER, controllerValues, LOAD_BALANCER_CLASS } from "./controller-values.ts";
import { controllerDefinitions, gatewayDefinitions } from "./definitions.ts";

/**
 * The AWS Load Balancer Controller: makes Application Load Balancers for Ingresses and Gateways of the class `alb`. Each of these
 * must depend on the whole component (P11): the controller takes the load balancer down before it lets its object go.
 */
export class LoadBalancerController extends pulumi.ComponentResource {
  /** Role that its pods get. */
  readonly roleArn: pulumi.Output<string>;

  constructor(name: string, args: LoadBalancerControllerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:LoadBalancerController", name, {}, opts);
    const { clusterName, location, charts, vpcId } = args;
    const { region } = location;
    const parent = { parent: this };

    const identity = new PodIdentity(
      name,
      {
        clusterName,
        namespace: SYSTEM_NAMESPACE,
        serviceAccount: CONTROLLER,
        policy: pulumi
          .all([location.accountId, location.partition, vpcId])
          .apply(([accountId, partition, id]) =>
            controllerPolicy({ clusterName, region, accountId, partition, vpcId: id }),
          ),
      },
      parent,
    );
    // P17: Helm installs definitions with a chart's first release and never changes them; so the stack owns them where it can.
    const files = controllerDefinitions(charts);
    const definitions: pulumi.Resource[] = files.map(
      (file, i) => new k8s.yaml.v2.ConfigFile(`${name}-definitions-${i}`, { file, resourcePrefix: name }, parent),
    );
    if (args.gateway) {
      const file = args.gatewayDefinitions ?? gatewayDefinitions(charts);
      definitions.push(new k8s.yaml.v2.ConfigFile(`${name}-gateway-api`, { file, resourcePrefix: name }, parent));
    }
    // A release, because the chart's templates make a certificate each time they are rendered: every preview would show another.
    const release = installRelease(
      name,
      "awsLoadBalancerController",
      {
        namespace: SYSTEM_NAMESPACE,
        source: charts,
        skipCrds: files.length > 0,
        values: controllerValues({ ...args, release: name, region }),
      },
      // The controller looks for definitions of the Gateway API once, when it starts, and gets its role then, too.
      { ...parent, dependsOn: [identity, ...definitions] },
    );
    if (args.gateway) {
      new k8s.apiextensions.CustomResource(
        name,
        {
          apiVersion: "gateway.networking.k8s.io/v1",
          kind: "GatewayClass",
          metadata: { name: LOAD_BALANCER_CLASS },
          spec: { controllerName: "gateway.k8s.aws/alb" },
        },
        { ...parent, dependsOn: release },
      );
    }
    this.roleArn = identity.roleArn;
    this.registerOutputs({ roleArn: this.roleArn });
  }
}
