import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';

import { linesOf } from '../logic/transcript.js';
import type { Line } from '../logic/transcript.js';
import { dayText } from '../logic/time.js';
import { AgentAvatar, BotAvatar } from './Avatar.js';
import { usePanel } from './context.js';
import { MessageGroup } from './MessageGroup.js';
import type { ChatState } from './model.js';
import { Typing } from './Typing.js';
import { useStickToEnd } from './scroll.js';

/** Everything that was said. New lines are read out; the view follows them unless the visitor reads further up. */
export function Transcript({ state }: { state: ChatState }): JSX.Element {
  const { say, model } = usePanel();
  const { messages, agent, phase, hasOlder, loadingOlder, agentTyping } = state.visitor;
  const withAgent = phase === 'agent_chat';
  const lines = useMemo(
    () => linesOf({ messages, agent, withAgent, joinedAfter: state.joinedAfter, known: state.known }),
    [messages, agent, withAgent, state.joinedAfter, state.known],
  );
  const { box, away, toEnd } = useStickToEnd(messages.at(-1)?.id, [lines, agentTyping, state.thinking, phase]);
  return (
    <div class="sb-transcript-frame">
      <div class="sb-transcript" ref={box} role="log" aria-label={say('transcriptLabel')} tabIndex={0}>
        {hasOlder && (
          <button type="button" class="sb-older" disabled={loadingOlder} onClick={() => void model.loadOlder()}>
            {loadingOlder ? say('loading') : say('loadOlder')}
          </button>
        )}
        {!hasOlder && <Greeting fresh={lines.length === 0} />}
        {lines.map((line, index) => (
          <TranscriptLine key={line.key} line={line} isLast={index === lines.length - 1} />
        ))}
        {agentTyping && withAgent && <Typing agent={agent} />}
        {state.thinking && <Typing agent={null} />}
      </div>
      {away && (
        <button type="button" class="sb-to-end" onClick={toEnd}>
          {say('newMessages')}
        </button>
      )}
    </div>
  );
}

/** What the assistant says before anything was said. It is no message: nobody stores it. */
function Greeting({ fresh }: { fresh: boolean }): JSX.Element {
  const { say, options } = usePanel();
  return (
    <div class={fresh ? 'sb-greeting sb-greeting-fresh' : 'sb-greeting'}>
      {fresh && <BotAvatar />}
      <p class="sb-greeting-head">{options.greeting || say('greeting')}</p>
      {fresh && <p class="sb-greeting-detail">{say('greetingDetail')}</p>}
    </div>
  );
}

function TranscriptLine({ line, isLast }: { line: Line; isLast: boolean }): JSX.Element {
  const { say, locale } = usePanel();
  switch (line.kind) {
    case 'group':
      return <MessageGroup group={line} isLast={isLast} />;
    case 'day':
      return (
        <Divider text={dayText(line.at, Date.now(), locale, { today: say('today'), yesterday: say('yesterday') })} />
      );
    case 'ai_history':
      return <Divider text={say('previousWithAi')} />;
    case 'joined':
      return (
        <div class="sb-joined">
          <AgentAvatar agent={line.agent} />
          <span>{say('agentJoined', { name: line.agent?.name ?? say('someone') })}</span>
        </div>
      );
    case 'system':
      return <p class="sb-system">{line.message.content}</p>;
  }
}

const Divider = ({ text }: { text: string }): JSX.Element => (
  <div class="sb-divider">
    <span>{text}</span>
  </div>
);
