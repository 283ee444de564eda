// bin/handoff as a child process.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BINARY = fileURLToPath(new URL('../../bin/handoff', import.meta.url));
const STOP_DEADLINE_MS = 20_000;
const POLL_MS = 100;
/** How much of the program's output is kept to explain a failure. */
const KEPT_LINES = 40;

export class Program {
  #child;
  #lines = [];
  #failure = null;

  /**
   * @param {string[]} args of bin/handoff
   * @param {Record<string, string>} env added to this process's own environment
   */
  constructor(args, env = {}) {
    this.#child = spawn(BINARY, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C in the terminal then reaches this process alone, which first says goodbye and then ends the program.
      detached: true,
    });
    this.#child.once('error', (error) => {
      this.#failure = new Error(`start ${BINARY}: ${error.message}; build it with \`make build\``);
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => this.#keep(chunk));
    }
  }

  /** The last lines the program wrote. */
  get output() {
    return this.#lines.join('\n');
  }

  /** Waits until `isReady` says so. Throws when the program ends first, when time is up, or when aborted. */
  async waitUntil(isReady, deadlineMs, abortSignal) {
    const deadline = performance.now() + deadlineMs;
    while (performance.now() < deadline) {
      abortSignal.throwIfAborted();
      if (this.#failure) throw this.#failure;
      if (this.#hasEnded()) throw new Error(`handoff ended while starting:\n${this.output}`);
      if (await isReady()) return;
      await delay(POLL_MS);
    }
    throw new Error(`handoff was not ready within ${deadlineMs / 1000} s:\n${this.output}`);
  }

  /** Ends the program as Ctrl-C would, and waits for it; one that does not end in time is killed. */
  async stop() {
    if (this.#child.pid === undefined || this.#hasEnded()) return;
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.#signal('SIGINT');
    clearTimeout(timer);
  }

  /** Ends the program without a chance to finish anything, as a power cut would, and waits until it is gone. */
  async kill() {
    if (!this.#hasEnded()) await this.#signal('SIGKILL');
  }

  async #signal(name) {
    const ended = once(this.#child, 'exit');
    this.#child.kill(name);
    await ended;
  }

  #hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #keep(chunk) {
    this.#lines.push(...chunk.trimEnd().split('\n'));
    this.#lines.splice(0, Math.max(0, this.#lines.length - KEPT_LINES));
  }
}
