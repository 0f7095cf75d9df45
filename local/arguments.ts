import { type ParseArgsConfig, parseArgs } from "node:util";
import { UserError } from "./errors.ts";

/**
 * Reads the command line. Prints the usage and returns undefined when `--help` is given.
 * Throws a UserError with the usage on an option that does not exist or lacks its value.
 */
export function readArguments<Config extends ParseArgsConfig>(
  usage: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> | undefined {
  try {
    if (process.argv.slice(2).includes("--help")) {
      console.log(usage);
      return undefined;
    }
    return parseArgs(config);
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage}`);
  }
}
