/** The first part that is loaded: draws the panel at once, and loads supabase-js and the SDK beside it. */
import { render } from 'preact';

import { speaker, textsOf } from '../i18n/index.js';
import { appStyles } from '../styles/index.js';
import type { App, AppContext, StartApp } from './contract.js';
import { PanelProvider } from './context.js';
import { ChatModel } from './model.js';
import { Panel } from './Panel.js';
import { Preview } from './Preview.js';
import { watchPage } from './page.js';

export const start: StartApp = (context) => mount(context, modelOf(context));

function modelOf({ options, storage, emitter }: AppContext): ChatModel {
  return new ChatModel({
    emitter,
    storage,
    project: options.project,
    visible: () => document.visibilityState === 'visible',
    load: async () => (await import('./engine.js')).createVisitor(options, storage),
  });
}

/** Draws the chat over a model. The gallery and the tests come in here with a client of their own. */
export function mount(context: AppContext, model: ChatModel): App {
  const { host, launcher, options } = context;
  let texts = textsOf(options.locale, context.ownTexts);
  const box = document.createElement('div');
  box.className = 'sb-app';
  box.lang = options.locale;
  for (const css of appStyles) host.addStyle(css);
  host.root.prepend(box);
  const draw = (): void => {
    const panel = { model, say: speaker(texts), locale: options.locale, options, close: context.onClose };
    render(
      <PanelProvider value={panel}>
        <Panel />
        <Preview onOpen={context.onOpen} />
      </PanelProvider>,
      box,
    );
  };
  draw();
  const unsubscribe = model.subscribe(() => launcher.setUnread(model.getSnapshot().unread));
  const unwatch = watchPage(model, options.track);
  void model.start();
  return {
    setOpen: (open) => model.setOpen(open),
    setTexts: (own) => {
      texts = textsOf(options.locale, own);
      draw();
    },
    identify: async ({ email, name }) => {
      await model.saveEmail(email, name);
    },
    send: (content) => model.send(content),
    trackPage: () => model.trackPage(),
    destroy: async () => {
      unsubscribe();
      unwatch();
      render(null, box);
      await model.stop();
    },
  };
}
