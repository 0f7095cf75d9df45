import { Agent, request } from "node:http";
import sharp from "sharp";
import { PATHS } from "../../service/contract.ts";

/** One kind of request, and which answer it must get. */
export interface Kind {
  name: string;
  /** How many of a hundred requests are of this kind. */
  share: number;
  method: "GET" | "POST";
  path: string;
  headers: Record<string, string>;
  body?: Uint8Array;
  /** The status of its answer; `leaves` for a caller that goes while its request is worked on. */
  expected: number | "leaves";
}

const FORMATS = ["jpeg", "png", "webp", "avif", "tiff", "gif"] as const;

/** Widths and heights of the small photos: lying, standing, tiny, odd. */
const SIZES = [
  [320, 240],
  [200, 301],
  [64, 64],
  [511, 127],
] as const;

/** Milliseconds after which a caller that leaves has left. */
const LEAVES_AFTER_MS = 4;

/** What callers of a real service send: photos of every format and size, forms, tensors, broken files, and some leave. */
export async function makeKinds(photo: Uint8Array, model: { name: string; width: number; height: number }) {
  const post = (name: string, share: number, body: Uint8Array, more: Partial<Kind> = {}): Kind => {
    const headers = { "content-type": "application/octet-stream", ...more.headers };
    return { name, share, method: "POST", path: PATHS.predict, body, expected: 200, ...more, headers };
  };
  const get = (path: string): Kind => ({ name: path, share: 1, method: "GET", path, headers: {}, expected: 200 });
  const small = await Promise.all(
    FORMATS.flatMap((format) =>
      SIZES.map(async ([width, height]) => {
        const file = await sharp(photo).resize(width, height, { fit: "cover" }).toFormat(format).toBuffer();
        return post(`${format} ${width} x ${height}`, 3, file);
      }),
    ),
  );
  const [first, second, third] = small.map(({ body }) => body as Uint8Array<ArrayBuffer>);
  if (first === undefined || second === undefined || third === undefined) throw new Error("expected photos");
  const form = new FormData();
  for (const file of [first, second, third]) form.append("file", new Blob([file]), "photo.jpg");
  const encoded = new Response(form);
  const tensor = tensorRequest(model);
  const claims = Buffer.from(await sharp(photo).resize(16).png().toBuffer());
  claims.writeUInt32BE(60_000, 16);
  claims.writeUInt32BE(60_000, 20);
  return [
    ...small,
    post("photo", 3, photo),
    post("photo, drawn", 2, photo, { headers: { accept: "image/jpeg" } }),
    post("form of three", 3, new Uint8Array(await encoded.arrayBuffer()), {
      headers: { "content-type": encoded.headers.get("content-type") ?? "" },
    }),
    post("tensor", 3, tensor.body, {
      path: `${PATHS.inferenceProtocol}/models/${model.name}/infer`,
      headers: { "inference-header-content-length": String(tensor.headLength) },
    }),
    post("cut photo", 5, photo.subarray(0, photo.length >> 1), { expected: 400 }),
    post("no photo", 3, Buffer.from("text"), { expected: 400 }),
    post("claims 60,000 x 60,000", 2, claims, { expected: 413 }),
    post("wrong parameter", 2, first, { path: `${PATHS.predict}?conf=NaN`, expected: 400 }),
    post("leaves", 2, photo, { expected: "leaves" }),
    get(PATHS.info),
    get(PATHS.metrics),
    get(PATHS.live),
  ] satisfies Kind[];
}

function tensorRequest({ width, height }: { width: number; height: number }) {
  const shape = [1, 3, height, width];
  const data = new Uint8Array(4 * 3 * height * width);
  const input = { name: "images", datatype: "FP32", shape, parameters: { binary_data_size: data.length } };
  const head = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  return { body: Buffer.concat([head, data]), headLength: head.length };
}

/** Sends one request; rejects when its answer is another one than expected. */
export function sendOne(url: string, kind: Kind, agent: Agent): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const length = { "content-length": String(kind.body?.length ?? 0) };
  const outgoing = request(
    url + kind.path,
    { method: kind.method, headers: { ...kind.headers, ...length }, agent },
    (answer) => {
      let text = "";
      answer.on("data", (part: Buffer) => {
        if (answer.statusCode !== kind.expected && text.length < 300) text += part.toString();
      });
      answer.on("error", reject);
      answer.on("end", () => {
        if (answer.statusCode === kind.expected || kind.expected === "leaves") resolve();
        else
          reject(new Error(`Expected ${kind.expected} for "${kind.name}" but received ${answer.statusCode}: ${text}`));
      });
    },
  );
  outgoing.on("error", (error) => (kind.expected === "leaves" ? resolve() : reject(error)));
  outgoing.end(kind.body);
  if (kind.expected === "leaves") setTimeout(() => outgoing.destroy(), LEAVES_AFTER_MS);
  return promise;
}

/** Every kind as often as its share says, in an order that is always the same and mixes them. */
export function* sequence(kinds: readonly Kind[]): Generator<Kind, never> {
  const credits = kinds.map(() => 0);
  const total = kinds.reduce((sum, { share }) => sum + share, 0);
  for (;;) {
    let best = 0;
    for (const [index, { share }] of kinds.entries()) {
      credits[index] = (credits[index] ?? 0) + share;
      if ((credits[index] ?? 0) > (credits[best] ?? 0)) best = index;
    }
    credits[best] = (credits[best] ?? 0) - total;
    yield kinds[best] as Kind;
  }
}

/** Connections that are kept open. */
export const makeAgent = (connections: number) => new Agent({ keepAlive: true, maxSockets: connections });
