import type { ListrTask } from "listr2";

/** A step whose title, once it has ended, says what came of it. `report` shows a line below it while it runs, in a terminal only. */
export function step(title: string, action: (report: (line: string) => void) => Promise<string>): ListrTask {
  return {
    title,
    task: async (_, task) => {
      task.title = await action((line) => {
        if (process.stdout.isTTY) task.output = line;
      });
    },
  };
}
