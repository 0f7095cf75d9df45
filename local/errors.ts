/** A mistake or a lack that its user can mend: printed as it is, without a stack trace. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/**
 * Runs a command's main function and sets the exit code: 0, 1 on an error, 130 after Ctrl-C, 143 after SIGTERM.
 * The signal given to `main` aborts on Ctrl-C and SIGTERM; a second Ctrl-C ends the process at once.
 */
export async function runMain(main: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interrupt = new AbortController();
  let exitCode = 1;
  for (const [name, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(name, () => {
      // A second Ctrl-C is impatience. SIGTERM and SIGHUP often come twice, to this process and from its parent.
      if (interrupt.signal.aborted && name === "SIGINT") process.exit(code);
      if (interrupt.signal.aborted) return;
      exitCode = code;
      interrupt.abort(new UserError("Interrupted."));
    });
  }
  try {
    await main(interrupt.signal);
  } catch (error) {
    process.exitCode = exitCode;
    if (interrupt.signal.aborted) console.error("Interrupted.");
    else if (error instanceof UserError) console.error(`\n${error.message}`);
    else console.error("\nThis is a defect of yolo; please report it with what stands below.\n", error);
  }
}
