import type { Problem } from "../problems.ts";
import type { RegistryArgs } from "./args.ts";

/** Names of repositories: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html */
export const REPOSITORY_NAME = {
  what: "a name of 2 to 256 lower-case letters and digits, joined by . _ - and /",
  regex: /^(?=.{2,256}$)[a-z0-9]+(?:[._-][a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-][a-z0-9]+)*)*$/,
};

/** An account of AWS. */
export const ACCOUNT_ID = { what: "the 12 digits of an AWS account, in quotes,", regex: /^\d{12}$/ };

/** What is wrong with the arguments of a registry; paths are those of the arguments. */
export function registryProblems({ name, pullAccounts = [] }: Pick<RegistryArgs, "name" | "pullAccounts">): Problem[] {
  const problems: Problem[] = [];
  if (name !== undefined && !REPOSITORY_NAME.regex.test(name)) {
    problems.push({ path: ["name"], expected: REPOSITORY_NAME.what, received: name });
  }
  pullAccounts.forEach((account, index) => {
    if (ACCOUNT_ID.regex.test(account)) return;
    problems.push({ path: ["pullAccounts", String(index)], expected: ACCOUNT_ID.what, received: account });
  });
  return problems;
}
