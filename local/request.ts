import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { UserError } from "./errors.ts";
import { checkModel, readUserFile, SHIPPED_MODEL } from "./model.ts";
import { ROOT } from "./paths.ts";

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
}

/** Reads the command line; undefined when only help was asked for. Throws a UserError on an option that does not exist. */
export function parseOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        model: { type: "string", default: SHIPPED_MODEL },
        image: { type: "string", default: join(ROOT, "samples", "street.jpg") },
        help: { type: "boolean" },
      },
    });
    return values.help ? undefined : values;
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

/** Reads the photo and the model. Throws a UserError when either is missing or not what it should be. */
export async function readRequest({ model, image }: Options): Promise<Request> {
  // npm runs scripts in the root of the clone; the user named files from where they are.
  const from = process.env.INIT_CWD ?? process.cwd();
  const [modelPath, photoPath] = [resolve(from, model), resolve(from, image)];
  const request = {
    modelPath,
    photoPath,
    photo: await readUserFile(photoPath, "an image"),
    model: await readUserFile(modelPath, "an ONNX model"),
  };
  await sharp(request.photo)
    .stats()
    .catch((error: Error) => {
      throw new UserError(
        `Expected an image (JPEG, PNG, WebP, AVIF, TIFF or GIF) at ${photoPath}, but it cannot be read: ${error.message}`,
      );
    });
  checkModel(modelPath, request.model);
  return request;
}
