import type { JSX, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { Announcer } from './Announcer.js';
import { Composer } from './Composer.js';
import { ConnectionBar } from './ConnectionBar.js';
import { usePanel, useStore } from './context.js';
import { Header } from './Header.js';
import { ArrowIcon, MailIcon, PersonIcon } from './icons.js';
import type { ChatState } from './model.js';
import { NoticeCard } from './NoticeCard.js';
import { OfflineForm } from './OfflineForm.js';
import { QueueCard } from './QueueCard.js';
import { RatingCard } from './RatingCard.js';
import { Transcript } from './Transcript.js';
import { useKeyboard } from './focus.js';
import { formShown, humanButton, isFresh, nobodyThere } from './view.js';

/** The chat. It stays in the page while it is closed, so that nothing is lost by closing it. */
export function Panel(): JSX.Element {
  const { model, say, close } = usePanel();
  const state = useStore(model);
  const panel = useRef<HTMLElement>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  useKeyboard(panel, state.open, close);
  useEffect(() => {
    if (state.open) focusFirst(panel.current, input.current);
  }, [state.open]);
  return (
    <section
      class="sb-panel"
      ref={panel}
      role="dialog"
      aria-label={say('panelLabel')}
      hidden={!state.open}
      tabIndex={-1}
    >
      <Header state={state} />
      <ConnectionBar connection={state.visitor.connection} />
      {state.loadFailed ? (
        <LoadFailed />
      ) : formShown(state) ? (
        <OfflineForm state={state} />
      ) : (
        <Chat state={state} input={input} />
      )}
      <Announcer state={state} />
      <Branding />
    </section>
  );
}

function Chat({ state, input }: { state: ChatState; input: RefObject<HTMLTextAreaElement | null> }): JSX.Element {
  const { phase, canRate } = state.visitor;
  const waits = phase === 'waiting_for_agent' || phase === 'handoff_requested';
  return (
    <>
      {phase === 'handoff_requested' && <Connecting />}
      {phase === 'waiting_for_agent' && <QueueCard state={state} onContinue={() => input.current?.focus()} />}
      <Transcript state={state} />
      <div class="sb-dock" data-waits={waits}>
        {isFresh(state) && <Suggestions onPick={() => input.current?.focus()} />}
        {nobodyThere(state) && <NobodyThere />}
        <NoticeCard state={state} />
        {(canRate || state.rated !== null) && (phase === 'resolved' || phase === 'closed') && (
          <RatingCard state={state} />
        )}
        <Problem state={state} />
        {phase === 'closed' ? <Ended /> : <Composer state={state} input={input} />}
        <HumanButton state={state} />
      </div>
    </>
  );
}

/** On a phone the keyboard would cover the greeting: there the panel itself gets the focus. */
function focusFirst(panel: HTMLElement | null, input: HTMLElement | null): void {
  const target = window.matchMedia('(pointer: coarse)').matches ? panel : (input ?? panel);
  target?.focus({ preventScroll: true });
}

function Connecting(): JSX.Element {
  const { say } = usePanel();
  return (
    <section class="sb-queue sb-connecting">
      <p class="sb-queue-hint">{say('connectingDetail')}</p>
      <div class="sb-progress sb-endless" aria-hidden="true">
        <span />
      </div>
    </section>
  );
}

function Suggestions({ onPick }: { onPick: () => void }): JSX.Element | null {
  const { options, model } = usePanel();
  if (options.suggestions.length === 0) return null;
  return (
    <div class="sb-suggestions">
      {options.suggestions.map((text) => (
        <button
          type="button"
          key={text}
          onClick={() => {
            void model.send(text);
            onPick(); // the button goes away, and the focus with it
          }}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

function HumanButton({ state }: { state: ChatState }): JSX.Element | null {
  const { say, model } = usePanel();
  const kind = humanButton(state);
  if (kind === null) return null;
  const human = kind === 'human';
  return (
    <button type="button" class="sb-human" onClick={() => (human ? void model.requestHuman() : model.wantForm())}>
      {human ? <PersonIcon /> : <MailIcon />}
      <span>{say(human ? 'talkToHuman' : 'leaveMessage')}</span>
      <ArrowIcon />
    </button>
  );
}

function NobodyThere(): JSX.Element {
  const { say } = usePanel();
  return (
    <p class="sb-card sb-calm" role="status">
      {say('nobodyThere')}
    </p>
  );
}

function Problem({ state }: { state: ChatState }): JSX.Element | null {
  const { say } = usePanel();
  if (!state.problem) return null;
  const { code, retryAfter } = state.problem;
  return (
    <p class="sb-problem" role="alert">
      {code === 'rate_limited' ? say('slowDown', { seconds: retryAfter ?? 60 }) : say('actionFailed')}
    </p>
  );
}

function Ended(): JSX.Element {
  const { say, model } = usePanel();
  return (
    <div class="sb-ended">
      <p>{say('closedDetail')}</p>
      <button type="button" class="sb-button sb-primary sb-wide" onClick={() => void model.newChat()}>
        {say('newChat')}
      </button>
    </div>
  );
}

function LoadFailed(): JSX.Element {
  const { say, model } = usePanel();
  return (
    <div class="sb-form-sent" role="alert">
      <h3>{say('loadFailed')}</h3>
      <button type="button" class="sb-button sb-primary" onClick={() => void model.start()}>
        {say('retry')}
      </button>
    </div>
  );
}

function Branding(): JSX.Element | null {
  const { say, options } = usePanel();
  return options.branding ? <p class="sb-branding">{say('poweredBy')}</p> : null;
}
