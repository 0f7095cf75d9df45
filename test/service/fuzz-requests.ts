import fc from "fast-check";
import type { InjectOptions } from "fastify";
import { HEADERS, PATHS } from "../../service/contract.ts";

type Requests = fc.Arbitrary<InjectOptions>;

const NAMES = ["conf", "iou", "imgsz", "max_det", "classes", "normalize", "decimals", "masks", "model", "source"];

const VALUES = [
  ..."0 1 -1 -0 0.5 0.25 32 64 300 301 999999 1e999 -1e999 1e-999 NaN Infinity -Infinity 0x10 1_000 1,2 1,,2 ,".split(
    " ",
  ),
  ..."true false True yes null undefined [] {} polygon rle colours dynamic segment-raw no-such-model".split(" "),
  "",
  " ",
  "\0",
  "٣",
  "😀",
  "9".repeat(400),
  "a".repeat(3000),
  Array.from({ length: 2000 }, () => "0").join(","),
  "__proto__",
  "http://127.0.0.1/",
  "http://169.254.169.254/latest/meta-data",
  "file:///etc/passwd",
  "data:image/png;base64,AAAA",
  "../../etc/passwd",
];

const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...VALUES) },
  fc.string({ unit: "binary", maxLength: 20 }),
);

const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...NAMES) },
  fc.constantFrom("__proto__", "constructor", "toString", "conf[]", "CONF", "", "file", "track", "hasOwnProperty"),
  fc.string({ maxLength: 8 }),
);

/** Text that may stand in a header. */
const headerText = fc.oneof(
  fc.constantFrom("", "0", "1", "-1", "NaN", "1e9", "999999999999999999999", "100, 200", "\t", "é", ";;;", "a=b;c"),
  fc.string({ maxLength: 30 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, "")),
);

const headerName = fc.constantFrom(
  HEADERS.requestId,
  HEADERS.apiKey,
  HEADERS.timeout,
  "accept",
  "content-encoding",
  "origin",
  "range",
  "expect",
  "traceparent",
  "x-forwarded-for",
  "cookie",
);

const oddHeaders = fc.dictionary(headerName, headerText, { maxKeys: 3 });

/** A whole image with queries and headers that nobody should send. */
export function oddParameters(image: Buffer): Requests {
  const encoded = fc.tuple(name, value).map((pair) => new URLSearchParams([pair]).toString());
  const raw = fc.constantFrom(
    "%",
    "%zz",
    "conf=%ff%fe",
    "&&&",
    "=",
    "conf",
    "conf=0.5=1",
    "?",
    "conf=1;iou=1",
    "a[b]=c",
  );
  const query = fc.array(fc.oneof({ weight: 5, arbitrary: encoded }, raw), { maxLength: 4 });
  return fc.tuple(query, oddHeaders).map(([parts, headers]) => ({
    method: "POST",
    url: `${PATHS.predict}?${parts.join("&")}`,
    headers: { "content-type": "image/png", ...headers },
    payload: image,
  }));
}

/** Forms that are cut, nested, mislabelled, or too many things at once. */
export function badForm(image: Buffer): Requests {
  const boundary = fc.oneof(
    { weight: 5, arbitrary: fc.constant("X") },
    fc.constantFrom("", "Y", "-".repeat(70), '"', "é"),
  );
  const type = fc.oneof(
    { weight: 5, arbitrary: boundary.map((text) => `multipart/form-data; boundary=${text}`) },
    fc.constantFrom(
      "multipart/form-data",
      "multipart/mixed; boundary=X",
      'multipart/form-data; boundary="X',
      "multipart/form-data; boundary=X; boundary=Y",
      "multipart/form-data; charset=utf-16; boundary=X",
      `multipart/form-data; boundary=${"X".repeat(300)}`,
      "application/x-www-form-urlencoded",
    ),
  );
  const disposition = fc.oneof(
    { weight: 3, arbitrary: fc.constant('form-data; name="file"; filename="a.png"') },
    { weight: 3, arbitrary: name.map((text) => `form-data; name="${text.replaceAll(/["\r\n]/g, "")}"`) },
    fc.constantFrom(
      "form-data",
      'form-data; name="file"',
      'form-data; name="file"; filename="../../etc/passwd"',
      "form-data; name=file; filename*=UTF-8''%ff%fe",
      'form-data; name="__proto__"; filename="a"',
      `form-data; name="${"n".repeat(200)}"`,
      "attachment",
      "",
    ),
  );
  const content = fc.oneof(
    { weight: 3, arbitrary: fc.constant(image) },
    value.map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(Buffer.from('--Y\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n--Y--')),
  );
  const extra = fc.constantFrom(
    "",
    "",
    "",
    "Content-Type: image/png\r\n",
    "Content-Type: multipart/mixed; boundary=Y\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "no colon\r\n",
    `X: ${"y".repeat(9000)}\r\n`,
    "X: y\r\n".repeat(50),
  );
  const part = fc.tuple(disposition, extra, content).map(([what, more, bytes]) => {
    return Buffer.concat([
      Buffer.from(`--X\r\nContent-Disposition: ${what}\r\n${more}\r\n`),
      bytes,
      Buffer.from("\r\n"),
    ]);
  });
  const parts = fc.oneof(
    { weight: 6, arbitrary: fc.array(part, { maxLength: 4 }) },
    fc.tuple(part, fc.constantFrom(70, 1100)).map(([one, times]) => Array<Buffer>(times).fill(one)),
  );
  const end = fc.constantFrom("--X--\r\n", "--X--\r\n", "--X--\r\n", "--X--", "--X", "", "--X--\r\nepilogue", "\r\n");
  const cut = fc.option(fc.nat(3000), { freq: 3 });
  return fc.tuple(type, parts, end, cut, oddHeaders).map(([contentType, list, last, length, headers]) => {
    const whole = Buffer.concat([...list, Buffer.from(last)]);
    const payload = length === null ? whole : whole.subarray(0, length % (whole.length + 1));
    return { method: "POST", url: PATHS.predict, headers: { ...headers, "content-type": contentType }, payload };
  });
}

