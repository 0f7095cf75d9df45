/** `yolo`: asks a detection service on the command line. `local/yolo.mjs` starts it under the pinned Node. */
import { type Command, parseCommand } from "./cli/arguments.ts";
import { type Console, detect } from "./cli/detect.ts";
import { infoText, printable } from "./cli/report.ts";
import { UsageError } from "./cli/usage.ts";
import { YoloClient, YoloError } from "./index.ts";

const EXIT = { failed: 1, usage: 2, interrupted: 130, pipe: 141, terminated: 143 } as const;

/** Where the user is: npm runs the script `yolo` in the root of the repository. */
function startFolder(): string {
  const { npm_lifecycle_event: script, INIT_CWD: folder } = process.env;
  return script === "yolo" && folder !== undefined ? folder : process.cwd();
}

/** Writes to a stream at the pace of its reader; one that was closed by its reader ends the process as it does others. */
function writer(stream: NodeJS.WriteStream): (text: string) => Promise<void> {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.pipe);
    throw error;
  });
  return (text) => {
    if (text === "") return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    stream.write(text, () => resolve());
    return promise;
  };
}

async function run(command: Command, folder: string, console: Console, signal: AbortSignal): Promise<number> {
  switch (command.command) {
    case "detect":
      return detect(command, folder, console, signal);
    case "info": {
      const info = await new YoloClient(command.client).info({ signal });
      await console.out(command.json ? `${JSON.stringify(info)}\n` : infoText(info));
      return 0;
    }
    case "print":
      await console.out(`${command.text}\n`);
      return 0;
  }
}

async function main(): Promise<number> {
  const interrupt = new AbortController();
  let interrupted: number = EXIT.interrupted;
  for (const [name, code] of [
    ["SIGINT", EXIT.interrupted],
    ["SIGTERM", EXIT.terminated],
  ] as const) {
    process.on(name, () => {
      // A second one is impatience.
      if (interrupt.signal.aborted) process.exit(code);
      interrupted = code;
      interrupt.abort(new Error("interrupted"));
    });
  }
  const console = { out: writer(process.stdout), err: writer(process.stderr) };
  try {
    const folder = startFolder();
    const command = parseCommand(process.argv.slice(2), { folder, environment: process.env });
    return await run(command, folder, console, interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted) {
      await console.err(`${process.stderr.isTTY ? "\r\u001b[K" : ""}Interrupted.\n`);
      return interrupted;
    }
    if (error instanceof YoloError) {
      await console.err(`yolo: ${printable(error.message)} (${error.code})\n`);
      return EXIT.failed;
    }
    // The client's own complaints about a number or an address are about the command line here.
    if (
      error instanceof UsageError ||
      error instanceof RangeError ||
      (error instanceof TypeError && /^Expected/.test(error.message))
    ) {
      await console.err(`yolo: ${error.message}\n`);
      return EXIT.usage;
    }
    throw error;
  }
}

process.exitCode = await main();
