import { join, resolve } from "node:path";
import sharp from "sharp";
import { pixelWeight } from "../service/src/vision/pixel-weight.ts";
import { imageStructure } from "../service/src/vision/structure.ts";
import { readArguments } from "./arguments.ts";
import { UserError } from "./errors.ts";
import { checkModel, readUserFile, SHIPPED_MODEL } from "./model.ts";
import { ROOT } from "./paths.ts";
import { type CommittedConfig, readCommittedConfig } from "./stack-config.ts";

/** What `npm start -- --help` prints. */
export const USAGE = `Usage: npm start [-- --model FILE.onnx] [--image PHOTO]
Starts a Kubernetes cluster on this machine, runs the detection service on it by Pulumi, and detects what is on a photo.

  --model FILE   an ONNX detector in an Ultralytics layout (default: models/street.onnx, which knows rendered scenes only)
  --image PHOTO  the photo to look at (default: samples/street.jpg)`;

/** The files named on the command line. */
export interface Options {
  model: string;
  image: string;
}

/** What the user asked for, read and checked before anything is started. */
export interface Request {
  modelPath: string;
  model: Buffer;
  photoPath: string;
  photo: Buffer;
  /** The committed values of the local stack. */
  config: CommittedConfig;
}

interface ServingLimits {
  bodyLimitMib?: number | undefined;
  pixelLimitMega?: number | undefined;
}

/** Reads the command line; undefined when only help was asked for. Throws a UserError on an option that does not exist. */
export function parseOptions(): Options | undefined {
  return readArguments(USAGE, {
    options: {
      model: { type: "string", default: SHIPPED_MODEL },
      image: { type: "string", default: join(ROOT, "samples", "street.jpg") },
    },
  })?.values;
}

/** Reads the photo, the model and the stack's values. Throws a UserError when one is missing or not what it should be. */
export async function readRequest({ model, image }: Options): Promise<Request> {
  // npm runs scripts in the root of the clone; the user named files from where they are.
  const from = process.env.INIT_CWD ?? process.cwd();
  const [modelPath, photoPath] = [resolve(from, model), resolve(from, image)];
  const request = {
    modelPath,
    photoPath,
    photo: await readUserFile(photoPath, "an image"),
    model: await readUserFile(modelPath, "an ONNX model"),
    config: await readCommittedConfig(),
  };
  await checkPhoto(photoPath, request.photo, request.config["yolo:detector"]?.serving ?? {});
  checkModel(modelPath, request.model);
  return request;
}

/** Refuses, before anything is started, a photo that the service would refuse. */
async function checkPhoto(
  path: string,
  photo: Buffer,
  { bodyLimitMib = Number.POSITIVE_INFINITY, pixelLimitMega = Number.POSITIVE_INFINITY }: ServingLimits,
): Promise<void> {
  if (photo.length > bodyLimitMib * 2 ** 20)
    throw new UserError(
      `Expected at most ${bodyLimitMib} MiB (yolo:detector.serving.bodyLimitMib) but ${path} has ${photo.length} bytes.`,
    );
  const image = sharp(photo);
  const metadata = await image.metadata().catch(unreadable);
  const { width, height } = metadata;
  const { problem, tiled } = imageStructure(photo);
  if (problem !== undefined) unreadable(new Error(problem));
  const { weight, reason } = pixelWeight(metadata, tiled);
  if (width * height * weight > pixelLimitMega * 1e6) {
    const times = weight > 1 ? `, of which each counts ${weight} times (${reason})` : "";
    throw new UserError(
      `Expected at most ${pixelLimitMega} million pixels (yolo:detector.serving.pixelLimitMega) but ${path} has ${width}x${height}${times}.`,
    );
  }
  await image.stats().catch(unreadable);

  function unreadable(error: Error): never {
    throw new UserError(
      `Expected an image (JPEG, PNG, WebP, AVIF, TIFF or GIF) at ${path}, but it cannot be read: ${error.message}`,
    );
  }
}
