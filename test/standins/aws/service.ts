import type grpc from "@grpc/grpc-js";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import type {
  CheckRequest,
  CheckResponse,
  ConfigureRequest,
  ConfigureResponse,
  CreateRequest,
  CreateResponse,
  DeleteRequest,
  DiffRequest,
  DiffResponse,
  InvokeRequest,
  InvokeResponse,
  ReadRequest,
  ReadResponse,
  UpdateRequest,
  UpdateResponse,
} from "@pulumi/pulumi/proto/provider_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import type { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import type { EngineLog } from "../engine.ts";
import type { Failure } from "../sdk/check.ts";
import { fromStruct, toStruct, unary } from "../wire.ts";
import type { Change } from "./diff.ts";
import { AwsProvider } from "./provider.ts";

const { ADD, ADD_REPLACE, DELETE, DELETE_REPLACE, UPDATE, UPDATE_REPLACE } = provider.PropertyDiff.Kind;
const KINDS = {
  add: { updated: ADD, replaced: ADD_REPLACE },
  delete: { updated: DELETE, replaced: DELETE_REPLACE },
  update: { updated: UPDATE, replaced: UPDATE_REPLACE },
} as const satisfies Record<Change, object>;

function failuresOf(failures: readonly Failure[]) {
  return failures.map(({ property, reason }) => new provider.CheckFailure().setProperty(property).setReason(reason));
}

/** The AWS provider on Pulumi's protocol; what is left out (schemas, imports by parameter) is answered as unimplemented. */
export function awsService(accountFile: string, log: EngineLog): grpc.UntypedServiceImplementation {
  const aws = new AwsProvider(accountFile, log);
  return {
    getPluginInfo: unary<Empty, PluginInfo>(() => new plugin.PluginInfo().setVersion(aws.version)),
    checkConfig: unary<CheckRequest, CheckResponse>(async (request) => {
      const news = fromStruct(request.getNews());
      const failures = failuresOf(await aws.checkConfiguration(news));
      return new provider.CheckResponse().setInputs(toStruct(news)).setFailuresList(failures);
    }),
    diffConfig: unary<DiffRequest, DiffResponse>(() =>
      new provider.DiffResponse().setChanges(provider.DiffResponse.DiffChanges.DIFF_UNKNOWN),
    ),
    configure: unary<ConfigureRequest, ConfigureResponse>(async (request) => {
      await aws.configure(fromStruct(request.getArgs()));
      // Secrets, references and outputs are resolved by the engine, which marks secrets in what comes back.
      return new provider.ConfigureResponse().setSupportspreview(true);
    }),
    check: unary<CheckRequest, CheckResponse>(async (request) => {
      const { inputs, failures } = await aws.check({
        type: request.getType(),
        name: request.getName(),
        olds: fromStruct(request.getOlds()),
        news: fromStruct(request.getNews()),
        randomSeed: request.getRandomseed_asU8(),
      });
      return new provider.CheckResponse().setInputs(toStruct(inputs)).setFailuresList(failuresOf(failures));
    }),
    diff: unary<DiffRequest, DiffResponse>(async (request) => {
      const { changes, replaces, deleteBeforeReplace } = await aws.diff(
        request.getType(),
        fromStruct(request.getOldInputs()),
        fromStruct(request.getOlds()),
        fromStruct(request.getNews()),
      );
      const keys = [...new Set([...Object.keys(changes), ...replaces])];
      const { DIFF_SOME, DIFF_NONE } = provider.DiffResponse.DiffChanges;
      const response = new provider.DiffResponse()
        .setChanges(keys.length > 0 ? DIFF_SOME : DIFF_NONE)
        .setDiffsList(keys)
        .setReplacesList(replaces)
        .setDeletebeforereplace(deleteBeforeReplace)
        .setHasdetaileddiff(true);
      for (const key of keys) {
        const kind = KINDS[changes[key] ?? "update"][replaces.includes(key) ? "replaced" : "updated"];
        response.getDetaileddiffMap().set(key, new provider.PropertyDiff().setKind(kind).setInputdiff(true));
      }
      return response;
    }),
    create: unary<CreateRequest, CreateResponse>(async (request) => {
      const properties = fromStruct(request.getProperties());
      const { id, outputs } = await aws.create(request.getType(), request.getName(), properties, request.getPreview());
      return new provider.CreateResponse().setId(id).setProperties(toStruct(outputs));
    }),
    read: unary<ReadRequest, ReadResponse>((request) => {
      const stored = aws.read(request.getType(), request.getId());
      if (stored === undefined) return new provider.ReadResponse();
      const { id, inputs, outputs } = stored;
      return new provider.ReadResponse().setId(id).setInputs(toStruct(inputs)).setProperties(toStruct(outputs));
    }),
    update: unary<UpdateRequest, UpdateResponse>((request) => {
      const [olds, news] = [fromStruct(request.getOlds()), fromStruct(request.getNews())];
      const outputs = aws.update(request.getType(), request.getId(), olds, news, request.getPreview());
      return new provider.UpdateResponse().setProperties(toStruct(outputs));
    }),
    delete: unary<DeleteRequest, Empty>((request) => {
      aws.delete(request.getType(), request.getId());
      return new empty.Empty();
    }),
    invoke: unary<InvokeRequest, InvokeResponse>(async (request) => {
      const { answer, failures } = await aws.invoke(request.getTok(), fromStruct(request.getArgs()));
      return new provider.InvokeResponse().setReturn(toStruct(answer)).setFailuresList(failuresOf(failures));
    }),
    cancel: unary<Empty, Empty>(() => new empty.Empty()),
  };
}
