import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { shortWaitText } from '../logic/wait.js';
import { AgentAvatar, BotAvatar } from './Avatar.js';
import { useNow, usePanel } from './context.js';
import { CheckIcon, ClockIcon, CloseIcon, DotsIcon, MoonIcon } from './icons.js';
import type { ChatState } from './model.js';
import { shownPhase } from './view.js';

interface Face {
  icon: ComponentChildren;
  title: string;
  subtitle?: string;
  online?: boolean;
}

/** Who the visitor is talking to (F001 5.6.3): colour, picture and words change with the phase. */
export function Header({ state }: { state: ChatState }): JSX.Element {
  const { say, close } = usePanel();
  const face = useFace(state);
  const phase = shownPhase(state);
  return (
    <header class="sb-header" data-phase={phase}>
      <span class="sb-header-icon" key={phase}>
        {face.icon}
      </span>
      <div class="sb-header-words" key={`${phase}-words`}>
        <h2 id="sb-title">{face.title}</h2>
        {face.subtitle && (
          <p>
            {face.online && <span class="sb-online" aria-hidden="true" />}
            {face.subtitle}
          </p>
        )}
      </div>
      <Menu state={state} />
      <button type="button" class="sb-icon-button" aria-label={say('closeChat')} onClick={close}>
        <CloseIcon />
      </button>
    </header>
  );
}

const Tile = ({ children }: { children: ComponentChildren }): JSX.Element => (
  <span class="sb-avatar sb-tile">{children}</span>
);

function useFace(state: ChatState): Face {
  const { say, options } = usePanel();
  const { agent, queue } = state.visitor;
  const now = useNow(queue !== null);
  const name = agent?.name ?? say('someone');
  switch (shownPhase(state)) {
    case 'handoff_requested':
      return {
        icon: (
          <Tile>
            <span class="sb-spinner" />
          </Tile>
        ),
        title: say('connecting'),
      };
    case 'waiting_for_agent':
      return {
        icon: (
          <Tile>
            <ClockIcon />
          </Tile>
        ),
        title: say('queueTitle'),
        subtitle: queue
          ? say('queueSubtitle', { position: queue.position, wait: shortWaitText(queue, now, say) })
          : say('connectingDetail'),
      };
    case 'agent_chat':
      return {
        icon: <AgentAvatar agent={agent} />,
        title: say('agentTitle', { name }),
        ...(isAway(state) ? {} : { subtitle: say('agentOnline'), online: true }),
      };
    case 'offline_mode':
      return {
        icon: (
          <Tile>
            <MoonIcon />
          </Tile>
        ),
        title: say('offlineTitle'),
        subtitle: say('offlineSubtitle'),
      };
    case 'resolved':
      return {
        icon: (
          <Tile>
            <CheckIcon />
          </Tile>
        ),
        title: say('resolvedTitle'),
        subtitle: say('resolvedSubtitle'),
      };
    case 'closed':
      return {
        icon: (
          <Tile>
            <CheckIcon />
          </Tile>
        ),
        title: say('closedTitle'),
        subtitle: say('closedSubtitle'),
      };
    case 'ai_chat':
      return { icon: <BotAvatar />, title: options.title || say('aiName'), subtitle: say('aiSubtitle') };
  }
}

const isAway = ({ visitor: { notice } }: ChatState): boolean =>
  notice?.type === 'agent_disconnected' || notice?.type === 'requeue_offer';

/** What ends or begins a chat; only where there is one. */
function Menu({ state }: { state: ChatState }): JSX.Element | null {
  const { say, model } = usePanel();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => (open ? closeOutside(box.current, () => setOpen(false)) : undefined), [open]);
  if (!state.visitor.conversation) return null;
  const over = state.visitor.phase === 'closed';
  const run = (action: () => void) => () => {
    setOpen(false);
    action();
  };
  const escape = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !open) return;
    event.stopPropagation(); // the menu alone is closed, not the panel
    setOpen(false);
    box.current?.querySelector('button')?.focus();
  };
  return (
    <div class="sb-menu" ref={box} onKeyDown={escape}>
      <button
        type="button"
        class="sb-icon-button"
        aria-label={say('options')}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <DotsIcon />
      </button>
      {open && (
        <div class="sb-menu-items">
          <button type="button" onClick={run(() => void model.newChat())}>
            {say('newChat')}
          </button>
          {!over && (
            <button type="button" onClick={run(() => void model.endChat())}>
              {say('endChat')}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

/** Calls `close` when something else is pressed or gets the focus. */
function closeOutside(box: HTMLElement | null, close: () => void): () => void {
  const root = box?.getRootNode();
  const check = (event: Event): void => {
    if (!event.composedPath().includes(box as EventTarget)) close();
  };
  root?.addEventListener('pointerdown', check);
  root?.addEventListener('focusin', check);
  return () => {
    root?.removeEventListener('pointerdown', check);
    root?.removeEventListener('focusin', check);
  };
}
