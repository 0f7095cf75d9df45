import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PATHS } from "../../../contract.ts";
import { callerOf } from "../../access/rate-limit.ts";
import { type AppContext, answerError } from "../../app.ts";
import { RequestError } from "../../errors.ts";
import type { LoadedModel } from "../../model/model.ts";
import type { Engine } from "../../state.ts";
import { VERSION } from "../../version.ts";
import { deadline, departure, waitOf } from "../caller.ts";
import { checkLive, checkReady } from "../health.ts";
import { chooseModel } from "../predict.ts";
import { decompress, headLengthOf } from "./body.ts";
import { EXTENSIONS, MODEL_VERSION, modelConfig, modelMetadata } from "./description.ts";
import { readRequest } from "./request.ts";
import { HEAD_LENGTH_HEADER, writeResponse } from "./response.ts";
import { signatureOf } from "./tensors.ts";

/** Clients compare it as a whole (KServe's does): no charset. */
const JSON_TYPE = "application/json";

/**
 * Adds the Open Inference Protocol v2 over HTTP as KServe specifies it, with those of Triton's extensions that its clients
 * need: binary tensors, a model's configuration, and the list of models.
 * Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
 */
export function addInferenceProtocol(app: FastifyInstance, context: AppContext): void {
  app.register(async (scope) => addRoutes(scope, context), { prefix: PATHS.inferenceProtocol });
}

type ModelRequest = FastifyRequest<{ Params: { model: string; version?: string } }>;

function addRoutes(app: FastifyInstance, context: AppContext): void {
  const { config, state } = context;
  // Clients send all kinds of content types, and none: what the body is, the path and a header say.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  const answerFailure = (error: Error, request: FastifyRequest, reply: FastifyReply) => {
    reply.type(JSON_TYPE);
    return answerError(config, error, request, reply, ({ message }) => json({ error: message }));
  };
  app.setErrorHandler<FastifyError>(answerFailure);
  app.setNotFoundHandler((request, reply) => answerFailure(app.routeError(request, reply), request, reply));

  const answer = (reply: FastifyReply, value: object) => reply.type(JSON_TYPE).send(json(value));
  app.get("/", async (_request, reply) => answer(reply, { name: "yolo", version: VERSION, extensions: EXTENSIONS }));
  app.get("/health/live", async (_request, reply) => {
    await checkLive(state);
    return answer(reply, { live: true });
  });
  app.get("/health/ready", async (_request, reply) => {
    checkReady(state);
    return answer(reply, { ready: true });
  });
  app.post("/repository/index", async (_request, reply) => {
    const names = [...engineOf(context).models.keys()];
    return answer(
      reply,
      names.map((name) => ({ name, version: MODEL_VERSION, state: "READY", reason: "" })),
    );
  });
  for (const path of ["/models/:model", "/models/:model/versions/:version"]) {
    app.get(path, async (request: ModelRequest, reply) => {
      const { name, model } = modelOf(context, request);
      return answer(reply, modelMetadata(name, model));
    });
    app.get(`${path}/config`, async (request: ModelRequest, reply) => {
      const { name, model } = modelOf(context, request);
      return answer(reply, modelConfig(name, model));
    });
    app.get(`${path}/ready`, async (request: ModelRequest, reply) => {
      const { name } = modelOf(context, request);
      checkReady(state);
      return answer(reply, { name, ready: true });
    });
    app.post(`${path}/infer`, {
      // Before the body is read: a refusal must not cost an upload.
      onRequest: async (request: ModelRequest) => {
        modelOf(context, request);
        waitOf(request);
      },
      handler: async (request: ModelRequest, reply) => {
        context.metrics.inFlight.inc();
        try {
          return await infer(context, request, reply);
        } finally {
          context.metrics.inFlight.dec();
        }
      },
    });
  }
}

async function infer(context: AppContext, request: ModelRequest, reply: FastifyReply): Promise<Buffer> {
  const { config } = context;
  const signal = departure(reply);
  const { name, model } = modelOf(context, request);
  const timeLeft = deadline(request, reply, config.requestTimeoutMs);
  const sent = request.body instanceof Uint8Array ? request.body : new Uint8Array();
  const body = await decompress(sent, request.headers["content-encoding"], config.bodyLimitBytes);
  const headLength = headLengthOf(request.headers[HEAD_LENGTH_HEADER]);
  const { inputs, outputs, id } = await readRequest(body, headLength, signatureOf(model));
  const names = outputs.map((output) => output.name);
  const { pool } = engineOf(context);
  const lane = request.keyName ?? callerOf(request.ip);
  const tensors = await pool.infer(name, inputs, names, { signal, timeoutMs: timeLeft(), lane });
  const response = await writeResponse(
    { ...(id === undefined ? {} : { id }), outputs },
    { name, version: MODEL_VERSION },
    tensors,
  );
  if (response.headLength === undefined) reply.type(JSON_TYPE);
  else reply.type("application/octet-stream").header(HEAD_LENGTH_HEADER, response.headLength);
  return response.body;
}

function engineOf({ state }: AppContext): Engine {
  if (state.engine === undefined) throw new RequestError("YOLO_NOT_READY", "The models are being loaded.");
  return state.engine;
}

/**
 * The model, and the version, that a path names.
 * @throws RequestError YOLO_NOT_READY, YOLO_MODEL_UNKNOWN
 */
function modelOf(context: AppContext, { params: { model, version = MODEL_VERSION } }: ModelRequest): LoadedModel {
  const loaded = chooseModel(engineOf(context), model);
  if (version === MODEL_VERSION) return loaded;
  const message = `Expected ${MODEL_VERSION} as version of ${loaded.name}, the only one, but received ${JSON.stringify(version)}.`;
  throw new RequestError("YOLO_MODEL_UNKNOWN", message);
}

/** As bytes, because to a text the framework would add a charset. */
function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