/** Requests of the inference protocol whose JSON, bytes, lengths and headers do not fit each other or the model. */
export function badTensors(): Requests {
  const number = fc.constantFrom<unknown>(0, 1, -1, 1.5, 2, 3, 8, 64, 2 ** 31, 2 ** 53, 1e308, null, "8", true, [], {});
  const shape = fc.oneof(
    { weight: 3, arbitrary: fc.constant<unknown>([1, 3, 8, 8]) },
    fc.array(number, { maxLength: 6 }),
    fc.anything(),
  );
  const datatype = fc.oneof(
    { weight: 4, arbitrary: fc.constant<unknown>("FP32") },
    fc.constantFrom<unknown>("FP16", "FP64", "INT8", "UINT64", "BOOL", "BYTES", "fp32", "", null, 1),
  );
  const tensorName = fc.oneof(
    { weight: 4, arbitrary: fc.constant<unknown>("images") },
    fc.constantFrom<unknown>("x", "", null, 1, "__proto__", "a".repeat(5000)),
  );
  const data = fc.oneof(
    fc.constant<unknown>(Array.from({ length: 192 }, (_, i) => i / 192)),
    fc.array(fc.oneof(fc.double(), fc.constantFrom<unknown>("1", null, true, Number.POSITIVE_INFINITY)), {
      maxLength: 200,
    }),
    fc.jsonValue(),
    fc.constant(undefined),
  );
  const size = fc.oneof(fc.constant<unknown>(768), number);
  const parameters = fc.oneof(
    fc.constant(undefined),
    size.map((bytes) => ({ binary_data_size: bytes })),
    fc.jsonValue(),
  );
  const tensor = fc.record({ name: tensorName, shape, datatype, data, parameters });
  const outputs = fc.oneof(
    fc.constant(undefined),
    fc.constant<unknown>([{ name: "output0", parameters: { binary_data: true } }]),
    fc.jsonValue(),
  );
  const head = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        id: fc.constantFrom<unknown>("a", undefined, 1),
        inputs: fc.array(tensor, { maxLength: 2 }),
        outputs,
      }),
    },
    fc.record({ inputs: fc.jsonValue() }),
    fc.jsonValue(),
  );
  const text = fc.oneof(
    { weight: 6, arbitrary: head.map(toJson) },
    fc.constantFrom(
      "",
      "{",
      "[".repeat(50_000),
      '{"inputs":'.repeat(2000),
      "nul",
      "\ufeff{}",
      `{"a":"${"\\u0000".repeat(99)}"}`,
    ),
    fc.string({ unit: "binary", maxLength: 60 }),
  );
  const bytes = fc.oneof(
    fc.constant(new Uint8Array()),
    fc.constant(new Uint8Array(768)),
    fc.uint8Array({ maxLength: 99 }),
  );
  const headLength = fc.oneof(
    fc.constant(undefined),
    fc.constant("right"),
    fc.constantFrom("0", "-1", "1e3", "999999", "x"),
  );
  const model = fc.oneof(
    { weight: 6, arbitrary: fc.constant("dynamic") },
    fc.constantFrom("colours", "segment-raw", "none", "dynamic/versions/1", "dynamic/versions/9", "%ff", "..", "a%2fb"),
  );
  const encoding = fc.constantFrom(undefined, undefined, undefined, undefined, "gzip", "deflate", "br", "gzip, gzip");
  return fc
    .tuple(text, bytes, headLength, model, encoding, oddHeaders)
    .map(([json, tail, length, path, coded, odd]) => {
      const first = Buffer.from(json);
      const headers: Record<string, string> = { ...odd, "content-type": "application/json" };
      delete headers["content-encoding"];
      if (coded !== undefined) headers["content-encoding"] = coded;
      if (length !== undefined)
        headers["inference-header-content-length"] = length === "right" ? String(first.length) : length;
      const payload = Buffer.concat([first, tail]);
      return { method: "POST", url: `${PATHS.inferenceProtocol}/models/${path}/infer`, headers, payload };
    });
}

/** As JSON, with what JSON lacks left out. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? String(part) : part)) ?? "null";
}

/** Any method at any path, with any body. */
export function oddRequest(): Requests {
  const known = fc.constantFrom(
    ...Object.values(PATHS),
    "/v2/repository/index",
    "/v2/models/dynamic",
    "/v2/health/live",
  );
  const path = fc.oneof(
    { weight: 3, arbitrary: known },
    known.map((text) => `${text}/`),
    fc.constantFrom(
      "//",
      "/../etc/passwd",
      "/%2e%2e/",
      "/%",
      "/%c0%af",
      "/predict%00",
      "/PREDICT",
      "/.env",
      "/v2/models/%",
    ),
    fc.webPath(),
  );
  const method = fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" as const);
  const payload = fc.option(fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)));
  return fc.tuple(method, path, oddHeaders, payload).map(([verb, url, headers, body]) => ({
    method: verb as "GET",
    url: url === "" ? "/" : url,
    headers,
    ...(body === null || verb === "GET" || verb === "HEAD" ? {} : { payload: body }),
  }));
}
