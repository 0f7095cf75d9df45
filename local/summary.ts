import { mkdir } from "node:fs/promises";
import { basename, extname, join, relative } from "node:path";
import sharp from "sharp";
import type { Detection, PredictResponse } from "../service/contract.ts";
import { annotate } from "../service/src/annotate.ts";
import { SHIPPED_MODEL } from "./model.ts";
import { KUBECONFIG, STATE_DIR } from "./paths.ts";
import type { Request } from "./request.ts";

/** A service's answer, and where and how fast it came. */
export interface Answer {
  url: string;
  response: PredictResponse;
  /** From sending the photo to the whole answer. */
  milliseconds: number;
}

const RENDERED_ONLY = `
This model knows rendered street scenes only. For real photos bring your own:
  npm start -- --model yolo26n.onnx --image photo.jpg
`;

/** What `npm start` ends with: the detections, the drawn photo, and what to do next. Writes the drawn photo. */
export async function summary(request: Request, { url, response, milliseconds }: Answer): Promise<string> {
  const [image] = response.images;
  if (image === undefined) throw new Error("the service answered without a result for the image");
  const drawn = await draw(request, image.results);
  const [height, width] = image.shape;
  const { preprocess, inference, postprocess } = image.speed;
  const speed = `preprocess ${preprocess.toFixed(1)}, inference ${inference.toFixed(1)}, postprocess ${postprocess.toFixed(1)} ms`;
  return `
${here(request.photoPath)} (${width}x${height}): ${image.results.length} objects by ${response.metadata.model} in ${milliseconds.toFixed(0)} ms (${speed})

${detectionTable(image.results)}

Drawn:             ${here(drawn)}
Service:           ${url}  (open it in a browser: a page to try it, and ${url}/docs)
${request.modelPath === SHIPPED_MODEL ? RENDERED_ONLY : ""}
Another photo      curl --data-binary @photo.jpg -H 'content-type: image/jpeg' ${url}/predict
Look inside        ${here(join(STATE_DIR, "bin", "kubectl"))} --kubeconfig ${here(KUBECONFIG)} get pods --all-namespaces
Preview a change   npm run pulumi -- preview --diff
Stop and remove    npm stop`;
}

/** Formats detections as a table for people: class, confidence and box in pixels. */
function detectionTable(detections: Detection[]): string {
  if (detections.length === 0) return "  nothing of the model's classes was found";
  const width = Math.max(...detections.map(({ name }) => name.length), "class".length);
  const rows = detections.map(({ name, confidence, box }) => {
    const corners = Object.values(box ?? {})
      .map((value) => value.toFixed(0).padStart(5))
      .join(" ");
    return `  ${name.padEnd(width)}  ${confidence.toFixed(2).padStart(10)}  ${corners}`;
  });
  const columns = Object.keys(detections[0]?.box ?? {})
    .map((name) => name.padStart(5))
    .join(" ");
  return [`  ${"class".padEnd(width)}  confidence  ${columns}`, ...rows].join("\n");
}

async function draw(request: Request, detections: Detection[]): Promise<string> {
  const folder = join(STATE_DIR, "detections");
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${basename(request.photoPath, extname(request.photoPath))}.jpg`);
  await sharp(await annotate(request.photo, detections)).toFile(path);
  return path;
}

/** A path as the user would type it where the command was given; npm itself runs in the root of the clone. */
function here(path: string): string {
  const inside = relative(process.env.INIT_CWD ?? process.cwd(), path);
  const short = inside.startsWith("..") ? path : inside;
  return /^[\w./-]+$/.test(short) ? short : `'${short.replaceAll("'", `'\\''`)}'`;
}
