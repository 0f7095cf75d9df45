import { BUCKET_NAME } from "../model-store/checks.ts";
import type { Problem } from "../problems.ts";
import type { GithubSettings } from "./args.ts";
import { REPOSITORY } from "./trust.ts";

/** Names of environments that need no escape in a token: https://docs.github.com/en/actions/reference/security/oidc */
export const ENVIRONMENT = {
  what: "the name of an environment of letters, digits and . _ -",
  regex: /^[A-Za-z0-9][\w.-]{0,254}$/,
};

/** What is wrong with the settings of the pipeline's roles; paths are those within the section. */
export function githubProblems(settings: GithubSettings): Problem[] {
  const patterns = { repository: REPOSITORY, environment: ENVIRONMENT, stateBucket: BUCKET_NAME } as const;
  return Object.entries(patterns).flatMap(([key, { what, regex }]) => {
    const received = settings[key as keyof typeof patterns];
    return regex.test(received) ? [] : [{ path: [key], expected: what, received }];
  });
}
