import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { StartError } from "../../service/src/errors.ts";
import { parseModels } from "../../service/src/model/reference.ts";
import { fetchModel } from "../../service/src/model/source.ts";
import { CONTENT, QUICK, SHA256 } from "./model-server.ts";
import { S3Server, s3Error } from "./s3-server.ts";

describe("fetching a model from S3", function () {
  this.timeout(600_000);
  const saved = Object.entries(process.env).filter(([key]) => key.startsWith("AWS_"));
  let folder: string;
  let cacheDir: string;
  let server: S3Server;
  let problems: string[] = [];
  /** S3's tag of an object that came in one part. */
  const etag = `"${createHash("md5").update(CONTENT).digest("hex")}"`;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-s3-"));
    cacheDir = join(folder, "cache");
    const files = ["street.onnx", "street, a+b é.onnx", "hidden.onnx"].map((name) => join(folder, name));
    for (const file of files) await writeFile(file, CONTENT);
    server = await S3Server.start(files);
  });
  after(async () => {
    await server?.stop();
    setVariables(Object.fromEntries(saved));
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await rm(cacheDir, { recursive: true, force: true });
    server.requests.length = 0;
    server.instead = [];
    server.cuts = [];
    problems = [];
    setVariables(signedIn());
  });

  /** Sets the AWS_* variables of this process to these and no others. */
  const setVariables = (variables: Record<string, string | undefined>) => {
    for (const key of Object.keys(process.env)) if (key.startsWith("AWS_")) delete process.env[key];
    Object.assign(process.env, variables);
  };
  const signedIn = (): Record<string, string> => ({
    AWS_ACCESS_KEY_ID: server.credentials.id,
    AWS_SECRET_ACCESS_KEY: server.credentials.secret,
    AWS_REGION: "us-east-1",
    AWS_ENDPOINT_URL_S3: server.url,
    // What else the machine that runs the tests may know.
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
  });
  const without = (key: string) => {
    const { [key]: _, ...rest } = signedIn();
    return rest;
  };
  const fetchIt = (address = "s3://models/street.onnx") => {
    const [reference] = parseModels(`street=${address}@sha256:${SHA256}`);
    assert.ok(reference);
    const onProgress = ({ problem = "" }) => problem !== "" && problems.push(problem);
    return fetchModel(reference, { cacheDir, signal: AbortSignal.timeout(60_000), limits: QUICK, onProgress });
  };
  const assertFetched = async (path: string) => {
    assert.deepEqual(await readFile(path), CONTENT);
    assert.deepEqual(await readdir(cacheDir), [`${SHA256}.onnx`]);
  };
  const leave = async (content: Uint8Array, tag: string) => {
    await mkdir(cacheDir);
    const name = `${SHA256}.${Buffer.from(tag).toString("base64url")}.0123456789ab.partial`;
    await writeFile(join(cacheDir, name), content);
  };
  const assertRefuses = async (address: string | undefined, ...parts: RegExp[]) => {
    const error = await fetchIt(address).then(
      () => assert.fail("it was fetched"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof StartError, String(error));
    for (const part of parts) assert.match(error.message, part);
    const { id, secret } = server.credentials;
    for (const hidden of [id, secret]) assert.ok(!(error.message + problems.join()).includes(hidden), error.message);
  };
  const NAMED = /^Expected to download the model street from s3:\/\/models\/street\.onnx \(MODELS\), but /;

  it("gets an object by a signed request with the bucket in the path, and later takes it from the cache", async () => {
    await assertFetched((await fetchIt()).path);
    await assertFetched((await fetchIt()).path);
    assert.equal(server.requests.length, 1);
    assert.match(server.requests[0]?.path ?? "", /^\/models\/street\.onnx(\?|$)/);
    assert.match(server.requests[0]?.headers.authorization ?? "", /^AWS4-HMAC-SHA256 .*\/us-east-1\/s3\/aws4_request/);
  });

  it("loads the SDK only when an object is fetched", async () => {
    const models = `street=s3://models/street.onnx@sha256:${SHA256}`;
    const args = [join(import.meta.dirname, "fetch-model.ts"), models, cacheDir];
    const run = () => execa(process.execPath, args, { env: signedIn() });
    assert.match((await run()).stdout, /\.onnx\nwith the AWS SDK$/);
    assert.match((await run()).stdout, /\.onnx\nwithout the AWS SDK$/);
  });

  it("gets an object whose key has other characters", async () => {
    await assertFetched((await fetchIt("s3://models/street%2C%20a+b%20é.onnx")).path);
  });

  it("has the role of its pod by web identity, as on EKS with a service account's role", async () => {
    const token = join(folder, "token");
    await writeFile(token, "a token that moto does not look at");
    const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, ...rest } = signedIn();
    const { role } = server.credentials;
    setVariables({
      ...rest,
      AWS_ROLE_ARN: role,
      AWS_WEB_IDENTITY_TOKEN_FILE: token,
      AWS_ENDPOINT_URL_STS: server.url,
    });
    await server.letOneIn();
    await assertFetched((await fetchIt()).path);
    assert.equal(server.requests.length, 2);
    assert.ok(server.requests[1]?.headers["x-amz-security-token"]);
    await rm(cacheDir, { recursive: true });
    const refusal = "<Error><Code>AccessDenied</Code><Message>Not authorized</Message></Error>";
    server.instead = [(response) => response.writeHead(403).end(`<ErrorResponse>${refusal}</ErrorResponse>`)];
    await assertRefuses(undefined, NAMED, /credentials were refused \(AccessDenied\)\. Check AWS_ROLE_ARN/);
  });

  it("has the role of its pod by an agent on the node, as on EKS with Pod Identity", async () => {
    const asked: unknown[] = [];
    const agent = createServer(({ headers }, response) => {
      asked.push(headers.authorization);
      const { SessionToken: Token, ...keys } = server.credentials.session;
      response.end(JSON.stringify({ ...keys, Token }));
    }).listen(0, "127.0.0.1");
    await once(agent, "listening");
    try {
      const token = join(folder, "token");
      await writeFile(token, "of this pod");
      const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, ...rest } = signedIn();
      setVariables({
        ...rest,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(agent.address() as AddressInfo).port}/v1/credentials`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: token,
      });
      await assertFetched((await fetchIt()).path);
      assert.deepEqual(asked, ["of this pod"]);
    } finally {
      agent.close();
    }
  });

  it("goes on where a connection broke, and where an earlier process stopped", async () => {
    server.cuts = [100_000];
    await assertFetched((await fetchIt()).path);
    assert.equal(server.requests.length, 2);
    assert.match(server.requests[1]?.headers.range ?? "", /^bytes=[1-9]\d+-$/);
    assert.equal(server.requests[1]?.headers["if-match"], etag);
    await rm(cacheDir, { recursive: true });
    await leave(CONTENT.subarray(0, 7000), etag);
    await assertFetched((await fetchIt()).path);
    assert.equal(server.requests[2]?.headers.range, "bytes=7000-");
  });

  it("begins anew when the object has changed since, or is shorter", async () => {
    await leave(Buffer.alloc(7000), '"another"');
    await assertFetched((await fetchIt()).path);
    assert.deepEqual(
      server.requests.map(({ headers }) => headers.range),
      ["bytes=7000-", undefined],
    );
    await rm(cacheDir, { recursive: true });
    await leave(Buffer.alloc(CONTENT.length + 10), etag);
    await assertFetched((await fetchIt()).path);
  });

  it("asks again where the store is busy", async () => {
    server.instead = [s3Error(503, "SlowDown", "Please reduce your request rate.", { "retry-after": "1" })];
    const start = performance.now();
    await assertFetched((await fetchIt()).path);
    assert.ok(performance.now() - start >= 1000);
    server.instead = Array(9).fill(s3Error(500, "InternalError"));
    await rm(cacheDir, { recursive: true });
    await assertRefuses(undefined, NAMED, /received HTTP status 500, at last of 4 attempts/);
    assert.equal(server.requests.length, 2 + QUICK.attempts);
  });

  it("says at once what is missing or not allowed", async () => {
    await assertRefuses("s3://models/street-2.onnx", /but there is no such object\. Check the key/);
    await assertRefuses("s3://models/hidden.onnx", /but access is denied\. Grant s3:GetObject/);
    server.instead = [s3Error(404, "NoSuchBucket")];
    await assertRefuses(undefined, NAMED, /but there is no such bucket\. Check the bucket's name, AWS_REGION/);
    assert.equal(server.requests.length, 3);
    setVariables({ ...signedIn(), AWS_ACCESS_KEY_ID: "AKIAUNKNOWN000000000" });
    await assertRefuses(undefined, NAMED, /access key is not known there\. Check AWS_ACCESS_KEY_ID/);
    setVariables({ ...signedIn(), AWS_SECRET_ACCESS_KEY: "wrong" });
    await assertRefuses(undefined, NAMED, /signature does not match\. Check AWS_SECRET_ACCESS_KEY/);
    server.instead = [s3Error(403, "InvalidObjectState", "The operation is not valid.")];
    setVariables(signedIn());
    await assertRefuses(undefined, NAMED, /the object is archived/);
  });

  it("names the region in which a bucket is, as S3 tells it in two ways", async () => {
    server.instead = [s3Error(301, "PermanentRedirect", "", { "x-amz-bucket-region": "eu-west-1" })];
    await assertRefuses(undefined, NAMED, /the bucket is in the region eu-west-1\. Set AWS_REGION=eu-west-1\./);
    const message = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'";
    server.instead = [s3Error(400, "AuthorizationHeaderMalformed", message)];
    await assertRefuses(undefined, /in the region eu-central-1\. Set AWS_REGION=eu-central-1\./);
    assert.equal(server.requests.length, 2);
  });

  it("says which setting is missing", async () => {
    setVariables(without("AWS_REGION"));
    await assertRefuses(undefined, NAMED, /no region is set\. Set AWS_REGION/);
    setVariables(without("AWS_ACCESS_KEY_ID"));
    await assertRefuses(undefined, NAMED, /no credentials.*Give the pod a role/);
    setVariables({ ...signedIn(), AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9" });
    await assertRefuses(undefined, NAMED, /connection failed \(.*ECONNREFUSED.*at last of 4 attempts/);
    assert.equal(server.requests.length, 0);
  });
});
