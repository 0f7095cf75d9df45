import * as pulumi from "@pulumi/pulumi";
import { Budget } from "../../infra/budget/budget.ts";
import { estimate } from "../../infra/cost/estimate.ts";
import type { Detector } from "../../infra/detector/detector.ts";
import { loadBalancerPeers, READINESS_GATE_LABELS } from "../../infra/exposure/balancer.ts";
import { Exposure } from "../../infra/exposure/exposure.ts";
import { boundRoles } from "../../infra/github/boundary.ts";
import { GithubRoles } from "../../infra/github/github-roles.ts";
import { DetectorMonitoring } from "../../infra/monitoring/detector-monitoring.ts";
import { PROMETHEUS_URL } from "../../infra/monitoring/values.ts";
import { planSubnets } from "../../infra/network/subnets.ts";
import { Registry } from "../../infra/registry/registry.ts";
import type { EksStackConfig, StackSecrets } from "../config/index.ts";
import type { Platform } from "../platform.ts";
import type { Release } from "../release.ts";
import { estimateInput } from "./cost.ts";
import { makeFoundation } from "./foundation.ts";
import { DETECTOR, makeServices } from "./services.ts";
import { chooseSite } from "./site.ts";

/** Makes the cluster of a stack on Amazon EKS, with everything on it that the service needs. Throws a RunError when no region is chosen. */
export async function makePlatform(config: EksStackConfig, secrets: StackSecrets): Promise<Platform> {
  const site = await chooseSite(config);
  const { clusterName, partition, tags } = site;
  const { protect, detector, exposure } = config;

  const github = config.github && new GithubRoles("github", { ...config.github, clusterName, location: site });
  // Before any other role: the deploy role may make only roles that it bounds.
  if (github) pulumi.runtime.registerResourceTransform(boundRoles(clusterName, github.boundaryArn));

  const foundation = makeFoundation(config, site);
  const { cluster, onCluster } = foundation;
  const { monitoring, models, balancers, ready } = makeServices(config, secrets, site, foundation);
  const registry = config.registry && new Registry("registry", { ...config.registry, clusterName, partition, protect });
  if (config.budget) new Budget("budget", { ...config.budget, clusterName, tags });

  const peers =
    exposure.via === "none" ? [] : loadBalancerPeers(exposure.scheme, planSubnets(config.network.cidr, site.zones));
  const watchAndExpose = (service: Detector, { model }: Release) => {
    const { slo, runbookUrl } = config.monitoring;
    new DetectorMonitoring(
      "detector-monitoring",
      { detector: { ...detector, name: DETECTOR, model }, slo, runbookUrl },
      { ...onCluster, dependsOn: [monitoring.definitions, service] },
    );
    if (exposure.via === "none") return undefined;
    return new Exposure(
      "exposure",
      {
        ...exposure,
        clusterName,
        namespace: service.namespace,
        service: service.service,
        drain: { drainSeconds: detector.drainSeconds, requestTimeoutMs: detector.serving.requestTimeoutMs },
        vpcCidr: config.network.cidr,
        protect,
      },
      { ...onCluster, dependsOn: balancers ?? [] },
    );
  };
  return {
    provider: cluster.provider,
    ready,
    detector: {
      allowFrom: [...detector.allowFrom, ...peers],
      prometheusUrl: PROMETHEUS_URL,
      ...(balancers !== undefined && { namespaceLabels: READINESS_GATE_LABELS }),
    },
    attach(service) {
      const exposed = service && config.release && watchAndExpose(service, config.release);
      const { monthlyUsd, components, unknown, pricesOf } = estimate(estimateInput(config, site));
      return {
        clusterName: cluster.name,
        estimatedMonthlyUsd: { ...monthlyUsd, components, withoutPrice: unknown, ...(pricesOf && { pricesOf }) },
        ...(exposed && { url: exposed.url }),
        ...(models && { modelBucket: models.bucket }),
        ...(registry && { repositoryUrl: registry.repositoryUrl }),
        ...(github && { previewRoleArn: github.previewRoleArn, deployRoleArn: github.deployRoleArn }),
      };
    },
  };
}
