// Runs the steps of the demo one after another and prints one aligned line for each.

const TITLE_WIDTH = 76;

/** A step that failed, with its number. */
export class StepError extends Error {
  constructor(number, title, cause) {
    super(`step ${number} (${title}): ${cause.message}`, { cause });
    this.number = number;
  }
}

export class Stage {
  /** Number of the last step begun. */
  steps = 0;

  #out;
  #between;
  #colours;
  #aborted;

  /**
   * @param {NodeJS.WriteStream} out
   * @param {{ between?: (step: number) => Promise<void>, colours: boolean, abortSignal: AbortSignal }} options between
   *   runs between any two steps, with the number of the step just done; the next step waits for it.
   */
  constructor(out, { between = async () => {}, colours, abortSignal }) {
    this.#out = out;
    this.#between = between;
    this.#colours = colours;
    this.#aborted = new Promise((_, reject) => {
      abortSignal.addEventListener('abort', () => reject(abortSignal.reason), { once: true });
    });
    this.#aborted.catch(() => {}); // an abort between two steps is not unhandled: the next step meets it
  }

  /**
   * Runs one step. When the action returns a text, it is printed below the step's line.
   * A failure is wrapped into a StepError.
   */
  async step(title, action) {
    if (this.steps > 0) await this.#between(this.steps);
    this.steps += 1;
    const started = performance.now();
    try {
      const detail = await Promise.race([action(), this.#aborted]);
      this.#printStep(title, performance.now() - started);
      if (detail) this.#note(detail);
    } catch (error) {
      throw new StepError(this.steps, title, error);
    }
  }

  /** Prints a line that belongs to the step above it. */
  #note(text) {
    this.#out.write(`      ${this.#paint('2', text)}\n`);
  }

  #printStep(title, elapsedMs) {
    const number = this.#paint('36', String(this.steps).padStart(3));
    const elapsed = this.#paint('32', `${elapsedMs.toFixed(0).padStart(6)} ms`);
    this.#out.write(`${number}  ${title.padEnd(TITLE_WIDTH)} ${elapsed}\n`);
  }

  #paint(code, text) {
    return this.#colours ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}
