import grpc from "@grpc/grpc-js";
import service from "@pulumi/pulumi/proto/language_grpc_pb.js";
import { endChildren } from "./children.ts";
import { languageRuntime } from "./service.ts";

// Pulumi's language host for Node: the engine starts it with its own address as the last argument and reads the port
// from the first line. https://github.com/pulumi/pulumi/blob/master/proto/pulumi/language.proto

const engineAddress = process.argv.at(-1);
if (process.argv.length < 3 || engineAddress === undefined) {
  console.error("Expected the engine's address as the last argument: this program is started by Pulumi.");
  process.exit(1);
}

// Programs pass whole files in properties: Pulumi itself sets no practical limit either.
const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
server.addService(service.LanguageRuntimeService, languageRuntime(engineAddress));

let ending = false;
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  await endChildren();
  server.forceShutdown();
  process.exit();
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
// The engine holds the other end of this pipe: its end, however it comes, is the end of what it started.
process.stdin.on("end", end).on("error", end).resume();

server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});
