import type { FastifyInstance } from "fastify";
import sharp from "sharp";
import { type InfoResponse, PATHS } from "../../contract.ts";
import type { AppContext } from "../app.ts";
import { RequestError } from "../errors.ts";
import { VERSION } from "../version.ts";

/** Adds `GET /info`: the models, what runs them, and the versions. */
export function addInfo(app: FastifyInstance, { config, state }: AppContext): void {
  app.get(PATHS.info, async (): Promise<InfoResponse> => {
    if (state.engine === undefined) throw new RequestError("YOLO_NOT_READY", "The models are being loaded.");
    const { models, pool, provider } = state.engine;
    return {
      models: [...models.values()].map(({ name, sha256, model }) => ({
        name,
        sha256,
        task: model.task,
        layout: model.layout,
        input: { width: model.width, height: model.height, dynamic: model.stride !== undefined },
        names: model.names,
      })),
      provider,
      workers: config.workers,
      threads: config.threads,
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
