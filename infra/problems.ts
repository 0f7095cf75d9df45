import { type Resource, ResourceError } from "@pulumi/pulumi";

/** A value that cannot be, alone or together with another one. */
export interface Problem {
  /** Path of the value within the settings. */
  path: string[];
  /** What was expected of it. */
  expected: string;
  received: unknown;
}

/** A problem with the value at a path. */
export function problem(path: string[], expected: string, received: unknown): Problem {
  return { path, expected, received };
}

/** Problems of a part, by their paths in the whole. */
export function problemsBelow(path: string[], problems: Problem[]): Problem[] {
  return problems.map((each) => ({ ...each, path: [...path, ...each.path] }));
}

/** A problem as a sentence. */
export function problemText({ path, expected, received }: Problem): string {
  return `Expected ${expected} for ${path.join(".")} but received ${JSON.stringify(received) ?? "nothing"}`;
}

/** Throws one ResourceError that lists every problem, and ties it to the component; does nothing when there is none. */
export function refuseProblems(problems: readonly Problem[], component: Resource): void {
  if (problems.length > 0) throw new ResourceError(problems.map(problemText).join("\n"), component, true);
}
