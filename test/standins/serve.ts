import grpc from "@grpc/grpc-js";
import service from "@pulumi/pulumi/proto/provider_grpc_pb.js";

/**
 * Serves a provider to the engine that started this process: prints the port, and ends with the engine.
 * https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
 */
export function serveProvider(implementation: grpc.UntypedServiceImplementation): void {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(service.ResourceProviderService, implementation);
  endWithEngine(() => server.forceShutdown());
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    process.stdout.write(`${port}\n`);
  });
}

/** Ends this process when the engine that started it has gone, however it went. */
export function endWithEngine(close: () => void): void {
  const end = () => {
    close();
    process.exit();
  };
  // The engine asks by SIGINT, in a process group of the plugin's own: the terminal's Ctrl-C does not come here.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  // The engine holds the other end of this pipe.
  process.stdin.on("end", end).on("error", end).resume();
}

/** The address of the engine: the last argument that it starts a provider with. */
export function engineAddress(): string {
  const address = process.argv.at(-1);
  if (process.argv.length < 3 || address === undefined) {
    console.error("Expected the engine's address as the last argument: this program is started by Pulumi.");
    process.exit(1);
  }
  return address;
}
