import type { TranscriptMessage } from '@supportbase/handoff';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakeVisitor, message } from '../gallery/fake.js';
import { SCENES } from '../gallery/scenes.js';
import { mount } from '../src/app/main.js';
import { ChatModel } from '../src/app/model.js';
import { Emitter } from '../src/emitter.js';
import { readOptions } from '../src/options.js';
import { safeStorage } from '../src/storage.js';
import { Widget } from '../src/widget.js';

const widgets: Widget[] = [];
const removeAll = async (): Promise<void> => {
  for (const widget of widgets.splice(0)) await widget.api().destroy();
};
beforeEach(() => sessionStorage.clear());
afterEach(async () => {
  vi.restoreAllMocks();
  await removeAll();
});

/** Waits until the check passes: drawing takes a frame. */
const soon = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 3_000, interval: 5 });

/** The widget in one of the gallery's scenes, opened. */
async function show(name: string, data: Record<string, string> = {}) {
  const scene = SCENES.find((one) => one.name === name);
  if (!scene) throw new Error(`no scene ${name}`);
  const fake = new FakeVisitor(scene.visitor);
  const options = readOptions({
    project: 'p',
    url: 'http://localhost',
    key: 'k',
    locale: 'en',
    suggestions: 'One?',
    ...data,
  });
  let model: ChatModel | undefined;
  await removeAll();
  const widget = new Widget(options, async () => (context) => {
    model = new ChatModel({
      load: async () => fake.client(),
      emitter: new Emitter(),
      storage: safeStorage(),
      project: 'p',
      visible: () => true,
    });
    return mount(context, model);
  });
  widgets.push(widget);
  widget.open();
  await soon(() => expect(model?.getSnapshot()).toMatchObject({ ready: true, open: true }));
  const root = document.querySelector('#supportbase-handoff')?.shadowRoot;
  if (!root) throw new Error('no root');
  const press = async (text: string): Promise<void> => {
    const find = () => [...root.querySelectorAll('button')].find((one) => one.textContent.includes(text));
    await soon(() => expect(find(), text).toBeDefined());
    find()?.click();
  };
  const text = (): string => root.querySelector('.sb-panel')?.textContent ?? '';
  const says = (word: string): Promise<void> => soon(() => expect(text()).toContain(word));
  const hides = (word: string): Promise<void> => soon(() => expect(text()).not.toContain(word));
  const calls = (call: string): Promise<void> => soon(() => expect(fake.calls).toContain(call));
  return { widget, fake, root, press, text, says, hides, calls };
}

/** What every state must say (F001 5.6). */
const WORDS: Readonly<Record<string, string[]>> = {
  fresh: ['AI Assistant', 'How can we help?', 'One?', 'Talk to a human'],
  ai: ['AI Assistant', 'Shipping', 'Talk to a human'],
  connecting: ['Connecting to support…'],
  queue: [
    'In queue',
    'Position #2 · ~3 min',
    'You’re #2 in line',
    'Estimated wait: ~3 minutes',
    'Continue with AI',
    'Stay in queue',
  ],
  'queue-range': ['You’re next in line', '2–5 minutes'],
  joined: [
    'Chatting with Sarah Miller',
    'Online now',
    'Previous conversation with AI',
    'Sarah Miller has joined the chat',
  ],
  agent: ['Sarah Miller is typing'],
  'still-here': ['Are you still there?', 'closes in 4:', 'I’m still here'],
  'agent-left': ['Waiting for them to come back'],
  requeue: ['Find somebody else', 'Keep waiting'],
  email: ['How can we reach you', 'Save'],
  'team-offline': ['Our team has gone home', 'Leave a message'],
  offline: ['We’re offline', 'Our team is back', 'Email', 'Send message', 'Chat with AI instead'],
  resolved: ['Resolved', 'Thanks for chatting!', 'How did we do?'],
  closed: ['Chat ended', 'Start a new chat'],
};

