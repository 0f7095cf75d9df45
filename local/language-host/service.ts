import type { SpawnOptions } from "node:child_process";
import { createRequire } from "node:module";
import grpc from "@grpc/grpc-js";
import type {
  AboutRequest,
  AboutResponse,
  GetProgramDependenciesRequest,
  GetProgramDependenciesResponse,
  GetRequiredPackagesRequest,
  GetRequiredPackagesResponse,
  GetRequiredPluginsRequest,
  GetRequiredPluginsResponse,
  InstallDependenciesRequest,
  InstallDependenciesResponse,
  LanguageHandshakeRequest,
  LanguageHandshakeResponse,
  RunPluginRequest,
  RunPluginResponse,
  RunRequest,
  RunResponse,
} from "@pulumi/pulumi/proto/language_pb.js";
import language from "@pulumi/pulumi/proto/language_pb.js";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import type { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { startChild, stopChild, stopChildren } from "./children.ts";
import { programDependencies, requiredPlugins } from "./packages.ts";
import { nodeEnvironment, programOptions, runCommand, sdkScript } from "./program.ts";

type Unary<Request, Response> = grpc.handleUnaryCall<Request, Response>;

/** The exit code of a program that has told its user what is wrong: https://github.com/pulumi/pulumi/blob/master/sdk/nodejs/cmd/run/index.ts */
const ALREADY_REPORTED = 32;

/** Answers a call with what a function returns, or with its error's message. */
function unary<Request, Response>(
  answer: (request: Request) => Promise<Response> | Response,
): Unary<Request, Response> {
  return (call, callback) => {
    Promise.resolve(call.request)
      .then(answer)
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(asStatus(error)),
      );
  };
}

function asStatus(error: unknown): { code: grpc.status; message: string } {
  return { code: grpc.status.UNKNOWN, message: error instanceof Error ? error.message : String(error) };
}

function programDirectory(request: {
  getInfo(): { getProgramDirectory(): string } | undefined;
  getPwd?(): string;
}): string {
  return request.getInfo()?.getProgramDirectory() || request.getPwd?.() || process.cwd();
}

function sdkVersion(): string {
  return (createRequire(import.meta.url)("@pulumi/pulumi/package.json") as { version: string }).version;
}

async function packages(request: GetRequiredPackagesRequest): Promise<GetRequiredPackagesResponse> {
  const needed = await requiredPlugins(programDirectory(request));
  return new language.GetRequiredPackagesResponse().setPackagesList(
    needed.map(({ name, version, server }) =>
      new plugin.PackageDependency().setKind("resource").setName(name).setVersion(version).setServer(server),
    ),
  );
}

async function plugins(request: GetRequiredPluginsRequest): Promise<GetRequiredPluginsResponse> {
  const needed = await requiredPlugins(programDirectory(request));
  return new language.GetRequiredPluginsResponse().setPluginsList(
    needed.map(({ name, version, server }) =>
      new plugin.PluginDependency().setKind("resource").setName(name).setVersion(version).setServer(server),
    ),
  );
}

async function dependencies(request: GetProgramDependenciesRequest): Promise<GetProgramDependenciesResponse> {
  const found = await programDependencies(programDirectory(request), request.getTransitivedependencies());
  return new language.GetProgramDependenciesResponse().setDependenciesList(
    found.map(({ name, version }) => new language.DependencyInfo().setName(name).setVersion(version)),
  );
}

function runProgram(engineAddress: string): Unary<RunRequest, RunResponse> {
  return (call, callback) => {
    const run = async (): Promise<RunResponse> => {
      const { args, env } = await runCommand(call.request, engineAddress);
      const { child, ended } = startChild(process.execPath, args, {
        cwd: call.request.getPwd(),
        env,
        stdio: ["ignore", "inherit", "inherit"],
      });
      call.on("cancelled", () => stopChild(child));
      const { code, signal } = await ended;
      const response = new language.RunResponse();
      if (code === ALREADY_REPORTED) return response.setBail(true);
      if (signal !== undefined) return response.setError(`The program was ended by ${signal}.`);
      return code === 0 ? response : response.setError(`The program ended with exit code ${code}.`);
    };
    run().then(
      (response) => callback(null, response),
      (error: unknown) => callback(asStatus(error)),
    );
  };
}

