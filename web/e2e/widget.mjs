// The widget as a visitor of the demo shop sees it: by what it says, not by how it is made.

import assert from 'node:assert/strict';

import { pagesUrl, person } from './browser.mjs';
import { admin, member, PROJECT } from './people.mjs';
import { ok } from './scene.mjs';

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** Somebody in the shop, with a browser of their own. `query` are options of the widget, such as `?theme=dark`. */
export async function shopper(browser, { path = '/shop/', query = '', ...options } = {}) {
  const one = await person(browser, { locale: 'en-GB', ...options });
  await one.page.goto(pagesUrl() + path + query);
  return new Chat(one);
}

/** The chat in one page. */
export class Chat {
  constructor({ page, context, faults, goOffline }) {
    Object.assign(this, { page, context, faults, goOffline });
  }

  get panel() {
    return this.page.getByRole('dialog', { name: /^Chat with support|^Chat mit dem Support/u });
  }

  get composer() {
    return this.panel.getByRole('textbox', { name: /^Your message|^Ihre Nachricht/u });
  }

  get transcript() {
    return this.panel.getByRole('log');
  }

  get launcher() {
    return this.page.getByRole('button', { name: /^Open chat|^Chat öffnen/u });
  }

  button(name) {
    return this.panel.getByRole('button', { name });
  }

  async open() {
    await this.launcher.click();
    await this.panel.waitFor();
    return this;
  }

  async write(text) {
    await this.composer.fill(text);
    await this.composer.press('Enter');
    await this.shows(text);
  }

  /** Writes and waits until the server has it. */
  async say(text) {
    await this.write(text);
    await this.panel
      .getByText(/ · (Sent|Gesendet)$/u)
      .last()
      .waitFor();
  }

  shows(text) {
    return this.panel.getByText(text).first().waitFor();
  }

  hides(text) {
    return this.panel.getByText(text).first().waitFor({ state: 'detached' });
  }

  /** The page tells who its visitor is, as a shop does that knows them. */
  async isCalled(name) {
    const email = `${name.toLowerCase()}@example.com`;
    await this.page.evaluate((customer) => window.SupportBase.identify(customer), { email, name });
  }

  async choose(option) {
    await this.button('Chat options').click();
    await this.button(option).click();
  }

  /** The heading: who the visitor talks to. */
  async isTitled(text) {
    await this.panel.getByRole('heading', { level: 2, name: text }).waitFor();
  }

  /** The newest conversation of this browser, by the server's own record. */
  async conversation() {
    const visitorId = await this.page.evaluate((key) => localStorage.getItem(key), `sb_visitor_${PROJECT}`);
    assert.ok(visitorId, 'the widget keeps the visitor id in localStorage');
    const query = admin().from('conversations').select('*').eq('visitor_id', visitorId);
    const [found] = await ok(query.order('created_at', { ascending: false }).limit(1));
    return found;
  }

  async close() {
    await this.context.close();
  }
}

/** Somebody of the team, by the functions that a dashboard calls. */
export class Teammate {
  #supabase;
  id;

  static async signIn(email) {
    const one = new Teammate();
    one.#supabase = await member(email);
    one.id = (await one.#supabase.auth.getUser()).data.user.id;
    return one;
  }

  call(name, args) {
    return ok(this.#supabase.rpc(name, args));
  }

  setStatus(status) {
    return this.call('set_agent_status', { p_project_id: PROJECT, p_status: status });
  }

  send(conversationId, text) {
    return this.call('send_message', { p_conversation_id: conversationId, p_content: text });
  }

  resolve(conversationId) {
    return this.call('resolve_conversation', { p_conversation_id: conversationId });
  }

  /** Tells the visitor that this teammate types, once. */
  async type(conversationId) {
    await this.#supabase.realtime.setAuth();
    const channel = this.#supabase.channel(`conversation:${conversationId}:typing`, { config: { private: true } });
    await new Promise((resolve, reject) => {
      channel.subscribe((state, error) => {
        if (state === 'SUBSCRIBED') resolve();
        else reject(error ?? new Error(`typing: ${state}`));
      });
    });
    const payload = { user_type: 'agent', is_typing: true };
    await channel.send({ type: 'broadcast', event: 'typing', payload });
    return () => this.#supabase.removeChannel(channel);
  }
}
