import type { JSX, TargetedEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { looksLikeEmail } from '../logic/text.js';
import { openingText } from '../logic/time.js';
import { usePanel } from './context.js';
import { CheckIcon } from './icons.js';
import type { ChatState } from './model.js';

/** A message for the team while nobody is there (F001 5.6.8, 5.8.4). */
export function OfflineForm({ state }: { state: ChatState }): JSX.Element {
  return (
    <div class="sb-form-page">
      {state.formSentTo === null ? <Form state={state} /> : <Sent to={state.formSentTo} />}
    </div>
  );
}

function Form({ state }: { state: ChatState }): JSX.Element {
  const { say, model } = usePanel();
  const [values, setValues] = useState({ email: state.email ?? '', name: '', message: lastQuestion(state) });
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const wrong = { email: !looksLikeEmail(values.email), message: values.message.trim() === '' };
  const form = useRef<HTMLFormElement>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setTried(true);
    if (wrong.email || wrong.message) {
      form.current?.querySelector<HTMLElement>(wrong.email ? '[name=email]' : '[name=message]')?.focus();
      return;
    }
    setBusy(true);
    const name = values.name.trim();
    await model.submitForm({ email: values.email.trim(), message: values.message.trim(), ...(name ? { name } : {}) });
    setBusy(false);
  };
  const set = (name: keyof typeof values) => (event: TargetedEvent<HTMLInputElement | HTMLTextAreaElement>) =>
    setValues({ ...values, [name]: event.currentTarget.value });
  return (
    <form class="sb-form" ref={form} onSubmit={(event) => void submit(event)} noValidate>
      <h3>{say('offlineHeading')}</h3>
      <Opening state={state} />
      <p>{say('offlineIntro')}</p>
      <label>
        <span class="sb-label">{say('email')}</span>
        <input
          type="email"
          name="email"
          autocomplete="email"
          placeholder={say('emailPlaceholder')}
          value={values.email}
          aria-invalid={tried && wrong.email}
          onInput={set('email')}
        />
        {tried && wrong.email && (
          <span class="sb-field-error" role="alert">
            {say('emailInvalid')}
          </span>
        )}
      </label>
      <label>
        <span class="sb-label">
          {say('name')} <i>{say('optional')}</i>
        </span>
        <input type="text" name="name" autocomplete="name" value={values.name} onInput={set('name')} />
      </label>
      <label>
        <span class="sb-label">{say('yourMessage')}</span>
        <textarea
          name="message"
          rows={4}
          placeholder={say('messagePlaceholder')}
          value={values.message}
          aria-invalid={tried && wrong.message}
          onInput={set('message')}
        />
        {tried && wrong.message && (
          <span class="sb-field-error" role="alert">
            {say('messageMissing')}
          </span>
        )}
      </label>
      <button type="submit" class="sb-button sb-primary sb-wide" disabled={busy}>
        {busy ? say('sending') : say('submit')}
      </button>
      <button type="button" class="sb-link sb-centred" onClick={() => model.leaveForm()}>
        {say(state.visitor.phase === 'waiting_for_agent' ? 'back' : 'chatWithAi')}
      </button>
    </form>
  );
}

/** When the team is back, where that is known. */
function Opening({ state }: { state: ChatState }): JSX.Element | null {
  const { say, locale } = usePanel();
  const { offline, availability } = state.visitor;
  const at = offline?.business_hours?.opens_at ?? availability?.opens_at;
  if (!at) return null;
  return <p class="sb-opening">{say('offlineBack', { time: openingText(at, Date.now(), locale) })}</p>;
}

function Sent({ to }: { to: string }): JSX.Element {
  const { say, model } = usePanel();
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), []);
  return (
    <div class="sb-form-sent">
      <span class="sb-big-check" aria-hidden="true">
        <CheckIcon />
      </span>
      <h3 ref={head} tabIndex={-1}>
        {say('offlineDone')}
      </h3>
      <p>{say('offlineDoneDetail', { email: to })}</p>
      <button type="button" class="sb-button" onClick={() => model.leaveForm()}>
        {say('back')}
      </button>
    </div>
  );
}

/** What the visitor asked last need not be typed again. */
function lastQuestion({ visitor: { messages } }: ChatState): string {
  return messages.filter((one) => one.sender_type === 'customer').at(-1)?.content ?? '';
}