const runPlugin: grpc.handleServerStreamingCall<RunPluginRequest, RunPluginResponse> = (call) => {
  const run = async (): Promise<void> => {
    const request = call.request;
    const folder = programDirectory(request);
    const analyzer = request.getKind() === "analyzer";
    const given = Object.fromEntries(request.getEnvList().map((entry) => entry.split(/=(.*)/s, 2) as [string, string]));
    const args = [sdkScript(analyzer ? "run-policy-pack" : "run-plugin", folder), ...request.getArgsList(), folder];
    const { child, ended } = startChild(process.execPath, args, {
      // A policy pack looks for its own files in its working directory.
      cwd: analyzer ? folder : request.getPwd(),
      env: nodeEnvironment({ ...process.env, ...given }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    call.on("cancelled", () => stopChild(child));
    child.stdout?.on("data", (data: Buffer) => call.write(new language.RunPluginResponse().setStdout(data)));
    child.stderr?.on("data", (data: Buffer) => call.write(new language.RunPluginResponse().setStderr(data)));
    const { code } = await ended;
    call.write(new language.RunPluginResponse().setExitcode(code));
    call.end();
  };
  run().catch((error: unknown) => call.destroy(Object.assign(new Error(), asStatus(error))));
};

const installDependencies: grpc.handleServerStreamingCall<InstallDependenciesRequest, InstallDependenciesResponse> = (
  call,
) => {
  const install = async (): Promise<void> => {
    const { packagemanager } = programOptions(call.request.getInfo());
    const cwd = call.request.getInfo()?.getProgramDirectory() || call.request.getDirectory();
    const options = {
      cwd,
      env: nodeEnvironment(process.env),
      stdio: ["ignore", "pipe", "pipe"],
    } satisfies SpawnOptions;
    const { child, ended } = startChild(packagemanager, ["install"], options);
    call.on("cancelled", () => stopChild(child));
    child.stdout?.on("data", (data: Buffer) => call.write(new language.InstallDependenciesResponse().setStdout(data)));
    child.stderr?.on("data", (data: Buffer) => call.write(new language.InstallDependenciesResponse().setStderr(data)));
    const { code } = await ended;
    if (code !== 0) throw new Error(`${packagemanager} install failed in ${cwd} (exit code ${code})`);
    call.end();
  };
  install().catch((error: unknown) => call.destroy(Object.assign(new Error(), asStatus(error))));
};

/**
 * Pulumi's LanguageRuntime service for Node programs, as far as a program, a policy pack and a plugin need it; what is
 * left out (code generation, templates) is answered as unimplemented.
 */
export function languageRuntime(engineAddress: string): grpc.UntypedServiceImplementation {
  return {
    handshake: unary<LanguageHandshakeRequest, LanguageHandshakeResponse>(
      () => new language.LanguageHandshakeResponse(),
    ),
    getPluginInfo: unary<Empty, PluginInfo>(() => new plugin.PluginInfo().setVersion(sdkVersion())),
    about: unary<AboutRequest, AboutResponse>(() =>
      new language.AboutResponse().setExecutable(process.execPath).setVersion(process.version),
    ),
    getRequiredPackages: unary(packages),
    getRequiredPlugins: unary(plugins),
    getProgramDependencies: unary(dependencies),
    installDependencies,
    run: runProgram(engineAddress),
    runPlugin,
    cancel: unary<Empty, Empty>(() => {
      stopChildren();
      return new empty.Empty();
    }),
  };
}
