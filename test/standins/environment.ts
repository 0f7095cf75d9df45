import { delimiter, dirname, join } from "node:path";
import { CACHE_DIR } from "../../local/paths.ts";

/** Environment variable with the path of the JSON file that stands for the AWS account. */
export const ACCOUNT_VARIABLE = "YOLO_STANDIN_ACCOUNT";

/** Environment variable with the path of the kubeconfig file that the cluster of the EKS stand-in answers with. */
export const KUBECONFIG_VARIABLE = "YOLO_STANDIN_KUBECONFIG";

/** Folder with the stand-ins' executables. */
export const BIN_DIR = join(import.meta.dirname, "bin");

/** What a run of Pulumi against the stand-ins works with. */
export interface StandinOptions {
  /** Path of the account's file; it need not exist. */
  account: string;
  /** Path of the kubeconfig of the cluster that stands for EKS. Without one the kubeconfig names no cluster that answers. */
  kubeconfig?: string;
  /** PATH of the run, to which the stand-ins are added. Defaults to this process's. */
  path?: string;
}

/** The environment variables that make Pulumi's engine start the stand-ins in place of the AWS and EKS providers. */
export function standinEnvironment({ account, kubeconfig, path = process.env.PATH }: StandinOptions) {
  return {
    PATH: [BIN_DIR, dirname(process.execPath), path].filter((part) => part !== undefined).join(delimiter),
    [ACCOUNT_VARIABLE]: account,
    [KUBECONFIG_VARIABLE]: kubeconfig,
    // Of the user, whatever HOME a test sets: what was read from the SDK's types is kept there.
    YOLO_CACHE: CACHE_DIR,
    // An engine starts half a dozen Node processes, which load the same large SDKs.
    NODE_COMPILE_CACHE: join(CACHE_DIR, "standins", "compiled"),
    // The stand-ins are found on PATH only.
    PULUMI_IGNORE_AMBIENT_PLUGINS: undefined,
    // Nothing may reach an account: what would say which is taken away.
    AWS_REGION: undefined,
    AWS_DEFAULT_REGION: undefined,
    AWS_PROFILE: undefined,
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_SESSION_TOKEN: undefined,
  } satisfies Record<string, string | undefined>;
}
