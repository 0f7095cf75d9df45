import { PATHS, type PORTS } from "../../service/contract.ts";
import { selectorLabels } from "../names.ts";

/** Seconds that an answer with metrics may take. */
const SCRAPE_TIMEOUT_S = 5;

/** Series of one pod beyond which Prometheus takes none: some hundred are usual, and each class of a model adds one. */
const SAMPLE_LIMIT = 20_000;

/** Makes Prometheus read the metrics of each pod of a detector's Service. */
export function serviceMonitorSpec({ name, namespace }: { name: string; namespace: string }) {
  return {
    // Its value becomes the label `job` of every series.
    jobLabel: "app.kubernetes.io/name",
    selector: { matchLabels: selectorLabels(name, namespace) },
    endpoints: [
      {
        port: "http" satisfies keyof typeof PORTS,
        path: PATHS.metrics,
        scrapeTimeout: `${SCRAPE_TIMEOUT_S}s`,
      },
    ],
    sampleLimit: SAMPLE_LIMIT,
  };
}