describe('each state', () => {
  for (const [name, words] of Object.entries(WORDS)) {
    it(`${name} says what it is`, async () => {
      const { text, says } = await show(name);
      for (const word of words) await says(word);
      expect(text()).not.toMatch(/\{\w+\}|undefined|\[object/);
    });

    it(`${name} is whole in German`, async () => {
      const { says, hides, text } = await show(name, { locale: 'de' });
      await says('Powered by SupportBase');
      await hides('AI Assistant');
      expect(text()).not.toMatch(/\{\w+\}|undefined|Talk to|Write a/);
    });
  }
});

describe('the button "Talk to a human"', () => {
  it('asks for one', async () => {
    const { press, calls } = await show('ai');
    await press('Talk to a human');
    await calls('requestHuman()');
  });

  it('is hidden while one waits or talks to somebody, and when nobody can come', async () => {
    for (const [name, word] of [
      ['queue', 'In queue'],
      ['agent', 'Chatting with'],
    ] as const) {
      const { says, text } = await show(name);
      await says(word);
      expect(text()).not.toContain('Talk to a human');
    }
    const { fake, says, hides } = await show('ai');
    await says('Talk to a human');
    fake.set({
      availability: { available: false, reason: 'all_offline', show_button: false, show_offline_form: false },
    });
    await hides('Talk to a human');
  });

  it('becomes a form outside of hours', async () => {
    const { fake, press, says } = await show('ai');
    fake.set({
      availability: { available: false, reason: 'outside_hours', show_button: false, show_offline_form: true },
    });
    await press('Leave a message');
    await says('We’re currently offline');
  });
});

describe('buttons of the cards', () => {
  for (const [scene, button, call] of [
    ['still-here', 'I’m still here', 'stillHere()'],
    ['requeue', 'Find somebody else', 'returnToQueue()'],
    ['closed', 'Start a new chat', 'clear()'],
    ['not-sent', 'Try again', 'retry("k")'],
    ['not-sent', 'Discard', 'discard("k")'],
    ['offline', 'Chat with AI instead', 'continueWithAi()'],
  ] as const) {
    it(`"${button}" does what it says`, async () => {
      const { press, calls } = await show(scene);
      await press(button);
      await calls(call);
    });
  }

  it('keep the place in the queue whichever is chosen', async () => {
    const { fake, press, text, hides } = await show('queue');
    await press('Continue with AI');
    await hides('Stay in queue');
    expect(text()).toContain('You’re #2 in line');
    expect(fake.calls).toEqual(['refreshAvailability()']);
  });
});

describe('the offline form', () => {
  it('says that the message arrived, until the visitor goes on', async () => {
    const { fake, root, press, says, hides } = await show('offline');
    await says('We’re currently offline');
    const field = root.querySelector<HTMLInputElement>('input[name=email]');
    if (!field) throw new Error('no field');
    field.value = 'ann@example.com';
    field.dispatchEvent(new Event('input', { bubbles: true }));
    await press('Send message');
    await says('by email at ann@example.com');
    fake.set({ phase: 'waiting_for_agent', offline: null }); // the server has it: the chat waits
    await says('Message received');
    await press('Back to the chat');
    await says('In queue');
    await hides('Message received');
  });

  it('is not offered where the project has none: the AI goes on', async () => {
    const { fake, says, text } = await show('offline');
    await says('We’re currently offline');
    const { offline } = fake.state;
    fake.set({ offline: offline && { ...offline, show_offline_form: false } });
    await says('Nobody from our team is online');
    await says('AI Assistant');
    expect(text()).not.toContain('Send message');
  });
});

describe('the composer', () => {
  it('sends on Enter, not on Shift+Enter and not while an input method composes', async () => {
    const { fake, root, calls } = await show('ai');
    const input = await vi.waitUntil(() => root.querySelector('textarea'));
    const press = (init: KeyboardEventInit): boolean =>
      input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...init }));
    input.value = ' Hello ';
    input.dispatchEvent(new Event('input', { bubbles: true }));
    await soon(() => expect(root.querySelector<HTMLButtonElement>('.sb-send')?.disabled).toBe(false));
    press({ shiftKey: true });
    press({ isComposing: true });
    expect(fake.calls.filter((call) => call.startsWith('send'))).toEqual([]);
    press({});
    await calls('send("Hello")');
    await soon(() => expect(input.value).toBe(''));
  });
});

describe('files', () => {
  const file = { path: 'c/u/a.png', name: 'a.png', mime_type: 'image/png', size: 2000 };
  const withFile = async (change: Partial<typeof file>, fields: Partial<TranscriptMessage> = {}) => {
    const shown = await show('ai');
    const attachments = [{ ...file, ...change }];
    shown.fake.set({ messages: [message({ content: attachments[0]?.name ?? '', attachments, ...fields })] });
    await soon(() => expect(shown.root.querySelector('.sb-file')).not.toBeNull());
    return shown;
  };

  it('are sent when they are chosen, five at most', async () => {
    const { fake, root, calls } = await show('ai');
    const input = await vi.waitUntil(() => root.querySelector<HTMLInputElement>('input[type=file]'));
    const list = Array.from('abcdef', (name) => new File(['x'], `${name}.png`, { type: 'image/png' }));
    Object.defineProperty(input, 'files', { value: list });
    input.dispatchEvent(new Event('change', { bubbles: true }));
    await calls('sendFile("e.png")');
    expect(fake.calls.filter((call) => call.startsWith('sendFile'))).toHaveLength(5);
  });

  it('are drawn where they are pictures that hold no script, and have no words beside them', async () => {
    const { root } = await withFile({});
    await soon(() => expect(root.querySelector('.sb-file img')?.getAttribute('src')).toBe('data:image/png,c/u/a.png'));
    expect(root.querySelector('.sb-message .sb-bubble')).toBeNull();
  });

  it.each(['image/svg+xml', 'text/html', 'application/pdf'])('of type %s are saved, not drawn', async (type) => {
    const followed = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockReturnValue(); // there is nothing behind the address
    const { fake, root, calls } = await withFile({ mime_type: type });
    root.querySelector<HTMLButtonElement>('.sb-file')?.click();
    await calls('attachmentUrl("c/u/a.png", true)');
    await soon(() => expect(followed).toHaveBeenCalledOnce());
    expect(fake.calls).not.toContain('attachmentUrl("c/u/a.png", false)');
    expect(root.querySelector('.sb-file img')).toBeNull();
  });

  it('become cards when they are no pictures after all', async () => {
    const { root, says } = await withFile({});
    const image = await vi.waitUntil(() => root.querySelector('.sb-file img'));
    image.dispatchEvent(new Event('error'));
    await says('a.png2 kB');
  });

  it.each([
    ['file_too_large', 'This file is too large.'],
    ['file_type_refused', 'Files of this type are not accepted.'],
    ['file_refused', 'No files can be sent here.'],
  ])('that are refused with %s say why', async (code, words) => {
    const error = { code, message: '', retryAfter: undefined };
    const { says } = await withFile({ path: '' }, { delivery: 'failed', error, client_message_id: 'k', seq: null });
    await says(words);
  });
});

describe('the page', () => {
  it('can replace texts while the chat is open', async () => {
    const { widget, says } = await show('ai');
    await says('Talk to a human');
    widget.api().setTexts({ talkToHuman: 'Get me Bob' });
    await says('Get me Bob');
  });

  it('gets everything back when the widget is destroyed', async () => {
    await show('ai');
    await removeAll();
    expect(document.querySelector('#supportbase-handoff')).toBeNull();
  });
});
