import { ListrLogger, PRESET_TIMER, ProcessOutput } from "listr2";

/** Leaves the reason of a failure to whoever catches the error: otherwise it would stand there twice. */
class Logger extends ListrLogger {
  override log(...[level, message, options]: Parameters<ListrLogger["log"]>): void {
    super.log(level, message, level === "FAILED" ? undefined : options);
  }
}

/**
 * How every list of tasks looks: with times; one line at the start and one at the end of each task without a terminal.
 * Ctrl-C is left to the signal of `runMain`: listr2's own listener would end the process before anything is cleaned up.
 */
export const LIST_OPTIONS = {
  registerSignalListeners: false,
  rendererOptions: { timer: PRESET_TIMER, showErrorMessage: false, collapseErrors: false },
  fallbackRendererOptions: {
    timer: PRESET_TIMER,
    logger: new Logger({ useIcons: true, processOutput: new ProcessOutput() }),
  },
} as const;
