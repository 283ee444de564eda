// Listens to many conversations with unmodified supabase-js and the documented gap rule, and reports what it accepted.
// Started by bench/chaos, which breaks everything else meanwhile.
//
// The settings come as JSON in CHAOS_SUBSCRIBER:
//   { url, publishableKey, people: [{ email, password }], conversations: [id], perSocket, report }
// It prints one JSON object a line: { "ready": true } once every topic is joined, then { "accepted": n, "heard": n,
// "joins": n } whenever that changed. On `finish` it writes the report, one line a conversation, and ends; it also ends
// when its input does, so that it never outlives whoever started it.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

import { connect, leave, must } from '../demo/client.mjs';
import { fetchEvents } from '../demo/conversation.mjs';
import { Recorder } from './recorder.mjs';

const PROGRESS_MS = 200;
const JOIN_DEADLINE_MS = 60_000;

const print = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);

class Listener {
  recorders = new Map();
  joins = 0;

  #client;

  constructor(settings) {
    this.#client = connect(settings, settings.publishableKey);
  }

  async start(person, conversations) {
    must('sign in', await this.#client.auth.signInWithPassword(person));
    await this.#client.realtime.setAuth();
    for (const id of conversations) await this.#join(id);
  }

  leave() {
    return leave(this.#client);
  }

  /** Resolves once joined; supabase-js joins again by itself, and each time what was missed is fetched. */
  async #join(id) {
    const recorder = new Recorder(`conversation:${id}`, (since) => this.#fetchMissed(id, since));
    this.recorders.set(id, recorder);
    const channel = this.#client
      .channel(`conversation:${id}`, { config: { private: true } })
      .on('broadcast', { event: '*' }, ({ event, payload }) => recorder.receive(event, payload));
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`join conversation:${id}: no answer`)), JOIN_DEADLINE_MS);
      channel.subscribe((status) => {
        if (status !== 'SUBSCRIBED') return;
        clearTimeout(timer);
        this.joins += 1;
        recorder.heal();
        resolve();
      });
    });
  }

  async #fetchMissed(id, since) {
    const { complete, events } = await fetchEvents(this.#client, id, since);
    if (!complete) throw new Error(`events after ${since} are no longer kept`);
    return events;
  }
}

function slices(list, size) {
  const count = Math.ceil(list.length / size);
  return Array.from({ length: count }, (_, i) => list.slice(i * size, (i + 1) * size));
}

function progressOf(listeners) {
  const progress = { accepted: 0, heard: 0, joins: 0 };
  for (const listener of listeners) {
    progress.joins += listener.joins;
    for (const recorder of listener.recorders.values()) {
      progress.accepted += recorder.events.length;
      progress.heard += recorder.heard.size;
    }
  }
  return progress;
}

async function reportProgress(listeners, signal) {
  let last = '';
  while (!signal.aborted) {
    const progress = JSON.stringify(progressOf(listeners));
    if (progress !== last) process.stdout.write(`${progress}\n`);
    last = progress;
    await delay(PROGRESS_MS);
  }
}

async function writeReport(listeners, path) {
  const file = createWriteStream(path);
  for (const listener of listeners) {
    for (const [id, recorder] of listener.recorders) {
      if (!file.write(`${JSON.stringify(recorder.account(id))}\n`)) await once(file, 'drain');
    }
  }
  file.end();
  await once(file, 'finish');
}

async function finishAsked() {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'finish') return true;
  }
  return false;
}

async function main() {
  const settings = JSON.parse(process.env.CHAOS_SUBSCRIBER);
  const { people, conversations, perSocket, report } = settings;
  const listeners = await Promise.all(
    slices(conversations, perSocket).map(async (some, i) => {
      const listener = new Listener(settings);
      await listener.start(people[i % people.length], some);
      return listener;
    }),
  );
  print({ ready: true });
  const controller = new AbortController();
  const progress = reportProgress(listeners, controller.signal);
  const asked = await finishAsked();
  controller.abort();
  await progress;
  if (asked) await writeReport(listeners, report);
  await Promise.all(listeners.map((listener) => listener.leave()));
}

try {
  await main();
} catch (error) {
  print({ error: error.message });
  process.exitCode = 1;
}
// supabase-js keeps timers of its own after its socket is closed; nothing is left to wait for.
process.exit();
