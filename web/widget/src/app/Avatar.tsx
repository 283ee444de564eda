import type { JSX } from 'preact';
import type { AgentProfile } from '@supportbase/handoff';

import { initials, safeUrl } from '../logic/text.js';
import { BotIcon } from './icons.js';

export function BotAvatar(): JSX.Element {
  return (
    <span class="sb-avatar sb-avatar-bot" aria-hidden="true">
      <BotIcon />
    </span>
  );
}

/** Somebody's picture, else their initials in a colour of their own. */
export function AgentAvatar({ agent }: { agent: AgentProfile | null }): JSX.Element {
  const picture = safeUrl(agent?.avatar_url ?? undefined);
  return (
    <span class="sb-avatar sb-avatar-agent" data-hue={hueOf(agent?.id ?? '')} aria-hidden="true">
      {picture ? <img src={picture} alt="" referrerpolicy="no-referrer" /> : initials(agent?.name ?? null) || '·'}
    </span>
  );
}

const HUES = 5;

/** The same for the same person. */
function hueOf(id: string): number {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  return sum % HUES;
}
