import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { QueuePlace } from '@supportbase/handoff';

import { queueProgress, waitText } from '../logic/wait.js';
import { useNow, usePanel } from './context.js';
import { EmailForm } from './EmailForm.js';
import { ChevronDownIcon } from './icons.js';
import type { ChatState } from './model.js';

/**
 * The place in the queue, live (F001 5.6.5). The visitor may go on with the AI, which makes it a line, or wait, which offers to
 * leave an address. Either way the place is kept.
 */
export function QueueCard({ state, onContinue }: { state: ChatState; onContinue: () => void }): JSX.Element {
  const { say } = usePanel();
  const [small, setSmall] = useState(false);
  const [staying, setStaying] = useState(false);
  const { queue } = state.visitor;
  const now = useNow(queue !== null);
  if (small) {
    return (
      <section class="sb-queue sb-queue-small" aria-label={say('queueTitle')}>
        <p class="sb-queue-place">{placeText(queue, say)}</p>
        <button type="button" class="sb-link" onClick={() => setSmall(false)}>
          {say('showQueue')}
          <ChevronDownIcon />
        </button>
      </section>
    );
  }
  return (
    <section class="sb-queue" aria-label={say('queueTitle')}>
      <p class="sb-queue-place">{placeText(queue, say)}</p>
      {queue && <Progress queue={queue} first={state.firstPosition} />}
      {queue && <p class="sb-queue-wait">{wait(queue, now, say)}</p>}
      {staying ? (
        <Staying state={state} />
      ) : (
        <>
          <p class="sb-queue-hint">{say('whileYouWait')}</p>
          <div class="sb-buttons">
            <button
              type="button"
              class="sb-button sb-primary"
              onClick={() => {
                setSmall(true);
                onContinue();
              }}
            >
              {say('continueWithAi')}
            </button>
            <button type="button" class="sb-button" onClick={() => setStaying(true)}>
              {say('stayInQueue')}
            </button>
          </div>
        </>
      )}
    </section>
  );
}

type Say = ReturnType<typeof usePanel>['say'];

function placeText(queue: QueuePlace | null, say: Say): string {
  if (!queue) return say('queueWaiting');
  return queue.position === 1 ? say('queueNext') : say('queuePosition', { position: queue.position });
}

const wait = (queue: QueuePlace, now: number, say: Say): string =>
  queue.estimatedWaitMinutes < 0 ? say('waitUnknown') : say('waitLabel', { wait: waitText(queue, now, say) });

function Progress({ queue, first }: { queue: QueuePlace; first: number }): JSX.Element {
  const { say } = usePanel();
  const part = queueProgress(queue.position, first);
  return (
    <div
      class="sb-progress"
      role="progressbar"
      aria-label={say('queueProgress')}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(part * 100)}
    >
      <span style={{ width: `${Math.max(part * 100, 6)}%` }} />
    </div>
  );
}

function Staying({ state }: { state: ChatState }): JSX.Element {
  const { say } = usePanel();
  return (
    <>
      <p class="sb-queue-hint">{say('queueKept')}</p>
      <EmailForm state={state} label={say('emailOffer')} />
    </>
  );
}
