/** One scene, named by the page's address: ?scene=queue&theme=dark&locale=de. For looking at, and for the pictures of the docs. */
import { mount } from '../src/app/main.js';
import { ChatModel } from '../src/app/model.js';
import { Emitter } from '../src/emitter.js';
import { readOptions } from '../src/options.js';
import { safeStorage } from '../src/storage.js';
import { Widget } from '../src/widget.js';
import { FakeVisitor } from './fake.js';
import { SCENES } from './scenes.js';

const asked = new URLSearchParams(location.search);
const scene = SCENES.find((one) => one.name === asked.get('scene')) ?? SCENES[0];
if (!scene) throw new Error('no scene');

const options = readOptions({
  project: 'p-1',
  url: 'http://127.0.0.1',
  key: 'k',
  theme: asked.get('theme') ?? 'light',
  locale: asked.get('locale') ?? 'en',
  accent: asked.get('accent') ?? '',
  suggestions: 'How long does delivery take?|Can I return a lamp?|Which lamp for a bedroom?',
});

const fake = new FakeVisitor(scene.visitor);
let model: ChatModel | undefined;
const widget = new Widget(options, async () => (context) => {
  model = new ChatModel({
    load: async () => fake.client(),
    emitter: new Emitter(),
    storage: safeStorage(() => {
      throw new Error('the gallery keeps nothing');
    }),
    project: 'p-1',
    visible: () => true,
  });
  return mount(context, model);
});
widget.open();

const root = (): ShadowRoot | null | undefined => document.querySelector('#supportbase-handoff')?.shadowRoot;
const soon = (action: () => void): void => void setTimeout(action, 400);
if (scene.act === 'form') soon(() => void model?.submitForm({ email: 'maria@example.com', message: 'Hello' }));
if (scene.act === 'send') soon(() => void model?.send('And can I return it if it does not fit?'));
if (scene.act === 'stay') soon(() => root()?.querySelectorAll<HTMLElement>('.sb-buttons button')[1]?.click());
if (scene.act === 'rate') soon(() => root()?.querySelectorAll<HTMLElement>('.sb-stars input')[4]?.click());
