import type { JSX } from 'preact';
import { textOf } from '@supportbase/handoff';
import type { TranscriptMessage } from '@supportbase/handoff';

import type { TextKey } from '../i18n/en.js';
import { linkify, safeUrl } from '../logic/text.js';
import { clockTime } from '../logic/time.js';
import { keyOf } from '../logic/transcript.js';
import type { Group } from '../logic/transcript.js';
import { Attachments } from './Attachments.js';
import { AgentAvatar, BotAvatar } from './Avatar.js';
import { usePanel } from './context.js';
import { AlertIcon } from './icons.js';

/** Messages of one sender in a row: one picture beside the last, one time below it. */
export function MessageGroup({ group, isLast }: { group: Group; isLast: boolean }): JSX.Element {
  const { say, options } = usePanel();
  const mine = group.sender === 'customer';
  const names = { customer: say('you'), ai: options.title || say('aiName'), agent: group.agent?.name ?? say('team') };
  const name = names[group.sender];
  return (
    <div class={`sb-group sb-from-${group.sender}`}>
      {group.sender === 'ai' && <BotAvatar />}
      {group.sender === 'agent' && <AgentAvatar agent={group.agent} />}
      <div class="sb-bubbles">
        {group.messages.map((message) => (
          <Bubble key={keyOf(message)} message={message} name={name} />
        ))}
        <Foot message={group.messages.at(-1)} name={mine ? null : name} told={mine && isLast} />
      </div>
    </div>
  );
}

function Bubble({ message, name }: { message: TranscriptMessage; name: string }): JSX.Element {
  const text = textOf(message);
  return (
    <div class="sb-message" data-delivery={message.delivery}>
      <Attachments message={message} />
      {text !== '' && (
        <div class="sb-bubble">
          <span class="sb-hidden">{name}: </span>
          <Words text={text} />
        </div>
      )}
      <Sources message={message} />
      {message.delivery === 'failed' && <Failed message={message} />}
    </div>
  );
}

const Words = ({ text }: { text: string }): JSX.Element => (
  <>
    {linkify(text).map((part, index) =>
      'href' in part ? (
        <a key={index} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
          {part.text}
        </a>
      ) : (
        part.text
      ),
    )}
  </>
);

/** What an AI backend wrote there is its own affair: anything but a list is none. */
function sourcesOf({ sender_type: sender, metadata }: TranscriptMessage): readonly { url?: string; title?: string }[] {
  const sources: unknown = metadata.sources;
  return sender === 'ai' && Array.isArray(sources) ? (sources as { url?: string; title?: string }[]) : [];
}

/** The pages an answer of the AI is from. */
function Sources({ message }: { message: TranscriptMessage }): JSX.Element | null {
  const { say } = usePanel();
  const sources = sourcesOf(message);
  if (sources.length === 0) return null;
  return (
    <ul class="sb-sources" aria-label={say('sources')}>
      {sources.map((source, index) => {
        const href = safeUrl(source.url);
        const title = source.title ?? href ?? '';
        return (
          <li key={index}>
            {href ? (
              <a href={href} target="_blank" rel="noopener noreferrer">
                {title}
              </a>
            ) : (
              title
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** What can be said of a refusal. */
const FAILED: Readonly<Record<string, TextKey>> = {
  rate_limited: 'failedSlow',
  file_too_large: 'fileTooLarge',
  file_type_refused: 'fileTypeRefused',
  file_refused: 'fileRefused',
  attachments_off: 'fileRefused',
};

function Failed({ message }: { message: TranscriptMessage }): JSX.Element {
  const { say, model } = usePanel();
  const id = message.client_message_id ?? '';
  const { code = '', retryAfter = 60 } = message.error ?? {};
  const text = FAILED[code] ?? 'failed';
  return (
    <p class="sb-failed" role="alert">
      <AlertIcon />
      <span>{say(text, { seconds: retryAfter })}</span>
      <button type="button" onClick={() => void model.retry(id)}>
        {say('retry')}
      </button>
      <button type="button" onClick={() => model.discard(id)}>
        {say('discard')}
      </button>
    </p>
  );
}

function Foot(props: {
  message: TranscriptMessage | undefined;
  name: string | null;
  told: boolean;
}): JSX.Element | null {
  const { say, locale } = usePanel();
  const { message, name, told } = props;
  if (!message || message.delivery === 'failed') return null;
  const words = [name, message.delivery === 'sending' ? say('sending') : clockTime(message.created_at, locale)];
  if (told && message.delivery === 'sent') words.push(say('sent'));
  return <p class="sb-foot">{words.filter(Boolean).join(' · ')}</p>;
}
