const BAR_WIDTH = 24;
const REDRAW_MS = 100;

/** The part of a terminal that is used. */
export interface Terminal {
  /** Its width in characters. */
  columns: number;
  write(text: string): unknown;
}

/** A line on a terminal that is drawn over itself, and that steps aside for other lines. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #total: number;
  readonly #startedAt = performance.now();
  #done = 0;
  #failed = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #shown = false;

  constructor(terminal: Terminal, total: number) {
    this.#terminal = terminal;
    this.#total = total;
    this.#draw();
  }

  /** Counts a photo that was answered, or not. */
  advance(answered: boolean): void {
    this.#done++;
    if (!answered) this.#failed++;
    if (performance.now() - this.#drawnAt >= REDRAW_MS) this.#draw();
  }

  /** Takes the line away, so that something else can be printed. It comes back with the next photo. */
  clear(): void {
    if (this.#shown) this.#terminal.write("\r\u001b[K");
    this.#shown = false;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  #draw(): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const full = Math.floor((this.#done / this.#total) * BAR_WIDTH);
    const left = this.#done === 0 ? "" : `, ${Math.ceil((seconds / this.#done) * (this.#total - this.#done))} s left`;
    const failed = this.#failed === 0 ? "" : `, ${this.#failed} failed`;
    const line = `[${"#".repeat(full).padEnd(BAR_WIDTH, ".")}] ${this.#done}/${this.#total} photos${failed}${left}`;
    // A terminal that does not know its width says 0.
    this.#terminal.write(`\r${line.slice(0, (this.#terminal.columns || 80) - 1)}\u001b[K`);
    this.#shown = true;
    this.#drawnAt = performance.now();
  }
}
