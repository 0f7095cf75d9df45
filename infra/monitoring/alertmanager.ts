import type { AlertmanagerSettings, Receiver, Severity } from "./args.ts";

/** Secret with what grants access to the receivers, by their names; the operator mounts it into Alertmanager's pods. */
export const RECEIVER_SECRET = "alertmanager-receivers";

/** Severities, the most urgent one first. */
export const SEVERITIES = ["critical", "warning", "info"] as const satisfies readonly Severity[];

/** Receiver of what nobody is told: Alertmanager wants one. */
const NOBODY = "nobody";

/** What a message says of each of its alerts; a text of Alertmanager's templates. */
const MESSAGE = [
  "{{ range .Alerts }}*{{ .Annotations.summary }}* ({{ .Labels.severity }})",
  "{{ .Annotations.description }}",
  "{{ .Annotations.runbook_url }}",
  "{{ end }}",
].join("\n");

/** Alertmanager's configuration: https://prometheus.io/docs/alerting/0.28/configuration/ */
export interface AlertmanagerConfig {
  global: { resolve_timeout: string };
  inhibit_rules: { source_matchers: string[]; target_matchers: string[]; equal?: string[] }[];
  route: Route & { routes: Route[] };
  receivers: ({ name: string } & Record<string, unknown>)[];
}

interface Route {
  receiver: string;
  matchers?: string[];
  continue?: boolean;
  group_by?: string[];
  group_wait?: string;
  group_interval?: string;
  repeat_interval?: string;
}

/** Whether there must be a secret of the receiver's name. */
export function needsSecret(receiver: Receiver): boolean {
  return receiver.type !== "email" || receiver.username !== undefined;
}

/** Names of the receivers that have a secret, in alphabetical order. */
export function secretNames({ receivers }: Pick<AlertmanagerSettings, "receivers">): string[] {
  return Object.entries(receivers)
    .filter(([, receiver]) => needsSecret(receiver))
    .map(([name]) => name)
    .sort();
}

/** Who is told about which alerts. It holds no secret, but the files that hold them, so that a preview may show it whole. */
export function alertmanagerConfig(settings: AlertmanagerSettings): AlertmanagerConfig {
  const { receivers, routes, repeatHours, heartbeat } = settings;
  return {
    global: { resolve_timeout: "5m" },
    inhibit_rules: inhibitRules(),
    route: {
      receiver: NOBODY,
      group_by: ["namespace", "alertname"],
      group_wait: "30s",
      group_interval: "5m",
      repeat_interval: `${repeatHours}h`,
      routes: [
        // Fires all the time: its message stops when Prometheus, Alertmanager or the way out of the cluster is broken.
        {
          receiver: heartbeat ?? NOBODY,
          matchers: ['alertname="Watchdog"'],
          group_wait: "0s",
          group_interval: "1m",
          repeat_interval: "5m",
        },
        { receiver: NOBODY, matchers: ['alertname="InfoInhibitor"'] },
        ...SEVERITIES.flatMap((severity) =>
          routes[severity].map((receiver) => ({ receiver, matchers: [`severity="${severity}"`], continue: true })),
        ),
      ],
    },
    receivers: [{ name: NOBODY }, ...Object.entries(receivers).map(([name, receiver]) => entry(name, receiver))],
  };
}

/** What is worse silences what is less bad about the same thing, and a cause what follows from it. */
function inhibitRules(): AlertmanagerConfig["inhibit_rules"] {
  const equal = ["namespace", "alertname"];
  return [
    { source_matchers: ['severity="critical"'], target_matchers: ['severity=~"warning|info"'], equal },
    { source_matchers: ['severity="warning"'], target_matchers: ['severity="info"'], equal },
    {
      source_matchers: ['alertname="YoloNoReadyPods"'],
      target_matchers: ['alertname=~"YoloMetricsMissing|YoloPodsRestarting"'],
      equal: ["namespace"],
    },
  ];
}

function entry(name: string, receiver: Receiver): AlertmanagerConfig["receivers"][number] {
  const file = `/etc/alertmanager/secrets/${RECEIVER_SECRET}/${name}`;
  switch (receiver.type) {
    case "slack":
      return {
        name,
        slack_configs: [
          {
            api_url_file: file,
            channel: receiver.channel,
            send_resolved: true,
            title: "{{ .Status | toUpper }}: {{ .CommonLabels.alertname }}",
            text: MESSAGE,
          },
        ],
      };
    case "pagerduty":
      return {
        name,
        pagerduty_configs: [
          {
            routing_key_file: file,
            send_resolved: true,
            severity: "{{ .CommonLabels.severity }}",
            description: "{{ .CommonLabels.alertname }}: {{ .CommonAnnotations.summary }}",
          },
        ],
      };
    case "webhook":
      return { name, webhook_configs: [{ url_file: file, send_resolved: true }] };
    case "email": {
      const { to, from, smarthost, username } = receiver;
      return {
        name,
        email_configs: [
          {
            to,
            from,
            smarthost,
            require_tls: true,
            send_resolved: true,
            ...(username !== undefined && { auth_username: username, auth_password_file: file }),
          },
        ],
      };
    }
    default: {
      const unreachable: never = receiver;
      return unreachable;
    }
  }
}
