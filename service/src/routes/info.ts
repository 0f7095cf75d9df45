import type { FastifyInstance } from "fastify";
import sharp from "sharp";
import { PATHS } from "../../contract.ts";
import { type AppContext, PROVIDER } from "../app.ts";
import { RequestError } from "../errors.ts";
import { VERSION } from "../version.ts";

/** Adds `GET /info`: the model, what runs it, and the versions. */
export function addInfo(app: FastifyInstance, { config, state }: AppContext): void {
  app.get(PATHS.info, async () => {
    if (state.detector === undefined) throw new RequestError("YOLO_NOT_READY", "The model is being loaded.");
    const { model, pool } = state.detector;
    return {
      model: {
        name: config.modelName,
        sha256: config.modelSha256,
        task: "detect",
        layout: model.layout,
        input: { width: model.width, height: model.height, dynamic: model.stride !== undefined },
        names: model.names,
      },
      provider: PROVIDER,
      workers: config.workers,
      threadsPerWorker: config.threadsPerWorker,
      versions: {
        service: VERSION,
        node: process.versions.node,
        onnxruntime: pool.runtimeVersion,
        sharp: sharp.versions.sharp,
        libvips: sharp.versions.vips,
      },
    };
  });
}
