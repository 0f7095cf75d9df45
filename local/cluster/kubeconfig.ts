import { stringify } from "yaml";
import { CONTEXT } from "./paths.ts";
import type { Credential } from "./pki.ts";

/** The text of a kubeconfig with everything inside, so that the file works wherever it is copied. */
export function kubeconfig(nodeAddress: string, authority: string, { key, certificate }: Credential): string {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: CONTEXT,
          cluster: { server: `https://${nodeAddress}:6443`, "certificate-authority-data": base64(authority) },
        },
      ],
      users: [
        { name: CONTEXT, user: { "client-certificate-data": base64(certificate), "client-key-data": base64(key) } },
      ],
      contexts: [{ name: CONTEXT, context: { cluster: CONTEXT, user: CONTEXT } }],
      "current-context": CONTEXT,
    },
    { lineWidth: 0 },
  );
}
