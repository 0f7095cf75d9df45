import { z } from "zod";
import { ABSOLUTE_PATH, DNS_NAME, integer, oneOf, text } from "./expected.ts";

/** The part of the model store that every cluster has. */
export const modelStoreSchema = z
  .strictObject({
    volume: z
      .discriminatedUnion("type", [
        z.strictObject({
          type: z.literal("hostPath").describe("A folder of the node."),
          path: text(ABSOLUTE_PATH).describe("Absolute path of the folder; it must exist on the node."),
          sizeGib: integer(1, 65_536)
            .default(1)
            .describe("Size in GiB that Kubernetes is told; nothing enforces it on a folder."),
          node: text(DNS_NAME)
            .optional()
            .describe("Host name of the one node that has the folder; every node when left out."),
        }),
        z.strictObject({
          type: z.literal("storageClass").describe("One volume for all pods, that a storage class provides."),
          name: text(DNS_NAME).describe("Name of the storage class."),
          sizeGib: integer(1, 65_536).describe("Size in GiB; it may grow later where the class allows that."),
          accessMode: oneOf("ReadOnlyMany", "ReadWriteOnce", "ReadWriteMany")
            .default("ReadOnlyMany")
            .describe(
              "How pods may mount it, as the class offers; not ReadOnlyMany where they put files there, by release.model.uri.",
            ),
        }),
        z.strictObject({
          type: z
            .literal("podClaim")
            .describe(
              "A volume of each pod, made and deleted with it; every pod downloads for itself, by release.model.uri.",
            ),
          storageClass: text(DNS_NAME).describe(
            "Name of the storage class; on EKS gp3, of which a volume serves one node only.",
          ),
          sizeGib: integer(1, 65_536).default(10).describe("Size in GiB."),
        }),
        z.strictObject({
          type: z
            .literal("pod")
            .describe("A folder of each pod that ends with it; every pod downloads for itself, by release.model.uri."),
          sizeGib: integer(1, 1_024).default(2).describe("Size in GiB beyond which the pod is ended."),
        }),
      ])
      .describe("Where the model files lie; pods mount it read-only unless they put files there."),
  })
  .describe("Where models lie.");
