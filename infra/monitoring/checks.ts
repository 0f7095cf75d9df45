import type { Problem } from "../problems.ts";
import { SEVERITIES, secretNames } from "./alertmanager.ts";
import type { MonitoringSettings } from "./args.ts";

/** What does not go together about monitoring; paths are those of a stack's configuration. */
export function monitoringProblems({ alertmanager }: MonitoringSettings): Problem[] {
  const path = ["monitoring", "alertmanager"];
  const { receivers, routes, heartbeat } = alertmanager;
  const known = Object.keys(receivers);
  const named = [
    ...SEVERITIES.flatMap((severity) =>
      routes[severity].map((name, index) => ({ at: ["routes", severity, String(index)], name })),
    ),
    ...(heartbeat === undefined ? [] : [{ at: ["heartbeat"], name: heartbeat }]),
  ];
  const expected = `a receiver of monitoring.alertmanager.receivers (${known.join(", ") || "there are none"})`;
  return [
    ...named
      .filter(({ name }) => !Object.hasOwn(receivers, name))
      .map(({ at, name }) => ({ path: [...path, ...at], expected, received: name })),
    ...known
      .filter((name) => !named.some((each) => each.name === name))
      .map((name) => ({
        path: [...path, "receivers", name],
        expected: "a receiver that a severity of monitoring.alertmanager.routes or the heartbeat names",
        received: name,
      })),
  ];
}

/** Which receivers lack their secret, and which secrets belong to none; no value of a secret is looked at. */
export function receiverSecretProblems(
  { alertmanager }: Pick<MonitoringSettings, "alertmanager">,
  given: readonly string[],
): Problem[] {
  const needed = secretNames(alertmanager);
  return [
    ...needed
      .filter((name) => !given.includes(name))
      .map((name) => ({
        path: ["receivers", name],
        expected: `a secret (pulumi config set --secret --path yolo:receivers.${name})`,
        received: undefined,
      })),
    ...given
      .filter((name) => !needed.includes(name))
      .map((name) => ({
        path: ["receivers", name],
        expected: "none, because no receiver of monitoring.alertmanager.receivers of this name needs a secret,",
        received: "[secret]",
      })),
  ];
}
