import { basename, join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { CHARTS, type ChartName, type ChartPin } from "./versions.ts";

/**
 * Where charts come from: their own repositories; one repository that holds copies of all (an `oci:` address or one with an
 * index); or a folder with an unpacked chart in a folder of its name each, for networks without a way out.
 */
export type ChartSource =
  | { from: "upstream" }
  | { from: "mirror"; repository: string }
  | { from: "directory"; path: string };

/** What is installed, and how. */
export interface ChartArgs {
  namespace: pulumi.Input<string>;
  values: pulumi.Inputs;
  source: ChartSource;
  /** Leaves the chart's CRDs out, where another chart owns them. Defaults to false. */
  skipCrds?: boolean;
}

/** Where Helm finds a chart. */
export interface ChartLocation {
  chart: string;
  /** Missing in a folder, which holds one version. */
  version?: string;
  repositoryOpts?: { repo: string };
}

/** Where Helm finds a chart that comes from `source`. */
export function chartLocation({ chart, repository, version }: ChartPin, source: ChartSource): ChartLocation {
  const name = basename(chart);
  switch (source.from) {
    case "upstream":
      return { chart, version, ...(repository !== undefined && { repositoryOpts: { repo: repository } }) };
    case "mirror":
      return source.repository.startsWith("oci:")
        ? { chart: `${source.repository.replace(/\/$/, "")}/${name}`, version }
        : { chart: name, version, repositoryOpts: { repo: source.repository } };
    case "directory":
      return { chart: join(source.path, name) };
  }
}

/**
 * Installs a chart as objects of the stack: a preview, and so a pull request, shows each of them. Not for charts that make
 * something anew each time they are rendered (certificates, passwords) or that need hooks: see installRelease.
 */
export function installChart(
  name: string,
  chart: ChartName,
  { namespace, values, source, skipCrds = false }: ChartArgs,
  opts: pulumi.ComponentResourceOptions,
): k8s.helm.v4.Chart {
  // The resource's name is also the release's, by which the chart names its objects.
  return new k8s.helm.v4.Chart(
    name,
    { ...chartLocation(CHARTS[chart], source), name, namespace, values, skipCrds },
    opts,
  );
}

/** Seconds until a release that does not get ready is rolled back. */
const RELEASE_TIMEOUT_S = 600;

/**
 * Installs a chart as a release of Helm: a preview shows its values only. For charts whose templates make certificates, which
 * would differ in each preview, or that rely on hooks.
 */
export function installRelease(
  name: string,
  chart: ChartName,
  { namespace, values, source, skipCrds = false }: ChartArgs,
  opts: pulumi.CustomResourceOptions,
): k8s.helm.v3.Release {
  return new k8s.helm.v3.Release(
    name,
    {
      ...chartLocation(CHARTS[chart], source),
      name,
      namespace,
      values,
      skipCrds,
      // A release that is made by half blocks its own name: https://github.com/pulumi/pulumi-kubernetes/issues/2758
      atomic: true,
      cleanupOnFail: true,
      timeout: RELEASE_TIMEOUT_S,
    },
    opts,
  );
}
