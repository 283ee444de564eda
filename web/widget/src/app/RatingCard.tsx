import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { usePanel } from './context.js';
import { CheckIcon, StarIcon } from './icons.js';
import type { ChatState } from './model.js';

const STARS = [1, 2, 3, 4, 5] as const;

/** Asks how it was, once the agent is done (F001 5.6.2): real radio buttons, so that every keyboard and reader knows them. */
export function RatingCard({ state }: { state: ChatState }): JSX.Element {
  const { say, model } = usePanel();
  const [stars, setStars] = useState(0);
  const [feedback, setFeedback] = useState('');
  const [busy, setBusy] = useState(false);
  if (state.rated !== null) {
    return (
      <p class="sb-card sb-done" role="status">
        <CheckIcon /> {say('rateThanks')}
      </p>
    );
  }
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (stars === 0) return;
    setBusy(true);
    await model.rate(stars, feedback.trim() || undefined);
    setBusy(false);
  };
  const name = state.visitor.agent?.name ?? say('someone');
  return (
    <form class="sb-card sb-rating" onSubmit={(event) => void submit(event)}>
      <fieldset>
        <legend>{say('rateTitle')}</legend>
        <p>{say('rateDetail', { name })}</p>
        <div class="sb-stars">
          {STARS.map((count) => (
            <label key={count} class={count <= stars ? 'sb-lit' : ''}>
              <input
                type="radio"
                name="sb-stars"
                value={count}
                checked={stars === count}
                onChange={() => setStars(count)}
              />
              <span class="sb-hidden">{count === 1 ? say('rateOneStar') : say('rateStars', { count })}</span>
              <StarIcon />
            </label>
          ))}
        </div>
      </fieldset>
      {stars > 0 && (
        <>
          <textarea
            rows={2}
            maxLength={2000}
            aria-label={say('rateFeedback')}
            placeholder={say('rateFeedback')}
            value={feedback}
            onInput={(event) => setFeedback(event.currentTarget.value)}
          />
          <button type="submit" class="sb-button sb-primary sb-wide" disabled={busy}>
            {say('rateSubmit')}
          </button>
        </>
      )}
    </form>
  );
}
