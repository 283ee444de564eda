/** Makes others wait while one thing is done, whether it succeeds or not. */
export class Gate {
  #closed: Promise<unknown> | null = null;

  /** Null while nothing is done; resolves when it is over. Never rejects. */
  get closed(): Promise<unknown> | null {
    return this.#closed;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    const working = work();
    const over = working.catch(() => undefined); // whoever called has the error
    this.#closed = over;
    try {
      return await working;
    } finally {
      if (this.#closed === over) this.#closed = null;
    }
  }
}
